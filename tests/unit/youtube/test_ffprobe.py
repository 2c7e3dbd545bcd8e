"""ffprobe: where it is looked for, and what its report means."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tubewarren.youtube import ffprobe
from tubewarren.youtube.ffprobe import Found, find_ffprobe, found_in


def test_the_last_piece_of_picture_or_sound_says_how_long_a_file_is() -> None:
    report = {
        "format": {"start_time": "1.5", "duration": "3600"},
        "streams": [{"codec_type": "video"}, {"codec_type": "audio"}, {"codec_type": "subtitle"}],
        "packets": [
            {"codec_type": "video", "pts_time": "9.0", "duration_time": "0.5"},
            {"codec_type": "audio", "pts_time": "9.2", "duration_time": "0.5"},
            {"codec_type": "video", "pts_time": "8.0"},
            {"codec_type": "audio", "duration_time": "0.5"},
            {"codec_type": "subtitle", "pts_time": "99.0", "duration_time": "0.5"},
        ],
    }

    found = found_in(report)

    assert (found.has_video, found.has_sound) == (True, True)
    assert found.end is not None
    assert found.end.total_seconds() == pytest.approx(8.2)


def test_a_cover_is_no_film_and_a_header_is_no_proof() -> None:
    cover = {"codec_type": "video", "disposition": {"attached_pic": 1}}

    found = found_in({"format": {"duration": "3600"}, "streams": [cover, {"codec_type": "audio"}]})

    assert found == Found(has_video=False, has_sound=True, end=None, promised=timedelta(hours=1))


def test_ffprobe_is_looked_for_where_yt_dlp_is_told_to_look(tmp_path: Path) -> None:
    program = tmp_path / "ffprobe"
    program.touch(mode=0o755)

    assert find_ffprobe(str(tmp_path)) == program
    assert find_ffprobe(str(tmp_path / "ffmpeg")) == program


def test_that_ffprobe_is_missing_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ffprobe._say_once_that_it_is_missing.cache_clear()

    with caplog.at_level(logging.WARNING):
        assert [find_ffprobe(str(tmp_path)) for _ in range(3)] == [None, None, None]

    assert [record.message.partition(",")[0] for record in caplog.records] == ["ffprobe is missing"]

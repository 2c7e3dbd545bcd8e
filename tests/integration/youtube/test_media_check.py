"""The media check on a real film, with the real ffprobe."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.ffprobe import find_ffprobe
from tubewarren.youtube.media_check import Announced, check


@pytest.fixture
def ffprobe() -> Path:
    found = find_ffprobe()
    if found is None:
        pytest.skip("ffmpeg is not installed")
    return found


@pytest.fixture
def half_a_minute(tmp_path: Path, ffprobe: Path) -> Path:
    """A film without a place to begin reading but its beginning."""
    file = tmp_path / "-a film.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=64x36:rate=2:duration=30", "-c:v", "libx264", "-g", "999"]
    command = [str(ffprobe.with_name("ffmpeg")), "-v", "error", *source, "-preset", "ultrafast", f"file:{file}"]
    subprocess.run(command, check=True)
    return file


def test_a_film_is_read_to_its_end_wherever_its_key_frames_are(half_a_minute: Path, ffprobe: Path) -> None:
    check(half_a_minute, Announced(has_video=True, has_sound=False, duration=timedelta(seconds=30)), ffprobe)


@pytest.mark.parametrize(("seconds", "rule"), [(33, "media-shorter"), (40, "media-shorter"), (15, "media-longer")])
def test_a_film_of_another_length_is_refused(half_a_minute: Path, ffprobe: Path, seconds: int, rule: str) -> None:
    wanted = Announced(has_video=True, has_sound=False, duration=timedelta(seconds=seconds))

    with pytest.raises(ProcessingFailedError, match=r"lasts 30\.0 seconds where") as raised:
        check(half_a_minute, wanted, ffprobe)

    assert raised.value.failure.rule == rule


def test_a_film_of_unknown_length_needs_only_be_one(half_a_minute: Path, ffprobe: Path) -> None:
    check(half_a_minute, Announced(has_video=True, has_sound=False), ffprobe)

    with pytest.raises(ProcessingFailedError, match="holds no sound"):
        check(half_a_minute, Announced(has_video=True, has_sound=True), ffprobe)

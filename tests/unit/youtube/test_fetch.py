"""Fetching: what is refused, and what a file must be to count as finished."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.fetch import _Meter, _write_info, refuse_what_is_no_finished_video
from tubewarren.youtube.job import LiveStreams, Progress, unheard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "live", "expected"),
    [
        ("is_live", "wait", (FailureKind.NOT_YET, "live-running", None)),
        ("is_live", "skip", (FailureKind.GATED, "live-skipped", None)),
        ("is_live", "capture", None),
        *(("is_upcoming", live, (FailureKind.NOT_YET, "live-upcoming", NOON)) for live in ("wait", "skip", "capture")),
        *(("post_live", live, (FailureKind.NOT_YET, "live-processing", NOON)) for live in ("wait", "skip", "capture")),
        *(("was_live", live, None) for live in ("wait", "skip", "capture")),
        *((None, live, None) for live in ("wait", "skip", "capture")),
    ],
)
def test_what_becomes_of_a_stream(
    status: str, live: LiveStreams, expected: tuple[FailureKind, str, datetime | None] | None
) -> None:
    assert refusal({"live_status": status, "release_timestamp": NOON.timestamp()}, live) == expected


def refusal(info: dict[str, Any], live: LiveStreams) -> tuple[FailureKind, str, datetime | None] | None:
    try:
        refuse_what_is_no_finished_video(info, incomplete=False, live=live)
    except ProcessingFailedError as error:
        return error.failure.kind, error.failure.rule, error.failure.release_at
    return None


def test_one_of_many_is_a_list_and_one_of_one_is_a_video() -> None:
    with pytest.raises(ProcessingFailedError, match="a list, not a video"):
        refuse_what_is_no_finished_video({"n_entries": 2}, incomplete=False, live="wait")

    assert refusal({"n_entries": 1}, "wait") is None


@pytest.mark.parametrize(
    ("announced", "info", "fine"),
    [
        (10, {}, True),
        (11, {}, False),
        (None, {}, True),
        (None, {"protocol": "https", "extractor": "youtube", "filesize": 10}, True),
        (None, {"protocol": "https", "extractor": "youtube", "filesize": 11}, False),
        (None, {"protocol": "https", "extractor": "elsewhere", "filesize": 11}, True),
        (None, {"protocol": "m3u8_native", "extractor": "youtube", "filesize": 11}, True),
    ],
)
def test_a_file_counts_only_with_as_many_bytes_as_were_announced(
    tmp_path: Path, announced: int | None, info: dict[str, Any], *, fine: bool
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 10)
    meter = _Meter(unheard)
    meter.on_download({"status": "downloading", "filename": str(path), "downloaded_bytes": 5, "total_bytes": announced})
    finished = {"status": "finished", "filename": str(path), "total_bytes": 10, "info_dict": info}

    if fine:
        meter.on_download(finished)
    else:
        with pytest.raises(ProcessingFailedError, match="10 bytes where 11 were announced"):
            meter.on_download(finished)

    assert path.exists() is fine


def test_progress_counts_all_parts_of_a_video_together_and_is_not_told_too_often(tmp_path: Path) -> None:
    heard: list[Progress] = []
    meter = _Meter(heard.append)

    for part in ("a", "b"):
        status = {"filename": str(tmp_path / part), "total_bytes": 100}
        for done in range(0, 100, 10):
            meter.on_download({**status, "status": "downloading", "downloaded_bytes": done})
        meter.on_download({**status, "status": "finished", "downloaded_bytes": 100})

    assert [progress.done_bytes for progress in heard] == [0, 100, 200]
    assert heard[-1].total_bytes == 200


def test_info_gives_no_session_away(tmp_path: Path) -> None:
    secret = {"cookies": "session=1", "http_headers": {"Cookie": "session=1"}}

    _write_info({"title": "t", **secret, "formats": [{"format_id": "1", **secret}]}, tmp_path)

    assert json.loads((tmp_path / "info.json").read_text()) == {"title": "t", "formats": [{"format_id": "1"}]}

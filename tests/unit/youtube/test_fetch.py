"""Fetching: what is refused, and what is written down."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.fetch import _write_info, refuse_what_is_no_finished_video
from tubewarren.youtube.job import LiveStreams

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


def test_info_gives_no_session_away(tmp_path: Path) -> None:
    secret = {"cookies": "session=1", "http_headers": {"Cookie": "session=1"}}

    _write_info({"title": "t", **secret, "formats": [{"format_id": "1", **secret}]}, tmp_path)

    assert json.loads((tmp_path / "info.json").read_text()) == {"title": "t", "formats": [{"format_id": "1"}]}

"""The live view on terminals of several sizes."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.messages.events import SourceState, Verdict
from tubewarren_services.cli.view import LiveState, Running, Setback, SourceCounts, WorkerLine
from tubewarren_services.cli.view_rendering import render
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUSY = LiveState(
    running={
        ("7", "vvvvvvvvvvv"): Running(
            "vvvvvvvvvvv", "7", "box/downloader", "downloading", 25_000_000, 100_000_000, 2_500_000, 30
        ),
        ("7", "unknownsize"): Running("unknownsize", "7", "box/downloader", "downloading", 3_000_000),
    },
    titles={"vvvvvvvvvvv": "A title that is a good deal longer than any narrow terminal has room for, really"},
    sources={"7": SourceCounts(SourceState.IN_PROGRESS, 12, 4, 1, 2), "8": SourceCounts(SourceState.ERROR)},
    workers={
        "box/downloader": WorkerLine("downloader", "active"),
        "box/downloader.2": WorkerLine("downloader", "unfit", "The disk is full."),
        "box/source-expander": WorkerLine("source-expander", "stopped"),
    },
    setbacks=(
        Setback("some video", Verdict.BURY, "It is private."),
        Setback("another", Verdict.RETRY, "The line was cut.", NOW + timedelta(minutes=5)),
    ),
    finished_at=(NOW - timedelta(seconds=5), NOW - timedelta(minutes=3)),
    retried=2,
)


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, colour: bool) -> None:  # noqa: FBT001 - a case
    plain = drawn(render(BUSY, width, NOW), width)
    coloured = drawn(render(BUSY, width, NOW), width, colour=colour)

    assert max(len(line) for line in plain.splitlines()) <= width
    assert ("\x1b[" in coloured) is colour


@pytest.mark.parametrize("width", [80, 200])
def test_everything_that_matters_is_there_at_any_width(width: int) -> None:
    text = drawn(render(BUSY, width, NOW), width)

    for words in (
        *("2 sources (1 ended)", "12 videos", "4 done", "1 failed", "2 running", "3 waiting", "2 retried", "1/min"),
        *("A title", "25%", "2.5 MB/s", "0:30", "unknownsize", "3.0 MB"),
        *("dead", "some video: It is private.", "another: The line was cut. (again in 5 min)"),
        *("1 downloader active", "1 downloader unfit", "box/downloader.2 The disk is full."),
    ):
        assert words in text
    assert "stopped" not in text


def test_a_wide_terminal_has_room_for_source_worker_and_size() -> None:
    wide, narrow = drawn(render(BUSY, 200, NOW), 200), drawn(render(BUSY, 80, NOW), 80)

    for words in ("Source", "Worker", "25 MB of 100 MB"):
        assert words in wide
        assert words not in narrow


def test_a_low_terminal_shows_fewer_videos_and_says_how_many_more_there_are() -> None:
    crowd = LiveState(running={("7", str(n)): Running(f"video-{n}", "7", "w") for n in range(30)})

    text = drawn(render(crowd, 80, NOW, height=24), 80)

    assert len(text.splitlines()) <= 24
    assert "video-0" in text
    assert "… and 18 more" in text


def test_an_idle_fleet_says_so() -> None:
    text = drawn(render(LiveState(), 80, NOW), 80)

    assert "Nothing is running." in text
    assert "No worker has been heard yet." in text

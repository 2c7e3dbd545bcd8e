"""Rows as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren_services.cli.tables import RESULTS, SOURCES, TASKS, WORKERS, Row, rows_table
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EARLIER = (NOW - timedelta(minutes=5)).isoformat()
TASK: Row = {
    "video_id": "vvvvvvvvvvv",
    "source_id": "7",
    "state": "waiting",
    "attempts": 2,
    "title": "A title",
    "worker": "box/downloader",
    "state_at": EARLIER,
    "next_at": (NOW + timedelta(minutes=30)).isoformat(),
    "failure_reason": "The connection was cut again and again, and then it was cut once more for good measure.",
}


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_tasks_fit_the_terminal_and_no_reason_is_cut(width: int, colour: bool) -> None:  # noqa: FBT001 - a case
    table = rows_table([TASK], TASKS, width, NOW)
    text = drawn(table, width)

    assert max(len(line) for line in text.splitlines()) <= width
    for words in ("vvvvvvvvvvv", "waiting", "5 min ago", "in 30 min", "measure."):
        assert words in text
    assert ("A title" in text) is (width == 200)
    assert ("\x1b[" in drawn(table, width, colour=colour)) is colour


def test_a_column_in_which_nobody_has_anything_is_left_out() -> None:
    text = drawn(rows_table([{"source_id": "7", "state": "done", "url": "https://y.test/"}], SOURCES, 80, NOW), 80)

    assert "URL" in text
    assert "Problem" not in text


def test_zero_is_something() -> None:
    text = drawn(rows_table([{"source_id": "7", "failed": 0}], SOURCES, 80, NOW), 80)

    assert "Failed" in text


def test_fields_that_are_missing_unknown_or_odd_break_nothing() -> None:
    odd: Row = {"video_id": "v", "size_bytes": None, "finished_at": "yesterday", "selected": True, "news": 1}

    text = drawn(rows_table([odd, {}], RESULTS, 200, NOW), 200)

    assert "yes" in text


def test_a_word_in_brackets_is_no_markup() -> None:
    text = drawn(rows_table([{"worker": "w", "doing": "[red]x[/red]"}], WORKERS, 80, NOW), 80)

    assert "[red]x[/red]" in text


def test_no_rows_are_told_in_a_word() -> None:
    assert drawn(rows_table([], TASKS, 80, NOW), 80) == "Nothing.\n"

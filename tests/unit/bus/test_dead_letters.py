"""What the ledger tells of burials."""

from datetime import UTC, datetime

from tubewarren.bus.dead_letters import burial_times


def test_burials_are_told_by_queue_and_id_and_what_has_no_time_is_left_out() -> None:
    rows: list[dict[str, object]] = [
        {"queue": "downloader", "buried_id": "a", "buried_at": "2026-11-22T09:00:00+00:00", "kind": "gone"},
        {"queue": "source-expander", "buried_id": "a", "buried_at": None},
    ]

    assert burial_times(rows) == {("downloader", "a"): datetime(2026, 11, 22, 9, tzinfo=UTC)}

"""`svc status`, drawn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import Gate, ListedVideo, VideosQueued
from tubewarren.topology import DOWNLOADER, topology
from tubewarren_services.cli.overview import Overview, QueueLine, gate_lines, overview_table, queue_lines, summary_lines
from tubewarren_services.cli.tables import Row
from tubewarren_services.cli.view import LiveState, Look, looked
from tubewarren_services.results_manager.ledger import Ledger
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SYSTEM = topology()
GATES = (
    Gate(
        kind="egress",
        name="home",
        reason="YouTube limits the rate of this address.",
        advice="Slow down.",
        since=NOW - timedelta(minutes=5),
        until=NOW + timedelta(minutes=55),
    ),
    Gate(kind="pause", name="12", reason="It is being moved.", since=NOW - timedelta(hours=2)),
)
EMPTY = {queue.name: (0, 0) for queue in SYSTEM.queues}
SUMMARY: Row = {
    "sources_done": 1,
    "sources_error": 0,
    "sources_in_progress": 2,
    "tasks": 1200,
    "tasks_done": 800,
    "tasks_dead": 0,
    "oldest_waiting_seconds": 200.0,
    "finished_last_minute": 12,
    "finished_last_10_minutes": 95,
    "bytes": 12_000_000_000,
}


def worker(name: str, status: str, **more: str | int) -> Row:
    return {"worker": name, "service": "downloader", "status": status, "last_seen": NOW.isoformat(), **more}


def test_a_queue_is_told_with_all_that_waits_in_its_lanes_and_on_its_rungs_and_all_that_died() -> None:
    depths = EMPTY | {
        DOWNLOADER: (1, 3),
        f"{DOWNLOADER}.p5": (4, 0),
        f"{DOWNLOADER}.p10": (2, 1),
        f"{DOWNLOADER}.retry.30s": (1, 0),
        f"{DOWNLOADER}.retry.2h": (2, 0),
        f"{DOWNLOADER}.held": (5, 0),
        f"{DOWNLOADER}.dead": (4, 0),
    }

    lines = {line.name: line for line in queue_lines(SYSTEM, depths)}

    assert lines[DOWNLOADER] == QueueLine(DOWNLOADER, "work", ready=7, retrying=3, held=5, dead=4, consumers=3)
    assert lines["status-writer.events"].retrying is None


def test_a_queue_that_the_broker_lacks_is_called_missing() -> None:
    lines = queue_lines(SYSTEM, dict.fromkeys(EMPTY))

    text = drawn(overview_table(Overview(lines, None, None, ()), 80, NOW), 80)

    assert {line.ready for line in lines} == {None}
    assert text.count("missing") == len(lines)


def test_the_counts_are_sentences_without_what_is_zero() -> None:
    assert summary_lines(SUMMARY) == (
        "3 sources: 2 in progress, 1 done",
        "1,200 videos: 800 done",
        "Finished: 12 in the last minute, 9.5 a minute over the last ten",
        "Oldest waiting: 3 min",
        "Stored: 12 GB",
    )


def test_a_summary_that_tells_nothing_is_told_as_nothing() -> None:
    assert summary_lines({}) == ()


@pytest.mark.parametrize("width", [80, 200])
def test_the_overview_fits(width: int) -> None:
    workers = (worker("box/downloader", "active", in_hand=2, doing="2 videos"),)

    text = drawn(overview_table(Overview(queue_lines(SYSTEM, EMPTY), SUMMARY, workers, GATES), width, NOW), width)

    assert max(len(line) for line in text.splitlines()) <= width
    for words in ("downloader", "1,200 videos", "box/downloader", "2 videos"):
        assert words in text


@pytest.mark.parametrize("width", [80, 200])
def test_of_many_workers_those_in_trouble_are_named_and_the_rest_is_counted(width: int) -> None:
    well = tuple(worker(f"box-{n:03}", "active") for n in range(180))
    lost = tuple(worker(f"gone-{n:03}", "lost") for n in range(20))
    stopped = tuple(worker(f"old-{n:03}", "stopped") for n in range(500))
    overview = Overview(queue_lines(SYSTEM, EMPTY), SUMMARY, (*stopped, *well, *lost), ())

    text = drawn(overview_table(overview, width, NOW), width)

    assert "180 downloader active  20 downloader lost\n" in text
    assert "lost   gone-000 (heard 0 s ago)" in text
    assert "… and 15 more" in text
    assert len(text.splitlines()) <= 24


def test_the_counts_are_those_that_the_ledger_tells(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3")
    queued = VideosQueued(at=NOW, source_id="s", videos=(ListedVideo(video_id="v", url="u"),))
    ledger.apply([queued])

    (summary,) = ledger.answer(QueryLedger(topic="summary")).rows
    ledger.close()

    assert "1 video: 1 pending" in summary_lines(summary)
    assert looked(LiveState(), Look(summary), NOW).books.left == 1


def test_without_a_results_manager_the_depths_are_shown_and_the_gap_is_named() -> None:
    text = drawn(overview_table(Overview(queue_lines(SYSTEM, EMPTY), None, None, None), 80, NOW), 80)

    assert "downloader" in text
    assert "No results-manager answers" in text


def test_what_holds_work_back_is_told_with_what_to_do_and_when_it_moves() -> None:
    assert gate_lines(GATES, NOW) == (
        "Egress home, for 5 min: YouTube limits the rate of this address. Next look in 55 min.",
        "  Slow down.",
        "Pause 12, for 2 h: It is being moved.",
        "",
    )
    assert gate_lines((), NOW) == ()
    assert "No heartbeat-monitor answers" in gate_lines(None, NOW)[0]

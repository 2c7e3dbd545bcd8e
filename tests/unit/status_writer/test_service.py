"""The status-writer over a real folder; the person is played by writing files."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tubewarren.delivery import Delivery
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    SourceProgress,
    SourceState,
    WorkerChanged,
    WorkerHealth,
)
from tubewarren.sheets.tabs import DEAD_LETTER_TASKS, SOURCES, SUMMARY, VIDEO_TASKS, WORKERS
from tubewarren.workers import Worker
from tubewarren_services.status_writer.service import Writer


async def test_events_become_rows(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"), story.claimed("a"), story.buried("b"))

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "in-progress", "b": "error"}
    assert desk.column(VIDEO_TASKS, "URL") == {"a": "https://x/a", "b": "https://x/b"}
    assert desk.column(DEAD_LETTER_TASKS, "LastError") == {"b": "It is gone."}


async def test_a_batch_that_comes_twice_writes_nothing_the_second_time(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"), story.claimed("a"))
    edits = desk.book.edits

    await desk.tell(story.queued("a", "b"), story.claimed("a"))

    assert desk.book.edits == edits


async def test_news_that_no_row_shows_write_nothing(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), story.downloaded("a"))
    edits = desk.book.edits

    await desk.tell(story.buried("a", at=50), story.queued("a", at=60))

    assert desk.book.edits == edits


async def test_the_dead_leave_their_tab_when_they_are_claimed_again_and_may_die_again(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), story.buried("a"))

    await desk.tell(story.claimed("a", at=40))
    assert desk.column(DEAD_LETTER_TASKS, "Status") == {}
    await desk.tell(story.buried("a", at=50))

    assert desk.column(DEAD_LETTER_TASKS, "Status") == {"a": "error"}


async def test_a_person_sorts_inserts_and_adds_a_column_between_two_flushes(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"))
    header, a, b = desk.grid(VIDEO_TASKS)
    edited = [["Mine", *header], ["note b", *b], [""] * (len(header) + 1), ["note a", *a]]
    desk.put(VIDEO_TASKS, edited)

    await desk.tell(story.claimed("a"), story.downloaded("b"), story.queued("c", at=1))

    assert desk.column(VIDEO_TASKS, "Status") == {"b": "done", "": "", "a": "in-progress", "c": "pending"}
    assert desk.column(VIDEO_TASKS, "Mine") == {"b": "note b", "": "", "a": "note a", "c": ""}


async def test_of_what_runs_only_the_newest_progress_is_shown(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"), story.claimed("a"), story.claimed("b"))
    desk.seconds += 10

    await desk.overhear(story.progress("a", 10), story.progress("b", 20, at=16), story.progress("a", 30, at=17))
    assert desk.writer.progress.is_set()
    edits = desk.book.edits
    shown = await desk.writer.show_progress(timedelta(seconds=5))

    assert (shown, desk.book.edits) == (2, edits + 1)
    assert not desk.writer.progress.is_set()
    assert desk.column(VIDEO_TASKS, "Progress") == {"a": "30%", "b": "20%"}


async def test_progress_goes_with_what_is_written_anyway(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), story.claimed("a"))
    desk.seconds += 3
    await desk.overhear(story.progress("a", 10))
    edits = desk.book.edits

    await desk.writer.show_progress(timedelta(seconds=5))
    assert desk.book.edits == edits, "it was written three seconds ago"
    await desk.tell(story.queued("b"))

    assert desk.column(VIDEO_TASKS, "Progress") == {"a": "10%", "b": ""}


async def test_progress_is_not_waited_for_while_the_workbook_is_away(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), story.claimed("a"))
    desk.seconds += 10
    await desk.overhear(story.progress("a", 10))
    desk.book.failures = 1

    await desk.writer.show_progress(timedelta(seconds=5))
    await desk.writer.heal()

    assert desk.pauses == []
    assert desk.column(VIDEO_TASKS, "Progress") == {"a": "10%"}


async def test_what_a_person_deleted_stays_deleted(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"))
    header, _, b = desk.grid(VIDEO_TASKS)
    desk.put(VIDEO_TASKS, [header, b])

    await desk.tell(story.claimed("a"))
    await desk.writer.heal()
    desk.restart()
    await desk.writer.heal()
    await desk.tell(story.downloaded("a"))

    assert desk.column(VIDEO_TASKS, "Status") == {"b": "pending"}


async def test_a_stale_save_is_healed_and_the_persons_cells_stay(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"))
    stale = desk.grid(VIDEO_TASKS)
    url = stale[0].index("URL")
    await desk.tell(story.downloaded("a"), story.claimed("b"))
    await desk.writer.heal()
    stale[1][url] = "mine"
    desk.put(VIDEO_TASKS, stale)

    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "in-progress"}
    assert desk.column(VIDEO_TASKS, "URL") == {"a": "mine", "b": "https://x/b"}


async def test_a_stale_save_just_before_a_flush_is_healed_too(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"))
    stale = desk.grid(VIDEO_TASKS)
    await desk.tell(story.downloaded("a"))
    await desk.writer.heal()
    desk.put(VIDEO_TASKS, stale)
    await desk.tell(story.claimed("b"))

    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "in-progress"}


async def test_a_stale_save_does_not_bring_back_the_redriven(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), story.buried("a"))
    stale = desk.grid(DEAD_LETTER_TASKS)
    await desk.tell(story.claimed("a", at=40))
    desk.put(DEAD_LETTER_TASKS, stale)

    await desk.writer.heal()

    assert desk.column(DEAD_LETTER_TASKS, "Status") == {}


async def test_healing_an_untouched_workbook_writes_nothing(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"))
    await desk.writer.heal()
    edits = desk.book.edits

    await desk.writer.heal()
    await desk.tell(story.claimed("a"))
    await desk.writer.heal()

    assert desk.book.edits == edits + 1


async def test_a_save_during_a_restart_is_healed_from_the_mirror(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"))
    stale = desk.grid(VIDEO_TASKS)
    await desk.tell(story.downloaded("a"))
    desk.scribe.close()
    desk.put(VIDEO_TASKS, stale)

    desk.restart()
    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done"}


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_a_tab_that_was_removed_is_made_anew_with_all_its_rows(
    desk: Any, story: Any, *, is_restarted: bool
) -> None:
    await desk.tell(story.queued("a", "b"))
    await desk.writer.heal()
    (desk.folder / "Video Tasks.csv").unlink()

    if is_restarted:
        desk.restart()
    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending", "b": "pending"}


async def test_a_source_that_the_person_removed_is_not_added(desk: Any) -> None:
    desk.folder.mkdir()
    desk.put(SOURCES, [["ID", "URL", "Status"], ["1", "u", ""]])
    events = [
        SourceProgress(
            at="2026-01-01T12:00:00Z", source_id=source_id, state=SourceState.DONE, videos=2, done=2, failed=0
        )
        for source_id in ("1", "2")
    ]

    await desk.tell(*events)

    assert desk.grid(SOURCES) == [
        ["ID", "URL", "Status", "Videos", "Done", "Failed", "Progress", "ETA"],
        ["1", "u", "done", "2", "2", "0", "2/2", ""],
    ]


async def test_what_a_person_sets_back_is_left_to_the_ingestor_until_it_is_taken(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b", "c"), story.claimed("a"), story.downloaded("a"), story.claimed("b"))
    await desk.tell(story.claimed("c"), story.left_out("c"))
    grid = desk.grid(VIDEO_TASKS)
    status = grid[0].index("Status")
    for row in grid[1:]:
        row[status] = "Pending "
    desk.put(VIDEO_TASKS, grid)

    await desk.writer.heal()
    left = desk.column(VIDEO_TASKS, "Status")
    grid = desk.grid(VIDEO_TASKS)
    grid[1][status] = "in-progress"
    desk.put(VIDEO_TASKS, grid)
    await desk.writer.heal()

    assert left == {"a": "Pending ", "b": "in-progress", "c": "Pending "}, "only what has ended can be set back"
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "in-progress", "c": "Pending "}


async def test_what_a_person_sets_back_while_it_still_shows_its_end_stays_so_whatever_is_told_meanwhile(
    desk: Any, story: Any
) -> None:
    await desk.tell(story.queued("a"), story.claimed("a"), story.buried("a"))
    grid = desk.grid(VIDEO_TASKS)
    grid[1][grid[0].index("Status")] = "pending"
    desk.put(VIDEO_TASKS, grid)

    await desk.tell(story.claimed("a", at=40))
    await desk.tell(story.queued("b", at=50))
    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending", "b": "pending"}


async def test_a_full_tab_loses_its_oldest_finished_rows_then_those_that_wait_and_never_the_running_ones(
    desk: Any, story: Any
) -> None:
    desk.most_videos = 3
    desk.restart()
    await desk.tell(story.queued("a", "b", "c"), story.claimed("a"), story.claimed("b"))
    await desk.tell(story.downloaded("b"))
    await desk.tell(story.downloaded("a"))

    await desk.tell(story.queued("d", at=40))
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "c": "pending", "d": "pending"}
    await desk.tell(story.queued("e", "f", at=50))
    assert desk.column(VIDEO_TASKS, "Status") == {"c": "pending", "d": "pending", "e": "pending"}
    await desk.tell(story.claimed("f", at=60), story.claimed("b", at=60), story.buried("c", at=60))

    assert desk.column(VIDEO_TASKS, "Status") == {"c": "error", "d": "pending", "f": "in-progress"}
    assert desk.column(SUMMARY, "Value")["Videos done"] == "2", "the summary counts those that are left out, too"


async def test_a_tab_that_has_room_again_shows_what_was_left_out(desk: Any, story: Any) -> None:
    desk.most_videos = 1
    desk.restart()
    await desk.tell(story.queued("a", "b"))
    desk.most_videos = 2
    desk.restart()

    await desk.tell(story.claimed("a"))

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "in-progress", "b": "pending"}


async def test_an_unavailable_workbook_holds_the_batch_until_it_is_back(desk: Any, story: Any) -> None:
    desk.book.failures = 7

    await desk.tell(story.queued("a"))

    assert desk.pauses == [2, 4, 8, 16, 32, 64, 64]
    assert set(desk.unfit_while_waiting) == {"The folder is read-only: make it writable."}
    assert desk.writer.activity().unfit == ""
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending"}


async def test_a_folder_that_cannot_be_made_is_told(desk: Any, story: Any) -> None:
    desk.folder.write_text("a file in the way")

    await desk.writer.heal()
    assert "choose a folder" in desk.writer.activity().unfit
    assert desk.writer.news.is_set()
    desk.writer.news.clear()
    desk.folder.unlink()
    await desk.tell(story.queued("a"))

    assert desk.writer.activity().unfit == ""
    assert desk.writer.news.is_set()
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending"}


async def test_a_tab_to_be_mended_is_named_and_the_others_go_on(desk: Any, story: Any) -> None:
    desk.look_every = timedelta(seconds=3)
    desk.restart()
    await desk.tell(story.queued("a"))
    mended = desk.grid(VIDEO_TASKS)
    desk.put(VIDEO_TASKS, [["Ident", *mended[0][1:]], *mended[1:]])

    await desk.tell(story.buried("a"))
    edits = desk.book.edits
    await desk.tell(story.queued("b"), story.buried("b"))

    assert desk.book.edits == edits + 1
    assert desk.column(DEAD_LETTER_TASKS, "Status") == {"a": "error", "b": "error"}
    assert 'The tab "Video Tasks" cannot be read: The column "ID" is missing' in desk.writer.activity().unfit
    assert not desk.pauses

    desk.put(VIDEO_TASKS, mended)
    desk.seconds = 3
    await desk.tell(story.queued("c"))
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "error", "b": "error", "c": "pending"}


async def test_who_has_just_written_has_looked_too(desk: Any, story: Any) -> None:
    desk.look_every = timedelta(seconds=3)
    desk.restart()
    await desk.tell(story.queued("a", "b"))
    grid = desk.grid(VIDEO_TASKS)
    grid[1][grid[0].index("Status")] = "scribbled"
    desk.put(VIDEO_TASKS, grid)

    desk.seconds = 2
    assert desk.scribe.until_look == timedelta(seconds=1)
    await desk.writer.heal()
    assert "scribbled" in desk.column(VIDEO_TASKS, "Status").values()
    await desk.tell(story.claimed("b"))
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending", "b": "in-progress"}

    desk.put(VIDEO_TASKS, grid)
    desk.seconds = 5
    assert desk.scribe.until_look == timedelta(0)
    await desk.writer.heal()
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending", "b": "in-progress"}


@pytest.mark.parametrize("is_restarted", [True, False])
async def test_a_mended_tab_shows_what_waited_for_it(desk: Any, story: Any, *, is_restarted: bool) -> None:
    await desk.tell(story.queued("a"))
    await desk.writer.heal()
    mended = desk.grid(VIDEO_TASKS)
    desk.put(VIDEO_TASKS, [["Ident", *mended[0][1:]], *mended[1:]])
    await desk.tell(story.downloaded("a"), story.queued("b"))
    if is_restarted:
        desk.restart()
    await desk.writer.heal()

    desk.put(VIDEO_TASKS, mended)
    await desk.writer.heal()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "pending"}
    assert desk.writer.activity().unfit == ""


async def test_what_happened_while_the_sheet_was_away_is_written_once_and_newest_first(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"))

    async def meanwhile(seconds: float) -> None:
        del seconds
        for event in (story.claimed("a"), story.downloaded("a"), story.queued("b")):
            await writer.remember([Delivery(event, str(event.message_id))])

    writer = Writer(desk.scribe, delivery_limit=10, pause=meanwhile)
    desk.book.failures, desk.book.edits = 1, 0

    await writer.remember([Delivery(story.claimed("a"), "claimed")])
    await writer.write()

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "pending"}
    assert desk.book.edits == 2


async def test_a_mirror_that_fails_holds_the_batch_too(desk: Any, story: Any) -> None:
    desk.scribe.close()

    async def repair(_: float) -> None:
        unfit.append(writer.activity().unfit)
        desk.restart()
        writer.scribe = desk.scribe

    unfit: list[str] = []
    writer = Writer(desk.scribe, delivery_limit=10, pause=repair)
    desk.writer = writer

    await desk.tell(story.queued("a"))

    assert "mirror.sqlite cannot be used now" in unfit[0]
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending"}


@pytest.mark.parametrize(
    "content", [b"this is no database, and long enough to be one" * 100, b"SQLite format 3\0" * 50]
)
async def test_a_damaged_mirror_is_put_aside(desk: Any, story: Any, content: bytes, tmp_path: Path) -> None:
    await desk.tell(story.queued("a"))
    desk.scribe.close()
    desk.mirror_file.write_bytes(content)

    desk.restart()
    await desk.tell(story.downloaded("a"), story.queued("b"))

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "pending"}
    assert (tmp_path / "mirror.sqlite.damaged").read_bytes() == content


async def test_a_writer_that_leaves_writes_so_into_its_own_row(desk: Any) -> None:
    await desk.writer.leave(Worker("box/status-writer", "status-writer", "box", 7))

    assert desk.column(WORKERS, "Status") == {"box/status-writer": "stopped"}


def gates(*names: str, at: str = "2026-01-01T12:00:00Z") -> FleetGates:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return FleetGates(
        at=at,
        gates=tuple(
            Gate(
                kind="egress",
                name=name,
                reason="Asked to prove\nthat it is no bot.",
                advice="Give it cookies.",
                since=noon,
                until=noon + timedelta(hours=1),
            )
            for name in names
        ),
    )


def worker(name: str, health: WorkerHealth) -> WorkerChanged:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return WorkerChanged(at=noon, worker=name, service="downloader", host="box", health=health, last_seen=noon)


async def test_the_summary_counts_what_there_is_and_says_what_to_do(desk: Any, story: Any) -> None:
    workers = [worker("a", WorkerHealth.ACTIVE), worker("b", WorkerHealth.STALE), worker("c", WorkerHealth.LOST)]

    await desk.tell(story.queued("a", "b", "c"), story.claimed("a"), story.buried("b"), *workers)

    told = desk.column(SUMMARY, "Value")
    counts = {f"Videos {state}": told[f"Videos {state}"] for state in ("pending", "in-progress", "done", "error")}
    assert list(counts.values()) == ["1", "1", "0", "1"]
    assert [told[f"Workers {health}"] for health in ("active", "silent", "unfit")] == ["1", "2", "0"]
    assert told["Sources in-progress"] == "1"
    assert told["Last written"] == "2026-01-01T12:00:00Z"
    advice = desk.column(SUMMARY, "Advice")
    assert "svc dead list" in advice["Videos error"]
    assert "Workers" in advice["Workers silent"]
    assert advice["Videos done"] == ""


async def test_the_counts_follow_what_happens(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b", "c"), story.buried("a"), story.left_out("c"))

    await desk.tell(story.claimed("a", at=40), story.downloaded("b"))
    desk.restart()
    await desk.tell(story.downloaded("a", at=50))

    told = desk.column(SUMMARY, "Value")
    assert [told[f"Videos {state}"] for state in ("pending", "in-progress", "done", "error")] == ["0", "0", "2", "0"]
    assert told["Videos filtered"] == "1"


async def test_a_source_that_a_person_holds_back_says_so_until_it_goes_on(desk: Any) -> None:
    def told(*held: tuple[str, str]) -> FleetGates:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        desk.now += timedelta(seconds=1)
        holding = tuple(Gate(kind=kind, name=name, reason="", advice="", since=noon) for kind, name in held)
        return FleetGates(at=desk.now, gates=holding)

    def counts(source_id: str, done: int) -> SourceProgress:
        return SourceProgress(
            at="2026-01-01T12:00:00Z",
            source_id=source_id,
            state=SourceState.IN_PROGRESS,
            videos=9,
            done=done,
            failed=0,
        )

    desk.folder.mkdir()
    desk.put(SOURCES, [["ID", "URL", "Progress"], ["7", "u", ""], ["8", "v", ""]])
    await desk.tell(counts("7", 1), counts("8", 2), told(("pause", "7"), ("egress", "8")))
    assert desk.column(SOURCES, "Progress") == {"7": "paused 1/9", "8": "2/9"}

    desk.restart()
    await desk.tell(told(("cancelled", "7"), ("pause", "8")))
    assert desk.column(SOURCES, "Progress") == {"7": "cancelled 1/9", "8": "paused 2/9"}
    await desk.tell(told())

    assert desk.column(SOURCES, "Progress") == {"7": "1/9", "8": "2/9"}


async def test_what_holds_work_back_is_told_until_it_no_longer_does(desk: Any) -> None:
    await desk.tell(gates("home", "office"))
    held = {row[0]: row[1:] for row in desk.grid(SUMMARY)}
    desk.restart()
    await desk.tell(gates("office", at="2026-01-01T12:01:00Z"))
    await desk.tell(gates("home", "office"))

    assert held["egress: home"] == [
        "Asked to prove that it is no bot.",
        "2026-01-01T12:00:00Z",
        "2026-01-01T13:00:00Z",
        "Give it cookies.",
    ]
    assert "egress: office" in held
    assert [what for what in desk.column(SUMMARY, "What") if what.startswith("egress")] == ["egress: office"]


async def test_the_same_news_of_the_fleet_write_nothing(desk: Any) -> None:
    await desk.tell(gates("home"))
    edits = desk.book.edits

    await desk.tell(gates("home", at="2026-01-01T12:00:10Z"))

    assert desk.book.edits == edits


async def test_the_summary_is_ours_alone(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"), gates("home"))
    header, *rows = right = desk.grid(SUMMARY)
    desk.put(SUMMARY, [header, ["Mine", "1", "", "", ""], [rows[0][0], "999", "", "", ""], *rows[2:]])

    await desk.writer.heal()

    assert sorted(desk.grid(SUMMARY)) == sorted(right)


async def test_a_summary_that_cannot_be_read_holds_up_nothing_and_is_mended(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a"))
    right = desk.grid(SUMMARY)
    desk.put(SUMMARY, [["Was", *right[0][1:]], *right[1:]])

    await desk.tell(story.claimed("a"), gates("home"))
    assert 'The tab "Summary" cannot be read' in desk.writer.activity().unfit
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "in-progress"}
    desk.put(SUMMARY, right)
    await desk.writer.heal()

    assert desk.writer.activity().unfit == ""
    assert desk.column(SUMMARY, "Value")["Videos in-progress"] == "1"
    assert "egress: home" in desk.column(SUMMARY, "Value")


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["forwards", "backwards"])
async def test_nothing_is_lost_or_stuck_when_our_own_clock_jumps(desk: Any, story: Any, jump: timedelta) -> None:
    await desk.tell(story.queued("a", "b"), story.claimed("a"))
    desk.now += jump
    await desk.tell(story.buried("a"), story.claimed("b"))
    assert desk.column(DEAD_LETTER_TASKS, "Status") == {"a": "error"}
    desk.restart()
    await desk.writer.heal()
    await desk.tell(story.claimed("a", at=40), story.downloaded("b"))
    desk.now -= jump
    await desk.tell(story.downloaded("a", at=50))

    assert desk.column(VIDEO_TASKS, "Status") == {"a": "done", "b": "done"}
    assert desk.column(DEAD_LETTER_TASKS, "Status") == {}
    assert desk.column(SUMMARY, "Value")["Videos done"] == "2"
    assert desk.column(SUMMARY, "Value")["Last written"] == "2026-01-01T12:00:00Z"


async def test_what_a_wrong_clock_buried_stays_so_after_a_restart(desk: Any, story: Any) -> None:
    burial = story.buried("a", at=20 - 86_400)
    await desk.tell(story.queued("a"), story.claimed("a"), burial)
    desk.restart()
    dead = desk.column(DEAD_LETTER_TASKS, "LastError")

    await desk.tell(story.claimed("a", at=40))
    await desk.tell(burial)

    assert dead == {"a": "It is gone."}
    assert desk.column(DEAD_LETTER_TASKS, "Status") == {}


async def test_the_mirror_of_an_older_version_is_counted_too(desk: Any, story: Any) -> None:
    await desk.tell(story.queued("a", "b"), story.downloaded("a"))
    desk.scribe.close()
    with sqlite3.connect(desk.mirror_file) as connection:
        connection.executescript(
            "DROP INDEX rows_status; DROP INDEX rows_changed; ALTER TABLE rows DROP COLUMN status;"
            "ALTER TABLE rows DROP COLUMN changed; ALTER TABLE rows DROP COLUMN left_out; PRAGMA user_version = 1;"
        )

    desk.restart()
    await desk.tell(story.downloaded("b"))

    assert desk.column(SUMMARY, "Value")["Videos done"] == "2"

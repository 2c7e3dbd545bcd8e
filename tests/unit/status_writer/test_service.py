"""The status-writer over a real folder; the person is played by writing files."""

from pathlib import Path
from typing import Any

import pytest

from tubewarren.messages.events import SourceProgress, SourceState
from tubewarren.sheets.tabs import DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, WORKERS
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
        ["ID", "URL", "Status", "Videos", "Done", "Failed", "Progress"],
        ["1", "u", "done", "2", "2", "0", "2/2"],
    ]


async def test_an_unavailable_workbook_holds_the_batch_until_it_is_back(desk: Any, story: Any) -> None:
    desk.book.failures = 7

    await desk.tell(story.queued("a"))

    assert desk.pauses == [1, 2, 4, 8, 16, 30, 30]
    assert set(desk.unfit_while_waiting) == {"The folder is read-only: make it writable."}
    assert desk.writer.activity().unfit == ""
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending"}


async def test_a_folder_that_cannot_be_made_is_told(desk: Any, story: Any) -> None:
    desk.folder.write_text("a file in the way")

    await desk.writer.heal()
    assert "choose a folder" in desk.writer.activity().unfit
    desk.folder.unlink()
    await desk.tell(story.queued("a"))

    assert desk.writer.activity().unfit == ""
    assert desk.column(VIDEO_TASKS, "Status") == {"a": "pending"}


async def test_a_tab_to_be_mended_is_named_and_the_others_go_on(desk: Any, story: Any) -> None:
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

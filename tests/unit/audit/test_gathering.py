"""The books as they are found on disk, in the workbook and in answers; nothing is changed by looking."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered, WorkerBeat, WorkerState
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.tabs import SOURCES, VIDEO_TASKS
from tubewarren.store.manifest import Draft
from tubewarren.store.store import Store
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, topology
from tubewarren_services.audit.books import FileBook, QueueBook
from tubewarren_services.audit.gathering import AuditError, file_book, in_hand, ledger_book, sheet_book

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a store that holds two videos, one of them selected."""
    store = Store(tmp_path / "results", tmp_path / "selected")
    for video_id in ("v1", "v2"):
        with store.claim(video_id) as staging:
            (staging.folder / "x.wav").write_bytes(b"sound")
            store.publish(staging, Draft(url="u", source_id="s1", worker="w", attempt=1, finished_at=NOON))
    store.select(["v2"])
    return tmp_path


def look(folder: Path, *, reads_again: bool = True) -> FileBook:
    return file_book(folder / "results", folder / "selected", "main", lambda _: reads_again)


def everything_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_good_results_are_found_selected_or_not_and_nothing_is_changed(folder: Path) -> None:
    before = everything_in(folder)

    found = look(folder)

    assert {name: (result.problem, result.size_bytes) for name, result in found.results.items()} == {
        "v1": ("", 5),
        "v2": ("", 5),
    }
    assert found.results["v2"].path == folder / "selected" / "v2"
    assert found.results["v1"].source_ids == ("s1",)
    assert found.staging == {}
    assert everything_in(folder) == before


def test_a_store_that_is_not_there_is_empty_and_is_not_made(tmp_path: Path) -> None:
    assert look(tmp_path).results == {}
    assert everything_in(tmp_path) == set()


def test_a_changed_byte_is_seen_only_when_the_files_are_read(folder: Path) -> None:
    (folder / "results" / "v1" / "x.wav").write_bytes(b"sOund")

    assert "x.wav is not what its manifest says" in look(folder).results["v1"].problem
    assert look(folder, reads_again=False).results["v1"].problem == ""


@pytest.mark.parametrize("reads_again", [True, False])
@pytest.mark.parametrize("video_id", ["v1", "v2"])
def test_a_missing_and_a_shorter_file_are_seen_either_way(folder: Path, video_id: str, *, reads_again: bool) -> None:
    (media,) = folder.glob(f"*/{video_id}/x.wav")
    media.write_bytes(b"so")
    shorter = look(folder, reads_again=reads_again).results[video_id].problem
    media.unlink()

    missing = look(folder, reads_again=reads_again).results[video_id].problem

    assert "x.wav is not what" in shorter
    assert "x.wav is missing" in missing


def test_a_folder_without_a_manifest_and_one_with_a_damaged_manifest_are_no_results(folder: Path) -> None:
    (folder / "results" / "v1" / "manifest.json").write_text("{")
    (folder / "results" / "v8").mkdir()
    (folder / "results" / "v9").mkdir()
    (folder / "results" / "v9" / "x").touch()

    found = look(folder).results

    assert "damaged" in found["v1"].problem
    assert "no manifest" in found["v9"].problem
    assert "v8" not in found


def test_a_video_in_both_folders_is_seen(folder: Path) -> None:
    (folder / "results" / "v2").mkdir()
    (folder / "results" / "v2" / "x").touch()

    assert "too" in look(folder).results["v2"].problem


def test_a_leftover_is_told_from_what_is_worked_on(folder: Path) -> None:
    store = Store(folder / "results", folder / "selected")
    with store.claim("v3") as idle:
        (idle.folder / "x.part").touch()
    (folder / "results" / ".staging" / ".locks" / "v3.claim").touch()
    with store.claim("v4") as busy:
        (busy.folder / "x.part").touch()

        found = look(folder).staging

    assert {name: leftover.is_claimed for name, leftover in found.items()} == {"v3": False, "v4": True}


def test_each_tab_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    LocalWorkbook(tmp_path).create_missing()
    (tmp_path / "Video Tasks.csv").write_text("Nonsense\n")

    found = sheet_book(LocalWorkbook(tmp_path), 100)

    assert "ID" in found.unreadable[VIDEO_TASKS.name]
    assert SOURCES in found.tables
    assert VIDEO_TASKS not in found.tables


class Answers:
    """A ledger of some videos, which tells at most three at a time."""

    def __init__(self, *video_ids: str, knows_beginnings: bool = True) -> None:
        self.video_ids = video_ids
        self.knows_beginnings = knows_beginnings

    async def __call__(self, query: QueryLedger) -> LedgerAnswered:
        beginning = (query.video_id or "") if self.knows_beginnings else ""
        names = sorted(self.video_ids, key=lambda name: name != query.video_id) if query.topic == "tasks" else ()
        rows = tuple({"video_id": each} for each in names if each.startswith(beginning))
        return LedgerAnswered(at=NOON, storage="main", rows=rows[:3], truncated=len(rows) > 3)


async def test_what_is_too_much_for_one_answer_is_asked_for_by_its_beginnings() -> None:
    names = ("-a", "_b", "Ab", "ab", "a", "aBcd", "aBce", "aBcf", "aBcg", "9.x")

    book = await ledger_book(Answers(*names))

    assert sorted(str(row["video_id"]) for row in book.tasks) == sorted(names)


async def test_a_results_manager_that_knows_no_beginnings_is_too_old() -> None:
    with pytest.raises(AuditError, match="update it"):
        await ledger_book(Answers("a", "b", "c", "d", knows_beginnings=False))


def beats(**in_hand: int) -> Iterator[WorkerBeat]:
    for worker, number in in_hand.items():
        service = worker.rpartition("_")[0]
        yield WorkerBeat(
            at=NOON, worker=worker, service=service, host="h", process_id=1, state=WorkerState.ACTIVE, in_hand=number
        )


def test_in_hand_is_the_most_that_each_worker_said_and_unknown_while_one_is_silent() -> None:
    system = topology()
    depths: dict[str, tuple[int, int] | None] = {queue.name: (0, 0) for queue in system.queues}
    depths[DOWNLOADER] = (0, 2)
    queues = QueueBook(system, "main", depths)
    said = [*beats(downloader_1=2, downloader_2=1), *beats(downloader_1=0)]

    assert in_hand(said, queues)[DOWNLOADER] == 3
    assert in_hand(said, queues)[SOURCE_EXPANDER] == 0
    assert DOWNLOADER not in in_hand(beats(downloader_1=2), queues)

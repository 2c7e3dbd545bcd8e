"""Gathering: what the books are at this moment, read from where they are kept. Changes nothing."""

import fcntl
import json
import string
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tubewarren.bus import Bus
from tubewarren.bus.dead_letters import DeadLetter, read_dead
from tubewarren.messages.commands import LedgerTopic, QueryLedger
from tubewarren.messages.events import LedgerAnswered, WorkerBeat
from tubewarren.sheets.errors import SheetError
from tubewarren.sheets.tabs import DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, Tab
from tubewarren.sheets.workbook import Workbook
from tubewarren.store.errors import StoreError, VideoMissingError
from tubewarren.store.finished import find, visible_ids
from tubewarren.store.layout import Layout
from tubewarren.store.manifest import Manifest
from tubewarren.store.verification import verify
from tubewarren.topology import Topology
from tubewarren_services.audit.books import FileBook, LedgerBook, Leftover, Letter, QueueBook, Result, Row, SheetBook

if TYPE_CHECKING:
    from tubewarren.sheets.table import Table

Ask = Callable[[QueryLedger], Awaitable[LedgerAnswered]]
"""Asks the ledger."""

_AT_ONCE: Final = 10_000
"""Rows of one answer: RabbitMQ 4 takes messages of 16 MiB."""
_BEGINNINGS: Final = string.ascii_letters + string.digits + "-_" + "".join(sorted(set(string.punctuation) - set("-_/")))
_TABS: Final = (SOURCES, VIDEO_TASKS, DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS)


class AuditError(Exception):
    """The books cannot be read."""


async def ledger_book(ask: Ask) -> LedgerBook:
    """Everything that the ledger knows of sources, videos and files.

    Raises:
        AuditError: the ledger is larger than it can tell.
    """
    sources = await ask(QueryLedger(topic="sources", limit=_AT_ONCE))
    if sources.truncated:
        raise AuditError(f"There are more than {_AT_ONCE} sources, too many to be audited in one go.")
    return LedgerBook(
        sources.rows,
        tasks=await _all(ask, "tasks"),
        results=await _all(ask, "results"),
        attempts=await _all(ask, "attempts"),
    )


async def queue_book(bus: Bus, topology: Topology, storage: str) -> QueueBook:
    """What the broker holds; what is in hand is not known to it."""
    depths = await bus.depths(topology)
    letters = tuple(_letter(each) for each in await read_dead(bus, topology))
    return QueueBook(topology, storage, depths, letters)


def in_hand(beats: Iterable[WorkerBeat], queues: QueueBook) -> dict[str, int]:
    """How many messages the workers said that they hold, by work queue.

    A queue is left out when one that listens there said nothing: it may be frozen with its hands full.
    """
    told: dict[str, dict[str, int]] = {work.name: {} for work in queues.topology.work}
    for beat in beats:
        if beat.service in told:
            workers = told[beat.service]
            workers[beat.worker] = max(beat.in_hand, workers.get(beat.worker, 0))
    return {
        queue: sum(workers.values())
        for queue, workers in told.items()
        if len(workers) >= (queues.depths.get(queue) or (0, 0))[1]
    }


def sheet_book(workbook: Workbook, most_videos: int) -> SheetBook:
    """The tabs of the workbook that say how far sources and videos are."""
    tables: dict[Tab, Table] = {}
    unreadable: dict[str, str] = {}
    for tab in _TABS:
        try:
            tables.update(workbook.read([tab]))
        except SheetError as error:
            unreadable[tab.name] = str(error)
    return SheetBook(tables, unreadable, most_videos)


def file_book(results: Path, selected: Path, storage: str, reads_again: Callable[[str], bool]) -> FileBook:
    """What the store on this machine has.

    Args:
        results: the folder of results.
        selected: the folder of selected ones.
        storage: the store's name.
        reads_again: whether the files of this video shall be read and compared with their checksums, which takes as
            long as reading them; of others only the sizes are compared.
    """
    layout = Layout(results, selected)
    found: dict[str, Result] = {}
    for folder in (results, selected):
        for video_id in visible_ids(folder) if folder.is_dir() else ():
            result = _result(layout, folder, video_id, reads_again=reads_again(video_id))
            if result is not None:
                found[video_id] = result
    return FileBook(storage, results, found, dict(_leftovers(layout)))


async def _all(ask: Ask, topic: LedgerTopic, beginning: str = "") -> tuple[Row, ...]:
    answer = await ask(QueryLedger(topic=topic, limit=_AT_ONCE, video_id=beginning or None))
    if any(not str(row["video_id"]).startswith(beginning) for row in answer.rows):
        raise AuditError("The results-manager is too old to tell of so many videos: update it.")
    if not answer.truncated:
        return answer.rows
    rows: list[Row] = [row for row in answer.rows if row["video_id"] == beginning]
    for letter in _BEGINNINGS:
        rows += await _all(ask, topic, beginning + letter)
    return tuple(rows)


def _letter(letter: DeadLetter) -> Letter:
    try:
        body = json.loads(letter.body)
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    source_id, video_id = (str(fields.get(name) or "") for name in ("source_id", "video_id"))
    return Letter(letter.queue, letter.buried_id, source_id, video_id)


def _result(layout: Layout, folder: Path, video_id: str, *, reads_again: bool) -> Result | None:
    path = folder / video_id
    try:
        manifest = find(layout, video_id)
        if manifest is None:
            return Result(path, problem="Its folder has no manifest.") if any(path.iterdir()) else None
        missing, damaged = _compared(layout, video_id, path, manifest, reads_again=reads_again)
    except (FileNotFoundError, VideoMissingError):
        return None  # moved at this very moment
    except StoreError as error:
        return Result(path, problem=str(error))
    problems = [f"{name} is missing" for name in missing] + [
        f"{name} is not what its manifest says" for name in damaged
    ]
    twin = layout.result(video_id) if folder == layout.selected else layout.chosen(video_id)
    if twin.is_dir() and any(twin.iterdir()):
        problems.append(f"it is in {twin.parent} too")
    return Result(
        path,
        manifest.size_bytes,
        manifest.main_file.sha256 if manifest.files else "",
        manifest.source_ids,
        f"In its folder {', '.join(problems)}." if problems else "",
    )


def _compared(
    layout: Layout, video_id: str, path: Path, manifest: Manifest, *, reads_again: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of missing and of damaged files."""
    if reads_again:
        verification = verify(layout, video_id)
        return verification.missing, verification.damaged
    missing = tuple(file.name for file in manifest.files if not (path / file.name).is_file())
    damaged = tuple(
        file.name
        for file in manifest.files
        if file.name not in missing and (path / file.name).stat().st_size != file.size_bytes
    )
    return missing, damaged


def _leftovers(layout: Layout) -> Iterator[tuple[str, Leftover]]:
    if not layout.staging.is_dir():
        return
    for video_id in visible_ids(layout.staging):
        path = layout.work(video_id)
        with suppress(FileNotFoundError):
            if any(path.iterdir()):
                yield video_id, Leftover(path, _is_claimed(layout.claim(video_id)))


def _is_claimed(claim: Path) -> bool:
    """Whether a process holds the lock; a file that a dead one left is held by nobody."""
    try:
        with claim.open("rb") as file:
            # A shared lock for a moment, on a file that somebody left: whoever comes just now comes again.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False

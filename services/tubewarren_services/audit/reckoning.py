"""The reckoning: from what was found to what does not agree. Nothing here looks at anything itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from tubewarren.failures import Failure, FailureKind
from tubewarren.outcomes import Park, Refund, outcome_of
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, STATUS_WRITER, results_manager
from tubewarren_services.audit.books import (
    BURIED,
    DEAD,
    OPEN,
    PURGED,
    Books,
    FileBook,
    LedgerBook,
    Letter,
    QueueBook,
    Row,
    is_purged,
)
from tubewarren_services.audit.discrepancy import Discrepancy, Kind
from tubewarren_services.audit.sheet import sheet_discrepancies

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_UNCHARGED: Final = frozenset(
    kind.value for kind in FailureKind if isinstance(outcome_of(Failure(kind=kind, reason=""), _EPOCH), Refund | Park)
)
_WHOLE_HISTORY_BELOW: Final = 20
"""The ledger remembers so many attempts of a task at least."""
_UNLISTED: Final = frozenset({"accepted", "listing"})
_CARRY_NO_ORDERS: Final = frozenset({"dead", "events"})


def discrepancies(books: Books) -> tuple[Discrepancy, ...]:
    """Everything in which the books differ; nothing when all is well."""
    ledger_behind = sheet_behind = None
    found: list[Iterator[Discrepancy]] = []
    if books.queues is not None:
        ledger_behind = _behind(books.queues, results_manager(books.queues.storage), "ledger")
        sheet_behind = _behind(books.queues, STATUS_WRITER, "sheet")
        found += [_missing_queues(books.queues), iter(each for each in (ledger_behind, sheet_behind) if each)]
    if ledger_behind is not None:  # what the ledger has not heard of yet would be told as a difference
        return tuple(chain(*found))
    if books.queues is not None:
        found += [_of_letters(books.ledger, books.queues), _of_orders(books.ledger, books.queues)]
    if books.files is not None:
        found += [_of_finished(books.ledger, books.files), _of_store(books.ledger, books.files)]
    found += [_stored_twice(books.ledger), _counts(books.ledger), _charges(books.ledger)]
    if books.sheet is not None and sheet_behind is None:
        found.append(sheet_discrepancies(books.ledger, books.sheet))
    return tuple(chain(*found))


def _behind(queues: QueueBook, service: str, book: str) -> Discrepancy | None:
    name = next((heard.name for heard in queues.topology.events if heard.service == service), "")
    ready, consumers = queues.depths.get(name) or (0, 0)
    if not ready:
        return None
    if consumers:
        return Discrepancy(
            Kind.BEHIND, f"queue {name}", f"The {book} has not caught up with events.", "svc audit, when it has"
        )
    return Discrepancy(
        Kind.BEHIND,
        f"queue {name}",
        f"Events wait for the {book}, and nobody listens.",
        f"svc run {service.partition('.')[0]}",
    )


def _missing_queues(queues: QueueBook) -> Iterator[Discrepancy]:
    for name in sorted(name for name, depth in queues.depths.items() if depth is None):
        yield Discrepancy(Kind.QUEUE_MISSING, f"queue {name}", "The broker does not have it.", "svc topology declare")


def _of_letters(ledger: LedgerBook, queues: QueueBook) -> Iterator[Discrepancy]:
    """What the ledger calls dead lies in a dead queue, and nothing else does."""
    videos = {_key(row): _state(row, "state") for row in ledger.tasks}
    sources = {("", str(row["source_id"])): _state(row, "phase") for row in ledger.sources}
    letters = {queue: _letters(queues, queue) for queue in (DOWNLOADER, SOURCE_EXPANDER)}
    yield from _burials(
        videos, DEAD, letters[DOWNLOADER], DOWNLOADER, may_be_redriven=_spare(ledger, queues, DOWNLOADER)
    )
    yield from _burials(
        sources,
        BURIED,
        letters[SOURCE_EXPANDER],
        SOURCE_EXPANDER,
        may_be_redriven=_spare(ledger, queues, SOURCE_EXPANDER),
    )
    known = {letter.letter_id for lying in letters.values() for letter in lying.values()}
    others = Counter(letter.queue for letter in queues.letters if letter.letter_id not in known)
    for queue, number in sorted(others.items()):
        what = f"Messages that order neither a video nor a source lie there: {number}."
        yield Discrepancy(Kind.UNDIGESTED, f"queue {queue}.dead", what, f"svc dead list --queue {queue}")


def _burials(
    states: Mapping[tuple[str, str], str],
    dead: str,
    letters: Mapping[tuple[str, str], Letter],
    queue: str,
    *,
    may_be_redriven: bool,
) -> Iterator[Discrepancy]:
    for key in sorted(states):
        # A redriven order is dead to the ledger until somebody claims it.
        if states[key] == dead and key not in letters and not may_be_redriven:
            what = f"Given up, but it does not lie in {queue}.dead: lost, or dropped without `svc dead purge`."
            yield Discrepancy(Kind.NOT_IN_DEAD_QUEUE, _named(key), what, _expand(key[1]))
    for key, letter in sorted(letters.items()):
        state = states.get(key, "unknown")
        if state != dead:
            mend = "purge" if state in ("done", PURGED) else "redrive"
            what = f"It lies in {queue}.dead, but in the ledger it is {state}."
            yield Discrepancy(Kind.DEAD_LETTER_OF_LIVING, _named(key), what, f"svc dead {mend} {letter.letter_id}")


def _state(row: Row, name: str) -> str:
    return PURGED if is_purged(row) else str(row[name])


def _letters(queues: QueueBook, queue: str) -> dict[tuple[str, str], Letter]:
    names_video = queue == DOWNLOADER
    return {
        (letter.video_id, letter.source_id): letter
        for letter in queues.letters
        if letter.queue == queue and letter.source_id and bool(letter.video_id) is names_video
    }


def _spare(ledger: LedgerBook, queues: QueueBook, queue: str) -> bool:
    """Whether more orders are under way than the ledger knows of, or how many is not known."""
    carried = _carried(queues, queue)
    return carried is None or carried > len(_unfinished(ledger, queue))


def _carried(queues: QueueBook, queue: str) -> int | None:
    """The orders that wait in a work queue or beside it, and those in hand; None when that is not known."""
    if queue not in queues.in_hand:
        return None
    waiting = (
        depth[0]
        for each in queues.topology.queues
        if f"{each.name}.".startswith(f"{queue}.") and each.purpose not in _CARRY_NO_ORDERS
        if (depth := queues.depths.get(each.name))
    )
    return queues.in_hand[queue] + sum(waiting)


def _unfinished(ledger: LedgerBook, queue: str) -> Counter[str]:
    """How many orders of each source have not ended."""
    if queue == DOWNLOADER:
        return Counter(str(row["source_id"]) for row in ledger.tasks if row["state"] in OPEN)
    return Counter(str(row["source_id"]) for row in ledger.sources if row["phase"] in _UNLISTED)


def _of_orders(ledger: LedgerBook, queues: QueueBook) -> Iterator[Discrepancy]:
    """Every unfinished order waits in a queue or is in hand."""
    listing = _carried(queues, SOURCE_EXPANDER)
    to_list = _unfinished(ledger, SOURCE_EXPANDER)
    if listing is not None and listing < to_list.total():
        for source_id in sorted(to_list):
            what = f"It is to be listed; of {to_list.total()} such orders {listing or 'none'} can be found."
            yield Discrepancy(Kind.LOST, f"source {source_id}", what, _expand(source_id))
    carried = _carried(queues, DOWNLOADER)
    to_fetch = _unfinished(ledger, DOWNLOADER)
    # Who lists a source tells of a page before ordering it, and a listing that is repeated orders it once more.
    if carried is not None and carried < to_fetch.total() and not listing:
        for source_id, number in sorted(to_fetch.items()):
            what = f"{number} unfinished videos; of all {to_fetch.total()} orders {carried or 'none'} can be found."
            yield Discrepancy(Kind.LOST, f"source {source_id}", what, _expand(source_id))


def _of_finished(ledger: LedgerBook, files: FileBook) -> Iterator[Discrepancy]:
    """Every finished video has its files, byte for byte; those of other storages are out of sight."""
    finished = _finished(ledger)
    announced = {str(row["video_id"]): row for row in ledger.results if row["storage"] == files.storage}
    anywhere = {str(row["video_id"]) for row in ledger.results}
    for video_id in sorted(finished.keys() - anywhere):
        what = "It is done, but no storage ever told of its files."
        yield Discrepancy(Kind.NO_FILE, f"video {video_id}", what, _expand(*finished[video_id]))
    for video_id in sorted(announced):
        result = files.results.get(video_id)
        expand = _expand(*finished.get(video_id, ()))
        if result is None:
            what = f"It is finished, but it is not in {files.place}."
            yield Discrepancy(Kind.NO_FILE, f"video {video_id}", what, expand)
            continue
        differs = result.sha256 != announced[video_id]["sha256"]
        problem = result.problem or ("Its file is not the one that was announced." if differs else "")
        if problem:
            yield Discrepancy(Kind.DAMAGED, f"video {video_id}", problem, f"rm -r {result.path}, then {expand}")


def _of_store(ledger: LedgerBook, files: FileBook) -> Iterator[Discrepancy]:
    """Everything in the store is known as done, or as being worked on."""
    finished = _finished(ledger)
    announced = {str(row["video_id"]) for row in ledger.results if row["storage"] == files.storage}
    for video_id in sorted(files.results.keys() - announced):
        result = files.results[video_id]
        elsewhere = video_id in finished
        what = result.problem or (
            f"It is in {files.storage} too, where nobody finished it." if elsewhere else "The ledger does not know it."
        )
        remedy = f"rm -r {result.path}" if elsewhere or not result.source_ids else _expand(*result.source_ids)
        yield Discrepancy(Kind.STRAY_FILE, f"video {video_id}", what, remedy)
    # A redrive of what was given up goes on with what is there.
    wanted = {str(row["video_id"]) for row in ledger.tasks if row["state"] != "done"}
    for video_id, leftover in sorted(files.staging.items()):
        if not leftover.is_claimed and video_id not in wanted:
            what = "Partial files of a video that nobody works on, and that nobody waits for."
            yield Discrepancy(Kind.STRAY_STAGING, f"video {video_id}", what, f"rm -r {leftover.path}")


def _stored_twice(ledger: LedgerBook) -> Iterator[Discrepancy]:
    storages: dict[str, set[str]] = {}
    for row in ledger.results:
        storages.setdefault(str(row["video_id"]), set()).add(str(row["storage"]))
    for video_id, holders in sorted(storages.items()):
        if len(holders) > 1:
            what = f"It was finished in {' and '.join(sorted(holders))}."
            remedy = "remove its folder from all but one; machines that share a disk share TUBEWARREN_STORE__NAME"
            yield Discrepancy(Kind.STORED_TWICE, f"video {video_id}", what, remedy)


def _counts(ledger: LedgerBook) -> Iterator[Discrepancy]:
    known: dict[str, Counter[str]] = {}
    for row in ledger.tasks:
        known.setdefault(str(row["source_id"]), Counter())[str(row["state"])] += 1
    for row in ledger.sources:
        source_id = str(row["source_id"])
        states = known.get(source_id, Counter())
        counted = {"videos": states.total(), "done": states["done"], "failed": states["dead"]}
        told = ", ".join(
            f"{row[name]} {name} (but {number} are known)" for name, number in counted.items() if row[name] != number
        )
        # Who lists a source announces how many there are at its end.
        if told and row["phase"] not in _UNLISTED:
            yield Discrepancy(Kind.COUNTS, f"source {source_id}", f"It has {told}.", _expand(source_id))


def _charges(ledger: LedgerBook) -> Iterator[Discrepancy]:
    """What is not a video's fault is not charged to it."""
    attempts: dict[tuple[str, str], list[Row]] = {}
    for row in ledger.attempts:
        attempts.setdefault(_key(row), []).append(row)
    for task in sorted(ledger.tasks, key=_key):
        what = _wrongly_charged(task, attempts.get(_key(task), []))
        if what:
            video = _named(_key(task))
            remedy = f"svc why {video.removeprefix('video ')}, and see that all workers run one version"
            yield Discrepancy(Kind.CHARGED, video, what, remedy)


def _wrongly_charged(task: Row, attempts: list[Row]) -> str:
    charged = [row for row in attempts if row["ending"] == "retry"]
    for row in charged:
        if row["failure_kind"] in _UNCHARGED:
            return f"Attempt {row['attempt']} was charged, though it was {row['failure_kind']}."
    is_whole = len(attempts) < _WHOLE_HISTORY_BELOW and min((_number(row) for row in attempts), default=0) == 1
    if is_whole and not charged and _number(task) > 1:
        return f"It is at attempt {task['attempt']}, though none before was charged."
    return ""


def _finished(ledger: LedgerBook) -> dict[str, list[str]]:
    """The videos that are done, and the sources for which they are."""
    finished: dict[str, list[str]] = {}
    for video_id, source_id in sorted(_key(row) for row in ledger.tasks if row["state"] == "done"):
        finished.setdefault(video_id, []).append(source_id)
    return finished


def _number(row: Row) -> int:
    attempt = row["attempt"]
    return attempt if isinstance(attempt, int) else 0


def _key(row: Row) -> tuple[str, str]:
    return (str(row["video_id"]), str(row["source_id"]))


def _named(key: tuple[str, str]) -> str:
    video_id, source_id = key
    return f"video {source_id}/{video_id}" if video_id else f"source {source_id}"


def _expand(*source_ids: str) -> str:
    return f"svc sources expand {' '.join(source_ids)}" if source_ids else "move its folder away"

"""The audit of a running system: two looks some seconds apart, and what held in both."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered, WorkerBeat
from tubewarren.sheets.opening import open_workbook
from tubewarren_services.audit.books import Books
from tubewarren_services.audit.discrepancy import Discrepancy, Kind, lasting
from tubewarren_services.audit.gathering import file_book, in_hand, ledger_book, queue_book, sheet_book
from tubewarren_services.audit.reckoning import discrepancies
from tubewarren_services.cli.session import Session

if TYPE_CHECKING:
    from tubewarren.delivery import Delivery

_MARGIN: Final = timedelta(seconds=1)
_NEEDS_BEATS: Final = frozenset({Kind.LOST, Kind.NOT_IN_DEAD_QUEUE})
"""What workers have in hand can only be heard from themselves."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is looked at.

    Attributes:
        sheet: the workbook too, which is on this machine.
        files: the store too, which is on this machine.
        quick: compare the sizes of files, and not their checksums.
        patience: between the two looks.
    """

    sheet: bool = True
    files: bool = True
    quick: bool = False
    patience: timedelta = timedelta(seconds=3)


async def audited(session: Session, scope: Scope) -> tuple[Books, tuple[Discrepancy, ...]]:
    """The books as they are, and in what they differ for longer than a moment."""
    async with session.bus.watch(WorkerBeat.type) as heard:
        earlier = await _books(session, scope, lambda _: not scope.quick)
        suspected = discrepancies(_with_in_hand(earlier, ()))
        if not suspected:
            return earlier, ()
        await asyncio.sleep(_pause(session, scope, suspected).total_seconds())
        doubtful = (
            {name for name, result in earlier.files.results.items() if result.problem} if earlier.files else set()
        )
        later = await _books(session, scope, lambda video_id: not scope.quick and video_id in doubtful)
        beats = _heard(heard)
    found = [discrepancies(_with_in_hand(books, beats, later)) for books in (earlier, later)]
    return later, lasting(*found)


async def _books(session: Session, scope: Scope, reads_again: Callable[[str], bool]) -> Books:
    settings = session.settings
    storage = settings.store.name

    async def ask(query: QueryLedger) -> LedgerAnswered:
        return await session.require(query)

    queues = await queue_book(session.bus, session.topology, storage)
    ledger = await ledger_book(ask)
    sheet = files = None
    if scope.sheet:
        sheet = await asyncio.to_thread(sheet_book, open_workbook(settings.sheet), settings.sheet.most_videos)
    if scope.files:
        store = settings.store
        files = await asyncio.to_thread(file_book, store.results, store.selected, storage, reads_again)
    return Books(ledger, sheet, files, queues)


def _pause(session: Session, scope: Scope, suspected: Collection[Discrepancy]) -> timedelta:
    if not any(each.kind in _NEEDS_BEATS for each in suspected):
        return scope.patience
    return max(scope.patience, session.settings.heartbeat.every + _MARGIN)


def _heard(arrived: "asyncio.Queue[Delivery]") -> list[WorkerBeat]:
    beats = []
    while not arrived.empty():
        message = arrived.get_nowait().message
        if isinstance(message, WorkerBeat):
            beats.append(message)
    return beats


def _with_in_hand(books: Books, beats: Collection[WorkerBeat], consumers: Books | None = None) -> Books:
    """The books with what the workers said that they hold; without anybody's word, as if they held nothing."""
    queues = books.queues
    if queues is None:
        return books
    if consumers is None or consumers.queues is None:
        return replace(books, queues=replace(queues, in_hand={work.name: 0 for work in queues.topology.work}))
    return replace(books, queues=replace(queues, in_hand=in_hand(beats, consumers.queues)))

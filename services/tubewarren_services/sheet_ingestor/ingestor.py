"""The ingestor: looks at the list, decides, and carries out what was decided."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from tubewarren.bumping import ANNOUNCED_FOR
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Command, Message
from tubewarren.messages.bumps import AnnounceBump, BumpOrders, PrioritiseSource
from tubewarren.messages.commands import AddSource, QueryLedger
from tubewarren.messages.events import FleetGates, LedgerAnswered, SourceExpanded, SourceRefreshed
from tubewarren.outcomes import Done, Outcome, Refund
from tubewarren.runner import Activity
from tubewarren.sheets.errors import SheetError, SheetUnavailableError
from tubewarren.sheets.tabs import PRIORITY
from tubewarren.topology import SHEET_INGESTOR
from tubewarren_services.sheet_ingestor.calendar import Calendar
from tubewarren_services.sheet_ingestor.decisions import Decision
from tubewarren_services.sheet_ingestor.entries import Terms
from tubewarren_services.sheet_ingestor.handler import decide
from tubewarren_services.sheet_ingestor.intake import Wish
from tubewarren_services.sheet_ingestor.memory import Memory
from tubewarren_services.sheet_ingestor.pauses import Held
from tubewarren_services.sheet_ingestor.reading import Reader, Seen
from tubewarren_services.sheet_ingestor.rows import ListRow
from tubewarren_services.sheet_ingestor.steps import refresh_of, steps_of
from tubewarren_services.sheet_ingestor.videos import SetBack, set_back_videos

Publish = Callable[..., Awaitable[None]]
"""Publishes messages, all confirmed when it returns."""
Ask = Callable[[Command], Awaitable[FleetGates | None]]
"""Asks the heartbeat-monitor to do something; None when it does not answer."""
AskLedger = Callable[[QueryLedger], Awaitable[LedgerAnswered | None]]
"""None when no results-manager answers."""

_ORDERS_AT_ONCE: Final = 500
_MOST_SOURCES: Final = 100_000
_NO_MONITOR: Final = (
    "No heartbeat-monitor answers: what the list says about pausing, cancelling and retrying waits for it."
)
_NO_LEDGER: Final = "No results-manager answers: what the list says about priorities waits for it."

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Ingestor:
    """The one that reads the list. Sheet trouble is told in the heartbeat, and a later look tries again.

    Attributes:
        settle_looks: how many looks must find a row as it is before it is taken.
        looked: set after every look.
    """

    reader: Reader
    terms: Terms
    worker: str
    publish: Publish
    ask: Ask
    ask_ledger: AskLedger
    calendar: Calendar
    settle_looks: int = 1
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    _memory: Memory = field(init=False)
    _held: Held = field(default_factory=Held)
    _held_at: datetime | None = None
    _trouble: str = ""
    _row_trouble: str = ""
    _monitor_trouble: str = ""
    _is_unanswered: bool = False
    _has_no_ledger: bool = False
    _looks: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._memory = Memory(same_channel=self.calendar.twin)

    async def look(self) -> bool:
        """One look at the list: import what is new, give ids, decide, and carry out; False when it cannot be used.

        A tab that a person has to mend is no reason to look less often.
        """
        async with self._turn:
            try:
                await self._look()
            except SheetError as error:
                if str(error) != self._trouble:
                    log.warning("the list cannot be used; trying again", problem=str(error))
                self._trouble = str(error)
                return not isinstance(error, SheetUnavailableError)
            else:
                self._trouble = ""
                return True
            finally:
                self.looked.set()

    async def take_order(self, delivery: Delivery) -> Outcome:
        """Put a source on the list, or write another priority there, as asked by the command line."""
        try:
            async with self._turn:
                match delivery.message:
                    case AddSource() as order:
                        wish = Wish(order.url, {**order.columns, PRIORITY: str(order.priority)})
                        await asyncio.to_thread(self.reader.add, wish)
                    case PrioritiseSource(source_id=source_id, priority=priority):
                        # When it is seen in the row, what waits was bumped already.
                        self._memory.bumped[source_id] = priority
                        await asyncio.to_thread(self.reader.prioritise, source_id, priority)
                        self._memory.prioritised(source_id, priority)
                    case other:
                        raise TypeError(f"{SHEET_INGESTOR} cannot handle a {other.type}")
        except SheetError as error:
            return Refund(Failure(kind=FailureKind.UNFIT, reason=str(error)))
        await self.look()
        return Done()

    def hear(self, told: FleetGates | None) -> None:
        """Learn what holds work back; older news than the newest says nothing."""
        if told is not None and (self._held_at is None or told.at >= self._held_at):
            self._held, self._held_at = Held.of(told), told.at

    def hear_of_listing(self, event: SourceExpanded | SourceRefreshed) -> None:
        """Learn what a listing says of its source, for the next time."""
        fresh, is_whole = None, True
        if isinstance(event, SourceRefreshed):
            fresh, is_whole = event.fresh, event.is_whole
        self.calendar.hear(event.source_id, event.at, channel_id=event.channel_id, fresh=fresh, is_whole=is_whole)

    def activity(self) -> Activity:
        """What the heartbeat says."""
        facts = {"looks": min(self._looks, 2), "sources": len(self._memory.decided)}
        troubles = (self.reader.sources_file.trouble, self._row_trouble, self._monitor_trouble)
        return Activity(doing=" ".join(words for words in troubles if words), unfit=self._trouble, facts=facts)

    async def _look(self) -> None:
        seen = await asyncio.to_thread(self.reader.look)
        self._row_trouble = seen.doubled
        settled = self._memory.see(seen.rows, self.settle_looks)
        decisions = await asyncio.to_thread(decide, settled, self._memory, self._held, self.terms)
        self._is_unanswered = self._has_no_ledger = False
        for decision in decisions:
            if await self._carry_out(decision):
                self._memory.note(decision)
        await self._recall()
        await self._bring_back(seen)
        await self._refresh(seen.rows)
        self._monitor_trouble = _NO_MONITOR if self._is_unanswered else _NO_LEDGER if self._has_no_ledger else ""
        if (carried_out := self._memory.carried_out()).tabs:
            await asyncio.to_thread(self.reader.show, carried_out)
            self._memory.forget(carried_out)
        if len(settled) == len(seen.rows):
            self._looks += 1

    async def _carry_out(self, decision: Decision) -> bool:
        """Whether all of it is done; what is not is tried again at the next look."""
        steps = steps_of(decision, self._held.cancelled, self.worker, self.clock())
        if not await self._asked(*steps.asked):
            return False
        if steps.bumped is not None and not await self._bumped(steps.bumped):
            return False
        await self._publish(steps.ordered)
        await self._publish(steps.told)
        return True

    async def _bumped(self, order: BumpOrders) -> bool:
        """Whether what waits of a source will be moved; one of which nothing waits is left alone."""
        if self._has_no_ledger:
            return False
        answer = await self.ask_ledger(QueryLedger(topic="sources", source_id=order.source_id))
        if answer is None:
            self._has_no_ledger = True
            return False
        if not may_wait(answer.rows):
            return True
        if not await self._asked(AnnounceBump(source_id=order.source_id)):
            return False
        at = self.clock() + ANNOUNCED_FOR
        await self.publish(order.model_copy(update={"storage": answer.storage, "not_before": at}))
        return True

    async def _recall(self) -> None:
        """Ask with which priorities the sources were ordered that were at work before us; the next look compares."""
        if not self._memory.found or self._has_no_ledger:
            return
        answer = await self.ask_ledger(QueryLedger(topic="sources", limit=_MOST_SOURCES))
        if answer is None:
            self._has_no_ledger = True
            return
        self._memory.recall(ordered_priorities(answer.rows))

    async def _bring_back(self, seen: Seen) -> None:
        if seen.videos is None:
            return
        self._memory.videos &= seen.videos.keys()
        for videos in set_back_videos(seen.videos, self._memory.videos, self._memory.entry):
            if await self._brought_back(videos):
                self._memory.videos |= videos.keys

    async def _refresh(self, rows: Iterable[ListRow]) -> None:
        """Order what is due of those sources that are looked through again and again."""
        entries = {row.source_id: self._memory.entry(row.source_id) for row in rows}
        known = {each: entry for each, entry in entries.items() if entry is not None}
        rhythms = {each: entry.rhythm for each, entry in known.items() if entry.rhythm is not None}
        not_now = {row.source_id for row in rows if row.waits or row.has_failed}
        held = not_now | self._held.paused | self._held.cancelled
        now = self.clock()
        for source_id in self.calendar.due(rhythms, now, held=held, unread=entries.keys() - known.keys()):
            kind = self.calendar.appointment(source_id).kind(now)
            await self.publish(refresh_of(source_id, known[source_id], kind, self.calendar.channel(source_id)))
            self.calendar.note_ordered(source_id, now)

    async def _brought_back(self, videos: SetBack) -> bool:
        if videos.redrive is not None and not await self._asked(videos.redrive):
            return False
        for start in range(0, len(videos.lost), _ORDERS_AT_ONCE):
            await self._publish(videos.lost[start : start + _ORDERS_AT_ONCE])
        return True

    async def _asked(self, *orders: Command) -> bool:
        """Whether the heartbeat-monitor did all of it; one that does not answer is not asked again in the same look."""
        for order in orders:
            told = None if self._is_unanswered else await self.ask(order)
            if told is None:
                self._is_unanswered = True
                return False
            self.hear(told)
        return True

    async def _publish(self, messages: tuple[Message, ...]) -> None:
        if messages:
            await self.publish(*messages)


def ordered_priorities(rows: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """With which priority the sources were ordered of which anything may wait, by the ledger's rows of them."""
    return {
        str(row["source_id"]): priority
        for row in rows
        # Of a source that the ledger knows from its videos alone it knows no priority.
        if row.get("ordered_at") and isinstance(priority := row.get("priority"), int) and may_wait((row,))
    }


def may_wait(rows: Iterable[Mapping[str, object]]) -> bool:
    """Whether anything of a source may wait in a queue, by the ledger's row of it."""
    return any(row.get("state") in ("pending", "in-progress") for row in rows)

"""Where permits are asked for: the books, kept across restarts, and who is told when a gate closes or opens."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter

from tubewarren.bus import BusError
from tubewarren.delivery import Delivery
from tubewarren.messages.bumps import AnnounceBump
from tubewarren.messages.events import FleetGates, Gate
from tubewarren.messages.permits import CancelSource, QueryGates, RedriveDead, RequestPermit, SetPause
from tubewarren.outcomes import Done, Outcome
from tubewarren_services.heartbeat_monitor.memory import StateFile
from tubewarren_services.heartbeat_monitor.permits import books as decisions
from tubewarren_services.heartbeat_monitor.permits.books import Books
from tubewarren_services.heartbeat_monitor.permits.egress import Chance
from tubewarren_services.heartbeat_monitor.permits.gates import gates
from tubewarren_services.heartbeat_monitor.permits.policy import Policy
from tubewarren_services.heartbeat_monitor.permits.returning import Returning

_SAVE_EVERY: Final = timedelta(seconds=5)
_TELL_EVERY: Final = timedelta(minutes=1)
"""Who came late, or lost an event, learns of the gates by then."""
_RELEASE_FOR: Final = timedelta(seconds=30)
"""After a resume a worker's lease may still let it hold work back for a moment; so it is looked for again."""
_RELEASE_EVERY: Final = timedelta(seconds=5)

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class PermitOffice:
    """The state of the gates, and how it is told.

    Attributes:
        release: sends all that is held for paused sources back to work; what is still paused is held again.
        redrive: sends given-up orders back to work and tells of them; returns their number.
        clock: our own time, the only one that counts.
        chance: spreads the pauses.
        trouble: why the books cannot be written down; empty when they can.
        wanted: set when a review is wanted at once.
    """

    file: StateFile[Books]
    policy: Policy
    publish: Callable[..., Awaitable[None]]
    release: Callable[[], Awaitable[int]]
    redrive: Callable[[Returning], Awaitable[int]]
    clock: Callable[[], datetime]
    chance: Chance = random.random
    books: Books = field(default_factory=Books)
    trouble: str = ""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _saved: Books = field(default_factory=Books)
    _saved_at: datetime | None = None
    _told: tuple[Gate, ...] | None = None
    _told_at: datetime | None = None
    _release_until: datetime | None = None
    _released_at: datetime | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        policy: Policy,
        publish: Callable[..., Awaitable[None]],
        release: Callable[[], Awaitable[int]],
        redrive: Callable[[Returning], Awaitable[int]],
        clock: Callable[[], datetime],
    ) -> "PermitOffice":
        """Begin with what was so before."""
        file = StateFile(path, TypeAdapter(Books), "pauses, cancelled sources and sleeping egresses")
        office = cls(file, policy, publish, release, redrive, clock)
        office.books = office._saved = file.load() or Books()
        # Whoever was stopped between a resume and its release left something behind.
        office._release_until = clock() + _RELEASE_FOR
        return office

    async def answer(self, delivery: Delivery) -> Outcome:
        """Decide about a request, or do what a person says. A pause is written down before it is confirmed."""
        match delivery.message:
            case RequestPermit() as request:
                self.books, permit = decisions.decide(self.books, request, self.policy, self.clock(), self.chance)
                return Done(reply=decisions.with_bumps(self.books, request, permit))
            case SetPause() as order:
                self.books = decisions.set_pause(self.books, order, self.clock())
                if not order.paused:
                    self._release_soon()
                await self.tell()
                return Done(reply=self._snapshot())
            case CancelSource() as order:
                self.books = decisions.set_cancelled(self.books, order, self.clock())
                if order.cancelled:
                    # What is held for a pause is to be given up, which only workers do.
                    self._release_soon()
                await self.tell()
                return Done(reply=self._snapshot())
            case RedriveDead() as order:
                self.books = decisions.bring_back(self.books, order)
                await self._save()
                self.wanted.set()
                return Done(reply=self._snapshot())
            case AnnounceBump() as order:
                self.books = decisions.announce_bump(self.books, order, self.clock())
                await self._save()
                return Done(reply=self._snapshot())
            case QueryGates():
                return Done(reply=self._snapshot())
            case other:
                raise TypeError(f"the heartbeat-monitor cannot answer a {other.type}")

    async def hear(self, deliveries: Sequence[Delivery]) -> None:
        """Learn from how pieces of work ended."""
        before = self.books
        for delivery in deliveries:
            self.books = decisions.hear(self.books, delivery.message, self.policy, self.clock())
        if self.books is not before:
            await self.tell()

    async def review(self) -> None:
        """Every few seconds, and when it is wanted: write down, tell, and release what is held for nobody."""
        now = self.clock()
        self.books = decisions.forget(self.books, now)
        if _is_due(self._saved_at, now, _SAVE_EVERY):
            await self._save()
        if _is_due(self._told_at, now, _TELL_EVERY):
            self._told = None
        await self.tell()
        try:
            await self._release(now)
            await self._send_back()
        except BusError as error:
            log.info("cannot send work back yet; trying again", problem=str(error))

    async def tell(self) -> None:
        """Publish the gates when they changed, written down first."""
        found = gates(self.books)
        if found == self._told:
            return
        await self._save()
        if self._told is not None:
            _log(self._told, found)
        self._told, self._told_at = found, self.clock()
        await self.publish(self._snapshot())

    def _release_soon(self) -> None:
        self._release_until, self._released_at = self.clock() + _RELEASE_FOR, None
        self.wanted.set()

    def _snapshot(self) -> FleetGates:
        return FleetGates(at=self.clock(), gates=gates(self.books))

    async def _release(self, now: datetime) -> None:
        if self._release_until is None or not _is_due(self._released_at, now, _RELEASE_EVERY):
            return
        self._released_at = now
        count = await self.release()
        if count:
            log.info("held work goes back to its queue", messages=count)
        if not timedelta(0) <= self._release_until - now <= _RELEASE_FOR:
            self._release_until = None

    async def _send_back(self) -> None:
        """Forgotten only when they are back: twice is harmless, never is not."""
        if wanted := decisions.to_send_back(self.books):
            count = await self.redrive(wanted)
            log.info("what was given up goes back to work", messages=count)
            self.books = decisions.sent_back(self.books, wanted)

    async def _save(self) -> None:
        self._saved_at = self.clock()
        books = self.books
        if books == self._saved:
            return
        try:
            await asyncio.to_thread(self.file.save, books)
        except OSError as error:
            trouble = f"Pauses cannot be written down ({error.strerror}): look at the data folder and its disk."
            if trouble != self.trouble:
                log.warning(trouble, path=str(error.filename))
            self.trouble = trouble
        else:
            self._saved, self.trouble = books, ""


def _is_due(before: datetime | None, now: datetime, every: timedelta) -> bool:
    """Also after the clock was set back."""
    return before is None or abs(now - before) >= every


def _log(before: tuple[Gate, ...], after: tuple[Gate, ...]) -> None:
    was = {(gate.kind, gate.name) for gate in before}
    now_closed = {(gate.kind, gate.name): gate for gate in after}
    for key, gate in now_closed.items():
        if key not in was:
            log.warning("closed", gate=gate.kind, of=gate.name, reason=gate.reason)
    for kind, name in was - now_closed.keys():
        log.info("open again", gate=kind, of=name)

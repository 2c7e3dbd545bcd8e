"""The results-manager at work: one ledger, one store."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from tubewarren.bus import Afterwards
from tubewarren.delivery import Delivery
from tubewarren.messages import Event
from tubewarren.messages.bumps import BumpOrders
from tubewarren.messages.commands import QueryLedger
from tubewarren.outcomes import Outcome
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.store.store import Store
from tubewarren.topology import questions, results_manager
from tubewarren_services.results_manager import bumping
from tubewarren_services.results_manager.handler import Burial, Ports, answer, carry_out, record, tell
from tubewarren_services.results_manager.ledger import Ledger, LedgerUnavailableError

_BATCH = 500
_LINGER = timedelta(milliseconds=200)
_TELL_EVERY = timedelta(seconds=1)
"""A source of half a million videos is counted for it."""
_MOST_UNTOLD = 5_000
_LOOK_AGAIN_AFTER = timedelta(seconds=5)
_EVERYTHING = 100_000

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the results-manager up."""
    settings, bus = surroundings.settings, surroundings.bus
    storage = settings.store.name
    store = await asyncio.to_thread(Store, settings.store.results.absolute(), settings.store.selected.absolute())
    ledger = await asyncio.to_thread(Ledger.open, settings.ledger_url, storage=storage)
    patience = Patience()
    ports = Ports(
        storage=storage,
        apply=lambda events, traces, burials: patience.keep_trying(_apply, ledger, events, traces, burials),
        progress=lambda asked: patience.keep_trying(ledger.progress, asked),
        answer=lambda asked: asyncio.to_thread(ledger.answer, asked),
        finished_videos=lambda asked: asyncio.to_thread(ledger.finished_videos, asked),
        selected_videos=lambda: asyncio.to_thread(_selected_videos, ledger, storage),
        select=lambda video_ids, dry_run: asyncio.to_thread(store.select, video_ids, dry_run=dry_run),
        return_all=lambda dry_run: asyncio.to_thread(store.return_all, dry_run=dry_run),
        publish=bus.publisher.publish,
    )
    bumps = bumping.Ports(
        standings=lambda order: asyncio.to_thread(ledger.standings, order),
        waiting=lambda order: _from_thread(ledger.waiting(order, bumping.AT_ONCE)),
        has_heard=lambda order, video_id, at: asyncio.to_thread(ledger.has_heard, order.source_id, video_id, at),
        publish=bus.publisher.publish,
        clock=lambda: datetime.now(UTC),
    )

    async def take_order(delivery: Delivery) -> Outcome:
        if isinstance(delivery.message, BumpOrders):
            return await bumping.bump(delivery.message, ports=bumps)
        return await carry_out(delivery, ports=ports)

    try:
        # The queue of a storage exists only once its results-manager has declared it; before that its orders
        # would find nobody.
        history = History(ports)
        listening = await bus.consume_events(
            f"{results_manager(storage)}.events",
            history.record,
            _BATCH,
            _LINGER,
            Afterwards(history.tell, _TELL_EVERY, _MOST_UNTOLD),
        )
        working = await bus.consume_commands(surroundings.topology, results_manager(storage), take_order, prefetch=1)
        answering = await bus.answer(questions(storage), partial(answer, ports=ports))
        facts: dict[str, str | int | float | bool] = {"storage": storage}
        yield Service(
            consumptions=(listening, working, answering),
            activity=lambda: Activity(unfit=patience.trouble, facts=facts),
            news=patience.news,
        )
    finally:
        await asyncio.to_thread(ledger.close)


@dataclass(slots=True)
class History:
    """What happens, into the ledger, and how far the sources are with it; several batches are told of together."""

    ports: Ports
    _further: frozenset[str] = frozenset()

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """Take a batch in."""
        self._further |= await record(deliveries, ports=self.ports)

    async def tell(self) -> None:
        """Tell what has not been told; what is taken in meanwhile is told the next time."""
        further, self._further = self._further, frozenset()
        await tell(further, ports=self.ports)


@dataclass(slots=True)
class Patience:
    """Waits for a ledger that is away: history stays in its queue meanwhile, where no retry is counted.

    Attributes:
        trouble: what is wrong with the ledger, for the heartbeat; empty when it answers.
        pause: waits for so many seconds.
        news: set when the trouble begins or is over.
    """

    trouble: str = ""
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep_trying(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do something with the ledger in a thread, however long it takes until the ledger is there."""
        while True:
            try:
                result = await asyncio.to_thread(work, *arguments, **named)
            except LedgerUnavailableError as error:
                self._tell(str(error))
                await self.pause(_LOOK_AGAIN_AFTER.total_seconds())
            else:
                self._tell("")
                return result

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.news.set()
            if trouble:
                log.warning("waiting for the ledger", problem=trouble)


async def _from_thread(parts: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """What a generator that blocks yields, one after the other."""
    try:
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part
    finally:
        with suppress(ValueError):  # a thread is still at it, and nobody else holds it when that ends
            await asyncio.to_thread(parts.close)


def _apply(
    ledger: Ledger, events: Sequence[Event], traces: Sequence[str | None], burials: Sequence[Burial]
) -> frozenset[str]:
    changed = ledger.apply(events, traces).sources
    for burial in burials:
        changed |= ledger.bury(burial.command, burial.failure, burial.at).sources
    return changed


def _selected_videos(ledger: Ledger, storage: str) -> list[str]:
    rows = ledger.answer(QueryLedger(topic="results", status="selected", limit=_EVERYTHING)).rows
    return [str(row["video_id"]) for row in rows if row["storage"] == storage]

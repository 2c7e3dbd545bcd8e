"""The results-manager at work: one ledger, one store."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from tubewarren.messages import Event
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.store.store import Store
from tubewarren.topology import questions, results_manager
from tubewarren_services.results_manager.handler import Burial, Ports, answer, carry_out, record
from tubewarren_services.results_manager.ledger import Ledger

_BATCH = 500
_LINGER = timedelta(milliseconds=200)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the results-manager up."""
    settings, bus = surroundings.settings, surroundings.bus
    storage = settings.store.name
    store = await asyncio.to_thread(Store, settings.store.results.absolute(), settings.store.selected.absolute())
    ledger = await asyncio.to_thread(Ledger.open, settings.ledger_url, storage=storage)
    ports = Ports(
        storage=storage,
        apply=partial(_apply, ledger),
        progress=lambda asked: asyncio.to_thread(ledger.progress, asked),
        answer=lambda asked: asyncio.to_thread(ledger.answer, asked),
        finished_videos=lambda asked: asyncio.to_thread(ledger.finished_videos, asked),
        select=lambda video_ids, dry_run: asyncio.to_thread(store.select, video_ids, dry_run=dry_run),
        return_all=lambda dry_run: asyncio.to_thread(store.return_all, dry_run=dry_run),
        publish=bus.publisher.publish,
    )
    try:
        # The queue of a storage exists only once its results-manager has declared it; before that its orders
        # would find nobody.
        listening = await bus.consume_events(
            f"{results_manager(storage)}.events", partial(record, ports=ports), _BATCH, _LINGER
        )
        working = await bus.consume_commands(
            surroundings.topology, results_manager(storage), partial(carry_out, ports=ports), prefetch=1
        )
        answering = await bus.answer(questions(storage), partial(answer, ports=ports))
        facts: dict[str, str | int | float | bool] = {"storage": storage}
        yield Service(consumptions=(listening, working, answering), activity=lambda: Activity(facts=facts))
    finally:
        await asyncio.to_thread(ledger.close)


async def _apply(
    ledger: Ledger, events: Sequence[Event], traces: Sequence[str | None], burials: Sequence[Burial]
) -> frozenset[str]:
    changed = (await asyncio.to_thread(ledger.apply, events, traces)).sources
    for burial in burials:
        buried = await asyncio.to_thread(ledger.bury, burial.command, burial.failure, burial.at)
        changed |= buried.sources
    return changed

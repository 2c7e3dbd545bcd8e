"""The expander at work: one warm yt-dlp process that lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from tubewarren.bus import Bus
from tubewarren.fitness import machine_with, unfitness
from tubewarren.messages.commands import ExpandSource, QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren.runner import Service, Surroundings
from tubewarren.settings import Settings
from tubewarren.topology import SOURCE_EXPANDER
from tubewarren.workplace import open_workplace
from tubewarren.youtube.identity import Identity
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import ListOrder, Page
from tubewarren_services.source_expander.handler import Given, Ports, handle
from tubewarren_services.source_expander.refresh import Known

_SOURCES_AT_A_TIME = 2
_LEDGER_PATIENCE = timedelta(seconds=10)
_PRIORITY_PATIENCE = timedelta(seconds=2)
"""The next page is waiting for it."""
_MOST_KNOWN = 100_000


@dataclass(slots=True)
class _Doing:
    """Which sources are being listed, several at a time."""

    by_source: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return ", ".join(words for _, words in sorted(self.by_source.items()))

    def say(self, source_id: str, words: str) -> None:
        if words:
            self.by_source[source_id] = words
        else:
            self.by_source.pop(source_id, None)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the expander up."""
    doing, youtube = _Doing(), surroundings.settings.youtube
    settings, bus = surroundings.settings, surroundings.bus
    needs = settings.fitness.model_copy(update={"disk_floor": 0, "programs": ()})
    # Of all that a machine must have, listing needs yt-dlp alone, and what is loaded stays as it is.
    seen = await asyncio.to_thread(machine_with, settings.store.results, asks_node=False)
    too_old = unfitness(seen, needs)

    async def unfit() -> str:
        return too_old

    async with (
        open_workplace(surroundings, SOURCE_EXPANDER, unfit) as place,
        ChildPool(_SOURCES_AT_A_TIME, nursery=place.nursery) as pool,
    ):
        ports = Ports(
            worker=surroundings.worker.name,
            egress=place.identity.egress,
            presets=youtube.all_presets.keys(),
            wanted=lambda source: youtube.wanted(source.preset, source.columns),
            known=partial(_known, bus),
            pages=partial(_pages, pool, settings, place.identity),
            publish=bus.publisher.publish,
            working_on=doing.say,
            given=partial(_given, bus),
        )
        yield await place.work(
            lambda delivery, egress: handle(delivery, ports=replace(ports, egress=egress)),
            _SOURCES_AT_A_TIME,
            doing=lambda: doing.words,
            facts={"yt_dlp": version("yt-dlp")},
        )


async def _known(bus: Bus, source_id: str) -> Known | None:
    question = QueryLedger(topic="known", source_id=source_id, limit=_MOST_KNOWN)
    answer = await bus.ask_one(question, LedgerAnswered, _LEDGER_PATIENCE)
    if answer is None:
        return None
    return Known(
        videos=frozenset(str(row["video_id"]) for row in answer.rows),
        unlisted=frozenset(str(row["video_id"]) for row in answer.rows if row["unlisted"]),
    )


async def _given(bus: Bus, source_id: str) -> Given | None:
    question = QueryLedger(topic="bumped", source_id=source_id, limit=1)
    answer = await bus.ask_one(question, LedgerAnswered, _PRIORITY_PATIENCE)
    return Given.told_in(next(iter(answer.rows), {})) if answer else None


async def _pages(
    pool: ChildPool, settings: Settings, identity: Identity, source: ExpandSource, known: Known
) -> AsyncIterator[Page]:
    youtube = settings.youtube
    async with identity.wearing(youtube.options) as options:
        order = ListOrder(
            url=source.url,
            allowed_hosts=frozenset(youtube.allowed_hosts),
            options=options,
            rules=youtube.rules,
            page_size=youtube.page,
            deadline=youtube.listing_deadline,
            no_progress=youtube.listing_no_progress,
            is_for_news=source.refresh == "news",
            known=known.videos,
            channel_id=source.channel_id,
            wanted=youtube.wanted(source.preset, source.columns),
        )
        async with aclosing(pool.pages(order)) as pages:
            async for page in pages:
                yield page

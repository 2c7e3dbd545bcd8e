"""The expander at work: one warm yt-dlp process that lists."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version

from tubewarren.admission import Admission, ask_for_permit
from tubewarren.bus import Bus
from tubewarren.delivery import Delivery
from tubewarren.fitness import machine_with, unfitness
from tubewarren.messages.commands import ExpandSource, QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren.outcomes import Outcome
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.settings import Settings
from tubewarren.topology import SOURCE_EXPANDER
from tubewarren.youtube.identity import Identity, open_identity
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.startup import ensure_usable
from tubewarren.youtube.wire import ListOrder, Page
from tubewarren_services.source_expander.handler import Ports, handle
from tubewarren_services.source_expander.refresh import Known

_SOURCES_AT_A_TIME = 2
_LEDGER_PATIENCE = timedelta(seconds=10)
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
    await ensure_usable(youtube.options, youtube.presets)
    settings, bus = surroundings.settings, surroundings.bus
    needs = settings.fitness.model_copy(update={"disk_floor": 0, "programs": ()})
    # Of all that a machine must have, listing needs yt-dlp alone, and what is loaded stays as it is.
    seen = await asyncio.to_thread(machine_with, settings.store.results, asks_node=False)
    too_old = unfitness(seen, needs)
    async with (
        open_identity(settings.identity, bus.egress, SOURCE_EXPANDER) as identity,
        ChildPool(_SOURCES_AT_A_TIME) as pool,
    ):
        ports = Ports(
            worker=surroundings.worker.name,
            egress=identity.egress,
            presets=youtube.all_presets.keys(),
            wanted=lambda source: youtube.wanted(source.preset, source.columns),
            known=partial(_known, bus),
            pages=partial(_pages, pool, settings, identity),
            publish=bus.publisher.publish,
            working_on=doing.say,
        )

        async def why_unfit() -> str:
            # It may have another cookie jar now, which is another egress.
            reason = await identity.why_unfit()
            admission.egress = identity.egress
            return reason or too_old

        admission = Admission(
            worker=surroundings.worker.name,
            egress=identity.egress,
            stage=SOURCE_EXPANDER,
            ask=partial(ask_for_permit, bus),
            unfit=why_unfit,
            clock=lambda: datetime.now(UTC),
        )

        admission.why_unfit = await why_unfit()

        async def work(delivery: Delivery) -> Outcome:
            with admission.at_work(delivery):
                outcome = await handle(delivery, ports=replace(ports, egress=identity.egress))
                # Before the next order comes, and not only at the next look.
                admission.why_unfit = identity.why_changing or admission.why_unfit
                return admission.note(outcome)

        expanding = await bus.consume_commands(
            surroundings.topology,
            SOURCE_EXPANDER,
            work,
            prefetch=_SOURCES_AT_A_TIME,
            admit=admission.admit,
            egress=lambda: identity.egress,
        )
        facts: dict[str, str | int | float | bool] = {"yt_dlp": version("yt-dlp")}
        yield Service(
            consumptions=(expanding,),
            loops=(partial(admission.keep, (expanding,)),),
            activity=lambda: Activity(
                identity.with_alarm(doing.words or admission.words),
                admission.why_unfit,
                {**facts, **identity.facts},
            ),
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

"""The expander at work: one warm yt-dlp process that lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from tubewarren.admission import Admission, ask_for_permit
from tubewarren.delivery import Delivery
from tubewarren.outcomes import Outcome
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.settings import Settings
from tubewarren.topology import SOURCE_EXPANDER
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import ListOrder, Page
from tubewarren_services.source_expander.handler import Ports, handle

_SOURCES_AT_A_TIME = 2


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
    doing = _Doing()
    async with ChildPool(_SOURCES_AT_A_TIME) as pool:
        ports = Ports(
            worker=surroundings.worker.name,
            egress=surroundings.bus.egress,
            pages=partial(_pages, pool, surroundings.settings),
            publish=surroundings.bus.publisher.publish,
            working_on=doing.say,
        )
        admission = Admission(
            worker=surroundings.worker.name,
            egress=surroundings.bus.egress,
            stage=SOURCE_EXPANDER,
            ask=partial(ask_for_permit, surroundings.bus),
            unfit=_always_fit,
            clock=lambda: datetime.now(UTC),
        )

        async def work(delivery: Delivery) -> Outcome:
            with admission.at_work(delivery):
                return admission.note(await handle(delivery, ports=ports))

        expanding = await surroundings.bus.consume_commands(
            surroundings.topology, SOURCE_EXPANDER, work, prefetch=_SOURCES_AT_A_TIME, admit=admission.admit
        )
        yield Service(
            consumptions=(expanding,),
            loops=(partial(admission.keep, (expanding,)),),
            activity=lambda: Activity(doing.words or admission.words, facts={"egress": surroundings.bus.egress}),
        )


async def _always_fit() -> str:
    """Listing needs no disk and no other program."""
    return ""


def _pages(pool: ChildPool, settings: Settings, url: str) -> AsyncIterator[Page]:
    youtube = settings.youtube
    return pool.pages(
        ListOrder(
            url=url,
            allowed_hosts=frozenset(youtube.allowed_hosts),
            options=dict(youtube.options),
            rules=youtube.rules,
            page_size=youtube.page,
            deadline=youtube.listing_deadline,
            no_progress=youtube.listing_no_progress,
        )
    )

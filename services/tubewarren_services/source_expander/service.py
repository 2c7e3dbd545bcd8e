"""The expander at work: one warm yt-dlp process that lists."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

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
            pages=partial(_pages, pool, surroundings.settings),
            publish=surroundings.bus.publisher.publish,
            working_on=doing.say,
        )
        expanding = await surroundings.bus.consume_commands(
            surroundings.topology, SOURCE_EXPANDER, partial(handle, ports=ports), prefetch=_SOURCES_AT_A_TIME
        )
        yield Service(consumptions=(expanding,), activity=lambda: Activity(doing=doing.words))


def _pages(pool: ChildPool, settings: Settings, url: str) -> AsyncIterator[Page]:
    youtube = settings.youtube
    return pool.pages(
        ListOrder(
            url=url,
            allowed_hosts=frozenset(youtube.allowed_hosts),
            options=dict(youtube.options),
            page_size=youtube.page,
            deadline=youtube.listing_deadline,
            no_progress=youtube.listing_no_progress,
        )
    )

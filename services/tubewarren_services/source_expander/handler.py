"""Turning a source into orders, page by page, so that the first videos run while the rest is being listed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import ListedVideo, SourceExpanded, VideosQueued
from tubewarren.outcomes import Done, Outcome, outcome_of
from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.wire import Page

_MOST_NOTES = 20


@dataclass(frozen=True, slots=True)
class Ports:
    """What the expander needs of the world.

    Attributes:
        worker: this expander's name.
        egress: its way to the internet.
        pages: lists an address lazily; raises YoutubeError. The next page is fetched only when it is asked for.
        publish: publishes messages; all are confirmed when it returns.
        working_on: told how far a source's listing is, for the heartbeat; empty when it has ended.
    """

    worker: str
    egress: str
    pages: Callable[[str], AsyncIterator[Page]]
    publish: Callable[..., Awaitable[None]]
    working_on: Callable[[str, str], None]


@dataclass(slots=True)
class _Tally:
    keys: set[str] = field(default_factory=set)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)


async def handle(delivery: Delivery, *, ports: Ports) -> Outcome:
    """List one source. A repeat orders the same videos under the same ids, which the downloaders recognise."""
    source = delivery.message
    if not isinstance(source, ExpandSource):
        raise TypeError(f"the source-expander cannot handle a {source.type}")
    tally = _Tally()
    try:
        async with aclosing(ports.pages(source.url)) as pages:  # type: ignore[type-var] # a generator, typed loosely
            async for page in pages:
                await _order(source, page, tally, ports)
                ports.working_on(source.source_id, f"source {source.source_id}: {len(tally.keys)} videos so far")
    except YoutubeError as error:
        return outcome_of(error.failure, datetime.now(UTC))
    finally:
        ports.working_on(source.source_id, "")
    return Done(publish=(_summary(source, tally, ports),))


async def _order(source: ExpandSource, page: Page, tally: _Tally, ports: Ports) -> None:
    """Tell of a page, then order it: whoever sees an order has heard of its video before."""
    tally.left_out += len(page.left_out)
    tally.notes += page.left_out[: _MOST_NOTES - len(tally.notes)]
    fresh = {entry.key: entry for entry in page.entries if entry.key not in tally.keys}
    if not fresh:
        return
    tally.keys.update(fresh)
    videos = tuple(
        ListedVideo(video_id=key, url=entry.url, title=entry.title, duration_seconds=entry.duration_seconds)
        for key, entry in fresh.items()
    )
    await ports.publish(VideosQueued(at=datetime.now(UTC), source_id=source.source_id, videos=videos))
    await ports.publish(*(_order_for(source, video) for video in videos))


def _order_for(source: ExpandSource, video: ListedVideo) -> DownloadVideo:
    return DownloadVideo(
        video_id=video.video_id,
        url=video.url,
        source_id=source.source_id,
        title=video.title,
        duration_seconds=video.duration_seconds,
        columns=source.columns,
        priority=source.priority,
        preset=source.preset,
    )


def _summary(source: ExpandSource, tally: _Tally, ports: Ports) -> SourceExpanded:
    return SourceExpanded(
        at=datetime.now(UTC),
        source_id=source.source_id,
        videos=len(tally.keys),
        refused=tally.left_out,
        notes=tuple(tally.notes),
        worker=ports.worker,
        egress=ports.egress,
    )

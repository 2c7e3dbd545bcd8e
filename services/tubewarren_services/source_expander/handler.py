"""Turning a source into orders, page by page, so that the first videos run while the rest is being listed."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import ListedVideo, SourceExpanded, SourceRefreshed, VideosQueued
from tubewarren.outcomes import Done, Outcome, Refund, outcome_of
from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.filters import Filter, Sieve
from tubewarren.youtube.presets import unknown_preset
from tubewarren.youtube.wire import Page
from tubewarren_services.source_expander.refresh import NOTHING_KNOWN, Known, failed, findings, is_given_up

_MOST_NOTES = 20
_LOOK_EVERY: Final = timedelta(seconds=2)
"""What waits is moved only some seconds after the ledger has heard of another priority: none is found in between."""
_NO_LEDGER = Failure(
    kind=FailureKind.TRANSIENT,
    reason="No results-manager answers, and it knows what of this source is new: it is asked again.",
)


@dataclass(frozen=True, slots=True)
class Given:
    """The priority that the list gives a source, and since when it says so."""

    priority: int
    at: datetime

    @classmethod
    def told_in(cls, row: Mapping[str, object]) -> Self | None:
        """What a row of the ledger's answer about an order says; None where it says nothing."""
        match row.get("priority"), row.get("listed_at"):
            case int(priority), str(listed_at):
                return cls(priority, datetime.fromisoformat(listed_at))
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Ports:
    """What the expander needs of the world.

    Attributes:
        worker: this expander's name.
        egress: its way to the internet.
        presets: the names of those that it knows.
        wanted: which videos of a source are to be ordered; raises YoutubeError when that cannot be understood.
        known: what was ordered of a source before; None when nobody answers.
        pages: lists a source lazily; raises YoutubeError. It is never more than one page ahead.
        publish: publishes messages; all are confirmed when it returns.
        working_on: told how far a source's listing is, for the heartbeat; empty when it has ended.
        given: the priority that a source has by now; None when nobody answers.
        timer: seconds that pass evenly.
    """

    worker: str
    egress: str
    presets: Collection[str]
    wanted: Callable[[ExpandSource], Filter]
    known: Callable[[str], Awaitable[Known | None]]
    pages: Callable[[ExpandSource, Known], AsyncIterator[Page]]
    publish: Callable[..., Awaitable[None]]
    working_on: Callable[[str, str], None]
    given: Callable[[str], Awaitable[Given | None]]
    timer: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Tally:
    sieve: Sieve
    known: Known
    channel_id: str
    keys: set[str] = field(default_factory=set)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)
    look_at: float | None = None


async def handle(delivery: Delivery, *, ports: Ports) -> Outcome:
    """List one source. A repeat orders the same videos under the same ids, which the downloaders recognise."""
    source = delivery.message
    if not isinstance(source, ExpandSource):
        raise TypeError(f"the source-expander cannot handle a {source.type}")
    if source.preset and source.preset not in ports.presets:
        return Refund(unknown_preset(source.preset, ports.presets, ports.worker))
    known = await ports.known(source.source_id) if source.refresh else NOTHING_KNOWN
    if known is None:
        return Refund(_NO_LEDGER)
    try:
        tally = _Tally(Sieve(ports.wanted(source), begins=datetime.now(UTC)), known, source.channel_id)
        async with aclosing(ports.pages(source, known)) as pages:  # type: ignore[type-var] # a generator, typed loosely
            async for page in pages:
                source = await _as_given_now(source, delivery, tally, ports)
                await _order(source, page, tally, ports)
                ports.working_on(source.source_id, f"source {source.source_id}: {tally.sieve.taken} videos so far")
                if tally.sieve.is_full:
                    break
    except YoutubeError as error:
        outcome = outcome_of(error.failure, now := datetime.now(UTC))
        if source.refresh and is_given_up(outcome, delivery.attempt):
            return Done(publish=(failed(source, error.failure.reason, ports.worker, ports.egress, now),))
        return outcome
    finally:
        ports.working_on(source.source_id, "")
    if source.refresh:
        return Done(publish=findings(source, _refreshed(source, tally, ports), tally.keys, known))
    return Done(publish=(_summary(source, tally, ports),))


async def _as_given_now(source: ExpandSource, delivery: Delivery, tally: _Tally, ports: Ports) -> ExpandSource:
    """The order, with the priority that its source was given since: what is found from now on has that."""
    ordered_at = source.bumped_at or delivery.ordered_at
    if ordered_at is None or (tally.look_at is not None and ports.timer() < tally.look_at):
        return source
    given = await ports.given(source.source_id)
    tally.look_at = ports.timer() + _LOOK_EVERY.total_seconds()
    if given is None or given.at <= ordered_at:
        return source
    return source.model_copy(update={"priority": given.priority})


async def _order(source: ExpandSource, page: Page, tally: _Tally, ports: Ports) -> None:
    """Tell of a page, then order it: whoever sees an order has heard of its video before."""
    tally.left_out += len(page.left_out)
    tally.notes += page.left_out[: _MOST_NOTES - len(tally.notes)]
    tally.channel_id = next((entry.channel_id for entry in page.entries if entry.channel_id), tally.channel_id)
    unseen = {entry.key: entry for entry in page.entries if entry.key not in tally.keys}
    tally.keys.update(unseen)
    videos = tuple(
        ListedVideo(
            video_id=key,
            url=entry.url,
            title=entry.title,
            duration_seconds=entry.duration_seconds,
            not_before=tally.sieve.not_before,
        )
        for key, entry in unseen.items()
        if tally.sieve.take(entry.title, entry.duration_seconds, entry.tab, is_known=key in tally.known.videos)
    )
    if not videos:
        return
    await ports.publish(VideosQueued(at=datetime.now(UTC), source_id=source.source_id, videos=videos))
    # Of a refresh, only what is ordered now counts: that is new, and little.
    first = tally.sieve.taken - len(videos) + 1
    await ports.publish(*(_order_for(source, video, place) for place, video in enumerate(videos, first)))


def _order_for(source: ExpandSource, video: ListedVideo, place: int) -> DownloadVideo:
    return DownloadVideo(
        video_id=video.video_id,
        url=video.url,
        source_id=source.source_id,
        title=video.title,
        duration_seconds=video.duration_seconds,
        columns=source.columns,
        priority=source.priority,
        preset=source.preset,
        not_before=video.not_before,
        place=place,
    )


def _summary(source: ExpandSource, tally: _Tally, ports: Ports) -> SourceExpanded:
    return SourceExpanded(
        at=datetime.now(UTC),
        source_id=source.source_id,
        videos=tally.sieve.taken,
        refused=tally.left_out + tally.sieve.dropped.total(),
        notes=(*tally.sieve.notes, *tally.notes)[:_MOST_NOTES],
        worker=ports.worker,
        egress=ports.egress,
        channel_id=tally.channel_id,
    )


def _refreshed(source: ExpandSource, tally: _Tally, ports: Ports) -> SourceRefreshed:
    return SourceRefreshed(
        at=datetime.now(UTC),
        source_id=source.source_id,
        fresh=tally.sieve.taken,
        is_whole=source.refresh == "all" and not tally.sieve.is_full,
        refused=tally.left_out + tally.sieve.dropped.total(),
        notes=(*tally.sieve.notes, *tally.notes)[:_MOST_NOTES],
        channel_id=tally.channel_id,
        worker=ports.worker,
        egress=ports.egress,
    )

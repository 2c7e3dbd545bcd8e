"""Bumping: copies of the orders that wait are sent with another priority; the originals are passed over in their turn.

It may be interrupted at any point and begun anew: of several copies the newest counts. A copy is told of only when the
broker has it, because whoever hears of it passes over the original.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.bumps import BumpAnswered, BumpOrders, Listing, OrdersBumped
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.outcomes import Done, Outcome, Retry
from tubewarren.sheets.tabs import PRESET
from tubewarren_services.results_manager.ledger.errors import LedgerError
from tubewarren_services.results_manager.ledger.records import Row
from tubewarren_services.results_manager.ledger.sources import Source
from tubewarren_services.results_manager.ledger.standings import WAITING, Standings

AT_ONCE: Final = 1000
"""Copies that are in memory and on their way to the broker together."""
_TOLD_AT_ONCE: Final = 100
_LONGEST_WAIT: Final = timedelta(seconds=10)
"""Until every worker has heard of it: the asker's clock may be another one."""
_LOOK_EVERY: Final = timedelta(milliseconds=100)
_MOST_LOOKS: Final = 100


@dataclass(frozen=True, slots=True)
class Ports:
    """What bumping needs of the world.

    Attributes:
        standings: how far the source is; raises LedgerError, and so does
        waiting: the videos that wait, at most `AT_ONCE` at a time; and
        has_heard: whether the ledger has heard of the copy for a video that was sent at that time.
        publish: publishes messages; all are confirmed when it returns.
        clock: the present.
        pause: waits for so many seconds.
    """

    standings: Callable[[BumpOrders], Awaitable[Standings]]
    waiting: Callable[[BumpOrders], AsyncGenerator[Sequence[Row], None]]
    has_heard: Callable[[BumpOrders, str, datetime], Awaitable[bool]]
    publish: Callable[..., Awaitable[None]]
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep


async def bump(order: BumpOrders, *, ports: Ports) -> Outcome:
    """Carry the order out, and answer what was done, or would be."""
    try:
        if order.not_before is not None and not order.dry_run:
            wait = min(order.not_before - ports.clock(), _LONGEST_WAIT)
            await ports.pause(max(wait, timedelta(0)).total_seconds())
        standings = await ports.standings(order)
        listing = Listing.NONE if order.video_id else standings.listing
        if order.dry_run:
            return Done(reply=_answer(order, standings, listing, standings.videos.get(WAITING, 0), ports.clock()))
        if listing is Listing.BUMPED and standings.source is not None:
            await _send_listing(order, standings.source, ports)
        bumped = await _send_videos(order, standings.source, ports)
        return Done(reply=_answer(order, standings, listing, bumped, ports.clock()))
    except LedgerError as error:
        return Retry(Failure(kind=FailureKind.UNFIT, reason=str(error)))


async def _send_listing(order: BumpOrders, source: Source, ports: Ports) -> None:
    now = ports.clock()
    columns = _columns(source)
    copy = ExpandSource(
        source_id=order.source_id,
        url=source.entry.url,
        columns=columns,
        priority=order.priority,
        preset=columns.get(PRESET, ""),
        bumped_at=now,
    )
    await ports.publish(copy)
    await ports.publish(OrdersBumped(at=now, source_id=order.source_id, priority=order.priority, is_listing=True))


async def _send_videos(order: BumpOrders, source: Source | None, ports: Ports) -> int:
    columns, sent, last = _columns(source), 0, None
    async with aclosing(ports.waiting(order)) as pages:
        async for videos in pages:
            now = ports.clock()
            first = sent + 1 if order.keeps_places else None
            await ports.publish(*_copies(order, videos, columns, now, first))
            if last is not None:
                await _let_the_ledger_keep_up(order, *last, ports)
            await ports.publish(*_told(order, videos, now))
            sent, last = sent + len(videos), (str(videos[-1]["video_id"]), now)
    return sent


async def _let_the_ledger_keep_up(order: BumpOrders, video_id: str, sent_at: datetime, ports: Ports) -> None:
    """Wait until it has heard of the copies before: one that is far behind knows nothing of who has begun.

    Not for ever: there may be another reason why it is behind.
    """
    for _ in range(_MOST_LOOKS):
        if await ports.has_heard(order, video_id, sent_at):
            return
        await ports.pause(_LOOK_EVERY.total_seconds())


def _copies(
    order: BumpOrders, videos: Sequence[Row], columns: Mapping[str, str], now: datetime, first: int | None
) -> Iterator[DownloadVideo]:
    """One for each video; numbered from the first place on, or each in the first place."""
    for number, video in enumerate(videos):
        yield DownloadVideo(
            video_id=video["video_id"],
            url=video["url"],
            source_id=order.source_id,
            title=video["title"],
            duration_seconds=video["duration_seconds"],
            columns=dict(columns),
            priority=order.priority,
            preset=columns.get(PRESET, ""),
            place=1 if first is None else first + number,
            bumped_at=now,
        )


def _told(order: BumpOrders, videos: Sequence[Row], now: datetime) -> Iterator[OrdersBumped]:
    ids = [str(video["video_id"]) for video in videos]
    for start in range(0, len(ids), _TOLD_AT_ONCE):
        some = tuple(ids[start : start + _TOLD_AT_ONCE])
        yield OrdersBumped(at=now, source_id=order.source_id, priority=order.priority, video_ids=some)


def _columns(source: Source | None) -> dict[str, str]:
    """What the list says of the source now."""
    return json.loads(source.entry.columns) if source else {}


def _answer(order: BumpOrders, standings: Standings, listing: Listing, bumped: int, now: datetime) -> BumpAnswered:
    return BumpAnswered(
        at=now,
        source_id=order.source_id,
        video_id=order.video_id,
        listing=listing,
        bumped=bumped,
        left={state: number for state, number in standings.videos.items() if state != WAITING},
        dry_run=order.dry_run,
    )

"""How a huge backlog fares: what it costs the broker, and how soon a small source that is added last begins."""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.lab import Lab, node_in
from bench.rows import Row
from tubewarren.bus import Bus, open_bus
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Done
from tubewarren.topology import DOWNLOADER, topology

_SOURCES: Final = 500
_SMALL: Final = "the small one"
_VIDEOS_OF_SMALL: Final = 3
_PAGE: Final = 100
_HANDS: Final = 4
_SECONDS: Final = (0.05, 0.2)
"""How long a simulated download takes, by chance."""
_A_WHILE: Final = timedelta(seconds=3)
_PATIENCE: Final = timedelta(minutes=3)
_GRACE: Final = timedelta(seconds=5)
_GIGA: Final = 1_000_000_000
_COLUMNS: Final = {"Name": "A source of the bench", "Folder": "bench"}


def run(lab: Lab, size: int, rounds: int) -> list[Row]:
    """So many videos of 500 sources wait, half of them of one source; another source is added last."""
    return _rows(size, [_once(lab.folder / f"backlog-{number}", size) for number in range(rounds)])


@dataclass(frozen=True, slots=True)
class _Found:
    """What one round found.

    Attributes:
        bytes_full: of the broker's memory at most, until everything waits.
        among_new: seconds until the small source began, when all the others were as new,
        among_old: and when all the others had begun before.
    """

    bytes_full: int
    published_a_second: float
    among_new: float
    among_old: float


def _once(folder: Path, size: int) -> _Found:
    with node_in(folder) as address:
        return asyncio.run(_measured(address.url, address.pid, size))


async def _measured(url: str, process: int, size: int) -> _Found:
    async with open_bus(url, "bench") as bus:
        await bus.declare(topology())
        began = asyncio.get_running_loop().time()
        for source, videos in enumerate(_shares(size)):
            for page in _pages(f"{source}", videos):
                await bus.publisher.publish(*page)
        rate = size / (asyncio.get_running_loop().time() - began)
        full = _most_memory(process)
        worker = _Worker()
        consumption = await bus.consume_commands(topology(), DOWNLOADER, worker, _HANDS)
        among_new = await _seconds_until_begun(bus, worker, f"{_SMALL} 1")
        await asyncio.wait_for(worker.all_have_begun.wait(), _PATIENCE.total_seconds())
        await asyncio.sleep(_A_WHILE.total_seconds())
        among_old = await _seconds_until_begun(bus, worker, f"{_SMALL} 2")
        await consumption.drain(_GRACE)
    return _Found(full, rate, among_new, among_old)


async def _seconds_until_begun(bus: Bus, worker: "_Worker", source_id: str) -> float:
    loop = asyncio.get_running_loop()
    began, worker.awaited = loop.time(), source_id
    worker.has_come.clear()
    for page in _pages(source_id, _VIDEOS_OF_SMALL):
        await bus.publisher.publish(*page)
    await asyncio.wait_for(worker.has_come.wait(), _PATIENCE.total_seconds())
    return loop.time() - began


@dataclass(slots=True)
class _Worker:
    """Downloads nothing, and takes its time.

    Attributes:
        has_come: the source that is awaited has begun.
        all_have_begun: each of the others has.
    """

    awaited: str = ""
    has_come: asyncio.Event = field(default_factory=asyncio.Event)
    all_have_begun: asyncio.Event = field(default_factory=asyncio.Event)
    begun: set[str] = field(default_factory=set)

    async def __call__(self, delivery: Delivery) -> Done:
        order = delivery.message
        assert isinstance(order, DownloadVideo)
        if order.source_id == self.awaited:
            self.has_come.set()
        elif not order.source_id.startswith(_SMALL):
            self.begun.add(order.source_id)
            if len(self.begun) == _SOURCES:
                self.all_have_begun.set()
        await asyncio.sleep(random.uniform(*_SECONDS))
        return Done()


def _shares(size: int) -> list[int]:
    """How many videos each source has; the first has half of all."""
    other = max(1, size // 2 // (_SOURCES - 1))
    return [size - other * (_SOURCES - 1), *(other for _ in range(_SOURCES - 1))]


def _pages(source_id: str, videos: int) -> Iterator[list[DownloadVideo]]:
    for first in range(1, videos + 1, _PAGE):
        yield [_order(source_id, place) for place in range(first, min(first + _PAGE, videos + 1))]


def _order(source_id: str, place: int) -> DownloadVideo:
    video_id = f"{source_id}-{place}"
    return DownloadVideo(
        video_id=video_id,
        url=f"https://www.youtube.com/watch?v={video_id}",
        source_id=source_id,
        title=f"A video of the bench, number {place} of its source",
        duration_seconds=213.0,
        columns=_COLUMNS,
        place=place,
    )


def _most_memory(process: int) -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _rows(size: int, found: list[_Found]) -> list[Row]:
    measure = f"a backlog of {size:,} videos of {_SOURCES} sources, half of them of one"
    work = f"{_HANDS} hands, {_SECONDS[0]} to {_SECONDS[1]} s a video"
    return [
        Row(
            measure,
            "memory of the broker at most",
            "GB",
            tuple(each.bytes_full / _GIGA for each in found),
            "< 1.5 at a million",
        ),
        Row(measure, "confirmed by one publisher", "a second", tuple(each.published_a_second for each in found)),
        Row(
            measure,
            "a source added last begins",
            "s",
            tuple(each.among_new for each in found),
            "< 30",
            f"{work}; every other source is as new",
        ),
        Row(
            measure,
            "one added later begins",
            "s",
            tuple(each.among_old for each in found),
            "< 30",
            f"{work}; every other source has begun",
        ),
    ]

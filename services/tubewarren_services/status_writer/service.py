"""The status-writer at work: events into the mirror, the mirror into the workbook, then the ack."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from tubewarren.bus import Afterwards
from tubewarren.delivery import Delivery
from tubewarren.messages.events import VideoProgress, WorkerChanged, WorkerHealth
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.sheets.backoff import Backoff
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.opening import open_workbook
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren.topology import DOWNLOADER, STATUS_WRITER, Topology
from tubewarren.workers import Worker
from tubewarren_services.status_writer.flushes import Flushes
from tubewarren_services.status_writer.handler import facts_of
from tubewarren_services.status_writer.mirror import Mirror, MirrorError
from tubewarren_services.status_writer.scribe import Rewritten, Scribe

_BATCH: Final = 1_000
_BATCH_EVERY: Final = timedelta(milliseconds=200)
_MOST_UNWRITTEN: Final = 20_000
_PAUSE_OF_MEMORY: Final = timedelta(seconds=2)
_LOOK_EVERY: Final = 3
"""Times as seldom as changes are written: what others did is seen with each write, too."""
_MOST_RUNNING: Final = 20_000
"""Videos whose progress is kept until it is shown; the longest silent are forgotten first."""
_SHOWN_IN_A_SECOND: Final = 400
"""Progress costs little while little runs, and with thousands of videos is shown more seldom."""

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the status-writer up."""
    settings, bus = surroundings.settings, surroundings.bus
    mirror = await asyncio.to_thread(Mirror.open, settings.data_dir / "status-writer.sqlite")
    often = settings.sheet.flush_every
    workbook = open_workbook(settings.sheet, surroundings.telemetry)
    scribe = Scribe(mirror, workbook, settings.sheet.most_videos, look_every=_LOOK_EVERY * often)
    flushes = Flushes(surroundings.telemetry)
    writer = Writer(scribe, delivery_limit=_delivery_limit(surroundings.topology), flushes=flushes)

    async def keep_right() -> None:
        while True:
            await writer.heal()
            await asyncio.sleep(max(often, scribe.until_look).total_seconds())

    async def keep_showing() -> None:
        shown = 0
        while True:
            await writer.progress.wait()
            await asyncio.sleep(max(often.total_seconds(), shown / _SHOWN_IN_A_SECOND))
            shown = await writer.show_progress(often)

    (heard,) = (each for each in surroundings.topology.events if each.service == STATUS_WRITER)
    try:
        # Kept for nobody: while the sheet is away for an hour, millions would wait that the next one makes worthless.
        async with bus.watch(VideoProgress.type) as arrived:
            listening = await bus.consume_events(
                heard.name, writer.remember, _BATCH, _BATCH_EVERY, Afterwards(writer.write, often, _MOST_UNWRITTEN)
            )
            loops = (keep_right, keep_showing, partial(writer.follow, arrived))
            yield Service(consumptions=(listening,), loops=loops, activity=writer.activity, news=writer.news)
    finally:
        await writer.leave(surroundings.worker)
        await asyncio.to_thread(scribe.close)


@dataclass(slots=True)
class Writer:
    """The one that writes. Trouble with the workbook is told in the heartbeat; the events wait.

    Attributes:
        timer: seconds that pass evenly.
        clock: the time of our own goodbye.
        backoff: while the workbook cannot be written.
        pause: waits for so many seconds.
        flushes: is told of each writing.
        progress: set while there is some that was not shown.
        news: set when the trouble is another.
    """

    scribe: Scribe
    delivery_limit: int
    flushes: Flushes = field(default_factory=lambda: Flushes(Telemetry()))
    timer: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    backoff: Backoff = field(default_factory=Backoff)
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _memory_trouble: str = ""
    _sheet_trouble: str = ""
    _running: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    _written_at: float = -math.inf

    async def remember(self, deliveries: Sequence[Delivery]) -> None:
        """Take a batch into the mirror, while the workbook is away, too: it is to show the newest when it is back."""
        self.flushes.wait()
        while not await self._is_taken_in(deliveries):
            await self.pause(_PAUSE_OF_MEMORY.total_seconds())

    async def write(self) -> None:
        """Write what waits; returns only when the workbook has answered, so an ack means written.

        The rows of a tab that a person has to mend wait in the mirror instead: the other tabs must go on.
        """
        pauses = self.backoff.pauses()
        with self.flushes.clearing():
            while not await self._is_done(self.scribe.flush):
                await self.pause(next(pauses).total_seconds())
        self._written_at = self.timer()

    async def follow(self, arrived: asyncio.Queue[Delivery]) -> None:
        """Hear how far the running videos are, for ever; of each the newest counts until it is shown."""
        while True:
            delivery = await arrived.get()
            if isinstance(told := delivery.message, VideoProgress):
                self._running.pop(which := (told.video_id, told.source_id), None)
                self._running[which] = delivery
                self.progress.set()
                if len(self._running) > _MOST_RUNNING:
                    del self._running[next(iter(self._running))]

    async def show_progress(self, often: timedelta) -> int:
        """Show how far the running videos are: with what is written next, or at once when nothing was for so long.

        Returns:
            How many have told of it since the last time.
        """
        told, self._running = self._running, {}
        self.progress.clear()
        # What cannot be taken in is told anew in a moment.
        if told and await self._is_taken_in([*told.values()]) and self._is_at_rest(often):
            await self._is_done(self.scribe.flush)
            self._written_at = self.timer()
        return len(told)

    async def heal(self) -> None:
        """Look whether the workbook still shows what it should."""
        await self._is_done(self.scribe.heal)

    async def leave(self, me: Worker) -> None:
        """Write our own goodbye: the monitor's word of it would come when nobody is left to write it."""
        now = self.clock()
        farewell = WorkerChanged(
            at=now,
            worker=me.name,
            service=me.service,
            host=me.host,
            health=WorkerHealth.STOPPED,
            last_seen=now,
        )
        await self._is_taken_in([Delivery(farewell, str(farewell.message_id))])
        await self._is_done(self.scribe.flush)

    def activity(self) -> Activity:
        """What the heartbeat says."""
        troubles = dict.fromkeys((self._memory_trouble, self._sheet_trouble, *self.scribe.unreadable))
        return Activity(unfit=" ".join(troubles).strip())

    def _is_at_rest(self, often: timedelta) -> bool:
        return self.timer() - self._written_at >= often.total_seconds()

    async def _is_taken_in(self, deliveries: Sequence[Delivery]) -> bool:
        facts = (fact for delivery in deliveries for fact in facts_of(delivery, self.delivery_limit))
        told = self.activity().unfit
        try:
            await asyncio.to_thread(self.scribe.take_in, facts)
        except MirrorError as error:
            self._memory_trouble = str(error)
        else:
            self._memory_trouble = ""
        self._tell_if_news(told)
        return not self._memory_trouble

    async def _is_done(self, work: Callable[[], Rewritten]) -> bool:
        told = self.activity().unfit
        try:
            with self.flushes.told() as tell:
                tell(await asyncio.to_thread(work))
        except (SheetUnavailableError, MirrorError) as error:
            self._sheet_trouble = str(error)
        else:
            self._sheet_trouble = ""
        self._tell_if_news(told)
        return not self._sheet_trouble

    def _tell_if_news(self, told: str) -> None:
        trouble = self.activity().unfit
        if trouble != told:
            self.news.set()
            log.warning("the workbook is in trouble", problem=trouble) if trouble else log.info("the workbook is fine")


def _delivery_limit(topology: Topology) -> int:
    (queue, *_) = topology.work_queue(DOWNLOADER).queues()
    return int(queue.arguments["x-delivery-limit"])

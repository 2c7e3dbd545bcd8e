"""Events, consumed in batches: what arrived within a moment is handled together, then acked together."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage

from tubewarren.bus.codec import death_of, decode
from tubewarren.bus.errors import BusClosedError, UnreadableMessageError
from tubewarren.bus.publisher import Publisher
from tubewarren.bus.settling import bury, bury_unreadable, confirm, is_lost
from tubewarren.bus.subscription import Subscribe, Subscription
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.telemetry import messaging

BatchHandler = Callable[[Sequence[Delivery]], Awaitable[None]]

_PAUSE_AFTER_BUG: Final = timedelta(seconds=1)
_SOON: Final = 5
_BATCH_BYTES: Final = 5_000_000
"""Ten thousand small events. A thousand that tell of a page of a list each mean more work than the event loop, which
has to answer the broker's heartbeats, can do at once."""
_LONE_TRIES: Final = 3

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What has to happen, after events were handled, before they are acked; for many batches together.

    Attributes:
        settle: does it; while it takes its time, or tries again and again, further events are handled.
        every: how far apart it is done while there is much to tell; after a rest, one waits for a fifth of it only.
        most: so many events are handled and not acked at most.
    """

    settle: Callable[[], Awaitable[None]]
    every: timedelta
    most: int


class EventConsumption:
    """One event queue, consumed in batches: what arrived within a moment is handled together, then acked together.

    Args:
        batch_size: how many events a batch holds at most.
        batch_bytes: the event with which a batch says so much is its last.
        linger: how far apart batches are handed over while there is much to tell; after a rest, one waits for a fifth
            of it only.
        afterwards: what else has to happen before the ack; nothing by default.
    """

    def __init__(
        self,
        queue_name: str,
        handler: BatchHandler,
        batch_size: int,
        linger: timedelta,
        publisher: Publisher,
        *,
        batch_bytes: int = _BATCH_BYTES,
        afterwards: Afterwards | None = None,
    ) -> None:
        self.settled = 0
        self._queue_name = queue_name
        self._handler = handler
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._rhythm = _Rhythm(linger)
        self._publisher = publisher
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._in_work = 0
        self._afterwards = afterwards
        self._held = _Held()
        self._is_leaving = asyncio.Event()
        self._loops: tuple[asyncio.Task[None], ...] = ()
        self._subscription: Subscription | None = None

    @property
    def in_hand(self) -> int:
        """Events that are claimed and not settled yet."""
        return self._arrived.qsize() + self._in_work + self._held.number

    async def start(self, subscribe: Subscribe) -> None:
        """Begin to claim."""
        self._subscription = subscribe(self._arrived.put)
        await self._subscription.start()
        self._loops = (asyncio.create_task(self._work(), name=f"batches of {self._queue_name}"),)
        if self._afterwards is not None:
            settling = asyncio.create_task(self._settle(self._afterwards), name=f"settling {self._queue_name}")
            self._loops = (*self._loops, settling)

    async def pause(self) -> None:
        """Claim nothing more; what is in hand goes on."""
        if self._subscription is not None:
            await self._subscription.pause()

    async def drain(self, grace: timedelta) -> None:
        """Claim nothing more and handle what is in hand; what is left after `grace` stays in the queue."""
        await self.pause()
        self._is_leaving.set()
        tasks = (asyncio.create_task(self._until_idle()), *self._loops)
        await asyncio.wait(tasks, timeout=grace.total_seconds(), return_when="FIRST_COMPLETED")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()

    def abandon(self) -> None:
        """End at once; what is in hand stays in the queue."""
        for loop in self._loops:
            loop.cancel()

    async def _until_idle(self) -> None:
        await self._arrived.join()
        await self._held.until_empty()

    async def _work(self) -> None:
        while True:
            batch = await self._gather()
            self._in_work = len(batch)
            try:
                # What came on a channel that is gone comes again on the next one.
                await self._process([incoming for incoming in batch if not is_lost(incoming)])
            except BusClosedError:
                return
            except Exception:
                log.exception("batch not settled; its events will come again", queue=self._queue_name)
                self._give_back()
                await asyncio.sleep(_PAUSE_AFTER_BUG.total_seconds())
            finally:
                self._in_work = 0
                for _ in batch:
                    self._arrived.task_done()

    async def _settle(self, afterwards: Afterwards) -> None:
        rhythm = _Rhythm(afterwards.every)
        while True:
            await self._held.until_something()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(rhythm.closing_time()):
                    await self._is_leaving.wait()
            rhythm.note()
            newest = self._held.take()
            try:
                await afterwards.settle()
                for incoming in newest:
                    await confirm(incoming, multiple=True)
                self.settled += self._held.let_go()
            except BusClosedError:
                return
            except Exception:
                log.exception("batches not settled; their events will come again", queue=self._queue_name)
                self._held.let_go()
                self._give_back()
                await asyncio.sleep(_PAUSE_AFTER_BUG.total_seconds())

    def _give_back(self) -> None:
        if self._subscription is not None:
            self._subscription.renew()

    async def _gather(self) -> list[AbstractIncomingMessage]:
        batch = [await self._arrived.get()]
        size_bytes = len(batch[0].body)
        try:
            async with asyncio.timeout_at(self._rhythm.closing_time()):
                while len(batch) < self._batch_size and size_bytes < self._batch_bytes:
                    batch.append(await self._arrived.get())
                    size_bytes += len(batch[-1].body)
        except TimeoutError:
            pass
        self._rhythm.note()
        return batch

    async def _process(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        readable: list[tuple[AbstractIncomingMessage, Delivery]] = []
        for incoming in batch:
            try:
                readable.append((incoming, decode(incoming)))
            except UnreadableMessageError as error:
                if death_of(incoming) is None:
                    await bury_unreadable(self._publisher, self._queue_name, incoming, str(error))
                else:
                    # It was given up elsewhere, lies in that queue's dead queue, and says nothing to us.
                    await confirm(incoming)
        if not readable:
            return
        deliveries = [delivery for _, delivery in readable]
        try:
            with messaging.hearing(self._publisher.telemetry, deliveries, self._queue_name):
                await self._handler(deliveries)
        except Exception:
            log.exception("batch failed; trying its events one by one", queue=self._queue_name)
            for incoming, delivery in readable:
                await self._process_alone(incoming, delivery)
            return
        await self._handled([incoming for incoming, _ in readable])

    async def _process_alone(self, incoming: AbstractIncomingMessage, delivery: Delivery) -> None:
        failure: Failure | None = None
        for _ in range(_LONE_TRIES):
            try:
                await self._handler([delivery])
            except Exception as error:
                log.exception("event failed", queue=self._queue_name, message_id=delivery.message_id)
                reason = f"A defect in Tubewarren: {type(error).__name__}: {error}. Please report it."
                failure = Failure(kind=FailureKind.POISON, reason=reason)
                await asyncio.sleep(_PAUSE_AFTER_BUG.total_seconds())
            else:
                await self._handled([incoming])
                return
        if failure is not None:
            await bury(self._publisher, self._queue_name, incoming, delivery.attempt, failure)

    async def _handled(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """One ack for all that came on one channel, at once or afterwards; a batch may span a reconnect."""
        self._held.add([incoming for incoming in batch if not is_lost(incoming)])
        if self._afterwards is None:
            for incoming in self._held.take():
                await confirm(incoming, multiple=True)
            self.settled += self._held.let_go()


class _Rhythm:
    """When to hand on what has gathered: soon after a rest, and evenly while there is much."""

    def __init__(self, every: timedelta) -> None:
        self._seconds = every.total_seconds()
        self._last = -math.inf

    def closing_time(self) -> float:
        """By the loop's clock; how long the work on what was handed on before took makes this no later."""
        return max(asyncio.get_running_loop().time() + self._seconds / _SOON, self._last + self._seconds)

    def note(self) -> None:
        """It is handed on now."""
        self._last = asyncio.get_running_loop().time()


class _Held:
    """Events that are handled and not acked: only the newest of each channel is kept, which stands for all before."""

    def __init__(self) -> None:
        self._newest: dict[int, AbstractIncomingMessage] = {}
        self._waiting = 0
        self._taken = 0
        self._is_something = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    @property
    def number(self) -> int:
        """How many there are, with those that were taken."""
        return self._waiting + self._taken

    def add(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """Hold these."""
        if batch:
            self._newest |= {id(incoming.channel): incoming for incoming in batch}
            self._waiting += len(batch)
            self._is_something.set()
            self._is_empty.clear()

    def take(self) -> list[AbstractIncomingMessage]:
        """What is to be acked when all that is held now is settled."""
        newest, self._newest = [*self._newest.values()], {}
        self._taken, self._waiting = self._taken + self._waiting, 0
        self._is_something.clear()
        return newest

    def let_go(self) -> int:
        """Forget what was taken; how many those were."""
        number, self._taken = self._taken, 0
        if not self._waiting:
            self._is_empty.set()
        return number

    async def until_something(self) -> None:
        await self._is_something.wait()

    async def until_empty(self) -> None:
        await self._is_empty.wait()

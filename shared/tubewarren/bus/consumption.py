"""Consuming: the one place that settles deliveries."""

import asyncio
import contextlib
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelInvalidStateError
from opentelemetry.trace import Tracer

from tubewarren.bus.codec import death_of, decode, name_of
from tubewarren.bus.errors import BusClosedError, UnreadableMessageError, UnroutableError
from tubewarren.bus.publisher import Publisher, is_cancelled
from tubewarren.bus.subscription import OnMessage, Subscription
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.outcomes import Done, Outcome, PassOn, Refund, Retry
from tubewarren.settlement import announcements, is_too_early, obituary, park, settle
from tubewarren.telemetry import tracing
from tubewarren.topology import WorkQueue

Handler = Callable[[Delivery], Awaitable[Outcome]]
Admit = Callable[[Delivery], Awaitable[Delivery | Outcome]]
"""Whether a delivery may be handled: as it shall be handled, or what becomes of it instead."""
BatchHandler = Callable[[Sequence[Delivery]], Awaitable[None]]
Subscribe = Callable[[OnMessage], Subscription]

_HANDED_BACK: Final = Failure(kind=FailureKind.TRANSIENT, reason="The worker was stopped; another one takes over.")
_PARKED: Final = Failure(kind=FailureKind.NOT_YET, reason="It is not time yet.")
_PAUSE_AFTER_BUG: Final = timedelta(seconds=1)
_PAUSE_WITHOUT_QUEUE: Final = timedelta(seconds=2)
_HANDING_BACK_PATIENCE: Final = timedelta(seconds=5)
"""A hand-back needs the broker; when it is away, it takes the claim back by itself."""
_SOON: Final = 5
_BATCH_BYTES: Final = 5_000_000
"""Ten thousand small events. A thousand that tell of a page of a list each mean more work than the event loop, which
has to answer the broker's heartbeats, can do at once."""
_LONE_TRIES: Final = 3

log = structlog.stdlib.get_logger(__name__)


class CommandConsumption:
    """One work queue, consumed: as many claims at a time as `prefetch`, each handled, then settled.

    Args:
        worker: names us in what is announced; with the egress that we go out by.
        admit: asked before each delivery is handled; by default each may be.
        has_dead_queue: what is given up stays somewhere, so everybody is told why.
    """

    def __init__(
        self,
        queue: WorkQueue,
        handler: Handler,
        publisher: Publisher,
        tracer: Tracer,
        worker: str,
        egress: str | Callable[[], str],
        *,
        admit: Admit | None = None,
        has_dead_queue: bool = True,
    ) -> None:
        self.settled = 0
        self._queue = queue
        self._handler = handler
        self._publisher = publisher
        self._tracer = tracer
        self._worker = worker
        self._egress = egress if callable(egress) else lambda: egress
        self._admit = admit
        self._has_dead_queue = has_dead_queue
        self._running: set[asyncio.Task[object]] = set()
        self._at_the_door: set[asyncio.Task[object]] = set()
        self._is_leaving = False
        self._is_handing_back = False
        self._subscription: Subscription | None = None

    @property
    def in_hand(self) -> int:
        """Claims that are not settled yet."""
        return len(self._running)

    async def start(self, subscribe: Subscribe) -> None:
        """Begin to claim."""
        self._subscription = subscribe(self._on_message)
        await self._subscription.start()

    async def pause(self) -> None:
        """Claim nothing more, until `resume`; what is in hand goes on, and a lost connection changes nothing."""
        if self._subscription is not None:
            await self._subscription.pause()

    async def resume(self) -> None:
        """Claim again; when the connection is lost, as soon as it is back. After `drain` nothing is claimed again."""
        if self._subscription is not None and not self._is_leaving:
            await self._subscription.resume()

    async def drain(self, grace: timedelta) -> None:
        """Claim nothing more, let what is in hand finish, and hand back what has not after `grace`."""
        self._is_leaving = True
        await self.pause()
        for task in tuple(self._at_the_door):
            task.cancel()
        await self._settled_within(grace)
        self._is_handing_back = True
        self._cancel_running()
        await self._settled_within(_HANDING_BACK_PATIENCE)
        self._is_handing_back = False
        self._cancel_running()
        if self._subscription is not None:
            await self._subscription.close()

    async def _settled_within(self, patience: timedelta) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=patience.total_seconds())

    def _cancel_running(self) -> None:
        for task in tuple(self._running):
            task.cancel()

    async def _on_message(self, incoming: AbstractIncomingMessage) -> None:
        # When the channel is lost, the library cancels this task: the claim is somebody else's by then.
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self._running.add(task)
        try:
            await self._process(incoming)
        finally:
            self._running.discard(task)

    async def _process(self, incoming: AbstractIncomingMessage) -> None:
        try:
            delivery = decode(incoming)
        except UnreadableMessageError as error:
            await _bury_unreadable(self._publisher, self._queue.name, incoming, str(error))
            return
        if is_too_early(delivery.not_before, self._queue, now := _now()):
            hop = park(_PARKED, delivery.not_before or now, delivery.attempt, self._queue, now)
            if hop.forward is not None:
                await _insist(self._queue.name, partial(self._publisher.forward, incoming, hop.forward))
            await _confirm(incoming, reject=False)
            return
        admitted = await self._admitted(incoming, delivery)
        if not isinstance(admitted, Delivery):
            await self._settle(incoming, delivery, admitted)
            return
        delivery = admitted
        with tracing.processing(
            self._tracer,
            delivery.message,
            self._queue.name,
            delivery.message_id,
            delivery.attempt,
            delivery.trace,
        ) as span:
            outcome = await self._outcome_of(incoming, delivery)
            span.set_attribute("tubewarren.outcome", type(outcome).__name__.lower())
            await self._settle(incoming, delivery, outcome)

    async def _admitted(self, incoming: AbstractIncomingMessage, delivery: Delivery) -> Delivery | Outcome:
        if self._admit is None:
            return delivery
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task
        self._at_the_door.add(task)
        try:
            return await self._admit(delivery)
        except asyncio.CancelledError:
            if not self._is_leaving or _is_lost(incoming):
                raise
            task.uncancel()
            return PassOn()
        finally:
            self._at_the_door.discard(task)

    async def _outcome_of(self, incoming: AbstractIncomingMessage, delivery: Delivery) -> Outcome:
        try:
            return await self._handler(delivery)
        except asyncio.CancelledError:
            if not self._is_handing_back or _is_lost(incoming):
                raise
            return Refund(_HANDED_BACK, at_once=True)
        except Exception as error:
            log.exception("handler failed", queue=self._queue.name, message_id=delivery.message_id)
            reason = f"A defect in Tubewarren: {type(error).__name__}: {error}. Please report it."
            return Retry(Failure(kind=FailureKind.UNKNOWN, reason=reason))

    async def _settle(self, incoming: AbstractIncomingMessage, delivery: Delivery, outcome: Outcome) -> None:
        """Publish first, wait for the broker's confirm, then ack or reject."""
        now = _now()
        settlement = settle(outcome, delivery.attempt, self._queue, now, spread=random.random())  # noqa: S311 - no secret
        if isinstance(outcome, Done):
            await _insist(self._queue.name, partial(self._publisher.publish, *outcome.publish))
            if outcome.reply is not None and delivery.reply_to:
                await self._publisher.reply(outcome.reply, delivery.reply_to, delivery.correlation_id)
        events = announcements(delivery.message, delivery.attempt, settlement, self._worker, self._egress(), now)
        if settlement.failure is not None:
            log.warning(
                settlement.failure.reason,
                verdict=settlement.verdict,
                kind=settlement.failure.kind,
                work=delivery.message.key,
                attempt=delivery.attempt,
            )
            if settlement.reject and self._has_dead_queue:
                name, kind, attempt = delivery.message_id, delivery.message.type, delivery.attempt
                events = (
                    *events,
                    obituary(self._queue.name, name, kind, attempt, settlement.failure, now),
                )
        await _insist(self._queue.name, partial(self._publisher.publish, *events))
        if settlement.forward is not None:
            await _insist(self._queue.name, partial(self._publisher.forward, incoming, settlement.forward))
        await _confirm(incoming, reject=settlement.reject)
        self.settled += 1


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
                await self._process([incoming for incoming in batch if not _is_lost(incoming)])
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
                    await _confirm(incoming, reject=False, multiple=True)
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
                    await _bury_unreadable(self._publisher, self._queue_name, incoming, str(error))
                else:
                    # It was given up elsewhere, lies in that queue's dead queue, and says nothing to us.
                    await _confirm(incoming, reject=False)
        if not readable:
            return
        try:
            await self._handler([delivery for _, delivery in readable])
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
            await _bury(self._publisher, self._queue_name, incoming, delivery.attempt, failure)

    async def _handled(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """One ack for all that came on one channel, at once or afterwards; a batch may span a reconnect."""
        self._held.add([incoming for incoming in batch if not _is_lost(incoming)])
        if self._afterwards is None:
            for incoming in self._held.take():
                await _confirm(incoming, reject=False, multiple=True)
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


async def _bury_unreadable(
    publisher: Publisher, queue_name: str, incoming: AbstractIncomingMessage, reason: str
) -> None:
    log.error("unreadable message buried", queue=queue_name, message_id=name_of(incoming), reason=reason)
    failure = Failure(kind=FailureKind.POISON, reason=reason)
    await _bury(publisher, queue_name, incoming, 1, failure)


async def _bury(
    publisher: Publisher, queue_name: str, incoming: AbstractIncomingMessage, attempt: int, failure: Failure
) -> None:
    event = obituary(queue_name, name_of(incoming), incoming.type or "", attempt, failure, _now())
    await _insist(queue_name, partial(publisher.publish, event))
    await _confirm(incoming, reject=True)


async def _insist(queue_name: str, publish: Callable[[], Awaitable[None]]) -> None:
    """Hold the claim until what follows from it has a queue: the work is done, and must not be done again."""
    while True:
        try:
            await publish()
        except UnroutableError as error:
            log.warning("cannot settle a claim yet", queue=queue_name, problem=str(error))
            await asyncio.sleep(_PAUSE_WITHOUT_QUEUE.total_seconds())
        else:
            return


async def _confirm(incoming: AbstractIncomingMessage, *, reject: bool, multiple: bool = False) -> None:
    """Ack or reject; when the channel is gone the message comes again, and the second time is harmless."""
    try:
        if reject:
            await incoming.reject(requeue=False)
        else:
            await incoming.ack(multiple=multiple)
    except asyncio.CancelledError:
        # What waits on a connection that is given up is ended like this, too, though nobody cancelled us.
        if is_cancelled():
            raise
        log.info("settled too late, it will come again", message_id=incoming.message_id)
    except Exception as error:  # noqa: BLE001 - the library lets a lost channel look like any of them
        log.info("settled too late, it will come again", message_id=incoming.message_id, error=repr(error))


def _is_lost(incoming: AbstractIncomingMessage) -> bool:
    """Whether the channel that it came on is gone, and the claim with it."""
    try:
        return incoming.channel.is_closed
    except ChannelInvalidStateError:
        return True


def _now() -> datetime:
    return datetime.now(UTC)

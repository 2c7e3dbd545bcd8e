"""Commands, consumed: each is handled by itself, and this is the one place that settles it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage

from tubewarren.bus.codec import decode
from tubewarren.bus.errors import UnreadableMessageError
from tubewarren.bus.publisher import Publisher
from tubewarren.bus.settling import bury_unreadable, confirm, insist, is_lost, reject
from tubewarren.bus.subscription import Subscribe, Subscription
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.outcomes import Done, Outcome, PassOn, Refund, Retry
from tubewarren.settlement import announcements, next_hop, obituary, settle
from tubewarren.telemetry import messaging
from tubewarren.topology import WorkQueue

Handler = Callable[[Delivery], Awaitable[Outcome]]
Admit = Callable[[Delivery], Awaitable[Delivery | Outcome]]
"""Whether a delivery may be handled: as it shall be handled, or what becomes of it instead."""

_HANDED_BACK: Final = Failure(kind=FailureKind.TRANSIENT, reason="The worker was stopped; another one takes over.")
_HANDING_BACK_PATIENCE: Final = timedelta(seconds=5)
"""A hand-back needs the broker; when it is away, it takes the claim back by itself."""

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
        task = _this_task()
        self._running.add(task)
        try:
            await self._process(incoming)
        finally:
            self._running.discard(task)

    async def _process(self, incoming: AbstractIncomingMessage) -> None:
        try:
            delivery = decode(incoming)
        except UnreadableMessageError as error:
            await bury_unreadable(self._publisher, self._queue.name, incoming, str(error))
            return
        if (hop := next_hop(delivery.not_before, delivery.attempt, self._queue, datetime.now(UTC))) is not None:
            await insist(self._queue.name, partial(self._publisher.forward, incoming, hop))
            await confirm(incoming)
            return
        admitted = await self._admitted(incoming, delivery)
        if not isinstance(admitted, Delivery):
            await self._settle(incoming, delivery, admitted)
            return
        with messaging.processing(self._publisher.telemetry, admitted, self._queue.name) as handling:
            await self._settle(incoming, admitted, await self._outcome_of(incoming, admitted), handling)

    async def _admitted(self, incoming: AbstractIncomingMessage, delivery: Delivery) -> Delivery | Outcome:
        if self._admit is None:
            return delivery
        task = _this_task()
        self._at_the_door.add(task)
        try:
            return await self._admit(delivery)
        except asyncio.CancelledError:
            if not self._is_leaving or is_lost(incoming):
                raise
            task.uncancel()
            return PassOn()
        finally:
            self._at_the_door.discard(task)

    async def _outcome_of(self, incoming: AbstractIncomingMessage, delivery: Delivery) -> Outcome:
        try:
            return await self._handler(delivery)
        except asyncio.CancelledError:
            if not self._is_handing_back or is_lost(incoming):
                raise
            _this_task().uncancel()
            return Refund(_HANDED_BACK, at_once=True)
        except Exception as error:
            log.exception("handler failed", queue=self._queue.name, message_id=delivery.message_id)
            reason = f"A defect in Tubewarren: {type(error).__name__}: {error}. Please report it."
            return Retry(Failure(kind=FailureKind.UNKNOWN, reason=reason))

    async def _settle(
        self,
        incoming: AbstractIncomingMessage,
        delivery: Delivery,
        outcome: Outcome,
        handling: messaging.Handling | None = None,
    ) -> None:
        """Publish first, wait for the broker's confirm, then ack or reject."""
        now = datetime.now(UTC)
        settlement = settle(outcome, delivery.attempt, self._queue, now, spread=random.random())  # noqa: S311 - no secret
        if handling is not None:
            handling.becomes(outcome, settlement)
        if isinstance(outcome, Done):
            await insist(self._queue.name, partial(self._publisher.publish, *outcome.publish))
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
        await insist(self._queue.name, partial(self._publisher.publish, *events))
        if settlement.forward is not None:
            await insist(self._queue.name, partial(self._publisher.forward, incoming, settlement.forward))
        if settlement.reject and settlement.failure is not None:
            await reject(self._publisher.telemetry, self._queue.name, incoming, settlement.failure)
        else:
            await confirm(incoming)
        if self._has_dead_queue:
            messaging.count_task(self._publisher.telemetry, self._queue.name, outcome, settlement)
        self.settled += 1


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in a task
    return task

"""Receiving from the lanes of a work queue: never more than there are hands, and the best work first.

What comes to the work queue itself (from a rung, out of a dead queue, from a stranger) is no claim: it is sorted into
its lane at once, so that what is tried again does not overtake what is better.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, assert_never

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tubewarren.bus.claims import LINGER, Claims, Close, Look, Open, Step, Tap, Wait
from tubewarren.bus.codec import attempt_of, decode, deliveries_of, not_before_of
from tubewarren.bus.errors import UnreadableMessageError
from tubewarren.bus.publisher import Publisher
from tubewarren.bus.settling import bury_unreadable, confirm, hand_back, insist
from tubewarren.bus.subscription import Intake, OnMessage, OpenIntake, consume, leave, within
from tubewarren.settlement import Forward, next_hop
from tubewarren.topology import WorkQueue

_SORTED_AT_ONCE: Final = 20
_HANDED_BACK: Final = 3
"""Deliveries of one message before it is copied instead; the limit is more than thrice that."""
_KEPT_SECONDS: Final = 2 * LINGER
"""By then, a worker with full hands has closed its taps, and is not given the same again."""
_PATIENCE: Final = timedelta(seconds=10)

log = structlog.stdlib.get_logger(__name__)


def all_lanes(queue: WorkQueue, most: int, publisher: Publisher, on_message: OnMessage) -> OpenIntake:
    """How to receive from a work queue with lanes.

    Args:
        queue: the work queue.
        most: how many may be in hand at a time.
        publisher: sends what is sorted, and what came in excess, to its lane.
        on_message: called for each claim in a task of its own; a claim is in hand until it returns.
    """

    async def open_intake(channel: AbstractChannel) -> Intake:
        intake = _Lanes(channel, queue, most, publisher, on_message)
        channel.close_callbacks.add(lambda *_: intake.end())
        return intake

    return open_intake


async def sort(incoming: AbstractIncomingMessage, queue: WorkQueue, publisher: Publisher) -> None:
    """Send what came to a work queue itself on to its lane, or on waiting; nothing is charged, and nobody is told."""
    try:
        delivery = decode(incoming)
    except UnreadableMessageError as error:
        await bury_unreadable(publisher, queue.name, incoming, str(error))
        return
    hop = next_hop(delivery.not_before, delivery.attempt, queue, datetime.now(UTC))
    place = hop or Forward(queue.lane_of(delivery.message), delivery.attempt)
    await insist(queue.name, partial(publisher.forward, incoming, place))
    await confirm(incoming)


class _Lanes:
    """The lanes on one channel: a task opens and closes consumers as `Claims` says."""

    def __init__(
        self, channel: AbstractChannel, queue: WorkQueue, most: int, publisher: Publisher, on_message: OnMessage
    ) -> None:
        self._channel = channel
        self._queue = queue
        self._publisher = publisher
        self._on_message = on_message
        self._claims = Claims(queue.lanes, most)
        self._kept: list[tuple[int, asyncio.Future[bool]]] = []
        self._entry: str | None = None
        self._prefetch = 0
        self._news = asyncio.Event()
        self._is_wanted = False
        self._steering: asyncio.Task[None] | None = None
        self._time = asyncio.get_running_loop().time

    async def start(self) -> None:
        self._is_wanted = True
        self._claims.aim = ()
        self._entry = await self._consume(self._queue.name, _SORTED_AT_ONCE, self._on_arrival)
        while not isinstance(await self._take_a_step(), Wait):
            pass
        self._steering = asyncio.create_task(self._steer(), name=f"lanes of {self._queue.name}")

    async def stop(self) -> None:
        self._is_wanted = False
        self._news.set()
        for _, kept in self._kept:
            kept.set_result(False)
        self._kept.clear()
        if self._steering is not None:
            # Not cancelled: the library closes a channel on which it is interrupted.
            await asyncio.wait((self._steering,))
        for tap in tuple(self._claims.taps):
            if tap.is_open:
                await self._close(tap)
        if self._entry is not None:
            tag, self._entry = self._entry, None
            await self._cancel(tag)

    def end(self) -> None:
        """The channel is gone."""
        if self._steering is not None:
            self._steering.cancel()

    async def _steer(self) -> None:
        try:
            while self._is_wanted:
                step = await within(_PATIENCE, self._take_a_step())
                if isinstance(step, Wait):
                    await self._wait(step)
        except Exception as error:  # noqa: BLE001 - the library lets a lost channel look like any of them
            log.info("cannot claim from lanes now, trying again", queue=self._queue.name, problem=repr(error))
            await leave(self._channel)

    async def _take_a_step(self) -> Step:
        claims = self._claims
        self._news.clear()
        step = claims.next_step(self._time())
        match step:
            case Look():
                claims.aim_at(await self._best(), self._time())
            case Open(lane, size):
                await self._open(lane, size)
            case Close(tap):
                await self._close(tap)
            case Wait():
                pass
            case _:
                assert_never(step)
        return step

    async def _wait(self, wait: Wait) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait.seconds):
                await self._news.wait()

    async def _best(self) -> str | None:
        """The best lane that is not empty; None when all are."""
        underlay = await self._channel.get_underlay_channel()
        for lane in self._claims.lanes:
            if (await underlay.queue_declare(lane, passive=True)).message_count:
                return lane
        return None

    async def _open(self, lane: str, size: int) -> None:
        tap = Tap(lane, size)
        self._claims.taps.append(tap)
        tap.tag = await self._consume(lane, size, partial(self._received, tap)) or ""

    async def _close(self, tap: Tap) -> None:
        tap.is_open = False
        await self._cancel(tap.tag)
        self._claims.forget_closed()

    async def _consume(self, name: str, prefetch: int, on_message: OnMessage) -> str | None:
        if prefetch != self._prefetch:
            await self._channel.set_qos(prefetch_count=prefetch)
            self._prefetch = prefetch
        return await consume(await self._channel.get_queue(name, ensure=False), on_message)

    async def _cancel(self, tag: str) -> None:
        await (await self._channel.get_underlay_channel()).basic_cancel(tag)

    async def _on_arrival(self, incoming: AbstractIncomingMessage) -> None:
        await sort(incoming, self._queue, self._publisher)

    async def _received(self, tap: Tap, incoming: AbstractIncomingMessage) -> None:
        claims = self._claims
        has_hand = claims.take(tap, self._time())
        self._notice(tap)
        if not has_hand and not await self._gets_hand(tap):
            try:
                await self._give_back(tap.lane, incoming)
            finally:
                claims.give_back(tap)
            return
        try:
            await self._on_message(incoming)
        finally:
            claims.settle(tap, self._time(), passes_on=self._passes_on())
            self._notice(tap)

    async def _gets_hand(self, tap: Tap) -> bool:
        """Whether a hand gets free in no time."""
        if not self._is_wanted:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        place = (self._claims.lanes.index(tap.lane), turn)
        self._kept.append(place)
        await asyncio.wait((turn,), timeout=_KEPT_SECONDS)
        if turn.done():
            return turn.result()
        self._kept.remove(place)
        return False

    def _passes_on(self) -> bool:
        """Whether a claim was kept for the hand that is free now."""
        if not self._kept:
            return False
        best = min(self._kept, key=lambda place: place[0])
        self._kept.remove(best)
        best[1].set_result(True)
        return True

    async def _give_back(self, lane: str, incoming: AbstractIncomingMessage) -> None:
        if deliveries_of(incoming.headers) < _HANDED_BACK:
            await hand_back(incoming)
            return
        # A copy goes to the end of its lane, but is not counted: what was delivered too often is given up.
        copy = Forward(lane, attempt_of(incoming.headers), not_before_of(incoming.headers))
        await insist(self._queue.name, partial(self._publisher.forward, incoming, copy))
        await confirm(incoming)

    def _notice(self, tap: Tap) -> None:
        if self._claims.is_urgent(tap):
            self._news.set()

"""Receiving on a channel of its own, which comes back after everything that a broker does to consumers.

The library would restore consumers too, but one after another and without a time-out: a queue that does not answer
(one without a leader) would keep every other consumer of its connection away for ever. So no channel here is one that
the library restores, and every subscription looks after itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeVar

import structlog
from aio_pika import Channel, IncomingMessage
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from tubewarren.bus.publisher import is_cancelled
from tubewarren.bus.settling import hand_back, is_lost
from tubewarren.health.findings import ABSENT, CONSUMING, RESTING, Standing

FindQueue = Callable[[AbstractChannel], Awaitable[AbstractQueue]]
OnMessage = Callable[[AbstractIncomingMessage], Coroutine[None, None, None]]
_Answer = TypeVar("_Answer")

_STEP_PATIENCE: Final = timedelta(seconds=10)
_LEAVING_PATIENCE: Final = timedelta(seconds=2)
_PAUSE_BEFORE_RETURN: Final = timedelta(seconds=1)
"""Who subscribes to a queue in the moment of its deletion is hung up on by 4.3, and so are all its neighbours."""

log = structlog.stdlib.get_logger(__name__)


def unrestored_channel(connection: AbstractConnection) -> Channel:
    """A channel, to be opened, that ends with its connection; its end gives back what was taken on it."""
    return Channel(connection, publisher_confirms=False)


class Intake(Protocol):
    """What receives on one channel; its end is the end of it."""

    async def start(self) -> None:
        """Begin to receive, or begin again."""

    async def stop(self) -> None:
        """Receive nothing more; what came stays."""


OpenIntake = Callable[[AbstractChannel], Awaitable[Intake]]
"""Makes ready to receive on a new channel."""


@dataclass(slots=True, eq=False)
class _Line:
    """What deliveries come on.

    Attributes:
        is_on: whether it receives.
        is_stale: its claims are lost, or are to be given back.
    """

    channel: AbstractChannel
    intake: Intake
    is_on: bool = False
    is_stale: bool = False


class Subscription:
    """Deliveries, for as long as they are wanted.

    A lost channel or connection, and the broker's own cancel, make it start anew on a new channel. RabbitMQ sends that
    cancel when the queue is deleted, and 4.3 also answers a consumer timeout with it and leaves the channel, its claims
    and our handlers as they are: closing the channel gives every claim back.

    Args:
        name: of the queue, for the log.
        open_intake: how they come; whoever handles one is cancelled when the channel is gone.
        patience: how long each step may take.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        name: str,
        open_intake: OpenIntake,
        *,
        patience: timedelta = _STEP_PATIENCE,
    ) -> None:
        self.name = name
        self._connection = connection
        self._open_intake = open_intake
        self._patience = patience
        self._is_wanted = False
        self._is_over = False
        self._line: _Line | None = None
        self._adjusting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to receive; the errors of the library mean that queue or connection are not there."""
        self._line = await self._open()
        await self._begin(self._line)
        self._is_wanted = True
        self._adjust()

    async def pause(self) -> None:
        """Receive nothing more; claims stay."""
        self._is_wanted = False
        self._adjust()
        if self._line is None:
            # Nothing is claimed yet, and it may be waiting for a broker that is away.
            await self._stop_adjusting()
            self._adjust()
        else:
            await self._adjusted()

    async def resume(self) -> None:
        """Receive again; when the channel was lost meanwhile, as soon as there is a new one."""
        if self._is_over:
            return
        self._is_wanted = True
        self._adjust()
        if self._line is not None:
            await self._adjusted()

    def renew(self) -> None:
        """Give every claim back and go on as before, on a new channel."""
        if self._line is not None:
            self._discard(self._line)

    async def close(self) -> None:
        """Give back every claim that is left, and never receive again."""
        line = self._line
        self.abandon()
        await self._stop_adjusting()
        if line is not None:
            await leave(line.channel)

    def abandon(self) -> None:
        """Never receive again; the claims are given back with the connection."""
        self._is_over = True
        self._is_wanted = False
        self._line = None
        if self._adjusting is not None:
            self._adjusting.cancel()

    @property
    def standing(self) -> Standing:
        """Whether it receives; for who watches over services."""
        if not self._is_as_wanted:
            return ABSENT
        return CONSUMING if self._is_wanted else RESTING

    @property
    def _is_as_wanted(self) -> bool:
        if self._line is None:
            return not self._is_wanted
        return not self._line.is_stale and self._is_wanted == self._line.is_on

    def _adjust(self) -> None:
        # A task of its own: the library's reader may be waiting for us, and would never read the broker's answers.
        if not self._is_as_wanted and (self._adjusting is None or self._adjusting.done()):
            self._adjusting = asyncio.create_task(self._bring_about(), name=f"subscription to {self.name}")

    async def _adjusted(self) -> None:
        if self._adjusting is not None:
            await asyncio.wait((self._adjusting,), timeout=_LEAVING_PATIENCE.total_seconds())

    async def _stop_adjusting(self) -> None:
        if self._adjusting is not None:
            self._adjusting.cancel()
            await asyncio.wait((self._adjusting,))

    async def _bring_about(self) -> None:
        level = log.info
        while not self._is_as_wanted:
            try:
                await self._take_a_step()
            except Exception as error:  # noqa: BLE001 - the library lets a lost channel look like any of them
                level("cannot subscribe yet", queue=self.name, problem=repr(error))
                level = log.debug

    async def _take_a_step(self) -> None:
        line = self._line
        if line is None:
            await asyncio.sleep(_PAUSE_BEFORE_RETURN.total_seconds())
            self._line = line = await self._open()
            await self._begin(line)
        elif line.is_stale:
            await leave(line.channel)
            self._line = None
        elif self._is_wanted:
            await self._begin(line)
        else:
            line.is_on = False
            await self._in_time(line.intake.stop())

    async def _open(self) -> _Line:
        channel = unrestored_channel(self._connection)
        try:
            await self._in_time(channel.initialize())
            line = _Line(channel, await self._in_time(self._open_intake(channel)))
            underlay = await channel.get_underlay_channel()
        except BaseException:
            await leave(channel)
            raise
        underlay.on_consumer_cancel_callbacks.add(lambda _: self._on_cancelled(line))
        channel.close_callbacks.add(lambda *_: self._discard(line))
        return line

    async def _begin(self, line: _Line) -> None:
        try:
            await self._in_time(line.intake.start())
        except BaseException:
            line.is_stale = True
            await leave(line.channel)
            raise
        line.is_on = True

    def _on_cancelled(self, line: _Line) -> None:
        log.warning("the broker cancelled a consumer (timeout, or its queue was deleted)", queue=self.name)
        self._discard(line)

    def _discard(self, line: _Line) -> None:
        line.is_stale = True
        if line is self._line:
            self._adjust()

    async def _in_time(self, step: Awaitable[_Answer]) -> _Answer:
        return await within(self._patience, step)


Subscribe = Callable[[OnMessage], Subscription]
"""Begins nothing yet: it makes what will."""


@dataclass(slots=True)
class _OneQueue:
    """Everything that one queue has.

    Attributes:
        tag: of the consumer; None while nothing is received.
    """

    queue: AbstractQueue
    on_message: OnMessage
    takes_for_good: bool
    tag: str | None = None

    async def start(self) -> None:
        self.tag = await consume(self.queue, self.on_message, takes_for_good=self.takes_for_good)

    async def stop(self) -> None:
        tag, self.tag = self.tag, None
        if tag is not None:
            await self.queue.cancel(tag)


def one_queue(
    find_queue: FindQueue, prefetch: int, on_message: OnMessage, *, takes_for_good: bool = False
) -> OpenIntake:
    """How to receive from one queue.

    Args:
        find_queue: gets, or makes, the queue on a new channel.
        prefetch: how many may be unsettled at a time.
        on_message: called for each delivery in a task of its own.
        takes_for_good: no delivery needs an ack.
    """

    async def open_intake(channel: AbstractChannel) -> Intake:
        await channel.set_qos(prefetch_count=prefetch)
        return _OneQueue(await find_queue(channel), on_message, takes_for_good)

    return open_intake


async def consume(queue: AbstractQueue, on_message: OnMessage, *, takes_for_good: bool = False) -> str | None:
    """What `queue.consume` does, which would make two tasks for each delivery where one is enough."""
    channel = await queue.channel.get_underlay_channel()
    begun = await channel.basic_consume(
        queue.name,
        lambda message: _received(queue.name, on_message, IncomingMessage(message, no_ack=takes_for_good)),
        no_ack=takes_for_good,
    )
    return begun.consumer_tag


async def _received(queue_name: str, on_message: OnMessage, incoming: AbstractIncomingMessage) -> None:
    try:
        await on_message(incoming)
    except asyncio.CancelledError:
        if is_cancelled() or is_lost(incoming):
            raise
        # What it waited for was ended, as on a connection that is lost, and not itself: the claim came on another.
        log.info("a claim goes back, its work was broken off", queue=queue_name, message_id=incoming.message_id)
        await hand_back(incoming)
    except Exception:
        # Nobody waits for this task: the claim stays ours until its channel ends.
        log.exception("a claim could not be settled", queue=queue_name, message_id=incoming.message_id)


async def leave(channel: AbstractChannel) -> None:
    """Close a channel, and wait a moment for it.

    The closing itself is never interrupted: the library would then close twice, at which the broker hangs up on the
    whole connection.
    """
    if not channel.is_initialized:
        return
    closing = asyncio.ensure_future(channel.close())
    closing.add_done_callback(_note_end)
    await asyncio.wait((closing,), timeout=_LEAVING_PATIENCE.total_seconds())


def _note_end(closing: "asyncio.Future[None]") -> None:
    if not closing.cancelled() and (error := closing.exception()) is not None:
        log.debug("the channel was gone before we left it", error=repr(error))


async def within(patience: timedelta, step: Awaitable[_Answer]) -> _Answer:
    """What a step answers; raises `TimeoutError` or, when the connection is lost meanwhile, `ConnectionError`."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await step
    except TimeoutError as error:
        raise TimeoutError(f"the broker did not answer within {patience.total_seconds():g} s") from error
    except asyncio.CancelledError as error:
        # What waits on a connection that fell silent is ended like this, too, though nobody cancelled us.
        if is_cancelled():
            raise
        raise ConnectionError("the connection fell silent") from error

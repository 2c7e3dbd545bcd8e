"""A consumer on a channel of its own, which comes back after everything that a broker does to consumers.

The library would restore consumers too, but one after another and without a time-out: a queue that does not answer
(one without a leader) would keep every other consumer of its connection away for ever. So no channel here is one that
the library restores, and every subscription looks after itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from aio_pika import Channel
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from tubewarren.bus.publisher import is_cancelled
from tubewarren.health.findings import ABSENT, CONSUMING, RESTING, Standing

FindQueue = Callable[[AbstractChannel], Awaitable[AbstractQueue]]
OnMessage = Callable[[AbstractIncomingMessage], Awaitable[None]]
_Answer = TypeVar("_Answer")

_STEP_PATIENCE: Final = timedelta(seconds=10)
_LEAVING_PATIENCE: Final = timedelta(seconds=2)
_PAUSE_BEFORE_RETURN: Final = timedelta(seconds=1)
"""Who subscribes to a queue in the moment of its deletion is hung up on by 4.3, and so are all its neighbours."""

log = structlog.stdlib.get_logger(__name__)


def unrestored_channel(connection: AbstractConnection) -> Channel:
    """A channel, to be opened, that ends with its connection; its end gives back what was taken on it."""
    return Channel(connection, publisher_confirms=False)


@dataclass(slots=True, eq=False)
class _Line:
    """What deliveries come on.

    Attributes:
        tag: of the consumer; None while nothing more is received.
        is_stale: its claims are lost, or are to be given back.
    """

    channel: AbstractChannel
    queue: AbstractQueue
    tag: str | None = None
    is_stale: bool = False


class Subscription:
    """Deliveries of one queue, for as long as they are wanted.

    A lost channel or connection, and the broker's own cancel, make it start anew on a new channel. RabbitMQ sends that
    cancel when the queue is deleted, and 4.3 also answers a consumer timeout with it and leaves the channel, its claims
    and our handlers as they are: closing the channel gives every claim back.

    Args:
        name: of the queue, for the log.
        find_queue: gets, or makes, the queue on a new channel.
        on_message: called for each delivery in a task that is cancelled when the channel is gone.
        takes_for_good: no delivery needs an ack.
        patience: how long each step may take.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        name: str,
        find_queue: FindQueue,
        prefetch: int,
        on_message: OnMessage,
        *,
        takes_for_good: bool = False,
        patience: timedelta = _STEP_PATIENCE,
    ) -> None:
        self.name = name
        self._connection = connection
        self._find_queue = find_queue
        self._prefetch = prefetch
        self._on_message = on_message
        self._takes_for_good = takes_for_good
        self._patience = patience
        self._is_wanted = False
        self._is_over = False
        self._line: _Line | None = None
        self._adjusting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to receive; the errors of the library mean that queue or connection are not there."""
        self._line = await self._open()
        await self._consume(self._line)
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
        return not self._line.is_stale and self._is_wanted == (self._line.tag is not None)

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
            await self._consume(line)
        elif line.is_stale:
            await leave(line.channel)
            self._line = None
        elif self._is_wanted:
            await self._consume(line)
        else:
            await self._cease(line)

    async def _open(self) -> _Line:
        channel = unrestored_channel(self._connection)
        try:
            await self._in_time(channel.initialize())
            await self._in_time(channel.set_qos(prefetch_count=self._prefetch))
            line = _Line(channel, await self._in_time(self._find_queue(channel)))
            underlay = await channel.get_underlay_channel()
        except BaseException:
            await leave(channel)
            raise
        underlay.on_consumer_cancel_callbacks.add(lambda _: self._on_cancelled(line))
        channel.close_callbacks.add(lambda *_: self._discard(line))
        return line

    async def _consume(self, line: _Line) -> None:
        try:
            line.tag = await self._in_time(line.queue.consume(self._on_message, no_ack=self._takes_for_good))
        except BaseException:
            line.is_stale = True
            await leave(line.channel)
            raise

    async def _cease(self, line: _Line) -> None:
        tag, line.tag = line.tag, None
        if tag is not None:
            await self._in_time(line.queue.cancel(tag))

    def _on_cancelled(self, line: _Line) -> None:
        log.warning("the broker cancelled a consumer (timeout, or its queue was deleted)", queue=self.name)
        self._discard(line)

    def _discard(self, line: _Line) -> None:
        line.is_stale = True
        if line is self._line:
            self._adjust()

    async def _in_time(self, step: Awaitable[_Answer]) -> _Answer:
        return await _within(self._patience, step)


Subscribe = Callable[[OnMessage], Subscription]
"""Begins nothing yet: it makes what will."""


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


async def _within(patience: timedelta, step: Awaitable[_Answer]) -> _Answer:
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

"""A consumer on a channel of its own, which comes back after everything that a broker does to consumers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

FindQueue = Callable[[AbstractRobustChannel], Awaitable[AbstractQueue]]
OnMessage = Callable[[AbstractIncomingMessage], Awaitable[None]]

_LEAVING_PATIENCE: Final = timedelta(seconds=2)
"""Without a connection the library waits for the next one, whatever it is asked for."""
_PAUSE_BEFORE_RETURN: Final = timedelta(seconds=1)
"""Who subscribes to a queue in the moment of its deletion is hung up on by 4.3, and so are all its neighbours."""

log = structlog.stdlib.get_logger(__name__)


class Subscription:
    """Deliveries of one queue.

    The library restores the consumer when channel or connection were lost. What it does not survive is the broker's
    own cancel: RabbitMQ sends it when the queue is deleted, and 4.3 also answers a consumer timeout with it and leaves
    the channel, its claims and our handlers as they are. Then the channel is replaced, which gives every claim back.

    Args:
        find_queue: gets, or makes, the queue on a new channel.
        on_message: called for each delivery in a task that is cancelled when the channel is gone.
    """

    def __init__(
        self, connection: AbstractRobustConnection, find_queue: FindQueue, prefetch: int, on_message: OnMessage
    ) -> None:
        self._connection = connection
        self._find_queue = find_queue
        self._prefetch = prefetch
        self._on_message = on_message
        self._channel: AbstractRobustChannel | None = None
        self._queue: AbstractQueue | None = None
        self._tag: str | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._is_wanted = True

    async def start(self) -> None:
        """Begin to receive; the errors of the library mean that the queue is not there."""
        channel = self._connection.channel(publisher_confirms=False)
        await channel.initialize()
        try:
            await channel.set_qos(prefetch_count=self._prefetch)
            self._queue = await self._find_queue(channel)
            await self._watch_for_cancel(channel)
            channel.reopen_callbacks.add(self._watch_for_cancel)
            self._tag = await self._queue.consume(self._on_message)
        except BaseException:
            await _in_time(channel.close())
            raise
        self._channel = channel

    async def pause(self) -> None:
        """Receive nothing more; claims stay."""
        self._is_wanted = False
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.wait((self._replacing,))
        tag, self._tag = self._tag, None
        if self._queue is not None and tag is not None:
            await _in_time(self._queue.cancel(tag))

    def renew(self) -> None:
        """Give every claim back and go on receiving, on a new channel."""
        # A task of its own: the library's reader may be waiting for us, and would never read the broker's answers.
        if self._is_wanted and (self._replacing is None or self._replacing.done()):
            self._replacing = asyncio.create_task(self._replace(), name="renew a subscription")

    async def close(self) -> None:
        """Give back every claim that is left."""
        await self.pause()
        if self._channel is not None:
            await _in_time(self._channel.close())

    async def _watch_for_cancel(self, channel: AbstractRobustChannel | None, *_: object) -> None:
        if channel is not None:
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(self._on_cancelled)

    def _on_cancelled(self, _frame: object) -> None:
        log.warning("the broker cancelled a consumer (timeout, or its queue was deleted); subscribing anew")
        self.renew()

    async def _replace(self) -> None:
        """Close first, and before anything is awaited: the library would reuse the tag, at which 4.3 hangs up."""
        if self._channel is not None:
            await _in_time(self._channel.close())
        while True:
            await asyncio.sleep(_PAUSE_BEFORE_RETURN.total_seconds())
            try:
                await self.start()
            except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
                log.warning("cannot subscribe yet", error=str(error))
            else:
                return


async def _in_time(leaving: Awaitable[object]) -> None:
    try:
        async with asyncio.timeout(_LEAVING_PATIENCE.total_seconds()):
            await leaving
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        log.debug("the channel was gone before we left it", error=repr(error))

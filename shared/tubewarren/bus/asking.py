"""Asking, and the answers: on one channel together, so that they need no queue, which would cost the broker most.

What RabbitMQ calls a direct reply: whoever asks consumes a name that is no queue, and every answer finds its channel.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog
from aio_pika import Channel
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from tubewarren.bus.codec import decode
from tubewarren.bus.errors import BrokerUnavailableError, BusClosedError, UnreadableMessageError
from tubewarren.bus.publisher import REPLIES, Publisher
from tubewarren.bus.subscription import leave, within
from tubewarren.messages import Command, Message

_LOST: Final = None
_OPENING_PATIENCE: Final = timedelta(seconds=10)
"""For each step; a connection that is lost, or to a node that fell silent, would answer none of them."""
Answers = asyncio.Queue[Message | None]
"""None when no more can come."""
Saying = Callable[[], AbstractContextManager[None]]
"""Says what the library's errors mean."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Line:
    """A channel that questions go out and answers come in on; `askers` by what both carry."""

    channel: Channel
    publisher: Publisher
    askers: dict[str, Answers] = field(default_factory=dict)

    async def hear(self, incoming: AbstractIncomingMessage) -> None:
        """Give an answer to whoever waits for it."""
        answers = self.askers.get(incoming.correlation_id or "")
        if answers is None:
            return
        try:
            answers.put_nowait(decode(incoming).message)
        except UnreadableMessageError as error:
            log.debug("passed over an unreadable answer", reason=str(error))

    def is_lost(self, *_: object) -> None:
        """End what is still on its way, and every wait."""
        self.publisher.close()
        for answers in self.askers.values():
            answers.put_nowait(_LOST)


class Asking:
    """Questions on a connection that publishes. The first one opens a channel, which the others use.

    Args:
        connection: which publishes.
        publisher: what is said goes out as by this one.
        saying: says what the library's errors mean.
    """

    def __init__(self, connection: AbstractConnection, publisher: Publisher, saying: Saying) -> None:
        self._connection = connection
        self._publisher = publisher
        self._saying = saying
        self._line: _Line | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def ask(self, command: Command) -> AsyncIterator[Answers]:
        """Publish a command; the answers come for as long as the context lasts.

        Raises:
            UnroutableError: nobody is there to answer.
            BrokerUnavailableError: the connection is lost.
        """
        line = await self._opened()
        correlation_id = str(uuid4())
        answers = line.askers[correlation_id] = Answers()
        try:
            try:
                await line.publisher.publish(command, reply_to=REPLIES, correlation_id=correlation_id)
            except BusClosedError as error:
                raise lost() from error
            yield answers
        finally:
            del line.askers[correlation_id]

    async def _opened(self) -> _Line:
        async with self._turn:
            if self._line is None or self._line.channel.is_closed:
                self._line = await self._open()
            return self._line

    async def _open(self) -> _Line:
        channel = Channel(self._connection, publisher_confirms=True, on_return_raises=True)
        line = _Line(channel, self._publisher.on(channel))
        channel.close_callbacks.add(line.is_lost)
        try:
            with self._saying():
                await within(_OPENING_PATIENCE, channel.initialize())
                replies = await channel.get_queue(REPLIES, ensure=False)
                await within(_OPENING_PATIENCE, replies.consume(line.hear, no_ack=True))
        except BaseException:
            await leave(channel)
            raise
        return line


def lost() -> BrokerUnavailableError:
    """What whoever asked is told when no answer can arrive any more."""
    return BrokerUnavailableError("The connection to the broker was lost before everybody had answered. Ask again.")

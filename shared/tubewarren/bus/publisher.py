"""Publishing with confirms: what returns without an error has been taken by the broker."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika import Message as AmqpMessage
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    DeliveryError,
    PublishError,
)

from tubewarren.bus.codec import (
    ATTEMPT,
    DIED_IN,
    DIED_OF,
    NOT_BEFORE,
    OPINIONS,
    ORDERED_AT,
    REDRIVEN,
    encode,
    name_of,
    opinions_of,
    ordered_at_of,
    trace_of,
)
from tubewarren.bus.errors import BrokerUnavailableError, BusClosedError, UnroutableError
from tubewarren.delivery import Death
from tubewarren.messages import Command, Message
from tubewarren.messages.commands import DownloadVideo
from tubewarren.settlement import Forward
from tubewarren.telemetry import messaging
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren.topology import route

REPLIES: Final = "amq.rabbitmq.reply-to"
"""Consumed on the channel of a question, it brings the answers; the broker gives each asker a name that begins so."""

_CONFIRM_TIMEOUT = timedelta(seconds=30)
"""A publish waits without end while the broker has an alarm; after this it counts as 'maybe sent'."""
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=2)

log = structlog.stdlib.get_logger(__name__)


class Publisher:
    """Sends messages on a connection of its own and repeats what was not confirmed; so anything may come twice.

    Args:
        patience: give up on an unreachable broker after so long; None means never, for services, which hold a
            claim that the broker takes back by itself.
        confirm_timeout: what is not confirmed after so long is published again.
        telemetry: is told of what is published.
    """

    def __init__(
        self,
        channel: AbstractChannel,
        telemetry: Telemetry,
        patience: timedelta | None = None,
        *,
        confirm_timeout: timedelta = _CONFIRM_TIMEOUT,
    ) -> None:
        self._channel = channel
        self.telemetry = telemetry
        self._patience = patience
        self._confirm_timeout = confirm_timeout
        self._closed = asyncio.Event()

    def on(self, channel: AbstractChannel) -> "Publisher":
        """The like on another channel, with confirms, for as long as that lives."""
        return Publisher(channel, self.telemetry, self._patience, confirm_timeout=self._confirm_timeout)

    def close(self) -> None:
        """End every publication that still waits for the broker, with `BusClosedError`."""
        self._closed.set()

    async def publish(self, *messages: Message, reply_to: str | None = None, correlation_id: str | None = None) -> None:
        """Publish messages to where the topology routes them, all at once; returns when all are confirmed.

        Raises:
            UnroutableError: a command has no queue. The other messages may or may not be published.
            BrokerUnavailableError: not confirmed within the publisher's patience.
            BusClosedError: the bus was closed in between.
        """
        if len(messages) <= 1:
            for message in messages:
                await self._publish(message, reply_to, correlation_id)
            return
        # Not a TaskGroup: before Python 3.13 one that fails leaves its caller marked as cancelled.
        sendings = (self._publish(message, reply_to, correlation_id) for message in messages)
        for ended in await asyncio.gather(*sendings, return_exceptions=True):
            if ended is not None:
                raise ended

    async def reply(self, message: Message, reply_to: str, correlation_id: str | None) -> None:
        """Answer whoever asked; an asker who has left is not an error."""
        # The broker returns what goes to an asker who waits without a queue, delivered or not.
        has_queue = not reply_to.startswith(REPLIES)
        try:
            await self._send("", reply_to, encode(message, correlation_id=correlation_id), is_mandatory=has_queue)
        except UnroutableError:
            log.info("the asker has left before the answer", reply_to=reply_to)

    async def forward(self, incoming: AbstractIncomingMessage, forward: Forward, death: Death | None = None) -> None:
        """Publish a copy of a delivery, body and all, to a queue; its story goes on in the same trace.

        Args:
            incoming: the delivery.
            forward: where to, and as what.
            death: which the copy shall tell of; that of the delivery itself is over.
        """
        headers = {
            name: value
            for name, value in incoming.headers.items()
            if not name.startswith("x-") and name not in {NOT_BEFORE, DIED_IN, DIED_OF}
        }
        if death is not None:
            headers[DIED_IN], headers[DIED_OF] = death.queue, death.reason
        headers[ATTEMPT] = forward.attempt
        if (ordered_at := ordered_at_of(incoming)) is not None:
            headers[ORDERED_AT] = int(ordered_at.timestamp())
        if forward.begins_anew:
            headers.pop(OPINIONS, None)
            headers[REDRIVEN] = True
        if forward.opinion:
            headers[OPINIONS] = [*opinions_of(headers), forward.opinion]
        if forward.not_before is not None:
            headers[NOT_BEFORE] = forward.not_before.isoformat()
        copy = AmqpMessage(
            incoming.body,
            type=incoming.type,
            content_type=incoming.content_type,
            message_id=incoming.message_id,
            timestamp=datetime.now(UTC),
            delivery_mode=incoming.delivery_mode,
            priority=incoming.priority,
            reply_to=incoming.reply_to,
            correlation_id=incoming.correlation_id,
            headers=headers,
        )
        name, kind = name_of(incoming), incoming.type or ""
        with messaging.forwarding(self.telemetry, kind, name, trace_of(headers), forward) as trace:
            copy.headers |= trace
            await self._send("", forward.queue, copy, is_mandatory=True)

    async def _publish(self, message: Message, reply_to: str | None, correlation_id: str | None) -> None:
        binding = route(message)
        with messaging.publishing(self.telemetry, message, binding.exchange, correlation_id) as trace:
            amqp = self._encode(message, trace, reply_to, correlation_id)
            await self._send(binding.exchange, binding.routing_key, amqp, is_mandatory=isinstance(message, Command))

    def _encode(
        self, message: Message, trace: Mapping[str, str], reply_to: str | None, correlation_id: str | None
    ) -> AmqpMessage:
        return encode(
            message,
            not_before=message.not_before if isinstance(message, DownloadVideo) else None,
            trace=trace,
            reply_to=reply_to,
            correlation_id=correlation_id,
        )

    async def _send(self, exchange: str, routing_key: str, amqp: AmqpMessage, *, is_mandatory: bool) -> None:
        started = asyncio.get_running_loop().time()
        pause = _FIRST_PAUSE
        once = partial(self._try, exchange, routing_key, amqp, is_mandatory=is_mandatory)
        while (problem := await once(self._time_left(started), is_repeat=pause > _FIRST_PAUSE)) is not None:
            if self._time_left(started) <= pause:
                raise BrokerUnavailableError(
                    f"The broker did not confirm a message in time ({problem!r}). "
                    "Is it running, and is it free of memory and disk alarms?"
                ) from problem
            level = logging.WARNING if pause == _FIRST_PAUSE else logging.DEBUG
            log.log(level, "publication not confirmed, repeating it", routing_key=routing_key, problem=repr(problem))
            # Publishing while disconnected fails at once: without the pause this loop would spin.
            await self._unless_closed(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _try(
        self,
        exchange: str,
        routing_key: str,
        amqp: AmqpMessage,
        patience: timedelta,
        *,
        is_mandatory: bool,
        is_repeat: bool,
    ) -> BaseException | None:
        """Publish once; what may heal is returned, and the message may have been sent all the same."""
        try:
            if self._channel.is_closed:
                return ChannelInvalidStateError("there is no channel at the moment")
            channel = await self._channel.get_underlay_channel()
            await channel.basic_publish(
                amqp.body,
                exchange=exchange,
                routing_key=routing_key,
                properties=amqp.properties,
                mandatory=is_mandatory,
                timeout=min(patience, self._confirm_timeout).total_seconds(),
                # A repeat waits for the socket: else its copies would pile up while the broker reads nothing.
                wait=is_repeat,  # type: ignore[call-arg] # only the abstract channel does not know of it
            )
        except (PublishError, ChannelNotFoundEntity) as error:
            # A missing exchange ends the channel, and with it what others are publishing elsewhere.
            if isinstance(error, ChannelNotFoundEntity) and f"'{exchange}'" not in str(error):
                return error
            raise UnroutableError(
                f"The broker has no queue for {routing_key!r} on exchange {exchange!r}. "
                "Run `svc topology declare`, or start the service that owns the queue."
            ) from error
        except (TimeoutError, DeliveryError, *CONNECTION_EXCEPTIONS) as error:
            return error
        except asyncio.CancelledError as error:
            # What waits on a connection that fell silent is ended like this, too, though nobody cancelled us.
            if is_cancelled():
                raise
            return error
        return None

    def _time_left(self, started: float) -> timedelta:
        if self._patience is None:
            return timedelta.max
        return self._patience - timedelta(seconds=asyncio.get_running_loop().time() - started)

    async def _unless_closed(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._closed.wait()
        except TimeoutError:
            return
        raise BusClosedError("The bus was closed before the broker confirmed a message; it may arrive all the same.")


def is_cancelled() -> bool:
    """Whether somebody asked the current task to end, as opposed to a cancelled thing that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

"""Publishing with confirms: what returns without an error has been taken by the broker."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog
from aio_pika import Message as AmqpMessage
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity, DeliveryError, PublishError
from opentelemetry.trace import Tracer

from tubewarren.bus.codec import ATTEMPT, NOT_BEFORE, encode
from tubewarren.bus.dialect import Dialect
from tubewarren.bus.errors import BrokerUnavailableError, UnroutableError
from tubewarren.messages import Command, Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.settlement import Forward
from tubewarren.telemetry import tracing
from tubewarren.topology import route

_CONFIRM_TIMEOUT = timedelta(seconds=30)
"""A publish waits without end while the broker has an alarm; after this it counts as 'maybe sent'."""
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=5)
_PRIORITISED = (ExpandSource, DownloadVideo)

log = structlog.stdlib.get_logger(__name__)


class Publisher:
    """Sends messages on a connection of its own and repeats what was not confirmed; so anything may come twice.

    Args:
        patience: give up on an unreachable broker after so long; None means never, for services, which hold a
            claim that the broker takes back by itself.
    """

    def __init__(
        self,
        channel: AbstractRobustChannel,
        dialect: Dialect,
        tracer: Tracer,
        patience: timedelta | None = None,
    ) -> None:
        self._channel = channel
        self._dialect = dialect
        self._tracer = tracer
        self._patience = patience

    async def publish(self, *messages: Message, reply_to: str | None = None, correlation_id: str | None = None) -> None:
        """Publish messages to where the topology routes them, all at once; returns when all are confirmed.

        Raises:
            UnroutableError: a command has no queue.
            BrokerUnavailableError: not confirmed within the publisher's patience.
        """
        await asyncio.gather(*(self._publish(message, reply_to, correlation_id) for message in messages))

    async def reply(self, message: Message, reply_to: str, correlation_id: str | None) -> None:
        """Answer whoever asked; an asker who has left is not an error."""
        try:
            await self._send("", reply_to, encode(message, correlation_id=correlation_id), is_mandatory=True)
        except UnroutableError:
            log.info("the asker has left before the answer", reply_to=reply_to)

    async def forward(self, incoming: AbstractIncomingMessage, forward: Forward) -> None:
        """Publish a copy of a delivery, body and all, to a queue; its story goes on in the same trace."""
        headers = {name: value for name, value in incoming.headers.items() if not name.startswith("x-")}
        headers.pop(NOT_BEFORE, None)
        headers[ATTEMPT] = forward.attempt
        if forward.not_before is not None:
            headers[NOT_BEFORE] = forward.not_before.isoformat()
        copy = AmqpMessage(
            incoming.body,
            type=incoming.type,
            content_type=incoming.content_type,
            message_id=incoming.message_id,
            timestamp=incoming.timestamp,
            delivery_mode=incoming.delivery_mode,
            priority=incoming.priority,
            reply_to=incoming.reply_to,
            correlation_id=incoming.correlation_id,
            headers=headers,
        )
        await self._send("", forward.queue, copy, is_mandatory=True)

    async def _publish(self, message: Message, reply_to: str | None, correlation_id: str | None) -> None:
        binding = route(message)
        with tracing.publishing(self._tracer, message, binding.exchange) as trace:
            amqp = self._encode(message, trace, reply_to, correlation_id)
            await self._send(binding.exchange, binding.routing_key, amqp, is_mandatory=isinstance(message, Command))

    def _encode(
        self, message: Message, trace: Mapping[str, str], reply_to: str | None, correlation_id: str | None
    ) -> AmqpMessage:
        prior = self._dialect.amqp_priority(message.priority) if isinstance(message, _PRIORITISED) else 0
        return encode(
            message,
            trace=trace,
            amqp_priority=prior,
            reply_to=reply_to,
            correlation_id=correlation_id,
        )

    async def _send(self, exchange: str, routing_key: str, amqp: AmqpMessage, *, is_mandatory: bool) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        pause = _FIRST_PAUSE
        while True:
            try:
                target = await self._channel.get_exchange(exchange, ensure=False)
                await target.publish(
                    amqp, routing_key, mandatory=is_mandatory, timeout=_CONFIRM_TIMEOUT.total_seconds()
                )
            except (PublishError, ChannelNotFoundEntity) as error:
                raise UnroutableError(
                    f"The broker has no queue for {routing_key!r} on exchange {exchange!r}. "
                    "Run `svc topology declare`, or start the service that owns the queue."
                ) from error
            except (TimeoutError, DeliveryError, *CONNECTION_EXCEPTIONS) as error:
                # Publishing while disconnected raises at once: without the pause this loop would spin.
                waited = timedelta(seconds=loop.time() - started)
                if self._patience is not None and waited + pause > self._patience:
                    raise BrokerUnavailableError(
                        f"The broker did not confirm a message within {waited.total_seconds():.0f} s ({error!r}). "
                        "Is it running, and is it free of memory and disk alarms?"
                    ) from error
                log.debug("publish not confirmed, repeating", routing_key=routing_key, error=repr(error))
                await asyncio.sleep(pause.total_seconds())
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

"""Settling: the last steps with a delivery, which every kind of consumption takes in the same way."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelInvalidStateError

from tubewarren.bus.codec import name_of, trace_of
from tubewarren.bus.errors import UnroutableError
from tubewarren.bus.publisher import Publisher, is_cancelled
from tubewarren.failures import Failure, FailureKind
from tubewarren.settlement import obituary
from tubewarren.telemetry import messaging
from tubewarren.telemetry.telemetry import Telemetry

_PAUSE_WITHOUT_QUEUE: Final = timedelta(seconds=2)

log = structlog.stdlib.get_logger(__name__)


async def bury_unreadable(
    publisher: Publisher, queue_name: str, incoming: AbstractIncomingMessage, reason: str
) -> None:
    """To the dead queue with what nobody can read; everybody is told why."""
    log.error("unreadable message buried", queue=queue_name, message_id=name_of(incoming), reason=reason)
    failure = Failure(kind=FailureKind.POISON, reason=reason)
    await bury(publisher, queue_name, incoming, 1, failure)


async def bury(
    publisher: Publisher, queue_name: str, incoming: AbstractIncomingMessage, attempt: int, failure: Failure
) -> None:
    """To the dead queue with it; everybody is told why first."""
    event = obituary(queue_name, name_of(incoming), incoming.type or "", attempt, failure, datetime.now(UTC))
    await insist(queue_name, partial(publisher.publish, event))
    await reject(publisher.telemetry, queue_name, incoming, failure)


async def insist(queue_name: str, publish: Callable[[], Awaitable[None]]) -> None:
    """Hold the claim until what follows from it has a queue: the work is done, and must not be done again."""
    while True:
        try:
            await publish()
        except UnroutableError as error:
            log.warning("cannot settle a claim yet", queue=queue_name, problem=str(error))
            await asyncio.sleep(_PAUSE_WITHOUT_QUEUE.total_seconds())
        else:
            return


async def confirm(incoming: AbstractIncomingMessage, *, multiple: bool = False) -> None:
    """Ack; when the channel is gone the message comes again, and the second time is harmless."""
    await _unless_lost(incoming, _ack(incoming, multiple=multiple))


async def hand_back(incoming: AbstractIncomingMessage) -> None:
    """Back to its place in its queue with it. Before 4.3, a broker counts that towards the queue's delivery limit."""
    await _unless_lost(incoming, incoming.nack(requeue=True))


async def reject(telemetry: Telemetry, queue_name: str, incoming: AbstractIncomingMessage, failure: Failure) -> None:
    """Hand it to its queue's dead-letter exchange; when the channel is gone it comes again, as after `confirm`."""
    name, trace = name_of(incoming), trace_of(incoming.headers)
    with messaging.rejecting(telemetry, queue_name, incoming.type or "", name, trace, failure):
        await _unless_lost(incoming, incoming.reject(requeue=False))


def is_lost(incoming: AbstractIncomingMessage) -> bool:
    """Whether the channel that it came on is gone, and the claim with it."""
    try:
        return incoming.channel.is_closed
    except ChannelInvalidStateError:
        return True


async def _ack(incoming: AbstractIncomingMessage, *, multiple: bool) -> None:
    # Not `incoming.ack`, which waits until the socket has taken it: a quarter of a settlement's time, and no promise.
    await incoming.channel.basic_ack(incoming.delivery_tag or 0, multiple=multiple, wait=False)


async def _unless_lost(incoming: AbstractIncomingMessage, settling: Awaitable[None]) -> None:
    try:
        await settling
    except asyncio.CancelledError:
        # What waits on a connection that is given up is ended like this, too, though nobody cancelled us.
        if is_cancelled():
            raise
        log.info("settled too late, it will come again", message_id=incoming.message_id)
    except Exception as error:  # noqa: BLE001 - the library lets a lost channel look like any of them
        log.info("settled too late, it will come again", message_id=incoming.message_id, error=repr(error))

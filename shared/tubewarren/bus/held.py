"""The work of paused sources: it lies in queues that nobody consumes until the monitor sends it back."""

import asyncio
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity

from tubewarren.bus.codec import attempt_of
from tubewarren.bus.connection import Bus
from tubewarren.bus.errors import BrokerUnavailableError
from tubewarren.settlement import Forward
from tubewarren.topology import Topology, WorkQueue

_AT_ONCE: Final = 100
_GET_TIMEOUT_SECONDS: Final = 10


async def release_held(bus: Bus, topology: Topology) -> int:
    """Send all that is held back to its work queue, as it is; workers hold again what is still paused.

    Each is published with a confirm before it is taken: whatever interrupts us, none is lost, and one may go twice.

    Raises:
        BrokerUnavailableError: the connection broke; what was not sent yet is still held.
        UnroutableError: a work queue is missing.
    """
    count = 0
    try:
        for work in topology.work:
            if work.held:
                async with bus.channel() as channel:
                    count += await _empty(bus, channel, work)
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        raise BrokerUnavailableError(
            f"The connection broke after {count} held messages ({error!r}); the rest is still held."
        ) from error
    return count


async def _empty(bus: Bus, channel: AbstractChannel, work: WorkQueue) -> int:
    try:
        queue = await channel.get_queue(work.held)
    except ChannelNotFoundEntity:
        return 0
    # No more than lie there now: what is held again meanwhile is not chased.
    left = queue.declaration_result.message_count or 0
    count = 0
    while left:
        taken: list[AbstractIncomingMessage] = []
        while len(taken) < min(left, _AT_ONCE):
            incoming = await queue.get(no_ack=False, fail=False, timeout=_GET_TIMEOUT_SECONDS)
            if incoming is None:
                break
            taken.append(incoming)
        if not taken:
            return count
        await asyncio.gather(
            *(bus.publisher.forward(each, Forward(work.name, attempt_of(each.headers))) for each in taken)
        )
        await taken[-1].ack(multiple=True)
        count += len(taken)
        left -= len(taken)
    return count

"""Bringing the topology to the broker, and finding where the two differ."""

from dataclasses import dataclass
from typing import Final

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    AMQPChannelError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)

from tubewarren.bus.errors import TopologyDriftError
from tubewarren.bus.subscription import unrestored_channel
from tubewarren.topology import Queue, Topology

_REFUSED: Final = "ACCESS_REFUSED"
"""The broker's word for what a user has no permission to do."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between code and broker, with what to do about it."""

    name: str
    what: str
    remedy: str


async def declare(connection: AbstractConnection, topology: Topology) -> None:
    """Make everything that is missing; what is there stays as it is.

    A user who may not make them leaves it to one who may; who then consumes from what is missing is told.

    Raises:
        TopologyDriftError: the broker has something of our name with other arguments.
    """
    try:
        if not await _is_made_in_one_go(connection, topology):
            async with unrestored_channel(connection) as channel:
                await _make(channel, topology)
    except ChannelPreconditionFailed as error:
        raise TopologyDriftError(
            f"The broker's queues or exchanges differ from what this version needs: {error}. "
            "Run `svc topology check` for the whole list and what to do."
        ) from error
    except AMQPChannelError as error:
        if _REFUSED not in str(error):
            raise
        log.info("this user may not make queues; whoever may has made them")


async def _is_made_in_one_go(connection: AbstractConnection, topology: Topology) -> bool:
    """Make it without waiting for a hundred answers; whether nothing was refused, of which nothing more is told."""
    try:
        async with unrestored_channel(connection) as channel:
            broker = await channel.get_underlay_channel()
            for exchange in topology.exchanges:
                await broker.exchange_declare(exchange.name, exchange_type=exchange.kind, durable=True, nowait=True)
            for queue in topology.queues:
                await broker.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments), nowait=True)
                for binding in queue.bindings:
                    await broker.queue_bind(queue.name, binding.exchange, binding.routing_key, nowait=True)
            # Answered when all before it is done.
            await channel.set_qos(prefetch_count=1)
    except (AMQPChannelError, ChannelInvalidStateError):
        return False
    return True


async def _make(channel: AbstractChannel, topology: Topology) -> None:
    for exchange in topology.exchanges:
        await channel.declare_exchange(exchange.name, exchange.kind, durable=True)
    for queue in topology.queues:
        declared = await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        for binding in queue.bindings:
            await declared.bind(binding.exchange, binding.routing_key)


async def check(connection: AbstractConnection, topology: Topology) -> tuple[Drift, ...]:
    """Every difference between the code's topology and the broker's, found without changing anything."""
    drifts = [await _check_exchange(connection, exchange.name, exchange.kind) for exchange in topology.exchanges]
    drifts += [await _check_queue(connection, queue) for queue in topology.queues]
    return tuple(drift for drift in drifts if drift)


async def depths(connection: AbstractConnection, topology: Topology) -> dict[str, tuple[int, int] | None]:
    """Messages ready and consumers of each queue; None for a queue that is missing."""
    found: dict[str, tuple[int, int] | None] = {}
    names = [queue.name for queue in topology.queues]
    while len(found) < len(names):
        try:
            async with unrestored_channel(connection) as channel:
                broker = await channel.get_underlay_channel()
                for name in names[len(found) :]:
                    told = await broker.queue_declare(name, passive=True)
                    found[name] = (told.message_count or 0, told.consumer_count or 0)
        except ChannelNotFoundEntity:
            # It ends the channel, too.
            found[names[len(found)]] = None
    return found


async def _check_exchange(connection: AbstractConnection, name: str, kind: str) -> Drift | None:
    try:
        async with unrestored_channel(connection) as channel:
            await channel.declare_exchange(name, kind, durable=True, passive=True)
        async with unrestored_channel(connection) as channel:
            await channel.declare_exchange(name, kind, durable=True)
    except ChannelNotFoundEntity:
        return Drift(name, "the exchange is missing", "Run `svc topology declare`.")
    except AMQPChannelError as error:
        return Drift(name, str(error), "Stop every service, delete the exchange, run `svc topology declare`.")
    return None


async def _check_queue(connection: AbstractConnection, queue: Queue) -> Drift | None:
    """A passive declare tells whether the queue is there; only then a full one, which changes nothing, compares."""
    try:
        async with unrestored_channel(connection) as channel:
            await channel.declare_queue(queue.name, durable=True, passive=True)
            await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    except ChannelNotFoundEntity:
        return Drift(queue.name, "the queue is missing", "Run `svc topology declare`.")
    except AMQPChannelError as error:
        return Drift(
            queue.name,
            str(error),
            "Let the services empty it, stop them, delete the queue in the management UI, "
            "then run `svc topology declare`.",
        )
    return None

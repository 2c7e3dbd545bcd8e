"""Bare aio-pika: a loop that takes a message and acks it, or publishes an event first; the ceiling for all others."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika import DeliveryMode
from aio_pika import Message as AmqpMessage
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from bench.subjects import ours
from bench.subjects.job import READY, Job, Meter, Moments, Spent, Taken, say
from bench.subjects.orders import event_of, listing_of, orders, pages, plain_queue
from tubewarren.messages import Message
from tubewarren.topology import COMMANDS, EVENTS, route

prepare = ours.prepare
fill = ours.fill
OnMessage = Callable[[AbstractIncomingMessage], Awaitable[None]]

_AT_A_TIME = 1000
"""Publications that are under way; fewer are slower, more are not faster."""


async def enqueue(job: Job) -> Spent:
    """Publish the same bodies, and for each page one of its event, as fast as confirms come."""
    meter = Meter(job)
    sent = [_prepared(message) for page in pages(job.all_messages) for message in (listing_of(page), *page)]
    async with await aio_pika.connect_robust(job.url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        targets = {name: await channel.get_exchange(name, ensure=False) for name in (COMMANDS, EVENTS)}
        slots = asyncio.Semaphore(_AT_A_TIME)

        async def publish(message: _Prepared) -> None:
            async with slots:
                amqp = AmqpMessage(message.body, **message.properties)
                await targets[message.exchange].publish(amqp, message.routing_key)
                if message.exchange == COMMANDS:
                    meter.tick()

        await asyncio.gather(*(publish(each) for each in sent))
    return meter.spent


async def consume(job: Job) -> Spent:
    """Ack them, unread."""
    over = asyncio.Event()
    meter = Meter(job, over.set)
    (order,) = orders(1)
    event = _prepared(event_of(order))
    async with await aio_pika.connect_robust(job.url) as connection:
        publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
        events = await publishing.get_exchange(EVENTS, ensure=False)

        async def on_message(incoming: AbstractIncomingMessage) -> None:
            meter.tick()
            if job.with_event:
                await events.publish(AmqpMessage(event.body, **event.properties), event.routing_key, mandatory=False)
            await incoming.ack()

        await _consume(connection, job, on_message)
        await over.wait()
    return meter.spent


async def listen(job: Job) -> Moments:
    """Tell when each command began to be handled."""
    over = asyncio.Event()
    began: dict[str, float] = {}

    async def on_message(incoming: AbstractIncomingMessage) -> None:
        now = time.monotonic()
        began[_video_of(incoming)] = now
        await incoming.ack()
        if len(began) == job.all_messages:
            over.set()

    async with await aio_pika.connect_robust(job.url) as connection:
        await _consume(connection, job, on_message)
        say(READY)
        await over.wait()
    return Moments(began)


async def send(job: Job) -> Moments:
    """Publish commands at leisure, and tell when."""
    sent: dict[str, float] = {}
    messages = {order.video_id: _prepared(order) for order in orders(job.all_messages)}
    async with await aio_pika.connect_robust(job.url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        target = await channel.get_exchange(COMMANDS, ensure=False)
        for video_id, message in messages.items():
            await asyncio.sleep(job.every_seconds)
            sent[video_id] = time.monotonic()
            await target.publish(AmqpMessage(message.body, **message.properties), message.routing_key)
    return Moments(sent)


async def hold(job: Job) -> None:
    """Take commands until we are killed, and ack only those that somebody else held before."""

    async def on_message(incoming: AbstractIncomingMessage) -> None:
        is_redelivered = bool(incoming.redelivered)
        say(Taken(_video_of(incoming), time.monotonic(), is_redelivered))
        if is_redelivered:
            await incoming.ack()

    async with await aio_pika.connect_robust(job.url) as connection:
        await _consume(connection, job, on_message)
        say(READY)
        await asyncio.Event().wait()


async def _consume(connection: AbstractConnection, job: Job, on_message: OnMessage) -> None:
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=job.prefetch)
    queue = await channel.get_queue(plain_queue(), ensure=False)
    await queue.consume(on_message)


def _video_of(incoming: AbstractIncomingMessage) -> str:
    return str(json.loads(incoming.body)["video_id"])


@dataclass(frozen=True, slots=True)
class _Prepared:
    body: bytes
    properties: dict[str, Any]
    exchange: str
    routing_key: str


def _prepared(message: Message) -> _Prepared:
    way = route(message)
    properties = {
        "type": message.type,
        "content_type": "application/json",
        "message_id": str(message.message_id),
        "delivery_mode": DeliveryMode.PERSISTENT,
    }
    return _Prepared(message.model_dump_json().encode(), properties, way.exchange, way.routing_key)

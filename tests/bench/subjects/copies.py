"""Many messages made of one that a peer's own client has sent."""

import asyncio
from uuid import uuid4

import aio_pika
from aio_pika import DeliveryMode
from aio_pika import Message as AmqpMessage
from aio_pika.abc import AbstractIncomingMessage

from bench.subjects.job import Job
from bench.subjects.orders import orders

_AT_A_TIME = 500
_PATIENCE_SECONDS = 10
QUEUE = "bench"
"""Where peers have their messages."""


async def multiply(job: Job, task_id: str) -> None:
    """Take the one message for the first order, and put so many there for as many orders, each with an id of its own.

    Args:
        job: how many.
        task_id: that the peer gave it; empty when it gives none.
    """
    async with await aio_pika.connect(job.url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(QUEUE, ensure=False)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (sample := await queue.get(fail=False)) is None:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.01)
        await sample.ack()
        (first,) = (order.video_id for order in orders(1))
        copies = [
            _copy(sample, {first: order.video_id, **({task_id: str(uuid4())} if task_id else {})})
            for order in orders(job.all_messages)
        ]
        for start in range(0, len(copies), _AT_A_TIME):
            sent = copies[start : start + _AT_A_TIME]
            await asyncio.gather(*(channel.default_exchange.publish(copy, QUEUE) for copy in sent))


def _copy(sample: AbstractIncomingMessage, changes: dict[str, str]) -> AmqpMessage:
    body = sample.body.decode()
    headers = dict(sample.headers)
    correlation_id, message_id = sample.correlation_id or "", sample.message_id or ""
    for old, new in changes.items():
        body = body.replace(old, new)
        headers = {key: value.replace(old, new) if isinstance(value, str) else value for key, value in headers.items()}
        correlation_id, message_id = correlation_id.replace(old, new), message_id.replace(old, new)
    return AmqpMessage(
        body.encode(),
        headers=headers,
        content_type=sample.content_type,
        content_encoding=sample.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=sample.priority,
        type=sample.type,
        reply_to=sample.reply_to,
        app_id=sample.app_id,
        correlation_id=correlation_id or None,
        message_id=message_id or None,
    )

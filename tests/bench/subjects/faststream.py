"""FastStream: asyncio, on aio-pika; every message is acked after its handler, which gets a pydantic model."""

import asyncio

from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from bench.subjects.copies import QUEUE, multiply
from bench.subjects.job import Job, Meter, Spent
from bench.subjects.orders import orders
from tubewarren.messages.commands import DownloadVideo

_QUEUE = RabbitQueue(QUEUE, queue_type=QueueType.QUORUM, durable=True)


async def fill(job: Job) -> None:
    """Put the messages there."""
    async with RabbitBroker(job.url, logger=None) as broker:
        await broker.declare_queue(_QUEUE)
        (order,) = orders(1)
        await broker.publish(order, _QUEUE, persist=True)
    await multiply(job, "")


async def consume(job: Job) -> Spent:
    """Settle them."""
    over = asyncio.Event()
    meter = Meter(job, over.set)
    # It logs every message unless it is told not to.
    broker = RabbitBroker(job.url, default_channel=Channel(prefetch_count=job.prefetch), logger=None)

    @broker.subscriber(_QUEUE, ack_policy=AckPolicy.REJECT_ON_ERROR)
    async def download(order: DownloadVideo) -> None:  # noqa: ARG001 - nothing is done with it
        meter.tick()

    await broker.start()
    await over.wait()
    await broker.stop()
    return meter.spent

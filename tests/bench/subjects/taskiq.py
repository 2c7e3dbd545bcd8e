"""taskiq: asyncio, on aio-pika; every message is acked after its task, which gets a pydantic model."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from taskiq import AsyncTaskiqDecoratedTask
from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq_aio_pika import AioPikaBroker
from taskiq_aio_pika.queue import Queue, QueueType

from bench.subjects.copies import QUEUE, multiply
from bench.subjects.job import Job, Meter, Spent
from bench.subjects.orders import orders
from tubewarren.messages.commands import DownloadVideo


async def fill(job: Job) -> None:
    """Put the messages there."""
    broker = _broker(job)
    task = _task(broker, Meter(job, bool))
    await broker.startup()
    (order,) = orders(1)
    sent = await task.kiq(order)
    await broker.shutdown()
    await multiply(job, sent.task_id)


async def consume(job: Job) -> Spent:
    """Settle them."""
    logging.disable(logging.WARNING)
    over = asyncio.Event()
    broker = _broker(job)
    meter = Meter(job, over.set)
    _task(broker, meter)
    receiving = asyncio.create_task(
        run_receiver_task(
            broker, max_async_tasks=job.prefetch, run_startup=True, ack_time=AcknowledgeType.WHEN_EXECUTED
        )
    )
    waiting = asyncio.create_task(over.wait())
    await asyncio.wait((receiving, waiting), return_when=asyncio.FIRST_COMPLETED)
    receiving.cancel()
    await asyncio.wait((receiving,))
    return meter.spent


def _broker(job: Job) -> AioPikaBroker:
    return AioPikaBroker(job.url, qos=job.prefetch, task_queues=[Queue(name=QUEUE, type=QueueType.QUORUM)])


def _task(broker: AioPikaBroker, meter: Meter) -> AsyncTaskiqDecoratedTask[[DownloadVideo], Coroutine[Any, Any, None]]:
    @broker.task(task_name="download")
    async def download(order: DownloadVideo) -> None:  # noqa: ARG001 - nothing is done with it
        meter.tick()

    return download

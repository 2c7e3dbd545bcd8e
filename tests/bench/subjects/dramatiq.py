"""Dramatiq: threads, on pika; every message is acked after its actor."""

import asyncio
import logging
import os
from threading import Event
from typing import Any, Final

from bench.subjects.copies import QUEUE, multiply
from bench.subjects.job import Job, Meter, Spent
from bench.subjects.orders import orders

_THREADS: Final = 4
"""For tasks that do nothing fewer or more make no difference."""


def fill(job: Job) -> None:
    """Put the messages there."""
    import dramatiq  # noqa: PLC0415

    broker = _broker(job)
    actor = dramatiq.actor(broker=broker, queue_name=QUEUE, actor_name="download")(lambda order: order)
    (order,) = orders(1)
    sent = actor.send(order.model_dump(mode="json"))
    broker.close()
    asyncio.run(multiply(job, sent.message_id))


def consume(job: Job) -> Spent:
    """Settle them."""
    os.environ["dramatiq_queue_prefetch"] = str(job.prefetch)  # noqa: SIM112 - its name
    import dramatiq  # noqa: PLC0415

    logging.disable(logging.WARNING)
    over = Event()
    meter = Meter(job, over.set)
    broker = _broker(job)

    @dramatiq.actor(broker=broker, queue_name=QUEUE)
    def download(order: dict[str, Any]) -> None:  # noqa: ARG001 - nothing is done with it
        meter.tick()

    worker = dramatiq.Worker(broker, worker_threads=_THREADS)
    worker.start()
    over.wait()
    worker.stop()
    broker.close()
    return meter.spent


def _broker(job: Job) -> Any:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415

    class QuorumBroker(RabbitmqBroker):
        """It has no setting for that."""

        def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
            return {**super()._build_queue_arguments(queue_name), "x-queue-type": "quorum"}  # type: ignore[no-untyped-call] # it has no types

    return QuorumBroker(url=job.url)

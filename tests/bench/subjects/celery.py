"""Celery, with late acks, in its solo pool: the cheapest that it has for one process."""

import asyncio
import os
from typing import Any

from celery import Celery  # type: ignore[import-untyped] # it has no types

from bench.subjects.copies import QUEUE, multiply
from bench.subjects.job import Job, Meter, say
from bench.subjects.orders import orders


def fill(job: Job) -> None:
    """Put the messages there."""
    app = _app(job)
    app.task(name="download", ignore_result=True)(lambda order: None)  # noqa: ARG005 - it is only sent
    (order,) = orders(1)
    sent = app.send_task("download", (order.model_dump(mode="json"),), queue=QUEUE)
    app.close()
    asyncio.run(multiply(job, sent.id))


def consume(job: Job) -> None:
    """Settle them."""
    app = _app(job)

    def end() -> None:
        # It would take long to stop; who asked removes the queue.
        say(meter.spent)
        os._exit(0)

    meter = Meter(job, end)

    @app.task(name="download", ignore_result=True)  # type: ignore[untyped-decorator] # as above
    def download(order: dict[str, Any]) -> None:  # noqa: ARG001 - nothing is done with it
        meter.tick()

    worker = app.Worker(
        pool="solo",
        concurrency=1,
        queues=[QUEUE],
        loglevel="ERROR",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()


def _app(job: Job) -> Celery:
    app = Celery("bench", broker=job.url)
    app.conf.update(
        task_default_queue=QUEUE,
        task_default_queue_type="quorum",
        task_default_exchange_type="topic",
        broker_transport_options={"confirm_publish": True},
        task_acks_late=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=job.prefetch,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_redirect_stdouts=False,
    )
    return app

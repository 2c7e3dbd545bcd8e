"""Ours: the bus as every service uses it, with everything on that is on by default."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from bench.subjects.job import READY, Job, Meter, Moments, Spent, Taken, say
from bench.subjects.orders import event_of, listing_of, orders, pages
from tubewarren.bus import Handler, open_bus
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Done
from tubewarren.topology import DEFAULT_LADDER, DOWNLOADER, Topology, WorkQueue, topology

_GRACE = timedelta(seconds=5)


async def prepare(job: Job) -> None:
    """Make the queues."""
    async with open_bus(job.url, "bench") as bus:
        await bus.declare(topology())


async def fill(job: Job) -> None:
    """Put the messages there."""
    await prepare(job)
    await put(job)


async def put(job: Job) -> None:
    """Publish the commands, to queues that are there."""
    async with open_bus(job.url, "bench") as bus:
        for page in pages(job.all_messages):
            await bus.publisher.publish(*page)


async def enqueue(job: Job) -> Spent:
    """Put them there as the source-expander does: of each page, first the event that tells of it, then its orders."""
    over = asyncio.Event()
    meter = Meter(job, over.set)
    async with open_bus(job.url, "bench") as bus:
        for page in pages(job.all_messages):
            await bus.publisher.publish(listing_of(page))
            await bus.publisher.publish(*page)
            meter.tick(len(page))
    return meter.spent


async def consume(job: Job) -> Spent:
    """Settle them."""
    over = asyncio.Event()
    meter = Meter(job, over.set)

    async def handle(delivery: Delivery) -> Done:
        meter.tick()
        if job.with_event and isinstance(delivery.message, DownloadVideo):
            return Done(publish=(event_of(delivery.message),))
        return Done()

    async with _consuming(job, handle):
        await over.wait()
    return meter.spent


async def listen(job: Job) -> Moments:
    """Tell when each command began to be handled."""
    over = asyncio.Event()
    began: dict[str, float] = {}

    async def handle(delivery: Delivery) -> Done:
        began[_video_of(delivery)] = time.monotonic()
        if len(began) == job.all_messages:
            over.set()
        return Done()

    async with _consuming(job, handle):
        say(READY)
        await over.wait()
    return Moments(began)


async def send(job: Job) -> Moments:
    """Publish commands at leisure, and tell when."""
    sent: dict[str, float] = {}
    async with open_bus(job.url, "bench") as bus:
        for order in orders(job.all_messages):
            await asyncio.sleep(job.every_seconds)
            sent[order.video_id] = time.monotonic()
            await bus.publisher.publish(order)
    return Moments(sent)


async def hold(job: Job) -> None:
    """Take commands until we are killed, and settle only those that somebody else held before."""

    async def handle(delivery: Delivery) -> Done:
        say(Taken(_video_of(delivery), time.monotonic(), delivery.is_redelivered))
        if not delivery.is_redelivered:
            await asyncio.Event().wait()
        return Done()

    async with _consuming(job, handle):
        say(READY)
        await asyncio.Event().wait()


@asynccontextmanager
async def _consuming(job: Job, handler: Handler) -> AsyncIterator[None]:
    async with open_bus(job.url, "bench") as bus:
        everything, name = topology(), DOWNLOADER
        if job.queue:
            name = job.queue
            everything = Topology((), (WorkQueue(name, (DownloadVideo,), DEFAULT_LADDER),), ())
        consumption = await bus.consume_commands(everything, name, handler, job.prefetch)
        yield
        await consumption.drain(_GRACE)


def _video_of(delivery: Delivery) -> str:
    assert isinstance(delivery.message, DownloadVideo)
    return delivery.message.video_id

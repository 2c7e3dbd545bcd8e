"""Draining: finish what is in hand, hand back what takes too long, lose nothing, and never hang."""

import asyncio
from datetime import timedelta

import pytest

from integration.bus.support import (
    BUSY,
    GRACE,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    listen,
    never_ending,
    until,
    video,
)
from tubewarren.delivery import Delivery
from tubewarren.messages.events import Verdict, VideoFailed
from tubewarren.outcomes import Done, Outcome, Retry

pytestmark = pytest.mark.broker

MOMENT = timedelta(milliseconds=50)


async def test_what_is_in_hand_is_finished_and_nothing_more_is_claimed(vhost_url: str, stranger: Stranger) -> None:
    may_end = asyncio.Event()

    async def wait(_: Delivery) -> Outcome:
        await may_end.wait()
        return Done()

    handler = Recorder(wait)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(video(name) for name in "abcde"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: len(handler.seen) == 2)
        draining = asyncio.create_task(consumption.drain(GRACE))
        await asyncio.sleep(0)
        may_end.set()
        await draining

        assert (consumption.settled, consumption.in_hand) == (len(handler.seen), 0)
        assert handler.cancelled == []
        # What came after the last claim is given back without an answer.
        await stranger.holds(WORK, 5 - consumption.settled)


async def test_what_takes_too_long_is_another_workers_at_once_and_uncharged(vhost_url: str) -> None:
    async def retry_then_hang(delivery: Delivery) -> Outcome:
        return Retry(BUSY) if delivery.attempt == 1 else await never_ending(delivery)

    stopped, other = Recorder(retry_then_hang), Recorder()
    async with declared_bus(vhost_url) as bus, declared_bus(vhost_url, worker="other") as colleague:
        heard = await listen(bus)
        await bus.publisher.publish(video("a"))
        consumption = await bus.consume_commands(SMALL, WORK, stopped, prefetch=1)
        await until(lambda: len(stopped.seen) == 2)
        await consumption.drain(MOMENT)
        taking_over = await colleague.consume_commands(SMALL, WORK, other, prefetch=1)
        await until(lambda: taking_over.settled == 1)
        await until(lambda: len(heard.of(VideoFailed)) == 2)

    assert stopped.cancelled == ["a"]
    assert [delivery.attempt for delivery in other.seen] == [2]
    assert [event.verdict for event in heard.of(VideoFailed)] == [Verdict.RETRY, Verdict.REFUND]


async def test_a_handler_that_cleans_up_after_its_cancellation_is_waited_for(vhost_url: str) -> None:
    cleaned: list[str] = []

    async def clean_up(delivery: Delivery) -> Outcome:
        try:
            return await never_ending(delivery)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("partial file kept")

    handler = Recorder(clean_up)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await until(lambda: len(handler.seen) == 1)
        await consumption.drain(MOMENT)

        assert cleaned == ["partial file kept"]


async def test_draining_under_load_loses_nothing(vhost_url: str, stranger: Stranger) -> None:
    names = {f"v{number}" for number in range(600)}
    done: list[str] = []

    async def work(delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.005)
        assert hasattr(delivery.message, "video_id")
        done.append(delivery.message.video_id)
        return Done()

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*map(video, names))
        for _ in range(5):
            consumption = await bus.consume_commands(SMALL, WORK, work, prefetch=8)
            before = len(done)
            await until(lambda before=before: len(done) > before + 10)  # type: ignore[misc] # a lambda with a default
            await consumption.drain(timedelta(0))
        last = await bus.consume_commands(SMALL, WORK, work, prefetch=8)
        await until(lambda: set(done) == names)
        await last.drain(GRACE)

    await stranger.holds(WORK, 0)


async def test_a_bus_that_is_closed_without_draining_gives_its_claims_back(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(never_ending)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"))
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await until(lambda: len(handler.seen) == 1)

    assert handler.cancelled == ["a"]
    await stranger.holds(WORK, 1)


async def test_a_bus_that_is_closed_leaves_nothing_running(vhost_url: str) -> None:
    before = asyncio.all_tasks()
    async with declared_bus(vhost_url) as bus:
        await bus.consume_commands(SMALL, WORK, Recorder(), prefetch=1)
        await listen(bus)

    await until(lambda: asyncio.all_tasks() <= before)

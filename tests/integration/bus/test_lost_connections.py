"""Channels, connections and brokers that are lost: claims end at once, work comes back by itself, nothing is lost."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from integration.bus.own_brokers import OwnBroker
from integration.bus.support import (
    HEARD,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    downloaded,
    name_in,
    never_ending,
    redeclare,
    until,
    video,
)
from tubewarren.bus import Delivery
from tubewarren.messages import Message
from tubewarren.outcomes import Done, Outcome

pytestmark = pytest.mark.broker

LONG = timedelta(seconds=40)


async def hang_at_first(delivery: Delivery) -> Outcome:
    return Done() if delivery.is_redelivered else await never_ending(delivery)


async def test_a_cut_connection_ends_every_handler_and_the_work_comes_again(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(hang_at_first)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"), video("b"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: consumption.in_hand == 2)
        await stranger.cut("consumes")
        await until(lambda: sorted(handler.cancelled) == ["a", "b"], timedelta(milliseconds=500))
        await until(lambda: consumption.settled == 2)

    assert sorted(handler.names) == ["a", "a", "b", "b"]
    assert [delivery.attempt for delivery in handler.seen] == [1, 1, 1, 1]


async def test_a_deleted_queue_is_consumed_again_when_it_is_back(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(hang_at_first)
    heard: list[str] = []

    async def hear(batch: Sequence[Delivery]) -> None:
        heard.extend(name_in(delivery) for delivery in batch)

    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await bus.consume_events(f"{HEARD}.events", hear, 5, timedelta(milliseconds=10))
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.in_hand == 1)
        await redeclare(stranger, SMALL, WORK, {})
        async with stranger.channel() as channel:
            await channel.queue_delete(f"{HEARD}.events")
        await until(lambda: handler.cancelled == ["a"])
        await bus.declare(SMALL)
        await bus.publisher.publish(video("b"), downloaded("c"))
        await until(lambda: handler.names == ["a", "b"])
        await until(lambda: heard == ["c"])


async def test_a_killed_broker_costs_no_confirmed_message_and_everything_goes_on_by_itself(
    own_broker: OwnBroker, own_stranger: Stranger
) -> None:
    handled: list[str] = []
    heard: list[str] = []
    confirmed: list[str] = []
    is_over = asyncio.Event()

    async def work(delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.002)
        handled.append(name_in(delivery))
        return Done((downloaded(name_in(delivery)),))

    async def hear(batch: Sequence[Delivery]) -> None:
        heard.extend(name_in(delivery) for delivery in batch)

    async with declared_bus(own_stranger.url) as bus:

        async def publish_all_the_time() -> None:
            while not is_over.is_set():
                names = [f"v{len(confirmed) + number}" for number in range(5)]
                await bus.publisher.publish(*map(video, names))
                confirmed.extend(names)

        await bus.consume_commands(SMALL, WORK, work, prefetch=8)
        await bus.consume_events(f"{HEARD}.events", hear, 20, timedelta(milliseconds=10))
        with capture_logs() as logs:
            publishing = asyncio.create_task(publish_all_the_time())
            await until(lambda: len(handled) > 300)
            await asyncio.to_thread(own_broker.kill)
            await asyncio.to_thread(own_broker.start)
            at_restart = len(confirmed)
            await until(lambda: len(confirmed) > at_restart + 100, LONG)
            is_over.set()
            await publishing
            await until(lambda: set(confirmed) <= set(handled), LONG)
            await until(lambda: set(confirmed) <= set(heard), LONG)
        await own_stranger.holds(WORK, 0)

    # While the broker is away, nobody asks again and again without a pause.
    assert len([line for line in logs if "publication not confirmed" in line["event"]]) < 300


async def test_publications_during_an_outage_pause_between_their_tries(own_broker: OwnBroker) -> None:
    async with declared_bus(own_broker.start().url) as bus:
        own_broker.kill()
        counting = CountingTries(bus.publisher._try)
        bus.publisher._try = counting  # type: ignore[method-assign] # counts, and calls what was there
        publishing = asyncio.create_task(bus.publisher.publish(video("a")))
        await asyncio.to_thread(own_broker.start)
        async with asyncio.timeout(20):
            await publishing

    assert 1 < counting.calls < 40


class CountingTries:
    def __init__(self, real: object) -> None:
        self._real = real
        self.calls = 0

    async def __call__(self, *args: object, **options: object) -> BaseException | None:
        self.calls += 1
        problem: BaseException | None = await self._real(*args, **options)  # type: ignore[operator] # a bound method
        return problem


async def test_draining_without_a_broker_ends_all_the_same(own_broker: OwnBroker, own_stranger: Stranger) -> None:
    commands, events = Recorder(never_ending), asyncio.Event()

    async def hang(_: Sequence[Delivery]) -> None:
        events.set()
        await asyncio.Event().wait()

    async with declared_bus(own_stranger.url) as bus:
        await bus.publisher.publish(video("a"), downloaded("b"))
        working = await bus.consume_commands(SMALL, WORK, commands, prefetch=1)
        listening = await bus.consume_events(f"{HEARD}.events", hang, 5, timedelta(milliseconds=10))
        await until(lambda: working.in_hand == 1)
        await events.wait()
        own_broker.kill()
        await until(lambda: commands.cancelled == ["a"])

        async with asyncio.timeout(10):
            await asyncio.gather(working.drain(timedelta(seconds=1)), listening.drain(timedelta(seconds=1)))

    await asyncio.to_thread(own_broker.start)
    await own_stranger.holds(WORK, 1)
    await own_stranger.holds(f"{HEARD}.events", 1)


async def test_a_hand_back_that_finds_no_broker_leaves_the_claim_to_the_broker(
    vhost_url: str, stranger: Stranger
) -> None:
    """The way out is blocked, as it is in a memory alarm, while the claim is still ours."""

    class Blocked(Exception):  # noqa: N818 - never raised
        pass

    async def never(*_: Message, **__: object) -> None:
        await asyncio.Event().wait()

    handler = Recorder(never_ending)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await until(lambda: consumption.in_hand == 1)
        bus.publisher._send = never  # type: ignore[method-assign] # a way out that is blocked
        async with asyncio.timeout(10):
            await consumption.drain(timedelta(0))

        await stranger.holds(WORK, 1)
    assert Blocked is not None

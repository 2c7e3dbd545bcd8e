"""Pausing: claim nothing for a while, and lose nothing that is in hand."""

import asyncio

import pytest

from integration.bus.relay import relay_to
from integration.bus.support import (
    GRACE,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    downloaded,
    in_time,
    listen,
    name_in,
    never_ending,
    until,
    video,
)
from tubewarren.bus import Bus
from tubewarren.delivery import Delivery
from tubewarren.outcomes import Done, Outcome

pytestmark = pytest.mark.broker


async def has_consumers(bus: Bus, number: int) -> None:
    """Waited for, because the broker's count lags behind its answers."""

    async def is_so() -> bool:
        depth = (await bus.depths(SMALL))[WORK]
        return depth is not None and depth[1] == number

    await until(is_so)


async def lies_unclaimed(bus: Bus, number: int) -> None:
    """Waited for, because a broker hears late that a connection was cut."""

    async def is_so() -> bool:
        return (await bus.depths(SMALL))[WORK] == (number, 0)

    await until(is_so)


async def test_what_is_in_hand_goes_on_through_a_pause_and_the_rest_waits_for_its_end(vhost_url: str) -> None:
    may_end = asyncio.Event()

    async def wait(_: Delivery) -> Outcome:
        await may_end.wait()
        return Done()

    handler = Recorder(wait)
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"), video("b"))
        await until(lambda: len(handler.seen) == 1)
        await consumption.pause()
        may_end.set()
        await until(lambda: consumption.settled == 1)
        await has_consumers(bus, 0)
        at_pause = len(handler.seen), (await bus.depths(SMALL))[WORK]
        await consumption.resume()
        await until(lambda: consumption.settled == 2)

    assert at_pause == (1, (1, 0))
    assert sorted(handler.names) == ["a", "b"]
    assert handler.cancelled == []
    assert not any(delivery.is_redelivered for delivery in handler.seen)


async def test_pausing_and_resuming_twice_is_doing_it_once(vhost_url: str) -> None:
    handler = Recorder()
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await consumption.resume()
        await has_consumers(bus, 1)

        await consumption.pause()
        await consumption.pause()
        await has_consumers(bus, 0)

        await consumption.resume()
        await consumption.resume()
        await has_consumers(bus, 1)

        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.settled == 1)


async def test_the_last_word_counts_when_pause_and_resume_come_in_a_hurry(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, Recorder(), prefetch=1)
        for _ in range(3):
            await asyncio.gather(consumption.pause(), consumption.resume(), consumption.pause())
            await has_consumers(bus, 0)
            await asyncio.gather(consumption.resume(), consumption.pause(), consumption.resume())
            await has_consumers(bus, 1)


async def test_pausing_and_resuming_in_a_hurry_costs_no_claim(vhost_url: str) -> None:
    async def hang_on_the_first(delivery: Delivery) -> Outcome:
        return Done() if name_in(delivery) != "a" else await never_ending(delivery)

    handler = Recorder(hang_on_the_first)
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 1)
        for _ in range(10):
            await asyncio.gather(consumption.pause(), consumption.resume(), consumption.pause(), consumption.resume())
        await bus.publisher.publish(video("b"))
        await until(lambda: consumption.settled == 1)

        assert (handler.names, handler.cancelled) == (["a", "b"], [])


async def test_a_paused_consumption_stays_paused_when_the_connection_comes_back(vhost_url: str) -> None:
    handler = Recorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        heard = await listen(bus)
        await consumption.pause()
        await bus.publisher.publish(video("a"))
        relay.cut()
        await bus.publisher.publish(downloaded("b"))
        await until(lambda: len(heard.seen) == 1)
        await lies_unclaimed(bus, 1)

        assert handler.seen == []

        await consumption.resume()
        await until(lambda: consumption.settled == 1)


async def test_a_claim_that_a_cut_ended_during_a_pause_comes_again_after_it(vhost_url: str, stranger: Stranger) -> None:
    async def hang_at_first(delivery: Delivery) -> Outcome:
        return Done() if delivery.is_redelivered else await never_ending(delivery)

    handler = Recorder(hang_at_first)
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 1)
        await consumption.pause()
        relay.cut()
        await until(lambda: handler.cancelled == ["a"])
        await stranger.holds(WORK, 1)
        await consumption.resume()
        await until(lambda: consumption.settled == 1)


async def test_who_resumes_without_a_connection_claims_again_with_the_next_one(vhost_url: str) -> None:
    handler = Recorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await consumption.pause()
        await relay.close()
        async with in_time():
            await consumption.resume()
        await relay.open()
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.settled == 1)


async def test_who_pauses_without_a_connection_claims_nothing_with_the_next_one(vhost_url: str) -> None:
    handler = Recorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        heard = await listen(bus)
        await relay.close()
        async with in_time():
            await consumption.pause()
        await relay.open()
        await bus.publisher.publish(video("a"), downloaded("b"))
        await until(lambda: len(heard.seen) == 1)
        await lies_unclaimed(bus, 1)

        assert handler.seen == []


async def test_a_drained_consumption_cannot_be_resumed(vhost_url: str, stranger: Stranger) -> None:
    may_end = asyncio.Event()

    async def wait(_: Delivery) -> Outcome:
        await may_end.wait()
        return Done()

    handler = Recorder(wait)
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 1)
        await consumption.pause()
        draining = asyncio.create_task(consumption.drain(GRACE))
        await asyncio.sleep(0)
        await consumption.resume()
        await bus.publisher.publish(video("b"))
        await stranger.holds(WORK, 1)
        may_end.set()
        await draining
        await consumption.resume()

        await has_consumers(bus, 0)
    assert handler.names == ["a"]


async def test_a_pause_outlives_the_deletion_of_its_queue(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder()
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await consumption.pause()
        async with stranger.channel() as channel:
            await channel.queue_delete(WORK)
        await bus.declare(SMALL)
        await bus.publisher.publish(video("a"))
        await consumption.resume()
        await until(lambda: consumption.settled == 1)

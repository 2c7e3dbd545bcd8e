"""A broker short of memory: publications wait and are repeated, acks go on, and everything arrives in the end."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from integration.bus.own_brokers import OwnBroker
from integration.bus.support import SMALL, WORK, Recorder, Stranger, declared_bus, until, video
from tubewarren.bus import BrokerUnavailableError, open_bus
from tubewarren.bus.publisher import Publisher

pytestmark = pytest.mark.broker

SHORT = timedelta(milliseconds=500)


@pytest.fixture
def starved(own_broker: OwnBroker) -> Iterator[OwnBroker]:
    """The test starves it; whatever happens, it is fed again."""
    yield own_broker
    feed(own_broker)


def starve(broker: OwnBroker) -> None:
    broker.control("set_vm_memory_high_watermark", "0.0000001")


def feed(broker: OwnBroker) -> None:
    broker.control("set_vm_memory_high_watermark", "0.4")


async def test_publications_outlast_an_alarm_while_claims_are_settled(
    starved: OwnBroker, own_stranger: Stranger
) -> None:
    handler = Recorder()
    async with declared_bus(own_stranger.url) as bus:
        await bus.publisher.publish(*(video(f"before{number}") for number in range(20)))
        await asyncio.to_thread(starve, starved)
        waiting = asyncio.create_task(bus.publisher.publish(video("during")))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: consumption.settled == 20)
        await own_stranger.holds(WORK, 0)
        assert not waiting.done()

        await asyncio.to_thread(feed, starved)
        async with asyncio.timeout(20):
            await waiting
        await until(lambda: "during" in handler.names)


async def test_a_timed_out_publication_is_repeated_and_then_comes_twice_at_most(
    starved: OwnBroker, own_stranger: Stranger
) -> None:
    handler = Recorder()
    async with declared_bus(own_stranger.url) as bus:
        bus_publisher = Publisher(bus.publisher._channel, bus.dialect, bus.publisher._tracer, confirm_timeout=SHORT)
        await asyncio.to_thread(starve, starved)
        waiting = asyncio.create_task(bus_publisher.publish(video("a")))
        counting = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > counting + 1.5)
        await asyncio.to_thread(feed, starved)
        async with asyncio.timeout(20):
            await waiting
        await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: len(handler.seen) >= 2)
        await own_stranger.holds(WORK, 0)

    assert set(handler.names) == {"a"}


async def test_a_person_in_front_of_a_terminal_is_told_of_the_alarm(starved: OwnBroker, own_stranger: Stranger) -> None:
    async with declared_bus(own_stranger.url):
        pass
    async with open_bus(own_stranger.url, "svc", patience=SHORT * 6) as bus:
        await asyncio.to_thread(starve, starved)
        with pytest.raises(BrokerUnavailableError, match="alarm"):
            async with asyncio.timeout(8):
                await bus.publisher.publish(video("a"))
        await asyncio.to_thread(feed, starved)

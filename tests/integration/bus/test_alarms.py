"""A broker short of memory: publications wait and are repeated, acks go on, and everything arrives in the end."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from integration.bus.own_brokers import OwnBroker
from integration.bus.support import SMALL, WORK, Recorder, Stranger, declared_bus, until, video
from tubewarren.bus import BrokerUnavailableError, open_bus
from tubewarren.bus.publisher import Publisher

pytestmark = pytest.mark.broker

SHORT = timedelta(milliseconds=500)
PERSONS_PATIENCE = timedelta(seconds=4)


@pytest.fixture
def fed_again(own_broker: OwnBroker) -> Iterator[list[bool]]:
    """Whatever happens in the test, the broker is fed in the end."""
    is_fed: list[bool] = []
    yield is_fed
    if not is_fed:
        feed(own_broker)


def starve(broker: OwnBroker) -> None:
    broker.control("set_vm_memory_high_watermark", "0.0000001")


def feed(broker: OwnBroker) -> None:
    broker.control("set_vm_memory_high_watermark", "0.4")


async def test_in_an_alarm_claims_are_settled_a_person_is_told_and_publications_arrive_when_it_ends(
    own_broker: OwnBroker, own_stranger: Stranger, fed_again: list[bool]
) -> None:
    handler = Recorder()
    async with (
        declared_bus(own_stranger.url) as bus,
        open_bus(own_stranger.url, "svc", patience=PERSONS_PATIENCE) as terminal,
    ):
        impatient = Publisher(bus.publisher._channel, bus.publisher.telemetry, confirm_timeout=SHORT)
        await bus.publisher.publish(*(video(f"before{number}") for number in range(20)))
        await asyncio.to_thread(starve, own_broker)
        waiting = asyncio.create_task(bus.publisher.publish(video("during")))
        with capture_logs() as logs:
            repeating = asyncio.create_task(impatient.publish(video("repeated")))
            consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
            await until(lambda: consumption.settled == 20)
            await until(lambda: sum("not confirmed" in line["event"] for line in logs) >= 2)
        with pytest.raises(BrokerUnavailableError, match="alarm"):
            async with asyncio.timeout(20):
                await terminal.publisher.publish(video("by a person"))
        assert not waiting.done()
        assert not repeating.done()

        await asyncio.to_thread(feed, own_broker)
        fed_again.append(True)
        async with asyncio.timeout(20):
            await asyncio.gather(waiting, repeating)
        await until(lambda: handler.names.count("repeated") >= 2)
        await own_stranger.holds(WORK, 0)

    assert handler.names.count("during") == 1

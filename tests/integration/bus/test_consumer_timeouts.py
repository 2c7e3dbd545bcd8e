"""A claim that is held for too long: the broker takes it back, our handler ends, and consumption goes on."""

import re
from collections.abc import Iterator

import pytest

from integration.bus.own_brokers import OwnBroker
from integration.bus.support import (
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    never_ending,
    redeclare,
    until,
    video,
)
from tubewarren.delivery import Delivery
from tubewarren.outcomes import Done, Outcome

pytestmark = pytest.mark.broker

TIMEOUT_MS = 1000


@pytest.fixture
def impatient_stranger(own_broker: OwnBroker, own_stranger: Stranger) -> Iterator[Stranger]:
    """On a broker that looks every moment for claims that are held too long.

    3.10 knows only one timeout for all queues, and later versions prefer that of the queue.
    """
    before = own_broker.control("eval", _SHOW)
    own_broker.control("eval", _set(tick=200, timeout=TIMEOUT_MS))
    yield own_stranger
    numbers = [int(number) for number in re.findall(r"\d+", before)]
    own_broker.control("eval", _set(tick=numbers[0], timeout=numbers[1]))


async def test_a_claim_held_too_long_is_ended_and_every_claim_of_its_consumer_comes_again(
    impatient_stranger: Stranger,
) -> None:
    async def hang_at_first(delivery: Delivery) -> Outcome:
        return Done() if delivery.is_redelivered else await never_ending(delivery)

    handler = Recorder(hang_at_first)
    async with declared_bus(impatient_stranger.url) as bus:
        await redeclare(impatient_stranger, SMALL, WORK, {"x-consumer-timeout": TIMEOUT_MS})
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=3)
        transport = bus._consuming.transport
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.in_hand == 1)
        await bus.publisher.publish(video("b"), video("c"))
        await until(lambda: sorted(handler.cancelled) == ["a", "b", "c"])
        await until(lambda: consumption.settled == 3)
        await impatient_stranger.holds(WORK, 0)

        # One hung handler must not cost everybody else on this connection their claims.
        assert bus._consuming.transport is transport
    assert sorted(handler.names) == ["a", "a", "b", "b", "c", "c"]
    assert {delivery.attempt for delivery in handler.seen} == {1}


_SHOW = "[element(2, application:get_env(rabbit, Name)) || Name <- [channel_tick_interval, consumer_timeout]]."


def _set(*, tick: int, timeout: int) -> str:
    return f"application:set_env([{{rabbit, [{{channel_tick_interval, {tick}}}, {{consumer_timeout, {timeout}}}]}}])."

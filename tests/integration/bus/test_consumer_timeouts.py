"""A claim that is held for too long: the broker takes it back, our handler ends, and consumption goes on."""

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
from tubewarren.bus import Delivery
from tubewarren.outcomes import Done, Outcome

pytestmark = pytest.mark.broker

TIMEOUT_MS = 1000


@pytest.fixture
def impatient_broker(own_broker: OwnBroker) -> Iterator[OwnBroker]:
    """Looks every moment for claims that are held too long, on 3.10 in every queue and after a second."""
    before = {name: _get(own_broker, name) for name in ("channel_tick_interval", "consumer_timeout")}
    _set(own_broker, "channel_tick_interval", "200")
    if own_broker.control("version").strip().startswith("3."):
        # This version knows no timeout of a queue's own.
        _set(own_broker, "consumer_timeout", str(TIMEOUT_MS))
    yield own_broker
    for name, value in before.items():
        _set(own_broker, name, value)


async def test_a_handler_that_holds_its_claim_too_long_is_cancelled_and_the_work_comes_again(
    impatient_broker: OwnBroker, own_stranger: Stranger
) -> None:
    async def hang_at_first_with_a(delivery: Delivery) -> Outcome:
        hangs = delivery.message == video("a") and not handler.cancelled
        return await never_ending(delivery) if hangs else Done()

    handler = Recorder(hang_at_first_with_a)
    bystander = Recorder()
    async with declared_bus(own_stranger.url) as bus:
        await redeclare(own_stranger, SMALL, WORK, {"x-consumer-timeout": TIMEOUT_MS})
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        transport = bus._consuming.transport
        await bus.publisher.publish(video("a"))
        await until(lambda: handler.cancelled == ["a"])
        await until(lambda: consumption.settled == 1)
        await bus.publisher.publish(video("b"))
        await until(lambda: consumption.settled == 2)

        # One hung handler must not cost everybody else on this connection their claims.
        assert bus._consuming.transport is transport
    assert handler.names == ["a", "a", "b"]
    assert [delivery.attempt for delivery in handler.seen] == [1, 1, 1]
    assert bystander.seen == []
    assert impatient_broker is not None


async def test_every_claim_of_a_consumer_that_was_timed_out_comes_again(
    impatient_broker: OwnBroker, own_stranger: Stranger
) -> None:
    async def hang_at_first(delivery: Delivery) -> Outcome:
        return Done() if delivery.is_redelivered else await never_ending(delivery)

    handler = Recorder(hang_at_first)
    async with declared_bus(own_stranger.url) as bus:
        await redeclare(own_stranger, SMALL, WORK, {"x-consumer-timeout": TIMEOUT_MS})
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=3)
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.in_hand == 1)
        await bus.publisher.publish(video("b"), video("c"))
        await until(lambda: consumption.settled == 3)
        await own_stranger.holds(WORK, 0)

    assert sorted(handler.names) == ["a", "a", "b", "b", "c", "c"]
    assert impatient_broker is not None


def _get(broker: OwnBroker, name: str) -> str:
    shown = broker.control("eval", f"element(2, application:get_env(rabbit, {name})).").strip()
    return shown if shown.isdigit() else "1800000"


def _set(broker: OwnBroker, name: str, value: str) -> None:
    broker.control("eval", f"application:set_env(rabbit, {name}, {value}).")

"""The bus against a real RabbitMQ.

Every module in this folder runs on the private node that the project starts by itself, or on the broker that these
two variables name, so that each supported version can be tried:

    TUBEWARREN_TEST_BROKER_URL=amqp://user:password@host:5672/ \
    TUBEWARREN_TEST_MANAGEMENT_URL=http://host:15672/ pytest tests/integration/bus

Tests that kill or starve a broker take a node of their own, see `own_broker` in conftest.py.
"""

import pytest

from integration.bus.support import HEARD, SMALL, WORK, Stranger, declared_bus, redeclare
from tubewarren.bus import TopologyDriftError, open_bus
from tubewarren.topology import DEAD, EVENTS, topology

pytestmark = pytest.mark.broker


async def test_a_topology_can_be_declared_twice_and_then_shows_no_drift(vhost_url: str) -> None:
    system = topology()
    async with open_bus(vhost_url, "test") as bus:
        await bus.declare(system)
        await bus.declare(system)

        drifts = await bus.check(system)

    assert drifts == ()


async def test_a_fresh_broker_misses_every_exchange_and_queue(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test") as bus:
        drifts = await bus.check(SMALL)
        depths = await bus.depths(SMALL)

    named = [*(each.name for each in SMALL.exchanges), *(each.name for each in SMALL.queues)]
    assert [drift.name for drift in drifts] == named
    assert all("missing" in drift.what for drift in drifts)
    assert set(depths.values()) == {None}


async def test_a_check_names_what_is_missing_and_what_differs(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus:
        await redeclare(stranger, SMALL, f"{HEARD}.events", {"x-delivery-limit": 3})
        async with stranger.channel() as channel:
            await channel.queue_delete(f"{WORK}.dead")
            await channel.exchange_delete(EVENTS)
            await channel.exchange_delete(DEAD)
            await channel.declare_exchange(DEAD, "fanout", durable=True)

        drifts = {drift.name: drift for drift in await bus.check(SMALL)}

    assert drifts.keys() == {f"{HEARD}.events", f"{WORK}.dead", EVENTS, DEAD}
    assert "missing" in drifts[f"{WORK}.dead"].what
    assert "missing" in drifts[EVENTS].what
    assert "x-delivery-limit" in drifts[f"{HEARD}.events"].what
    assert "type" in drifts[DEAD].what
    assert all("svc topology declare" in drift.remedy for drift in drifts.values())


async def test_declaring_over_other_arguments_says_what_differs_and_leaves_the_queue(
    vhost_url: str, stranger: Stranger
) -> None:
    async with declared_bus(vhost_url) as bus:
        await redeclare(stranger, SMALL, WORK, {"x-delivery-limit": 3})
        await stranger.put(WORK, b"precious")

        with pytest.raises(TopologyDriftError) as drift:
            await bus.declare(SMALL)

    assert "x-delivery-limit" in str(drift.value)
    assert "svc topology check" in str(drift.value)
    assert await stranger.depth(WORK) == 1


async def test_checking_leaves_no_channel_behind(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test") as bus:
        transport = bus._consuming.transport
        assert transport is not None
        before = len(transport.connection.channels)

        await bus.check(SMALL)
        await bus.depths(SMALL)

        assert len(transport.connection.channels) == before

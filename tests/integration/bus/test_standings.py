"""What a probe is told of a bus: whether it is connected, and how each queue stands."""

from datetime import timedelta

import pytest

from integration.bus.relay import relay_to
from integration.bus.support import SMALL, WORK, answering, declared_bus, listen, until
from tubewarren.health.findings import ABSENT, CONSUMING, RESTING

pytestmark = pytest.mark.broker

HEARD = SMALL.events[0].name


async def test_a_queue_is_consumed_rests_when_it_shall_and_is_absent_while_it_cannot_be_had(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        work = await bus.consume_commands(SMALL, WORK, answering(), prefetch=1)
        await listen(bus)
        at_work = bus.standings
        await work.pause()
        paused = bus.standings[WORK]
        await work.resume()
        connected = bus.is_connected
        await relay.close()
        await until(lambda: bus.standings == {WORK: ABSENT, HEARD: ABSENT} and not bus.is_connected)
        await relay.open()
        await until(lambda: bus.standings == {WORK: CONSUMING, HEARD: CONSUMING} and bus.is_connected)
        await work.drain(timedelta(seconds=5))
        drained = bus.standings[WORK]

    assert at_work == {WORK: CONSUMING, HEARD: CONSUMING}
    assert (paused, connected, drained) == (RESTING, True, RESTING)

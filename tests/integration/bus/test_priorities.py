"""Priorities: one scale of ours, three meanings of the broker's."""

import pytest

from integration.bus.support import SMALL, WORK, Recorder, declared_bus, until, video

pytestmark = pytest.mark.broker

ORDERED = ("low1", "low2", "low3", "low4", "urgent1", "urgent2", "mid")
PRIORITIES = {"low": 10, "urgent": 1, "mid": 5}
STRICT = ["urgent1", "urgent2", "mid", "low1", "low2", "low3", "low4"]
TWO_TO_ONE = ["urgent1", "urgent2", "low1", "low2", "low3", "low4", "mid"]


def expected(version: str) -> list[str]:
    number = tuple(int(part) for part in version.split(".")[:2])
    if number >= (4, 3):
        return STRICT
    return TWO_TO_ONE if number >= (4, 0) else list(ORDERED)


async def test_what_is_urgent_comes_as_early_as_this_broker_can_make_it(vhost_url: str) -> None:
    handler = Recorder()
    async with declared_bus(vhost_url) as bus:
        for name in ORDERED:
            await bus.publisher.publish(video(name, PRIORITIES[name.rstrip("1234")]))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await until(lambda: consumption.settled == len(ORDERED))

        assert handler.names == expected(bus.dialect.version)

"""A command that kills whoever touches it: after a few deliveries the broker itself gives it up."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from integration.bus.support import SMALL, WORK, Stranger, declared_bus, listen, redeclare, until, video

pytestmark = pytest.mark.broker

TESTS = Path(__file__).parents[2]
LIMIT = 2


async def test_what_kills_its_worker_is_buried_by_the_broker_after_its_deliveries(
    vhost_url: str, stranger: Stranger
) -> None:
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await redeclare(stranger, SMALL, WORK, {"x-delivery-limit": LIMIT})
        await bus.publisher.publish(video("poison"))
        deaths = 0
        while not heard.dead and deaths < 10:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "integration.bus.poisoned_worker", vhost_url, cwd=TESTS
            )
            ended = asyncio.create_task(worker.wait())
            await until(lambda ended=ended: ended.done() or bool(heard.dead))  # type: ignore[misc] # bound
            if not ended.done():
                worker.terminate()
            deaths += await ended == -signal.SIGKILL

    (dead,) = heard.dead
    assert dead.death is not None
    assert (dead.death.queue, dead.death.reason) == (WORK, "delivery_limit")
    assert dead.message == video("poison")
    assert deaths == LIMIT + 1
    await stranger.holds(f"{WORK}.dead", 1)
    await stranger.holds(WORK, 0)

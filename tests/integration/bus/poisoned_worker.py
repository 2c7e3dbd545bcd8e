"""A worker process that dies of every command, as of a defect in native code."""

import asyncio
import os
import signal
import sys

from integration.bus.support import SMALL, WORK
from tubewarren.bus import open_bus
from tubewarren.delivery import Delivery
from tubewarren.outcomes import Done, Outcome


async def die(_: Delivery) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return Done()


async def work(url: str) -> None:
    async with open_bus(url, "poisoned") as bus:
        await bus.consume_commands(SMALL, WORK, die, prefetch=1)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))

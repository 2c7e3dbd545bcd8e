"""The fleet's own broker: started, brought back whenever it dies, and stopped at the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Protocol

from tubewarren.broker import NodeAddress, PrivateBrokerError
from tubewarren_services.local_fleet.pauses import Pauses

_LOOK_EVERY: Final = timedelta(seconds=1)
_MOST_ATTEMPTS: Final = 5

Tell = Callable[[str], None]
"""Tells the person at the terminal one line."""
Sleep = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""


class BrokerLostError(Exception):
    """The private broker died and cannot be started again."""


class Node(Protocol):
    """What is needed of a `PrivateNode`."""

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""

    async def start(self) -> NodeAddress:
        """Start it and wait until it serves."""

    async def restart(self) -> NodeAddress:
        """Start it again where it was."""

    async def stop(self) -> None:
        """Stop it cleanly."""


@asynccontextmanager
async def kept_broker(
    node: Node, tell: Tell, *, pauses: Pauses | None = None, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[NodeAddress]:
    """A running node for as long as the block lasts, brought back at the same address whenever its process dies.

    Args:
        node: not started yet; its data outlives it.
        tell: told of each death and each return.
        pauses: before it is started again.
        sleep: waits.

    Raises:
        PrivateBrokerError: it did not start in the first place.
        BrokerLostError: it died and did not come back; the block is cancelled.
    """
    try:
        address = await node.start()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(_keep_alive(node, tell, pauses or Pauses(), sleep))
            try:
                yield address
            finally:
                keeping.cancel()
    except BaseExceptionGroup as group:
        # The first is the reason: what follows is what the block made of it.
        raise group.exceptions[0] from None
    finally:
        await node.stop()


async def _keep_alive(node: Node, tell: Tell, pauses: Pauses, sleep: Sleep) -> None:
    pause: timedelta | None = None
    clock = asyncio.get_running_loop().time
    while True:
        born = clock()
        while node.is_alive:
            await sleep(_LOOK_EVERY.total_seconds())
        pause = pauses.after(timedelta(seconds=clock() - born), pause)
        tell(f"The private RabbitMQ has died; it is started again in {_spell(pause)}. The services wait for it.")
        pause = await _brought_back(node, tell, pauses, pause, sleep)


async def _brought_back(node: Node, tell: Tell, pauses: Pauses, pause: timedelta, sleep: Sleep) -> timedelta:
    """Start it again, in several attempts; the pause before the one that succeeded."""
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        await sleep(pause.total_seconds())
        try:
            await node.restart()
        except (PrivateBrokerError, OSError) as error:
            if attempt == _MOST_ATTEMPTS:
                raise BrokerLostError(
                    f"The private RabbitMQ died and could not be started again in {attempt} attempts. "
                    f"Everything done so far is kept; see to the reason, then run the same command again. "
                    f"The reason: {error}"
                ) from error
            pause = pauses.after(timedelta(), pause)
            reason = str(error).partition("\n")[0]
            tell(f"The private RabbitMQ did not start (next attempt in {_spell(pause)}): {reason}")
        else:
            tell("The private RabbitMQ is back, and the services go on.")
            return pause
    raise AssertionError("unreachable")  # pragma: no cover


def _spell(pause: timedelta) -> str:
    return f"{pause.total_seconds():g} s"

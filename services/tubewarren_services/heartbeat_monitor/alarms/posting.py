"""Posting: letters go out by Apprise in a process of its own, which may hang, take its time and be forgotten.

Loading Apprise takes a second and 45 MB, and what its plugins say on standard error may hold an address.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Final

from pydantic import SecretStr

from tubewarren_services.heartbeat_monitor.alarms.letter import Letter

_CHILD: Final = "tubewarren_services.heartbeat_monitor.alarms.apprise_child"
_PATIENCE: Final = timedelta(minutes=1)


@unique
class Receipt(StrEnum):
    """What became of a letter."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """The other side did not take it, or was not there."""
    UNKNOWN = "unknown"
    """Apprise does not understand the address."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter, and where it shall go."""

    url: SecretStr
    letter: Letter


Post = Callable[[Sequence[Posted]], Awaitable[tuple[Receipt, ...]]]
"""Sends letters, and tells what became of each; it never raises for one that cannot be sent."""


async def post(letters: Sequence[Posted], patience: timedelta = _PATIENCE) -> tuple[Receipt, ...]:
    """Send letters, all at a time.

    Args:
        letters: what, and where to.
        patience: what is not delivered by then has failed.
    """
    receipts = dict.fromkeys(range(len(letters)), Receipt.FAILED)
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(patience.total_seconds()), _apprise(patience) as (orders, answers):
            orders.write(json.dumps([_order(each) for each in letters]).encode())
            orders.close()
            async for line in answers:
                number, receipt = json.loads(line)
                receipts[number] = Receipt(receipt)
    return tuple(receipts.values())


@asynccontextmanager
async def _apprise(patience: timedelta) -> AsyncIterator[tuple[asyncio.StreamWriter, asyncio.StreamReader]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _CHILD,
        f"{patience.total_seconds():.0f}",
        # Addresses go this way: what a process is called with, other users can read.
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        if child.stdin and child.stdout:
            yield child.stdin, child.stdout
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _order(posted: Posted) -> dict[str, str]:
    return {"url": posted.url.get_secret_value(), **asdict(posted.letter)}

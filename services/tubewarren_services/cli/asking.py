"""Questions over the bus: replies as they come, and the first answer of a ledger."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tubewarren.bus import Bus, UnroutableError
from tubewarren.messages import Command, Message
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered


@asynccontextmanager
async def replies_to(bus: Bus, command: Command, patience: timedelta) -> AsyncIterator[AsyncIterator[Message]]:
    """The replies to a command; the reply queue goes with the block, however many were read.

    Raises:
        UnroutableError: nobody is there to answer.
    """
    replies = bus.ask(command, patience)
    try:
        yield replies
    finally:
        if isinstance(replies, AsyncGenerator):
            await replies.aclose()


async def ask_ledger(bus: Bus, query: QueryLedger, patience: timedelta) -> LedgerAnswered | None:
    """The first answer, since every results-manager hears the same events; None when nobody answers in time."""
    try:
        async with replies_to(bus, query, patience) as replies:
            async for reply in replies:
                if isinstance(reply, LedgerAnswered):
                    return reply
    except UnroutableError:
        return None
    return None

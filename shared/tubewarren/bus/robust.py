"""The library's connection that comes back by itself, and ends with whoever wanted it."""

import asyncio

from aio_pika import RobustConnection
from aio_pika.abc import ConnectionParameter


class Connection(RobustConnection):
    """A connection that is given up with the task that wanted it."""

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109, D102 - as in the base
        try:
            await super().connect(timeout)
        except asyncio.CancelledError:
            # Otherwise the library's own task goes on connecting; it takes the end of the program for a lost attempt.
            await self.close()
            raise


class TlsConnection(Connection):
    """One that may know the broker by another name than the one in its address."""

    PARAMETERS = (*Connection.PARAMETERS, ConnectionParameter(name="server_hostname", parser=str, is_kwarg=True))

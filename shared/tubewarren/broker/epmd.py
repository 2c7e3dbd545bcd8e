"""The two questions we have for epmd, Erlang's port mapper: which nodes it knows, and whether it would leave."""

import asyncio
from datetime import timedelta
from typing import Final

_NAMES_REQUEST: Final = b"\x00\x01n"
_KILL_REQUEST: Final = b"\x00\x01k"
_PATIENCE: Final = timedelta(seconds=2)
_PORT_NUMBER_BYTES: Final = 4


async def registered_nodes(port: int) -> tuple[str, ...] | None:
    """The names of the nodes that the epmd on this loopback port knows; None when no epmd answers there."""
    answer = await _ask(port, _NAMES_REQUEST)
    if answer is None or int.from_bytes(answer[:_PORT_NUMBER_BYTES]) != port:
        return None
    return node_names(answer[_PORT_NUMBER_BYTES:].decode(errors="replace"))


async def ask_to_leave(port: int) -> bool:
    """Asks the epmd on this loopback port to end; it refuses while a node is registered.

    Returns:
        Whether it agreed.
    """
    return await _ask(port, _KILL_REQUEST) == b"OK"


def node_names(answer: str) -> tuple[str, ...]:
    """The names in epmd's answer, whose lines read `name tubewarren at port 20101`."""
    lines = (line.split() for line in answer.splitlines())
    return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "name")


async def _ask(port: int, request: bytes) -> bytes | None:
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(request)
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None

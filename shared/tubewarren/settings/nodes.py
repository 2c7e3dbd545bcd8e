"""One broker of several nodes: their hosts stand in one address, with commas between them."""

import re
from typing import Final

_PARTS: Final = re.compile(r"(?P<before>[^:/]*://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<after>[^@]*)")


def nodes_in(address: str) -> tuple[str, ...]:
    """The address of each node, in order: `amqp://user:password@one,two:5673/vhost` has two."""
    if (parts := _PARTS.fullmatch(address)) is None:
        return (address,)
    return tuple(f"{parts['before']}{host.strip()}{parts['after']}" for host in parts["hosts"].split(","))

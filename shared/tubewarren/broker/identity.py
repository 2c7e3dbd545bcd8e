"""What a node keeps from one start to the next: its ports and its password."""

import random
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from tubewarren.broker.errors import NodeStartError

USER: Final = "tubewarren"

# Below the range from which systems take the ports of outgoing connections, so that none is lent to a
# stranger's connection while the node is down.
_PORT_BLOCKS: Final = range(20_100, 32_000, 10)


class Ports(BaseModel):
    """The loopback ports of one node; management is 0 when there is no management plugin."""

    model_config = ConfigDict(frozen=True)

    amqp: int = Field(ge=1024, le=65_535)
    distribution: int = Field(ge=1024, le=65_535)
    epmd: int = Field(ge=1024, le=65_535)
    management: int = Field(ge=0, le=65_535)

    @classmethod
    def from_block(cls, first: int, *, management: bool) -> Self:
        """Four neighbouring ports."""
        return cls(amqp=first, distribution=first + 1, epmd=first + 2, management=first + 3 if management else 0)

    def of_the_server(self) -> tuple[int, ...]:
        """The ports that the server itself listens on; epmd has its own process."""
        return tuple(port for port in (self.amqp, self.distribution, self.management) if port)


class NodeIdentity(BaseModel):
    """Ports and password of one node."""

    model_config = ConfigDict(frozen=True)

    ports: Ports
    password: SecretStr

    @property
    def url(self) -> str:
        """The AMQP address, password included."""
        return f"amqp://{USER}:{self.password.get_secret_value()}@127.0.0.1:{self.ports.amqp}/"

    @property
    def management_url(self) -> str | None:
        """Where the management UI is, without credentials; None without the plugin."""
        return f"http://127.0.0.1:{self.ports.management}/" if self.ports.management else None

    def moved_to(self, ports: Ports) -> Self:
        """The same node on other ports."""
        return self.model_copy(update={"ports": ports})

    @field_serializer("password", when_used="json")
    def _in_the_clear(self, password: SecretStr) -> str:
        return password.get_secret_value()


def remembered_identity(path: Path) -> NodeIdentity | None:
    """The identity that an earlier start stored; None when there is none or it cannot be read as one."""
    try:
        return NodeIdentity.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def new_password() -> SecretStr:
    """A password nobody has seen; it needs no escaping in a URL."""
    return SecretStr(secrets.token_urlsafe(24))


def choose_ports(
    *, management: bool, blocks: Iterable[int] | None = None, is_free: Callable[[int], bool] | None = None
) -> Ports:
    """Four free neighbouring ports.

    Args:
        management: whether one is needed for the management plugin.
        blocks: first ports to try, in this order; by default a random order.
        is_free: tells whether a loopback port is free; by default it is tried.

    Raises:
        NodeStartError: none is free.
    """
    free = is_free or port_is_free
    # Not for secrecy: it only keeps two nodes apart.
    for first in blocks or random.sample(_PORT_BLOCKS, k=len(_PORT_BLOCKS)):
        ports = Ports.from_block(first, management=management)
        if all(free(port) for port in (*ports.of_the_server(), ports.epmd)):
            return ports
    raise NodeStartError(
        f"no free loopback ports between {_PORT_BLOCKS.start} and {_PORT_BLOCKS.stop} for the private broker; "
        "stop what occupies them, or set TUBEWARREN_BROKER_URL to a broker that you have"
    )


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as candidate:
        # As the server itself does: connections that are still closing do not count.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
            candidate.listen()
        except OSError:
            return False
    return True

"""Where a running node is, for those who started it and for those who look for one."""

from dataclasses import dataclass, field
from pathlib import Path

from tubewarren.broker.config import NodeFolder
from tubewarren.broker.identity import remembered_identity
from tubewarren.broker.processes import processes_marked


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a running node is.

    Attributes:
        url: the AMQP address with user and password.
        management_url: the management UI, without credentials; None where there is no plugin.
        user: for AMQP and for the management UI.
        password: as `user`.
        credentials_file: where the password is kept, readable by its owner only.
        pid: the server's process.
        version: RabbitMQ's version as the node announces it.
    """

    url: str = field(repr=False)
    management_url: str | None
    user: str
    password: str = field(repr=False)
    credentials_file: Path
    pid: int
    version: str


def running_node_url(data_dir: Path) -> str | None:
    """The AMQP address of the node that another process runs in this data folder; None when none runs."""
    folder = NodeFolder(data_dir.resolve() / "broker")
    identity = remembered_identity(folder.identity)
    return identity.url if identity and processes_marked(folder.marker) else None

"""The node's configuration as text and values: nothing here reads or writes anything."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tubewarren.broker.identity import USER, NodeIdentity, Ports
from tubewarren.broker.installation import Installation

NODE_NAME: Final = "tubewarren@localhost"
"""The same for every data folder, so that data is found again; each node has an epmd of its own."""

CONSUMER_TIMEOUT: Final = timedelta(hours=24)
"""How long a delivery may stay unacked. RabbitMQ 3.10 knows no other place to say so than its configuration."""

_MARKER_FLAG: Final = "-tubewarren_node"
_MEMORY_CEILING_BYTES: Final = 2 * 1024**3
_DISK_FREE_LIMIT: Final = "200MB"
_WAL_BYTES: Final = 64 * 1024**2
"""What is in the log that all quorum queues share is in memory, too: at the usual 512 MB, more than a gigabyte."""
_LOG_ROTATION_BYTES: Final = 10 * 1024**2


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """What lies where in the folder of one node.

    Attributes:
        root: `broker` in the project's data folder.
    """

    root: Path

    @property
    def home(self) -> Path:
        """The node's home: Erlang keeps the cookie there."""
        return self.root / "home"

    @property
    def logs(self) -> Path:
        """The folder of every log file."""
        return self.root / "log"

    @property
    def log(self) -> Path:
        """What the broker logs."""
        return self.logs / "rabbitmq.log"

    @property
    def console(self) -> Path:
        """What the server printed before its log was open."""
        return self.logs / "console.log"

    @property
    def identity(self) -> Path:
        """Ports and password; readable by its owner only."""
        return self.root / "node.json"

    @property
    def lock(self) -> Path:
        """Held for as long as a process is responsible for the node."""
        return self.root / "lock"

    @property
    def definitions(self) -> Path:
        """The user and the virtual host, loaded at each start."""
        return self.root / "definitions.json"

    @property
    def conf(self) -> Path:
        """rabbitmq.conf."""
        return self.root / "rabbitmq.conf"

    @property
    def plugins(self) -> Path:
        """The list of enabled plugins."""
        return self.root / "enabled_plugins"

    @property
    def advanced(self) -> Path:
        """An empty advanced configuration, so that the system's is not read."""
        return self.root / "advanced.config"

    @property
    def marker(self) -> tuple[str, str]:
        """Two arguments by which a process of this node is known, whoever started it."""
        return (_MARKER_FLAG, str(self.root))


def files(folder: NodeFolder, identity: NodeIdentity, salt: bytes, settings: str) -> Mapping[Path, str]:
    """Every file that the server reads, by its path.

    Args:
        folder: where the node lives.
        identity: ports and password.
        salt: four random bytes for the password's hash.
        settings: the text of rabbitmq.conf.
    """
    plugins = "[rabbitmq_management]." if identity.ports.management else "[]."
    return {
        folder.conf: settings,
        folder.advanced: "[].\n",
        folder.plugins: f"{plugins}\n",
        folder.definitions: definitions(identity.password.get_secret_value(), salt),
    }


def conf(ports: Ports, *, machine_memory_bytes: int) -> str:
    """The text of rabbitmq.conf; every key is known to RabbitMQ 3.10, 4.0 and 4.3."""
    settings = {
        "consumer_timeout": _milliseconds(CONSUMER_TIMEOUT),
        "vm_memory_high_watermark.absolute": memory_limit_bytes(machine_memory_bytes),
        "disk_free_limit.absolute": _DISK_FREE_LIMIT,
        "raft.wal_max_size_bytes": _WAL_BYTES,
        "log.console": "false",
        "log.file": "rabbitmq.log",
        "log.file.level": "info",
        "log.file.rotation.size": _LOG_ROTATION_BYTES,
        "log.file.rotation.count": 3,
    }
    if ports.management:
        settings |= {"management.tcp.ip": "127.0.0.1", "management.tcp.port": ports.management}
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


def memory_limit_bytes(machine_memory_bytes: int) -> int:
    """How much memory the broker may use before it stops publishers: 40 % of the machine, 2 GiB at most."""
    return min(_MEMORY_CEILING_BYTES, machine_memory_bytes * 2 // 5)


def definitions(password: str, salt: bytes) -> str:
    """The one user and the one virtual host.

    Loaded at each start: a lost password file, or a first start that was cut short, heals by itself. A broker
    that has definitions makes no user `guest`.
    """
    everything = ".*"
    return json.dumps(
        {
            "vhosts": [{"name": "/"}],
            "users": [
                {
                    "name": USER,
                    "password_hash": password_hash(password, salt),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": ["administrator"],
                }
            ],
            "permissions": [
                {"user": USER, "vhost": "/", "configure": everything, "write": everything, "read": everything}
            ],
        },
        indent=2,
    )


def password_hash(password: str, salt: bytes) -> str:
    """A password as RabbitMQ stores it: salted SHA-256, with the salt in front."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def arguments(folder: NodeFolder) -> tuple[str, ...]:
    """What the server script hands on to Erlang.

    The path of the definitions is given here and not in rabbitmq.conf, where a # in it would begin a comment.
    """
    return ("-rabbit", "load_definitions", _erlang_string(folder.definitions), *folder.marker)


def environment(folder: NodeFolder, ports: Ports, installation: Installation) -> Mapping[str, str]:
    """The server's whole environment: nothing is inherited, so nothing of a system node can leak in."""
    values = {
        "PATH": ":".join(map(str, installation.path)),
        "HOME": str(folder.home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports.epmd),
        "ERL_CRASH_DUMP": str(folder.logs / "erl_crash.dump"),
        "RABBITMQ_NODENAME": NODE_NAME,
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(ports.amqp),
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        # Erlang's own listener would otherwise be open to the network; and it would wait for work by spinning, at the
        # cost of the services beside it (https://www.rabbitmq.com/docs/runtime, on busy waiting).
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
        "+sbwt none +sbwtdcpu none +sbwtdio none",
        "RABBITMQ_MNESIA_BASE": str(folder.root / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder.logs),
        "RABBITMQ_CONFIG_FILE": str(folder.conf),
        "RABBITMQ_CONFIG_FILES": str(folder.root / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder.advanced),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder.plugins),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder.root / "generated"),
        "RABBITMQ_PID_FILE": str(folder.root / "pid"),
    }
    if installation.libraries:
        values["LD_LIBRARY_PATH"] = ":".join(map(str, installation.libraries))
    return values


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _erlang_string(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

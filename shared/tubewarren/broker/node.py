"""The private RabbitMQ node of one data folder: started, found again after a crash, and stopped."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from tubewarren.broker import config
from tubewarren.broker.address import NodeAddress
from tubewarren.broker.epmd import ask_to_leave, registered_nodes
from tubewarren.broker.errors import LoginRefusedError, NodeStartError
from tubewarren.broker.identity import (
    USER,
    NodeIdentity,
    Ports,
    choose_ports,
    new_password,
    port_is_free,
    remembered_identity,
)
from tubewarren.broker.installation import Installation
from tubewarren.broker.lock import FolderLock
from tubewarren.broker.login import log_in
from tubewarren.broker.logs import size_bytes, telling_end
from tubewarren.broker.processes import is_marked, processes_marked, send

START_PATIENCE: Final = timedelta(seconds=90)
"""How long a node may take until it serves; 3 to 6 s are usual."""
STOP_PATIENCE: Final = timedelta(seconds=30)
"""How long a node may take to leave cleanly before it is killed; 1 to 6 s are usual."""
_KILL_PATIENCE: Final = timedelta(seconds=30)
"""How long the kernel may take to end a killed node; on a busy machine it is not done at once."""

_POLL: Final = timedelta(milliseconds=50)
_LOGIN_PATIENCE: Final = timedelta(seconds=5)
_EPMD_PATIENCE: Final = timedelta(seconds=5)


class PrivateNode:
    """The node in `broker` below a data folder; holds nothing of an event loop from one call to the next."""

    def __init__(
        self,
        data_dir: Path,
        installation: Installation,
        *,
        start_patience: timedelta = START_PATIENCE,
        stop_patience: timedelta = STOP_PATIENCE,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._folder = config.NodeFolder(self._data_dir / "broker")
        self._installation = installation
        self._start_patience = start_patience
        self._stop_patience = stop_patience
        self._lock: FolderLock | None = None
        self._identity: NodeIdentity | None = None
        self._pid: int | None = None
        self._children: tuple[subprocess.Popen[bytes], ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether the server that was started last still runs; not whether it answers."""
        return self._pid is not None and is_marked(self._pid, self._folder.marker)

    async def start(self) -> NodeAddress:
        """Starts the node, or takes over one that a killed process left behind, and waits until it serves.

        Raises:
            NodeInUseError: another process runs the node of this folder.
            NodeStartError: it did not start or did not serve in time; the last lines of its log are in the message.
        """
        self._open_folder()
        try:
            return await self._adopt() or await self._launch(await self._usable_identity())
        except BaseException:
            await self.stop()
            raise

    async def restart(self) -> NodeAddress:
        """Starts a node again that has died, at the address that it had; may be tried again when it fails.

        Raises:
            NodeStartError: as in `start`; or somebody has taken one of its ports meanwhile.
        """
        if self._lock is None or self._identity is None:
            raise NodeStartError(f"the node in {self._data_dir} has not been started yet, or was stopped; start it")
        await self._end_server()
        await self._end_epmd()
        if not await _ports_are_ours(self._identity):
            raise NodeStartError(
                f"another program listens on a port of the private broker ({_spell(self._identity.ports)}); stop it"
            )
        return await self._launch(self._identity)

    async def stop(self) -> None:
        """Stops the node cleanly, and its epmd; kills what does not leave in time. A second call does nothing."""
        if self._lock is None:
            return
        try:
            await self._end_server()
            await self._end_epmd()
        finally:
            self._lock.release()
            self._lock = None

    def _open_folder(self) -> None:
        if self._lock is not None:
            raise NodeStartError(f"this node in {self._data_dir} is started already; stop it first")
        try:
            for folder in (self._folder.root, self._folder.home, self._folder.logs):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
            self._lock = FolderLock.take(self._folder.lock, data_dir=self._data_dir)
        except OSError as error:
            raise self._unusable_folder(error) from error

    async def _adopt(self) -> NodeAddress | None:
        """A node of this folder that still runs and serves; one that does not serve is stopped."""
        if not processes_marked(self._folder.marker):
            return None
        self._identity = remembered_identity(self._folder.identity)
        if self._identity is not None:
            try:
                return self._address(self._identity, await self._log_in(self._identity))
            except LoginRefusedError:
                pass  # Half started, half stopped or hung: a new start is what helps.
        await self._end_server()
        await self._end_epmd()
        return None

    async def _launch(self, identity: NodeIdentity) -> NodeAddress:
        _require_localhost()
        self._identity = identity
        self._write_files(identity)
        await self._start_epmd(identity)
        log_start = size_bytes(self._folder.log)
        server = self._spawn(identity, "./rabbitmq-server", *config.arguments(self._folder))
        version = await self._serving(server, identity, log_start)
        return self._address(identity, version)

    async def _usable_identity(self) -> NodeIdentity:
        """The remembered password, and the remembered ports unless a stranger took one."""
        management = self._installation.has_management
        known = remembered_identity(self._folder.identity)
        if known and bool(known.ports.management) == management and await _ports_are_ours(known):
            return known
        ports = choose_ports(management=management)
        if known is None:
            return NodeIdentity(ports=ports, password=new_password())
        if await registered_nodes(known.ports.epmd) == ():
            await _dismiss_epmd(known.ports.epmd)
        return known.moved_to(ports)

    def _write_files(self, identity: NodeIdentity) -> None:
        settings = config.conf(identity.ports, machine_memory_bytes=_machine_memory_bytes())
        files = config.files(self._folder, identity, secrets.token_bytes(4), settings)
        try:
            for path, text in files.items():
                _write_private(path, text)
            _write_private(self._folder.identity, identity.model_dump_json(indent=2))
            self._folder.console.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable_folder(error) from error

    def _unusable_folder(self, error: OSError) -> NodeStartError:
        return NodeStartError(
            f"the private broker's folder {self._folder.root} cannot be used: {error}; "
            "make it writable, or use another --data-dir"
        )

    async def _start_epmd(self, identity: NodeIdentity) -> None:
        # The server would start one too, but only ours has a known port, and then nothing is left to chance.
        port = identity.ports.epmd
        epmd = self._installation.executable("epmd")
        if epmd is None or await registered_nodes(port) is not None:
            return
        self._spawn(identity, str(epmd), "-port", str(port), "-address", "127.0.0.1")
        deadline = _deadline(_EPMD_PATIENCE)
        while await registered_nodes(port) is None and time.monotonic() < deadline:
            await _pause()

    def _spawn(self, identity: NodeIdentity, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._folder.console.open("ab") as console:
            child = subprocess.Popen(
                [program, *arguments],
                # The server's scripts do not quote the path of their folder; from inside it there is none.
                cwd=self._installation.scripts,
                env=config.environment(self._folder, identity.ports, self._installation),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches its whole process group: the broker must outlive the services.
                start_new_session=True,
            )
        self._children = (*self._children, child)
        return child

    async def _serving(self, server: subprocess.Popen[bytes], identity: NodeIdentity, log_start: int) -> str:
        """The version, as soon as a login succeeds."""
        deadline, reason = _deadline(self._start_patience), "nothing was tried"
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise self._start_error(f"ended before it served (exit code {server.returncode})", log_start)
            try:
                return await self._log_in(identity)
            except LoginRefusedError as error:
                reason = str(error)
            await _pause()
        raise self._start_error(f"did not serve within {self._start_patience}: {reason}", log_start)

    async def _log_in(self, identity: NodeIdentity) -> str:
        return await log_in(identity.ports.amqp, USER, identity.password.get_secret_value(), timeout=_LOGIN_PATIENCE)

    def _start_error(self, what_happened: str, log_start: int) -> NodeStartError:
        log, lines = self._folder.log, telling_end(self._folder.log, log_start)
        if not lines:
            log, lines = self._folder.console, telling_end(self._folder.console, 0)
        return NodeStartError(
            f"the private RabbitMQ node {what_happened}. The end of its log {log}:\n"
            + "\n".join(f"  {line}" for line in lines)
        )

    def _address(self, identity: NodeIdentity, version: str) -> NodeAddress:
        servers = [process.pid for process in processes_marked(self._folder.marker) if process.is_server]
        if not servers:
            raise NodeStartError(
                f"port {identity.ports.amqp} serves, but the node's process is gone; "
                f"see {self._folder.log} and start again"
            )
        self._pid = servers[0]
        return NodeAddress(
            url=identity.url,
            management_url=identity.management_url,
            user=USER,
            password=identity.password.get_secret_value(),
            credentials_file=self._folder.identity,
            pid=self._pid,
            version=version,
        )

    async def _end_server(self) -> None:
        # To the script as well: it may not have become the server yet.
        send(processes_marked(self._folder.marker), signal.SIGTERM)
        if await self._gone_within(self._stop_patience):
            return
        send(processes_marked(self._folder.marker), signal.SIGKILL)
        await self._gone_within(_KILL_PATIENCE)

    async def _gone_within(self, patience: timedelta) -> bool:
        return await _within(patience, lambda: not processes_marked(self._folder.marker))

    async def _end_epmd(self) -> None:
        if self._identity is not None:
            await _dismiss_epmd(self._identity.ports.epmd)
        for child in self._children:
            if not await _within(_EPMD_PATIENCE, partial(_has_ended, child)):
                child.kill()
                child.wait()
        self._children = ()


async def _dismiss_epmd(port: int) -> None:
    """Asks epmd to end until it does: for a moment after a kill -9 it still counts the node as registered."""
    deadline = _deadline(_EPMD_PATIENCE)
    while not await ask_to_leave(port) and time.monotonic() < deadline:
        if await registered_nodes(port) is None:
            return
        await _pause()


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    return child.poll() is not None


async def _ports_are_ours(identity: NodeIdentity) -> bool:
    """Whether nobody listens on the node's ports, but for an epmd that a killed process left without nodes."""
    ports = identity.ports
    if not all(port_is_free(port) for port in ports.of_the_server()):
        return False
    return port_is_free(ports.epmd) or await registered_nodes(ports.epmd) == ()


def _spell(ports: Ports) -> str:
    return ", ".join(str(port) for port in (*ports.of_the_server(), ports.epmd))


def _require_localhost() -> None:
    try:
        socket.getaddrinfo("localhost", None)
    except OSError as error:
        raise NodeStartError(
            "the name localhost does not resolve, which RabbitMQ needs; add `127.0.0.1 localhost` to /etc/hosts"
        ) from error


def _machine_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _deadline(patience: timedelta) -> float:
    return time.monotonic() + patience.total_seconds()


async def _pause() -> None:
    await asyncio.sleep(_POLL.total_seconds())


async def _within(patience: timedelta, holds: Callable[[], bool]) -> bool:
    """Whether a condition came to hold within this time; asked again and again."""
    deadline = _deadline(patience)
    while not holds():
        if time.monotonic() >= deadline:
            return False
        await _pause()
    return True

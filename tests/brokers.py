"""Brokers for tests: one for the whole session with a virtual host for each test, and one that may be killed."""

import asyncio
import base64
import http.client
import os
import signal
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import unquote, urlsplit

from freezing import freeze, thaw
from tubewarren.broker import NodeAddress, PrivateNode, find_installation

Result = TypeVar("Result")

PROJECT_DATA_DIR = Path(__file__).parent.parent / ".tubewarren"
"""Where `make rabbitmq` unpacks a server for a user who may not install one."""


@dataclass(frozen=True, slots=True)
class BrokerUnderTest:
    """A broker and its management API, whose credentials are those of the AMQP address."""

    url: str
    management_url: str

    @classmethod
    def of(cls, address: NodeAddress) -> Self:
        assert address.management_url is not None, "the tests need RabbitMQ's management plugin"
        return cls(address.url, address.management_url)

    def make_vhost(self) -> str:
        """Makes a virtual host of its own and returns its AMQP address."""
        name = f"test-{uuid.uuid4().hex}"
        self._call("PUT", f"/api/vhosts/{name}")
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def remove_vhost(self, url: str) -> None:
        self._call("DELETE", f"/api/vhosts/{urlsplit(url).path.removeprefix('/')}")

    def _call(self, method: str, path: str) -> None:
        amqp, management = urlsplit(self.url), urlsplit(self.management_url)
        credentials = f"{unquote(amqp.username or '')}:{unquote(amqp.password or '')}"
        authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        assert management.hostname is not None
        connection = http.client.HTTPConnection(management.hostname, management.port, timeout=60)
        try:
            connection.request(method, path, headers={"Authorization": authorization, "Content-Length": "0"})
            response = connection.getresponse()
            body = response.read().decode()
            assert response.status < 300, f"{method} {path} was answered with {response.status}: {body}"
        finally:
            connection.close()


class RestartableNode:
    """A private node that a test may kill and start again; its address stays the same."""

    def __init__(self, data_dir: Path) -> None:
        self.node = PrivateNode(data_dir, find_installation(PROJECT_DATA_DIR))
        self.address: NodeAddress | None = None

    @property
    def url(self) -> str:
        assert self.address is not None, "the node has not been started yet"
        return self.address.url

    async def start(self) -> NodeAddress:
        """Starts the node, after a kill too; a running one is left alone."""
        if self.address is None:
            await self.node.stop()
            self.address = await self.node.start()
        return self.address

    def kill(self) -> None:
        """Ends the server with SIGKILL, as a crash or the kernel would."""
        if self.address is not None:
            os.kill(self.address.pid, signal.SIGKILL)
            self.address = None

    def freeze(self) -> None:
        """Stops the server's clock: everything sent to it is late."""
        assert self.address is not None, "the node has not been started"
        freeze(self.address.pid)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self.address is not None, "the node has not been started"
        thaw(self.address.pid)

    async def stop(self) -> None:
        """Stops the node cleanly."""
        await self.node.stop()
        self.address = None


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine in an event loop and thread of its own, so that no test's loop is touched."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()

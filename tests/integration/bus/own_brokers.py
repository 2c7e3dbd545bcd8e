"""A broker that a test may kill, starve and configure: the project's private node, or one that a command runs."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Protocol

from brokers import PROJECT_DATA_DIR, BrokerUnderTest, RestartableNode, run_apart
from tubewarren.broker import find_installation
from tubewarren.broker.config import NodeFolder, environment
from tubewarren.broker.identity import remembered_identity


class OwnBroker(Protocol):
    """A broker of our own; its address and data outlive a kill."""

    def start(self) -> BrokerUnderTest:
        """Starts it unless it runs."""

    def kill(self) -> None:
        """Ends it with SIGKILL."""

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl prints."""

    def stop(self) -> None:
        """Ends it for good."""


class PrivateBroker:
    """The private node as the project starts it."""

    def __init__(self, data_dir: Path) -> None:
        self._node = RestartableNode(data_dir)
        self._folder = NodeFolder(data_dir.resolve() / "broker")

    def start(self) -> BrokerUnderTest:
        run_apart(self._node.start())
        assert self._node.address is not None
        return BrokerUnderTest.of(self._node.address)

    def kill(self) -> None:
        self._node.kill()

    def control(self, *arguments: str) -> str:
        identity = remembered_identity(self._folder.identity)
        assert identity is not None
        installation = find_installation(PROJECT_DATA_DIR)
        surroundings = dict(environment(self._folder, identity.ports, installation))
        # The node owns this port already.
        del surroundings["RABBITMQ_DIST_PORT"], surroundings["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
        return _output(["./rabbitmqctl", "-q", *arguments], installation.scripts, surroundings)

    def stop(self) -> None:
        self.kill()
        run_apart(self._node.stop())


class CommandBroker:
    """A broker that somebody's command runs: `COMMAND start PORT` prints AMQP and management address, `COMMAND
    kill PORT` kills it, `COMMAND ctl PORT -- ARGUMENTS` is its rabbitmqctl, `COMMAND stop PORT` ends it.
    """

    def __init__(self, command: str, port: str) -> None:
        self._command = shlex.split(command)
        self._port = port

    def start(self) -> BrokerUnderTest:
        url, management_url, *_ = self._run("start", self._port).split()
        return BrokerUnderTest(url, management_url)

    def kill(self) -> None:
        self._run("kill", self._port)

    def control(self, *arguments: str) -> str:
        return self._run("ctl", self._port, "--", *arguments)

    def stop(self) -> None:
        self._run("stop", self._port)

    def _run(self, *arguments: str) -> str:
        return _output([*self._command, *arguments], Path.cwd(), dict(os.environ))


def _output(command: list[str], folder: Path, surroundings: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout

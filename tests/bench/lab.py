"""Where the bench happens: a private broker, and each subject in a process and in a virtual host of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from bench.subjects.job import READY, Job, Spent
from brokers import BrokerUnderTest, RestartableNode, run_apart
from tubewarren.broker import NodeAddress

TESTS: Final = Path(__file__).parent.parent
_PATIENCE_SECONDS: Final = 180

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Lab:
    """A broker, and the virtual hosts that subjects have there so far.

    Attributes:
        folder: for what a measure needs.
        only: these subjects, where not all are wanted.
        prefetch: claims that a subject has in hand at a time.
    """

    broker: BrokerUnderTest
    version: str
    folder: Path
    only: tuple[str, ...] = ()
    prefetch: int = 100
    hosts: dict[str, str] = field(default_factory=dict)

    def chosen(self, *subjects: str) -> tuple[str, ...]:
        """Those of them that are wanted."""
        return tuple(name for name in subjects if not self.only or name in self.only)

    def url_for(self, subject: str) -> str:
        """The AMQP address of what only this subject uses."""
        if subject not in self.hosts:
            self.hosts[subject] = self.broker.make_vhost()
        return self.hosts[subject]

    def forget(self, subject: str) -> None:
        """Remove what a subject has there: it starts anew next time."""
        if (url := self.hosts.pop(subject, None)) is not None:
            self.broker.remove_vhost(url)

    def do(self, subject: str, task: str, job: Job) -> None:
        """Let a subject prepare something."""
        _answer_of(subject, task, job)

    def measure(self, subject: str, task: str, job: Job) -> Spent:
        """Let a subject do something, and hear what it took."""
        return self.ask(Spent, subject, task, job)

    def ask(self, kind: type[Answer], subject: str, task: str, job: Job) -> Answer:
        """Let a subject do something, and hear what it has to tell."""
        return kind(**json.loads(_answer_of(subject, task, job)))

    @contextmanager
    def worker(self, subject: str, task: str, job: Job) -> "Iterator[WorkerProcess]":
        """A subject at work for as long as the context lasts."""
        worker = start(subject, task, job)
        try:
            yield worker
        finally:
            worker.end()


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A subject at work, which says line by line what happens."""

    process: "subprocess.Popen[str]"

    def until_ready(self) -> None:
        """Wait until it listens."""
        assert self.line() == READY

    def line(self) -> str:
        """The next that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "it has ended"
        return line.rstrip("\n")

    def end(self) -> None:
        """At once."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def lab_in(folder: Path, only: tuple[str, ...] = (), prefetch: int = 100) -> Iterator[Lab]:
    """A lab for as long as the context lasts."""
    with node_in(folder / "broker") as address:
        yield Lab(BrokerUnderTest.of(address), address.version, folder, only, prefetch)


@contextmanager
def node_in(folder: Path) -> Iterator[NodeAddress]:
    """A private RabbitMQ for as long as the context lasts."""
    node = RestartableNode(folder)
    try:
        yield run_apart(node.start())
    finally:
        # Nobody will miss its data, and a clean stop takes six seconds.
        node.kill()
        run_apart(node.stop())


def start(subject: str, task: str, job: Job) -> WorkerProcess:
    """A subject in a process of its own, to be ended by who started it."""
    return WorkerProcess(_popen(subject, task, job, None))


def environment() -> dict[str, str]:
    """Of who asked, without what would switch something on, and without a proxy that sees loopback."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("TUBEWARREN_", "OTEL_")) and not name.lower().endswith("_proxy")
    }


def _answer_of(subject: str, task: str, job: Job) -> str:
    process = _popen(subject, task, job, subprocess.PIPE)
    try:
        answer, complaints = process.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, f"{subject}, {task}: exit code {process.returncode}\n{complaints}"
    return answer


def _popen(subject: str, task: str, job: Job, complains_to: int | None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "bench.subjects", subject, task, job.to_json()],
        cwd=TESTS,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complains_to,
        text=True,
    )

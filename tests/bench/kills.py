"""How soon another worker has the claim of one that was killed, or that hangs."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from typing import Final

from bench.commands import BARE, OURS
from bench.lab import Lab, WorkerProcess, start
from bench.latency import percentile
from bench.rows import Row
from bench.subjects.job import READY, Job, Taken
from bench.subjects.orders import orders
from brokers import run_apart
from tubewarren.bus import open_bus
from tubewarren.messages.commands import DownloadVideo

_KILLED: Final = "from kill -9 of a worker to its claim elsewhere"
_FROZEN: Final = "from a worker that hangs to its claim elsewhere"
_SPARE: Final = 2
"""Workers that are there beside the one to be killed: while one starts, another one takes the claim."""
_PATIENCE_SECONDS: Final = 60


def by_kill(lab: Lab, kills: int, rounds: int) -> list[Row]:
    """Kill whoever has the claim, many times."""
    delays: dict[str, list[list[float]]] = {name: [] for name in lab.chosen(OURS, BARE)}
    for _ in range(rounds):
        for name, found in delays.items():
            with _crew(lab, name, 1 + _SPARE) as crew:
                found.append(sorted(crew.kill_one(order) * 1000 for order in orders(kills)))
            lab.forget(name)
    rows = []
    for share, words, target in ((0.5, "median", ""), (0.99, "p99", "< 500")):
        for name, found in delays.items():
            values = tuple(percentile(each, share) for each in found)
            rows.append(Row(f"{_KILLED}, {words} of {kills}", name, "ms", values, target if name == OURS else ""))
    return rows


def by_freeze(lab: Lab, frozen: int, rounds: int) -> list[Row]:
    """Stop the clock of some workers that have claims; another one is free to take these."""
    delays: list[float] = []
    for _ in range(rounds):
        with _crew(lab, OURS, frozen + 1) as crew:
            delays += crew.freeze(list(orders(frozen)))
        lab.forget(OURS)
    note = "what bare aio-pika takes is up to its heartbeat, 60 s unless it is told otherwise"
    return [Row(_FROZEN, OURS, "s", tuple(delays), "< 30", note)]


@dataclass(slots=True)
class _Crew:
    """Workers with one claim at a time, of whom one knows who has which."""

    subject: str
    job: Job
    said: "Queue[tuple[WorkerProcess, str]]" = field(default_factory=Queue)
    workers: dict[WorkerProcess, Thread] = field(default_factory=dict)

    def hire(self) -> None:
        """One more."""
        worker = start(self.subject, "hold", self.job)
        self.workers[worker] = Thread(target=self._hear, args=(worker,), daemon=True)
        self.workers[worker].start()

    def until_ready(self, workers: int = 1) -> None:
        """Wait until so many more listen."""
        for _ in range(workers):
            _, line = self._next()
            assert line == READY, line

    def kill_one(self, order: DownloadVideo) -> float:
        """Seconds from the end of who took the order to its start elsewhere."""
        run_apart(_publish(self.job.url, order))
        holder, _ = self._taken(is_redelivered=False)
        killed = time.monotonic()
        self._dismiss(holder)
        _, taken = self._taken(is_redelivered=True)
        self.hire()
        self.until_ready()
        return taken.at - killed

    def freeze(self, given: list[DownloadVideo]) -> list[float]:
        """Seconds from the stop of those who took the orders to their starts elsewhere."""
        run_apart(_publish(self.job.url, *given))
        holders = [self._taken(is_redelivered=False)[0] for _ in given]
        stopped = time.monotonic()
        for holder in holders:
            holder.process.send_signal(signal.SIGSTOP)
        return [self._taken(is_redelivered=True)[1].at - stopped for _ in given]

    def end(self) -> None:
        """All of them."""
        for worker in tuple(self.workers):
            self._dismiss(worker)

    def _dismiss(self, worker: WorkerProcess) -> None:
        hearing = self.workers.pop(worker)
        worker.process.kill()
        hearing.join()
        worker.end()

    def _taken(self, *, is_redelivered: bool) -> tuple[WorkerProcess, Taken]:
        worker, line = self._next()
        taken = Taken(**json.loads(line))
        assert taken.is_redelivered == is_redelivered, taken
        return worker, taken

    def _next(self) -> tuple[WorkerProcess, str]:
        while True:
            worker, line = self.said.get(timeout=_PATIENCE_SECONDS)
            if worker in self.workers:
                assert line, "a worker has ended by itself"
                return worker, line

    def _hear(self, worker: WorkerProcess) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self.said.put((worker, line.rstrip("\n")))
        self.said.put((worker, ""))


@contextmanager
def _crew(lab: Lab, subject: str, workers: int) -> Iterator[_Crew]:
    job = Job(lab.url_for(subject), prefetch=1)
    lab.do(subject, "prepare", job)
    crew = _Crew(subject, job)
    try:
        for _ in range(workers):
            crew.hire()
        crew.until_ready(workers)
        yield crew
    finally:
        crew.end()


async def _publish(url: str, *given: DownloadVideo) -> None:
    async with open_bus(url, "bench") as bus:
        await bus.publisher.publish(*given)

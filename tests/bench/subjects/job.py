"""What a subject is told to do, and how what it takes is measured; every subject runs in a process of its own."""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Job:
    """Consume and settle messages.

    Attributes:
        url: of the broker, with a virtual host that only this subject uses.
        queue: where ours is to take what lies in this one alone; otherwise it takes by rank, as services do.
        warm: so many are handled before anything is measured,
        messages: then so many are.
        prefetch: claims in hand at a time.
        with_event: each publishes one event, confirmed, before its ack.
        every_seconds: one is published.
    """

    url: str
    queue: str = ""
    warm: int = 0
    messages: int = 0
    prefetch: int = 1
    with_event: bool = False
    every_seconds: float = 0

    @property
    def all_messages(self) -> int:
        """That must lie in the queue."""
        return self.warm + self.messages

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """From the command line."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Spent:
    """What so many messages took, in one process."""

    messages: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def cpu_us(self) -> float:
        """CPU for each, in microseconds."""
        return self.cpu_seconds / self.messages * 1e6

    @property
    def per_second(self) -> float:
        """How many were settled in a second."""
        return self.messages / self.wall_seconds


class Meter:
    """Counts what is handled, and measures from the last warm message to the last of all.

    At both ends as much is in hand, so that what each message takes is counted whole, its ack included.

    Args:
        job: how many there are.
        at_end: called once, in the thread that handled the last one.
    """

    def __init__(self, job: Job, at_end: Callable[[], object] = bool) -> None:
        self._job = job
        self._at_end = at_end
        self._handled = 0
        # Some subjects handle in several threads.
        self._lock = Lock()
        self._began = (0.0, 0.0)
        self._spent: Spent | None = None

    @property
    def spent(self) -> Spent:
        """What it took, when all is over."""
        assert self._spent is not None, f"only {self._handled} of {self._job.all_messages} were handled"
        return self._spent

    def tick(self, messages: int = 1) -> None:
        """So many are handled."""
        with self._lock:
            self._handled += messages
            if self._handled == self._job.warm:
                self._began = (time.monotonic(), cpu_seconds_here())
            elif self._handled == self._job.all_messages:
                wall, cpu = self._began
                self._spent = Spent(self._job.messages, time.monotonic() - wall, cpu_seconds_here() - cpu)
                self._at_end()


@dataclass(frozen=True, slots=True)
class Moments:
    """When, on the clock of the machine that all its processes share, something was done with each video."""

    at: dict[str, float]


@dataclass(frozen=True, slots=True)
class Taken:
    """A command was taken by a worker, which holds it from now on, or settles it when somebody held it before."""

    video_id: str
    at: float
    is_redelivered: bool


READY = "ready"
"""What a subject says when it listens; what else it says are lines of JSON."""


def say(what: "str | Moments | Taken | Spent") -> None:
    """To who started us."""
    sys.stdout.write((what if isinstance(what, str) else json.dumps(asdict(what))) + "\n")
    sys.stdout.flush()


def cpu_seconds_here() -> float:
    """Of this process, its threads and those of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

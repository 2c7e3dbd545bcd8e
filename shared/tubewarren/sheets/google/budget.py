"""The budget: so many reads and writes a minute, and never more, so that Google has no reason to say no."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto, unique
from threading import Lock
from typing import Self

from tubewarren.sheets.errors import Cause

_MINUTE = 60.0
# What may go out at once after a rest; the rest of the minute's share comes drop by drop.
_BURST = 1 / 6


@unique
class Kind(Enum):
    """What Google counts apart."""

    READ = auto()
    WRITE = auto()


Told = Callable[[Kind, Cause | None], None]
"""Told of each request that was made, and of the cause when it failed."""


def untold(kind: Kind, cause: Cause | None) -> None:
    """Tell nobody."""
    del kind, cause


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: in no minute, wherever it begins, does it give more than `per_minute`.

    Attributes:
        per_minute: the share, at least one.
        level: tokens there; below zero are those promised to callers who wait.
        at: seconds of the clock at which the level was that.
    """

    per_minute: int
    level: float
    at: float

    @classmethod
    def full(cls, per_minute: int, now: float) -> Self:
        """A bucket after a long rest.

        Raises:
            ValueError: a share of less than one would wait for ever.
        """
        if per_minute < 1:
            raise ValueError(f"A budget of {per_minute} requests a minute: give it at least 1.")
        return cls(per_minute, _capacity(per_minute), now)

    def take(self, now: float) -> tuple[Self, timedelta]:
        """The bucket with one token less, and how long to wait before that token may be used."""
        capacity = _capacity(self.per_minute)
        # What bursts and what drips must both fit into one minute.
        rate = max(self.per_minute - capacity, _BURST) / _MINUTE
        level = min(capacity, self.level + max(0.0, now - self.at) * rate) - 1
        return replace(self, level=level, at=now), timedelta(seconds=max(0.0, -level / rate))


class Budget:
    """The requests that one process may make. Several threads may take from it; each waits for its own token."""

    def __init__(
        self,
        reads_per_minute: int,
        writes_per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with a full share.

        Raises:
            ValueError: a share below one.
        """
        now = clock()
        self._buckets = {
            Kind.READ: Bucket.full(reads_per_minute, now),
            Kind.WRITE: Bucket.full(writes_per_minute, now),
        }
        self._clock = clock
        self._pause = pause
        self._turn = Lock()

    def take(self, kind: Kind) -> None:
        """Wait until one more request of this kind is within the budget."""
        with self._turn:
            self._buckets[kind], wait = self._buckets[kind].take(self._clock())
        if wait:
            self._pause(wait.total_seconds())


def _capacity(per_minute: int) -> float:
    return max(1.0, per_minute * _BURST)

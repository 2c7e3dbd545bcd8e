"""How long to wait for an editor or for another writer, with the clock and the waiting given from outside."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """Waiting in small steps up to a limit.

    Attributes:
        settle: a file that somebody changed more recently than this may be half saved.
        clock: seconds since 1970, as file times are.
        pause: waits for so many seconds; called from a thread, never from an event loop.
    """

    settle: timedelta = timedelta(milliseconds=100)
    step: timedelta = timedelta(milliseconds=50)
    limit: timedelta = timedelta(seconds=2)
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep

    def tries(self) -> Iterator[None]:
        """Yield once at once and then after each step, until the limit."""
        yield
        for _ in range(self.limit // self.step):
            self.pause(self.step.total_seconds())
            yield

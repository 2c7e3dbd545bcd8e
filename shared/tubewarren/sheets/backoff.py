"""Backoff: how long to leave a sheet alone that could not be used, longer each time, and by chance."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses with full jitter: anything up to a limit that doubles, so that no two clients come back in step.

    Attributes:
        first: the limit of the first pause.
        longest: no limit is longer.
        chance: a number from 0 up to 1.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(seconds=64)
    chance: Callable[[], float] = random.random

    def pauses(self) -> Iterator[timedelta]:
        """One pause after the other, without end."""
        limit = self.first
        while True:
            yield limit * self.chance()
            limit = min(2 * limit, self.longest)

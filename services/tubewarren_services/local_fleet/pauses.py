"""How long to wait before something that died is started again."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Pauses:
    """Pauses that double from death to death, and begin anew after a long life.

    Attributes:
        first: before the first restart.
        longest: none is longer.
        healthy_after: who lived so long did not die of how it was started.
    """

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(seconds=30)
    healthy_after: timedelta = timedelta(minutes=1)

    def after(self, life: timedelta, last: timedelta | None) -> timedelta:
        """The pause that follows a life; `last` is the one before that life, if there was one."""
        if last is None or life >= self.healthy_after:
            return self.first
        return min(2 * last, self.longest)

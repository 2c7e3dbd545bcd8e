"""The outbox of one address: what still has to be sent there, and when it is tried again. All pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren_services.heartbeat_monitor.alarms.letter import Letter

_MOST_LETTERS: Final = 5
"""Of more the oldest are dropped."""
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits for one address, oldest first.

    Attributes:
        failures: tries in a row that came to nothing.
        tried_at: when the last of them was.
    """

    letters: tuple[Letter, ...] = ()
    failures: int = 0
    tried_at: datetime | None = None


def put(outbox: Outbox, letter: Letter) -> Outbox:
    """Add a letter."""
    return replace(outbox, letters=(*outbox.letters, letter)[-_MOST_LETTERS:])


def is_due(outbox: Outbox, now: datetime) -> bool:
    """Whether to try now."""
    if not outbox.letters:
        return False
    if outbox.tried_at is None:
        return True
    pause = min(_FIRST_PAUSE * (1 << min(outbox.failures - 1, _MOST_DOUBLINGS)), _LONGEST_PAUSE)
    return abs(now - outbox.tried_at) >= pause


def failed(outbox: Outbox, now: datetime) -> Outbox:
    """A try came to nothing."""
    return replace(outbox, failures=outbox.failures + 1, tried_at=now)

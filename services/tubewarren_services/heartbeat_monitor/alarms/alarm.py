"""The alarm: one thing that a person should know of, and what kind of thing it is."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Kind(StrEnum):
    """What it is about, the most urgent first."""

    EGRESS = "egress"
    """Every way to the internet that a stage has is blocked."""
    BREAKER = "breaker"
    """A stage rests, because the same failure is everywhere."""
    LOST = "lost"
    UNFIT = "unfit"
    """A worker beats, but cannot work: its disk is nearly full, a program is missing."""
    SHEET = "sheet"
    COOKIES = "cookies"
    DEAD = "dead"
    FINISHED = "finished"


HEADINGS: Final = {
    Kind.EGRESS: "Blocked everywhere",
    Kind.BREAKER: "Breaker open",
    Kind.LOST: "Worker lost",
    Kind.UNFIT: "Worker cannot work",
    Kind.SHEET: "Sheet in trouble",
    Kind.COOKIES: "Cookies dead",
    Kind.DEAD: "Dead letters growing",
    Kind.FINISHED: "Run finished",
}
"""As a person reads it."""
HAPPENINGS: Final = frozenset({Kind.DEAD, Kind.FINISHED})
"""These happen, and are told once; all others last, and are over again some time."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing to tell.

    Attributes:
        subject: what it is about, such as the name of a worker; with the kind, this makes two alarms the same one.
        words: what is the matter, for a person; they may change from one moment to the next.
    """

    kind: Kind
    subject: str
    words: str

    @property
    def key(self) -> tuple[Kind, str]:
        """What makes two alarms the same one."""
        return (self.kind, self.subject)

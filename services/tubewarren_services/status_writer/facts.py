"""What is known of a source, a video or a worker, in parts that each have an order of their own.

Joining keeps the greater of two statements about the same part, so events may come in any order, and twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique

from tubewarren.sheets.reconcile import Key


@unique
class Kind(StrEnum):
    """What something is known of."""

    SOURCE = "source"
    VIDEO = "video"
    WORKER = "worker"


@unique
class Part(StrEnum):
    """What a statement is about; no two parts change one another."""

    ENTRY = "entry"
    """What was on the list: address, title and the like."""
    STANDING = "standing"
    CLAIM = "claim"
    SETBACK = "setback"
    """Why the newest failed attempt failed."""
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that has rows; its key is that of its tabs."""

    kind: Kind
    key: Key


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """Which of two statements counts: the greater one.

    Attributes:
        precedence: counts before time does.
        at: when it happened, in a form whose order is that of time.
        tie: decides between two statements about the same moment.
    """

    precedence: int
    at: str
    tie: int = 0

    @classmethod
    def by_time(cls, at: datetime, *, precedence: int = 0, tie: int = 0) -> "Order":
        """The order of what happened at a moment."""
        return cls(precedence, at.astimezone(UTC).isoformat(timespec="microseconds"), tie)


NEVER = Order(-1, "")
"""Before everything else: for what is said in passing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was said of one part: text by name, mostly that of a column."""

    order: Order
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement, and what it is about."""

    subject: Subject
    part: Part
    statement: Statement


Record = Mapping[Part, Statement]
"""All that is known of a subject."""


def join(record: Record, facts: Iterable[Fact]) -> Record:
    """The record with these facts in it, all of its own subject."""
    joined = dict(record)
    for fact in facts:
        known = joined.get(fact.part)
        if known is None or _rank(known) < _rank(fact.statement):
            joined[fact.part] = fact.statement
    return joined


def _rank(statement: Statement) -> tuple[Order, list[tuple[str, str]]]:
    # The values make the order total, so that even contradictions end the same way in any order.
    return statement.order, sorted(statement.values.items())

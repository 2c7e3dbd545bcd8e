"""What is known of a source, a video or a worker, in parts that each have an order of their own.

Joining keeps the greater of two statements about the same part, so events may come in any order, and twice. Only the
news of an end is believed although its time is long past: then a clock was wrong, and no better news will follow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Final

from tubewarren.sheets.reconcile import Key


@unique
class Kind(StrEnum):
    """What something is known of."""

    SOURCE = "source"
    VIDEO = "video"
    WORKER = "worker"
    FLEET = "fleet"


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

DEATH: Final = "death"
"""The ending of what the broker gave up: it has neither a name nor a time of its own, and ends whatever is known."""

_OUT_OF_TIME: Final = timedelta(hours=1)
"""What comes so much later than its time says, for the first time, comes from a clock that is or was wrong."""
_LAST_OF_ITS_MOMENT: Final = 9


@dataclass(frozen=True, slots=True)
class Statement:
    """What was said of one part: text by name, mostly that of a column.

    Attributes:
        ending: names the event when it is an end, such as a burial; nothing follows it by itself.
        endings: the ends that were heard of, this one included.
    """

    order: Order
    values: Mapping[str, str]
    ending: str = ""
    endings: frozenset[str] = frozenset()


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
        joined[fact.part] = _joined(joined.get(fact.part), fact.statement)
    return joined


def _joined(known: Statement | None, said: Statement) -> Statement:
    heard = {said.ending} - {"", DEATH}
    if known is None:
        return replace(said, endings=frozenset(heard))
    endings = known.endings | heard
    if _rank(known) < _rank(said):
        return replace(said, endings=endings)
    if said.ending and said.ending not in known.endings and _is_out_of_time(said.order, known.order):
        order = replace(known.order, precedence=said.order.precedence, tie=_LAST_OF_ITS_MOMENT)
        return Statement(order, {**known.values, **said.values}, said.ending, endings)
    return known if endings == known.endings else replace(known, endings=endings)


def _is_out_of_time(said: Order, known: Order) -> bool:
    """Whether the clocks contradict one another; what counts before time does is never doubted."""
    if said.precedence < known.precedence or not known.at:
        return False
    return not said.at or datetime.fromisoformat(known.at) - datetime.fromisoformat(said.at) > _OUT_OF_TIME


def _rank(statement: Statement) -> tuple[Order, list[tuple[str, str]]]:
    # The values make the order total, so that even contradictions end the same way in any order.
    return statement.order, sorted(statement.values.items())

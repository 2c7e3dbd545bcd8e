"""What is known of a source, a video or a worker, in parts that each have an order of their own.

Joining keeps the greater of two statements about the same part, so events may come in any order, and twice. Of ends
see `tubewarren.endings`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Final

from tubewarren.endings import moment_of, names
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
    FATE = "fate"
    """What a person did with what was given up."""
    ORIGIN = "origin"
    """Whether the list that it came from still has it."""
    NOTE = "note"
    """What is wrong with its row, while its work goes on."""


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

_STANDING: Final = frozenset({Part.STANDING, Part.FATE})
"""What of these is newer tells whether something is still dead; all other parts are matters of their own."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


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
        said = fact.statement
        known = joined.get(fact.part)
        matter = _STANDING if fact.part in _STANDING else {fact.part}
        newest = max((_time_of(joined[part], said) for part in matter if part in joined), default=_LONG_AGO)
        joined[fact.part] = _joined(known, said, newest)
    return joined


def _joined(known: Statement | None, said: Statement, newest: datetime) -> Statement:
    endings = names(said.ending, *(known.endings if known else ()))
    told_after = _told_after(known, said, newest)
    if known is None or _rank(known) < _rank(told_after):
        values = said.values if told_after.order == said.order or known is None else {**known.values, **said.values}
        return replace(told_after, values=values, endings=endings)
    return known if endings == known.endings else replace(known, endings=endings)


def _told_after(known: Statement | None, said: Statement, newest: datetime) -> Statement:
    """The news of an end, with a time that fits to what is known."""
    told = _moment(said.order)
    happened = moment_of(said.ending, told, newest, known.endings if known else ())
    if happened == told:
        return said
    return replace(said, order=Order.by_time(happened, precedence=said.order.precedence, tie=said.order.tie))


def _time_of(known: Statement, said: Statement) -> datetime:
    """What counts less before time does was never decided."""
    return _LONG_AGO if known.order.precedence < said.order.precedence else _moment(known.order)


def _moment(order: Order) -> datetime:
    return datetime.fromisoformat(order.at) if order.at else _LONG_AGO


def _rank(statement: Statement) -> tuple[Order, list[tuple[str, str]]]:
    # The values make the order total, so that even contradictions end the same way in any order.
    return statement.order, sorted(statement.values.items())

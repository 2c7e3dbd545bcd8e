"""Records: rows as values that merge.

Events come twice, late and in any order. So a record is a bundle of registers, each of which keeps the greatest of
what it was ever told by an order of its own, mostly the time of the event. Merging takes the greater of each: it
does not matter in which order, nor how often, and a ledger that saw the same events holds the same rows. That
needs orders in which no two different values are equal, so they name every field.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol, Self, TypeVar

Row = Mapping[Any, Any]
"""One row of a table, by the names of its columns."""

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
"""Before every event, where an order needs a moment and there is none."""

_Register = TypeVar("_Register")


class Record(Protocol):
    """One row of one table."""

    @property
    def key(self) -> tuple[str, ...]:
        """The values of the table's primary key, in the table's order."""

    def merged(self, other: Self) -> Self:
        """What both together say."""

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""


def greater(
    one: _Register | None, other: _Register | None, order: Callable[[_Register], tuple[Any, ...]]
) -> _Register | None:
    """The greater of two registers; an empty one loses."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=order)


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later moment, if any."""
    return max((at for at in (one, other) if at is not None), default=None)


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier moment, if any."""
    return min((at for at in (one, other) if at is not None), default=None)

"""A tab's cells at one moment: a header and rows of text, whatever a person made of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Header and rows, every row as wide as the header. Cells are text and stay exactly as they were found.

    Columns that only the person knows keep their name and place; a column without a header has an empty name.
    """

    header: Row
    rows: tuple[Row, ...] = ()

    @classmethod
    def of(cls, grid: Iterable[Sequence[str]]) -> Self:
        """Take a grid whose first line is the header; short lines are filled up, none is cut."""
        lines = [tuple(line) for line in grid]
        width = max(map(len, lines), default=0)
        filled = [line if len(line) == width else _widened(line, width) for line in lines]
        return cls(header=filled[0], rows=tuple(filled[1:])) if filled else cls(header=())

    @property
    def names(self) -> Row:
        """The header as it is compared: without the blanks around a name."""
        return tuple(name.strip() for name in self.header)

    def records(self) -> Iterator[dict[str, str]]:
        """Each row that is not blank, by column name; columns without a name are left out.

        Raises:
            ValueError: two columns share a name, so that one would hide the other.
        """
        if doubled := doubled_names(self):
            raise ValueError(f"Columns share a name: {', '.join(doubled)}; check the table before using it.")
        named = [(position, name) for position, name in enumerate(self.names) if name]
        for row in self.rows:
            if not is_blank(row):
                yield {name: row[position] for position, name in named}


def is_blank(row: Row) -> bool:
    """Whether nothing is written in any cell."""
    return not any(cell.strip() for cell in row)


def doubled_names(table: Table) -> tuple[str, ...]:
    """The names that more than one column carries."""
    return tuple(name for name, times in Counter(table.names).items() if name and times > 1)


def missing_names(table: Table, columns: Iterable[str]) -> tuple[str, ...]:
    """Those of `columns` that the table lacks, in their order."""
    present = frozenset(table.names)
    return tuple(name for name in columns if name not in present)


def _widened(line: Row, width: int) -> Row:
    return line + ("",) * (width - len(line))

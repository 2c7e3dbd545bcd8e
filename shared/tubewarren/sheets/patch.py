"""What to write into a tab: the few cells that differ, so that each kind of sheet can do it in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tubewarren.sheets.table import Row, Table


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes against one table as it was read; positions count from 0 and mean that table.

    Attributes:
        columns: names of columns to add at the right end.
        cells: new text by row and by column; columns past the header are the added ones.
        removed: rows to take out, the others closing up.
        appended: rows to add at the end, as wide as the header with the added columns.
    """

    columns: tuple[str, ...] = ()
    cells: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()
    appended: tuple[Row, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows it touches."""
        return len(self.cells) + len(self.removed) + len(self.appended)

    def __bool__(self) -> bool:
        return bool(self.columns or self.cells or self.removed or self.appended)


def apply(table: Table, patch: Patch) -> Table:
    """Return the table with the patch in it; an empty patch returns the very same table."""
    if not patch:
        return table
    added = ("",) * len(patch.columns)
    kept = (
        _with_cells(row + added, patch.cells.get(position))
        for position, row in enumerate(table.rows)
        if position not in patch.removed
    )
    return Table(header=table.header + patch.columns, rows=(*kept, *patch.appended))


def _with_cells(row: Row, cells: Mapping[int, str] | None) -> Row:
    if not cells:
        return row
    changed = list(row)
    for position, text in cells.items():
        changed[position] = text
    return tuple(changed)

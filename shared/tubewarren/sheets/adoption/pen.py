"""Rows by column name, and the pen that gathers what is to be written into them."""

from collections.abc import Iterator, Mapping

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table, is_blank
from tubewarren.sheets.tabs import CLAIMED_BY, STATUS

Record = Mapping[str, str]


def records_of(table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that is not blank, with its position."""
    for position, row in enumerate(table.rows):
        if not is_blank(row):
            yield position, {name: cell for name, cell in zip(table.names, row, strict=True) if name}


def cell(record: Record, name: str) -> str:
    """A cell without the blanks around its text; empty where there is no such column."""
    return record.get(name, "").strip()


def status_of(record: Record) -> str:
    """The word in Status, as it is compared."""
    return cell(record, STATUS).lower()


def claim_of(record: Record) -> str:
    """Whose the row is, in words."""
    return f"claimed by {claimer}" if (claimer := cell(record, CLAIMED_BY)) else ""


class Pen:
    """Gathers what is to be written into one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._place = {name: position for position, name in enumerate(table.names) if name}
        self._removed: set[int] = set()
        self._appended: list[Record] = []
        self.columns: tuple[str, ...] = ()
        self.cells: dict[int, dict[int, str]] = {}

    def write(self, position: int, values: Record) -> None:
        """Write by column; one that is not there is added, but not for nothing."""
        row = self._table.rows[position]
        for name, text in values.items():
            place = self._column(name, text)
            if place is not None and text != (row[place] if place < len(row) else ""):
                self.write_at(position, {place: str(text)})

    def write_at(self, position: int, cells: Mapping[int, str]) -> None:
        """Write by place."""
        self.cells.setdefault(position, {}).update(cells)

    def remove(self, position: int) -> None:
        """Take a row out, whatever was written into it."""
        self._removed.add(position)

    def append(self, record: Record) -> None:
        """Add a row with what of this the tab has columns for."""
        for name in (STATUS, CLAIMED_BY):
            self._column(name, record[name])
        self._appended.append(record)

    def patch(self) -> Patch:
        """What it comes to."""
        names = (*self._table.names, *self.columns)
        return Patch(
            columns=self.columns,
            cells={position: cells for position, cells in self.cells.items() if position not in self._removed},
            removed=frozenset(self._removed),
            appended=tuple(_row(names, record) for record in self._appended),
        )

    def _column(self, name: str, text: str) -> int | None:
        if name not in self._place and text:
            self._place[name] = len(self._table.header) + len(self.columns)
            self.columns = (*self.columns, name)
        return self._place.get(name)


def _row(names: Row, record: Record) -> Row:
    return tuple(str(record.get(name, "")) for name in names)

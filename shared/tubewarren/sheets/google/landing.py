"""Whether a write arrived where it was meant to: what to have Google return with its answer, and what it should show.

A patch that touches only the system's cells is checked by the header and by the keys of the rows that it touched; if
they are not what they should be, the tab is read once more. One that touches more is checked by the whole tab, and so
is a small tab always: in the second until it is read again, a person may move on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tubewarren.sheets.google.grid import as_read
from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.table import Table, is_blank
from tubewarren.sheets.tabs import Tab

Cells = Mapping[tuple[int, int], str]
"""Texts by line and column, without the empty ones."""

# About a second's worth for Google and us.
_SMALL_CELLS = 20_000

RETURNED_FIELDS = (
    "updatedSpreadsheet(sheets(properties(sheetId),data(startRow,startColumn,rowData(values(formattedValue)))))"
)


@dataclass(frozen=True, slots=True)
class Landing:
    """What a write should come to.

    Attributes:
        table: the tab after it, as it would be read.
        ranges: what Google is to return with its answer, in A1 notation.
        is_whole: whether that is the whole tab.
        cells: what should stand in those ranges.
    """

    table: Table
    ranges: tuple[str, ...]
    is_whole: bool
    cells: Cells


def landing_of(tab: Tab, title: str, table: Table, patch: Patch, *, small_cells: int = _SMALL_CELLS) -> Landing:
    """What is to be looked at after this write; a tab of so few cells is looked at as a whole."""
    expected = as_read(apply(table, patch))
    if _is_delicate(tab, table, patch) or len(table.rows) * len(table.header) <= small_cells:
        return Landing(expected, (whole(title),), is_whole=True, cells=_cells([expected.header, *expected.rows], 0, 0))
    cells, ranges = dict(_cells([expected.header], 0, 0)), [f"{whole(title)}!1:1"]
    for column in sorted(table.names.index(name) for name in tab.key):
        letters = column_letters(column)
        if patch.removed:  # instead of one of them, any other may have gone
            first, rows = 0, expected.rows
            ranges.append(f"{whole(title)}!{letters}2:{letters}")
        elif patch.cells:
            first, last = min(patch.cells), max(patch.cells)
            rows = expected.rows[first : last + 1]
            ranges.append(f"{whole(title)}!{letters}{first + 2}:{letters}{last + 2}")
        else:  # new rows cannot go wrong but by their columns
            break
        cells |= _cells(((row[column] if column < len(row) else "",) for row in rows), first + 1, column)
    return Landing(expected, tuple(ranges), is_whole=False, cells=cells)


def returned_cells(answer: Mapping[str, Any]) -> Mapping[int, Cells]:
    """What the answer to a write shows, by sheet id."""
    return {
        sheet["properties"]["sheetId"]: {
            at: text for grid in sheet.get("data", ()) for at, text in _grid_cells(grid).items()
        }
        for sheet in answer.get("updatedSpreadsheet", {}).get("sheets", ())
    }


def table_of(cells: Cells) -> Table:
    """The whole tab that consists of these cells."""
    lines: list[list[str]] = [[] for _ in range(max((line for line, _ in cells), default=-1) + 1)]
    for (line, column), text in sorted(cells.items()):
        row = lines[line]
        row.extend([""] * (column - len(row)))
        row.append(text)
    return Table.of(lines)


def whole(title: str) -> str:
    """The range that is the whole tab."""
    return "'" + title.replace("'", "''") + "'"


def column_letters(column: int) -> str:
    """The name of a column, counted from 0, in A1 notation."""
    above, last = divmod(column, 26)
    return (column_letters(above - 1) if above else "") + chr(ord("A") + last)


def _is_delicate(tab: Tab, table: Table, patch: Patch) -> bool:
    """Whether the header and the keys do not tell enough."""
    if patch.columns or any(name not in table.names for name in tab.key):
        return True
    system = {column for column, name in enumerate(table.names) if name in tab.system}
    if any(not system.issuperset(cells) for cells in patch.cells.values()):
        return True
    places = [table.names.index(name) for name in tab.key]
    # Any row may have gone instead of one that was to be removed.
    doubtful = table.rows if patch.removed else [table.rows[at] for at in patch.cells]
    return any(not all(row[place].strip() for place in places) and not is_blank(row) for row in doubtful)


def _cells(lines: Iterable[Iterable[str]], top: int, left: int) -> Cells:
    return {
        (line, column): text
        for line, row in enumerate(lines, start=top)
        for column, text in enumerate(row, start=left)
        if text
    }


def _grid_cells(grid: Mapping[str, Any]) -> Cells:
    lines = (_texts(row) for row in grid.get("rowData", ()))
    return _cells(lines, grid.get("startRow", 0), grid.get("startColumn", 0))


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    return (cell.get("formattedValue", "") for cell in row.get("values", ()))

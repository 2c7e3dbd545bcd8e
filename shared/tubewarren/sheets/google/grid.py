"""A patch as Google's requests, as few as will do, for one `batchUpdate` that does all of it or nothing.

Text goes in as a string value, which Google never parses: `=1+1`, `0042` and `1/2` stay what they are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table
from tubewarren.sheets.tabs import Tab

Request = dict[str, Any]
"""One entry of a batchUpdate's `requests`."""

# Where the first row of a table stands below the header.
_HEADER_LINES = 1


def requests_for(sheet_id: int, table: Table, patch: Patch, *, frozen_rows: int = _HEADER_LINES) -> list[Request]:
    """What turns the table, as it was read, into the patched one.

    Columns are inserted and rows appended by Google, where there is nothing yet: whatever a person has written there
    in the meantime moves, or stays above. Only cells and removed rows go by position.

    Args:
        sheet_id: Google's number of the tab.
        table: as it was read; the patch means its positions.
        patch: what to write.
        frozen_rows: as many as the tab has; Google wants one that is not frozen to remain.
    """
    width = len(table.header)
    removals = [_removal(sheet_id, first, count) for first, count in reversed([*_runs(sorted(patch.removed))])]
    if removals and _HEADER_LINES + len(table.rows) - len(patch.removed) <= frozen_rows:
        removals.insert(0, _one_more_row(sheet_id))
    columns = _columns(sheet_id, width, patch.columns) if patch.columns else []
    appended = _appended(sheet_id, patch.appended) if patch.appended else []
    return [*columns, *_cells(sheet_id, patch.cells), *removals, *appended]


def header_request(sheet_id: int, header: Row) -> Request:
    """What writes the first line of an empty tab."""
    return _written(sheet_id, 0, 0, [header])


def evened(tab: Tab, table: Table, patch: Patch) -> Patch:
    """The patch with as few gaps in what it writes as can be, so that it takes few requests.

    Changed rows that lie together write the same of the system's columns, and those in between. What is added are
    cells that only the system writes, with the text that they have.
    """
    system = [at for at, name in enumerate((*table.names, *patch.columns)) if name in tab.system]
    bands = [range(first, first + count) for first, count in _runs(system)]
    cells: dict[int, Mapping[int, str]] = {}
    for first, count in _runs(sorted(patch.cells)):
        rows = range(first, first + count)
        touched = {at for row in rows for at in patch.cells[row]}
        together = [at for band in bands for at in _spanned(band, touched)]
        for row in rows:
            line = table.rows[row]
            cells[row] = {at: line[at] if at < len(line) else "" for at in together} | dict(patch.cells[row])
    return replace(patch, cells=cells)


def as_read(table: Table) -> Table:
    """The table as Google will give it back: without the blank rows and columns at its ends."""
    height, width = len(table.rows), len(table.header)
    while height and not any(table.rows[height - 1]):
        height -= 1
    lines = (table.header, *table.rows[:height])
    while width and not any(line[width - 1] for line in lines):
        width -= 1
    if (height, width) == (len(table.rows), len(table.header)):
        return table
    return Table.of(line[:width] for line in lines)


@dataclass(frozen=True, slots=True)
class _Block:
    """Cells that lie together: rows of equal width."""

    row: int
    column: int
    lines: tuple[Row, ...]


def _cells(sheet_id: int, cells: Mapping[int, Mapping[int, str]]) -> list[Request]:
    return [
        _written(sheet_id, block.row + _HEADER_LINES, block.column, block.lines) for block in _stacked(_strips(cells))
    ]


def _strips(cells: Mapping[int, Mapping[int, str]]) -> Iterator[_Block]:
    for row in sorted(cells):
        for column, count in _runs(sorted(cells[row])):
            yield _Block(row, column, (tuple(cells[row][at] for at in range(column, column + count)),))


def _stacked(strips: Iterable[_Block]) -> Iterator[_Block]:
    """Strips of the same columns one below the other become one block."""
    by_columns: dict[tuple[int, int], list[_Block]] = {}
    for strip in strips:
        by_columns.setdefault((strip.column, len(strip.lines[0])), []).append(strip)
    for group in by_columns.values():
        by_row = {strip.row: strip.lines[0] for strip in group}
        for row, count in _runs(by_row):
            yield _Block(row, group[0].column, tuple(by_row[at] for at in range(row, row + count)))


def _runs(ascending: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as first and how many."""
    for _, group in groupby(enumerate(ascending), lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in group]
        yield numbers[0], len(numbers)


def _spanned(band: range, touched: Collection[int]) -> range:
    """From the first to the last that is touched."""
    inside = [at for at in band if at in touched]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def _columns(sheet_id: int, width: int, names: Row) -> list[Request]:
    inserted = {
        "insertDimension": {
            "range": _span(sheet_id, "COLUMNS", width, len(names)),
            # Google refuses the other way at the end of the grid.
            "inheritFromBefore": width > 0,
        }
    }
    return [inserted, _written(sheet_id, 0, width, [names])]


def _removal(sheet_id: int, first: int, count: int) -> Request:
    return {"deleteDimension": {"range": _span(sheet_id, "ROWS", first + _HEADER_LINES, count)}}


def _one_more_row(sheet_id: int) -> Request:
    return {"appendDimension": {"sheetId": sheet_id, "dimension": "ROWS", "length": 1}}


def _appended(sheet_id: int, rows: Sequence[Row]) -> list[Request]:
    return [{"appendCells": {"sheetId": sheet_id, "rows": _values(rows), "fields": "userEnteredValue"}}]


def _written(sheet_id: int, row: int, column: int, lines: Sequence[Row]) -> Request:
    return {
        "updateCells": {
            "start": {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column},
            "rows": _values(lines),
            "fields": "userEnteredValue",
        }
    }


def _values(lines: Iterable[Row]) -> list[Request]:
    return [
        {"values": [{"userEnteredValue": {"stringValue": text}} if text else {} for text in line]} for line in lines
    ]


def _span(sheet_id: int, dimension: str, first: int, count: int) -> Request:
    return {"sheetId": sheet_id, "dimension": dimension, "startIndex": first, "endIndex": first + count}

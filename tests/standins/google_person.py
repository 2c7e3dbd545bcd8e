"""A person in the browser: edits a spreadsheet by hand, as typing does, while others use the API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock

from standins.google_batch_sheets import add_sheet
from standins.google_cells import Cell, shown, typed
from standins.google_ranges import Area, Dimension
from standins.google_spreadsheet import Sheet, Spreadsheet

Record = dict[str, str]


class Person:
    """Tabs are named by their title, columns by what stands in the first row, which is the header.

    Rows are numbered as the browser shows them: the header is row 1. What a person types is read as Google reads it.

    Every method raises LookupError where there is no such tab, column or row.
    """

    def __init__(self, file: Spreadsheet, lock: RLock) -> None:
        self._file = file
        self._lock = lock

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else does anything meanwhile."""
        with self._lock:
            yield

    def tabs(self) -> list[str]:
        with self._lock:
            return [sheet.title for sheet in self._file.sheets]

    def header(self, tab: str) -> list[str]:
        return (self.rows(tab) or [[]])[0]

    def rows(self, tab: str) -> list[list[str]]:
        """What the tab shows, header and all; empty cells at the end of a row are left out."""
        with self._lock:
            sheet = self._sheet(tab)
            return [[shown(cell) for cell in row] for row in sheet.rows]

    def records(self, tab: str) -> list[Record]:
        """Each row below the header that is not empty, by column name."""
        header, *rows = self.rows(tab) or [[]]
        return [dict(zip(header, row + [""] * (len(header) - len(row)), strict=False)) for row in rows if any(row)]

    def cells(self, tab: str) -> list[list[Cell]]:
        """The values themselves, to tell the text 1 from the number 1."""
        with self._lock:
            return [list(row) for row in self._sheet(tab).rows]

    def add_tab(self, tab: str, rows: Sequence[Sequence[str]] = ()) -> None:
        """Make a tab of the usual size, with rows typed in from the top."""
        with self._lock:
            add_sheet(self._file, {"properties": {"title": tab}})
            self._type(self._sheet(tab), 0, 0, rows)

    def rename_tab(self, tab: str, title: str) -> None:
        with self._lock:
            self._sheet(tab).title = title

    def delete_tab(self, tab: str) -> None:
        with self._lock:
            self._file.sheets.remove(self._sheet(tab))

    def sort(self, tab: str, column: str, *, falling: bool = False) -> None:
        """Sort by a column; the header stays."""
        with self._lock:
            sheet = self._sheet(tab)
            below = Area(max(1, sheet.frozen_rows), 0, sheet.row_count, sheet.column_count)
            sheet.sort(below, [(self._column(sheet, column), falling)])

    def insert_row(self, tab: str, at: int, record: Mapping[str, str] | None = None) -> None:
        """Insert a row before row `at`, and fill it in."""
        with self._lock:
            sheet = self._sheet(tab)
            sheet.insert(Dimension.ROWS, at - 1, 1)
            for column, text in (record or {}).items():
                self._type(sheet, at - 1, self._column(sheet, column), [[text]])

    def paste_rows(self, tab: str, rows: Sequence[Sequence[str]], at: int | None = None) -> None:
        """Paste rows over what is there from row `at` on, or below the last one; the grid grows where it must."""
        with self._lock:
            sheet = self._sheet(tab)
            self._type(sheet, len(sheet.rows) if at is None else at - 1, 0, rows)

    def delete_rows(self, tab: str, unwanted: Callable[[Record], bool]) -> int:
        """Delete the rows that are unwanted; how many there were."""
        with self._lock:
            sheet = self._sheet(tab)
            header = self._header(sheet)
            doomed = [
                number
                for number, row in enumerate(sheet.rows[1:], start=1)
                if row and unwanted(dict(zip(header, self._filled(row, len(header)), strict=True)))
            ]
            for number in reversed(doomed):
                sheet.delete(Dimension.ROWS, number, number + 1)
            return len(doomed)

    def edit(self, tab: str, key: Mapping[str, str], column: str, text: str) -> None:
        """Type into a cell of the first row whose key columns show these texts."""
        with self._lock:
            sheet = self._sheet(tab)
            places = {self._column(sheet, name): value for name, value in key.items()}
            for number in range(1, len(sheet.rows)):
                if all(shown(sheet.cell(number, place)) == value for place, value in places.items()):
                    self._type(sheet, number, self._column(sheet, column), [[text]])
                    return
            raise LookupError(f"No row of {tab} has {dict(key)}")

    def edit_cell(self, tab: str, row: int, column: int, text: str) -> None:
        """Type into a cell by its place, both from 1: the header too."""
        with self._lock:
            self._type(self._sheet(tab), row - 1, column - 1, [[text]])

    def rename_column(self, tab: str, column: str, name: str) -> None:
        with self._lock:
            sheet = self._sheet(tab)
            self._type(sheet, 0, self._column(sheet, column), [[name]])

    def move_column(self, tab: str, column: str, before: str) -> None:
        """Drag a column before another one."""
        with self._lock:
            sheet = self._sheet(tab)
            place = self._column(sheet, column)
            sheet.move(Dimension.COLUMNS, place, place + 1, self._column(sheet, before))

    def insert_column(self, tab: str, before: str, name: str = "") -> None:
        """Insert a column before another one, and name it."""
        with self._lock:
            sheet = self._sheet(tab)
            place = self._column(sheet, before)
            sheet.insert(Dimension.COLUMNS, place, 1)
            self._type(sheet, 0, place, [[name]])

    def delete_column(self, tab: str, column: str) -> None:
        with self._lock:
            sheet = self._sheet(tab)
            place = self._column(sheet, column)
            sheet.delete(Dimension.COLUMNS, place, place + 1)

    def set_filter(self, tab: str, column: str, hidden: Sequence[str]) -> None:
        """Filter out the rows whose column shows one of these texts; they stay where they are, unseen."""
        with self._lock:
            sheet = self._sheet(tab)
            criteria = {str(self._column(sheet, column)): {"hiddenValues": list(hidden)}}
            everything = {
                "sheetId": sheet.sheet_id,
                "startRowIndex": 0,
                "endRowIndex": sheet.row_count,
                "startColumnIndex": 0,
                "endColumnIndex": sheet.column_count,
            }
            sheet.basic_filter = {"range": everything, "criteria": criteria}

    def _sheet(self, tab: str) -> Sheet:
        sheet = self._file.sheet_titled(tab)
        if sheet is None:
            raise LookupError(f"No tab is called {tab}")
        return sheet

    def _header(self, sheet: Sheet) -> list[str]:
        return [shown(cell) for cell in sheet.rows[0]] if sheet.rows else []

    def _column(self, sheet: Sheet, name: str) -> int:
        header = self._header(sheet)
        if name not in header:
            raise LookupError(f"{sheet.title} has no column {name}, only {header}")
        return header.index(name)

    def _filled(self, row: Sequence[Cell], width: int) -> list[str]:
        return [shown(cell) for cell in [*row, *[None] * (width - len(row))]][:width]

    def _type(self, sheet: Sheet, top: int, left: int, rows: Sequence[Sequence[str]]) -> None:
        height, width = top + len(rows), left + max(map(len, rows), default=0)
        grown = max(sheet.row_count, height), max(sheet.column_count, width)
        self._file.ensure_room(sheet, *grown)
        sheet.resize(*grown)
        sheet.write(top, left, [[typed(text, self._file.this_year) for text in row] for row in rows])

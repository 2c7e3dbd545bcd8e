"""A spreadsheet as Google keeps it: sheets with a grid of a certain size, and what hangs on it. Knows no request."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, unique
from typing import Any, Final

from standins.google_cells import Cell, sort_key, trimmed
from standins.google_errors import Json, bad_request
from standins.google_ranges import Area, Dimension, after_delete, after_insert, after_move, parse_range, unparsable

MOST_CELLS = 10_000_000


@unique
class _Untouched(Enum):
    UNTOUCHED = "leave the cell as it is"


UNTOUCHED: Final = _Untouched.UNTOUCHED
Patch = Sequence[Sequence[Cell | _Untouched]]


@dataclass(slots=True, eq=False)
class Sheet:
    """One tab. Rows are as long as their last filled cell, and are replaced, never changed, so that copies are cheap.

    The stored ranges (validations and so on) are kept as the API gives them, and move with rows and columns.
    """

    sheet_id: int
    title: str
    row_count: int = 1000
    column_count: int = 26
    frozen_rows: int = 0
    frozen_columns: int = 0
    looks: Json = field(default_factory=dict)
    rows: list[list[Cell]] = field(default_factory=list)
    validations: list[Json] = field(default_factory=list)
    formats: list[Json] = field(default_factory=list)
    conditional_formats: list[Json] = field(default_factory=list)
    protected_ranges: list[Json] = field(default_factory=list)
    basic_filter: Json | None = None

    @property
    def everything(self) -> Area:
        return Area(0, 0, self.row_count, self.column_count)

    def size(self, dimension: Dimension) -> int:
        return self.row_count if dimension is Dimension.ROWS else self.column_count

    def frozen(self, dimension: Dimension) -> int:
        return self.frozen_rows if dimension is Dimension.ROWS else self.frozen_columns

    def resize(self, row_count: int, column_count: int) -> None:
        """Cut or lengthen at the ends; what was cut off is gone."""
        del self.rows[row_count:]
        if column_count < self.column_count:
            self.rows = [trimmed(row[:column_count]) for row in self.rows]
        self.row_count, self.column_count = row_count, column_count
        self._forget_empty_rows()

    def cell(self, row: int, column: int) -> Cell:
        cells = self.rows[row] if row < len(self.rows) else []
        return cells[column] if column < len(cells) else None

    def read(self, area: Area) -> list[list[Cell]]:
        """The area's rows, without empty cells at their ends and without empty rows at the area's end."""
        rows = self.rows[area.top : area.bottom]
        if area.left or area.right < self.column_count:
            rows = [trimmed(row[area.left : area.right]) for row in rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def write(self, top: int, left: int, patch: Patch) -> None:
        """Put cells there; the caller has seen to it that the grid has room."""
        self.rows.extend([] for _ in range(top + len(patch) - len(self.rows)))
        for number, cells in enumerate(patch, start=top):
            row = self.rows[number]
            row = row + [None] * (left + len(cells) - len(row))
            for place, cell in enumerate(cells, start=left):
                if cell is not UNTOUCHED:
                    row[place] = cell
            self.rows[number] = trimmed(row)
        self._forget_empty_rows()

    def clear(self, area: Area) -> None:
        height = max(0, min(area.bottom, len(self.rows)) - area.top)
        self.write(area.top, area.left, [[None] * (area.right - area.left)] * height)

    def insert(self, dimension: Dimension, at: int, count: int) -> None:
        if dimension is Dimension.ROWS:
            self.row_count += count
            if at < len(self.rows):
                self.rows[at:at] = [[] for _ in range(count)]
        else:
            self.column_count += count
            gap: list[Cell] = [None] * count
            self.rows = [row if len(row) <= at else row[:at] + gap + row[at:] for row in self.rows]
        self._reshape(lambda grid_range: after_insert(grid_range, dimension, at, count))

    def delete(self, dimension: Dimension, start: int, end: int) -> None:
        if dimension is Dimension.ROWS:
            self.row_count -= end - start
            self.frozen_rows -= min(self.frozen_rows, end) - min(self.frozen_rows, start)
            del self.rows[start:end]
        else:
            self.column_count -= end - start
            self.frozen_columns -= min(self.frozen_columns, end) - min(self.frozen_columns, start)
            self.rows = [row if len(row) <= start else trimmed(row[:start] + row[end:]) for row in self.rows]
        self._forget_empty_rows()
        self._reshape(lambda grid_range: after_delete(grid_range, dimension, start, end))

    def move(self, dimension: Dimension, start: int, end: int, destination: int) -> None:
        """Move rows or columns before `destination`, which is a place of the grid as it was."""
        order = list(range(self.size(dimension)))
        block = order[start:end]
        order[start:end] = []
        at = destination if destination <= start else destination - len(block)
        order[at:at] = block
        if dimension is Dimension.ROWS:
            self.rows = [self.rows[old] if old < len(self.rows) else [] for old in order]
        else:
            self.rows = [trimmed(row[old] if old < len(row) else None for old in order) for row in self.rows]
        self._forget_empty_rows()
        self._reshape(lambda grid_range: after_move(grid_range, dimension, order))

    def sort(self, area: Area, by: Sequence[tuple[int, bool]]) -> None:
        """Sort the area's rows by columns of the sheet, each falling or not; empty cells come last either way."""
        width = area.right - area.left
        segments = [row[area.left : area.right] for row in self.rows[area.top : area.bottom]]
        segments = [segment + [None] * (width - len(segment)) for segment in segments]
        for column, is_falling in reversed(by):
            place = column - area.left
            filled = [segment for segment in segments if segment[place] is not None]
            empty = [segment for segment in segments if segment[place] is None]
            filled.sort(key=lambda segment: sort_key(segment[place]), reverse=is_falling)
            segments = filled + empty
        self.write(area.top, area.left, segments)

    def copy(self) -> "Sheet":
        return replace(
            self,
            looks=dict(self.looks),
            rows=list(self.rows),
            validations=list(self.validations),
            formats=list(self.formats),
            conditional_formats=list(self.conditional_formats),
            protected_ranges=list(self.protected_ranges),
        )

    def _forget_empty_rows(self) -> None:
        while self.rows and not self.rows[-1]:
            self.rows.pop()

    def _reshape(self, moved: Callable[[Json], Json | None]) -> None:
        def kept(entries: list[Json]) -> list[Json]:
            places = [(entry, moved(entry["range"])) for entry in entries]
            return [{**entry, "range": place} for entry, place in places if place is not None]

        self.validations = kept(self.validations)
        self.formats = kept(self.formats)
        self.protected_ranges = kept(self.protected_ranges)
        if self.basic_filter is not None:
            self.basic_filter = next(iter(kept([self.basic_filter])), None)
        rules = [
            {**rule, "ranges": [place for grid_range in rule["ranges"] if (place := moved(grid_range)) is not None]}
            for rule in self.conditional_formats
        ]
        self.conditional_formats = [rule for rule in rules if rule["ranges"]]


@dataclass(slots=True, eq=False)
class Spreadsheet:
    """A file: its sheets in their order."""

    spreadsheet_id: str
    title: str
    sheets: list[Sheet] = field(default_factory=lambda: [Sheet(0, "Sheet1")])
    most_cells: int = MOST_CELLS
    this_year: int = 2026
    ids_given: int = 0

    def sheet_titled(self, title: str) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.title.casefold() == title.casefold()), None)

    def sheet_with_id(self, sheet_id: int) -> Sheet:
        """Find a sheet.

        Raises:
            RefusedError: there is none.
        """
        for sheet in self.sheets:
            if sheet.sheet_id == sheet_id:
                return sheet
        raise bad_request(f"No grid with id: {sheet_id}")

    def resolve(self, text: str) -> tuple[Sheet, Area, bool]:
        """Find what a range in A1 notation means here, and whether it names one cell.

        Raises:
            RefusedError: it is no range, or there is no such sheet.
        """
        title, area = parse_range(text)
        sheet = self.sheets[0] if title is None else self.sheet_titled(title)
        if sheet is None:
            raise unparsable(text)
        return sheet, area.within(sheet.row_count, sheet.column_count), area.is_one_cell

    def new_id(self) -> int:
        """An id that nothing here has yet."""
        self.ids_given += 1
        return 1_000_003 * self.ids_given % 2_147_483_647

    def ensure_room(self, sheet: Sheet | None, row_count: int, column_count: int) -> None:
        """Check that a sheet (none: a new one) of this size fits.

        Raises:
            RefusedError: the file would hold more cells than it may.
        """
        others = sum(other.row_count * other.column_count for other in self.sheets if other is not sheet)
        if others + row_count * column_count > self.most_cells:
            raise bad_request(
                "This action would increase the number of cells in the workbook above the limit of "
                f"{self.most_cells} cells."
            )

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back every change to the sheets if what is done in here fails."""
        before: list[Any] = [sheet.copy() for sheet in self.sheets]
        try:
            yield
        except Exception:
            self.sheets = before
            raise

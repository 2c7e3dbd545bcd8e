"""Where cells are: A1 notation, areas, and how a stored range moves when rows and columns do."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from standins.google_errors import Json, bad_request

_SPLIT = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<bare>[^'!]+))(?:!(?P<cells>.*))?", re.DOTALL)
_CORNER = re.compile(r"\$?([A-Za-z]{1,3})?\$?([1-9][0-9]{0,7})?")
_PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@unique
class Dimension(StrEnum):
    """Rows or columns, with what their ends are called in a GridRange."""

    ROWS = "ROWS"
    COLUMNS = "COLUMNS"

    @property
    def word(self) -> str:
        return "row" if self is Dimension.ROWS else "column"

    @property
    def start(self) -> str:
        return "startRowIndex" if self is Dimension.ROWS else "startColumnIndex"

    @property
    def end(self) -> str:
        return "endRowIndex" if self is Dimension.ROWS else "endColumnIndex"


@dataclass(frozen=True, slots=True)
class Area:
    """Rows `top` to before `bottom`, columns `left` to before `right`, from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class OpenArea:
    """As written in A1 notation: without an end, it goes as far as the grid."""

    top: int = 0
    left: int = 0
    bottom: int | None = None
    right: int | None = None

    def within(self, rows: int, columns: int) -> Area:
        """Clamp the ends, not the beginning: that one may lie outside of the grid."""
        bottom = rows if self.bottom is None else min(self.bottom, max(rows, self.top + 1))
        right = columns if self.right is None else min(self.right, max(columns, self.left + 1))
        return Area(self.top, self.left, bottom, right)

    @property
    def is_one_cell(self) -> bool:
        return self.bottom == self.top + 1 and self.right == self.left + 1


def parse_range(text: str) -> tuple[str | None, OpenArea]:
    """Title (none: the first sheet) and area. A word alone is cells if it can be, else a title.

    Raises:
        RefusedError: it is neither.
    """
    match = _SPLIT.fullmatch(text)
    if match is None:
        raise unparsable(text)
    if match["cells"] is not None:
        area = _parse_cells(match["cells"])
        if area is None:
            raise unparsable(text)
        return _title(match), area
    if match["quoted"] is None and (area := _parse_cells(text)) is not None:
        return None, area
    return _title(match), OpenArea()


def unparsable(text: str) -> Exception:
    return bad_request(f"Unable to parse range: {text}")


def a1(title: str, area: Area) -> str:
    """Name an area, as Google's answers do."""
    first = f"{column_letters(area.left)}{area.top + 1}"
    last = f"{column_letters(area.right - 1)}{area.bottom}"
    return f"{_quoted(title)}!{first}" + ("" if first == last else f":{last}")


def column_letters(index: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def grid_area(grid_range: Json, rows: int, columns: int, name: str = "GridRange") -> Area:
    """Read a GridRange: ends are open when they are missing.

    Raises:
        RefusedError: it reaches out of the grid, or ends before it begins.
    """
    top, bottom = _span(grid_range, Dimension.ROWS, rows, name)
    left, right = _span(grid_range, Dimension.COLUMNS, columns, name)
    return Area(top, left, bottom, right)


def after_insert(grid_range: Json, dimension: Dimension, at: int, count: int) -> Json:
    """Where a stored range is after rows or columns came in before `at`."""
    moved = dict(grid_range)
    if moved.get(dimension.start, 0) >= at and dimension.start in moved:
        moved[dimension.start] += count
    if dimension.end in moved and moved[dimension.end] > at:
        moved[dimension.end] += count
    return moved


def after_delete(grid_range: Json, dimension: Dimension, start: int, end: int) -> Json | None:
    """Where a stored range is after rows or columns went; None if it went with them."""

    def left_before(index: int) -> int:
        return index - (min(index, end) - min(index, start))

    moved = dict(grid_range)
    for edge in (dimension.start, dimension.end):
        if edge in moved:
            moved[edge] = left_before(moved[edge])
    is_gone = dimension.end in moved and moved[dimension.end] <= moved.get(dimension.start, 0)
    return None if is_gone else moved


def after_move(grid_range: Json, dimension: Dimension, order: list[int]) -> Json:
    """Where a stored range is after rows or columns changed places: `order` lists their old numbers."""
    if dimension.end not in grid_range:
        return grid_range
    covered = range(grid_range.get(dimension.start, 0), grid_range[dimension.end])
    places = [place for place, old in enumerate(order) if old in covered]
    if len(places) != len(covered) or places[-1] - places[0] + 1 != len(places):
        return grid_range  # pulled apart by the move; the range stays where it was
    return {**grid_range, dimension.start: places[0], dimension.end: places[-1] + 1}


def _parse_cells(text: str) -> OpenArea | None:
    first, colon, last = text.partition(":")
    begin, finish = _corner(first), _corner(last if colon else first)
    if begin is None or finish is None or (not colon and None in begin):
        return None
    (left, top), (right, bottom) = begin, finish
    if (left is None and right is not None) or (top is None and bottom is None and left is None):
        return None
    top, bottom = _ordered(top, bottom)
    left, right = _ordered(left, right)
    return OpenArea(top or 0, left or 0, None if bottom is None else bottom + 1, None if right is None else right + 1)


def _ordered(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    return (last, first) if first is not None and last is not None and first > last else (first, last)


def _corner(text: str) -> tuple[int | None, int | None] | None:
    match = _CORNER.fullmatch(text)
    if match is None or not text:
        return None
    letters, digits = match.groups()
    return (None if letters is None else _column(letters)), (None if digits is None else int(digits) - 1)


def _column(letters: str) -> int:
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def _title(match: re.Match[str]) -> str:
    quoted: str | None = match["quoted"]
    return match["bare"] if quoted is None else quoted.replace("''", "'")


def _quoted(title: str) -> str:
    if _PLAIN_TITLE.fullmatch(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def _span(grid_range: Json, dimension: Dimension, size: int, name: str) -> tuple[int, int]:
    start = grid_range.get(dimension.start, 0)
    end = grid_range.get(dimension.end, size)
    for edge, index, last in ((dimension.start, start, size - 1), (dimension.end, end, size)):
        if index < 0:
            raise bad_request(f"{name}.{edge}[{index}] must not be negative.")
        if index > last:
            raise bad_request(f"{name}.{edge}[{index}] is after last {dimension.word} in grid[{size}]")
    if end <= start:
        raise bad_request(f"{name}.{dimension.end}[{end}] must be after {dimension.start}[{start}]")
    return start, end

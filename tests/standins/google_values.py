"""The values API: what `spreadsheets.values` reads, writes, appends and clears."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from standins.google_cells import RENDERERS, Cell, raw, shown, typed
from standins.google_errors import Json, RefusedError, bad_request, unknown_name
from standins.google_ranges import Area, Dimension, a1, column_letters
from standins.google_spreadsheet import UNTOUCHED, Patch, Sheet, Spreadsheet

_VALUE_RANGE_KEYS = frozenset({"range", "majorDimension", "values"})


def get(spreadsheet: Spreadsheet, text: str, render: str = "FORMATTED_VALUE", major: str = "ROWS") -> Json:
    """Read one range.

    Raises:
        RefusedError: there is no such range, or it begins outside of the grid.
    """
    if render not in RENDERERS:
        raise bad_request(f"Invalid value at 'value_render_option': \"{render}\"")
    sheet, area, _ = spreadsheet.resolve(text)
    _ensure_inside(sheet, area)
    values: list[list[Any]] = _rendered(sheet.read(area), render)
    if _is_by_columns(major):
        values = _without_empty_ends([list(line) for line in zip_longest(*values, fillvalue="")])
    answer = {"range": a1(sheet.title, area), "majorDimension": major}
    return answer | ({"values": values} if values else {})


def batch_get(spreadsheet: Spreadsheet, ranges: Sequence[str], render: str, major: str) -> Json:
    value_ranges = [get(spreadsheet, text, render, major) for text in ranges]
    return {"spreadsheetId": spreadsheet.spreadsheet_id, "valueRanges": value_ranges}


def update(spreadsheet: Spreadsheet, value_range: Json, option: str | None) -> Json:
    """Write one range; a value of null leaves its cell as it is.

    Raises:
        RefusedError: there is no such range, it is too small for the values, or it lies outside of the grid.
    """
    _check_keys(value_range)
    text = value_range.get("range", "")
    sheet, area, is_one_cell = spreadsheet.resolve(text)
    patch = _patch(spreadsheet, value_range, option)
    _ensure_inside(sheet, area)
    height, width = len(patch), max(map(len, patch), default=0)
    if not is_one_cell:
        _ensure_covered(sheet, area, height, width)
    written = Area(area.top, area.left, area.top + max(height, 1), area.left + max(width, 1))
    if written.bottom > sheet.row_count or written.right > sheet.column_count:
        raise _beyond_grid(sheet, written)
    sheet.write(area.top, area.left, patch)
    return _update_answer(spreadsheet, sheet, written, sum(map(len, patch)), height, width)


def batch_update(spreadsheet: Spreadsheet, body: Json) -> Json:
    """Write several ranges, all or none.

    Raises:
        RefusedError: one of them cannot be written.
    """
    for name in body:
        if name not in {"valueInputOption", "data", "includeValuesInResponse", "responseValueRenderOption"}:
            raise unknown_name(name, "")
    responses = []
    with spreadsheet.all_or_nothing():
        for number, value_range in enumerate(body.get("data", [])):
            try:
                responses.append(update(spreadsheet, value_range, body.get("valueInputOption")))
            except RefusedError as refusal:
                raise refusal.inside(f"data[{number}]") from refusal
    totals = {
        f"totalUpdated{what}": sum(answer.get(f"updated{what}", 0) for answer in responses)
        for what in ("Rows", "Columns", "Cells")
    }
    titles = {answer["updatedRange"].rpartition("!")[0] for answer in responses}
    return {
        "spreadsheetId": spreadsheet.spreadsheet_id,
        **totals,
        "totalUpdatedSheets": len(titles),
        "responses": responses,
    }


def append(spreadsheet: Spreadsheet, text: str, body: Json, option: str | None, insert: str | None) -> Json:
    """Write below the table that the range touches; the grid grows where it must.

    Raises:
        RefusedError: there is no such range, or the file is full.
    """
    _check_keys(body)
    sheet, area, _ = spreadsheet.resolve(text)
    _ensure_inside(sheet, area)
    patch = _patch(spreadsheet, body, option)
    table = _table(sheet, area)
    top, left = (area.top, area.left) if table is None else (table.bottom, table.left)
    height, width = len(patch), max(map(len, patch), default=0)
    with spreadsheet.all_or_nothing():
        if insert == "INSERT_ROWS" and top < sheet.row_count and height:
            spreadsheet.ensure_room(sheet, sheet.row_count + height, sheet.column_count)
            sheet.insert(Dimension.ROWS, top, height)
        grown = max(sheet.row_count, top + height), max(sheet.column_count, left + width)
        spreadsheet.ensure_room(sheet, *grown)
        sheet.resize(*grown)
        sheet.write(top, left, patch)
    written = Area(top, left, top + max(height, 1), left + max(width, 1))
    found = {} if table is None else {"tableRange": a1(sheet.title, table)}
    updates = _update_answer(spreadsheet, sheet, written, sum(map(len, patch)), height, width)
    return {"spreadsheetId": spreadsheet.spreadsheet_id, **found, "updates": updates}


def clear(spreadsheet: Spreadsheet, ranges: Sequence[str]) -> list[str]:
    """Empty ranges; what they are called in full.

    Raises:
        RefusedError: there is no such range; nothing was cleared then.
    """
    found = [spreadsheet.resolve(text) for text in ranges]
    for sheet, area, _ in found:
        _ensure_inside(sheet, area)
    for sheet, area, _ in found:
        sheet.clear(area)
    return [a1(sheet.title, area) for sheet, area, _ in found]


def _rendered(rows: list[list[Cell]], render: str) -> list[list[Any]]:
    renderer = RENDERERS[render]
    if renderer is not shown:
        return [["" if cell is None else renderer(cell) for cell in row] for row in rows]
    # Most cells of a large tab are text, and are what they show.
    return [[cell if cell.__class__ is str else shown(cell) for cell in row] for row in rows]


def _without_empty_ends(lines: list[list[Any]]) -> list[list[Any]]:
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _patch(spreadsheet: Spreadsheet, value_range: Json, option: str | None) -> Patch:
    match option:
        case "RAW":
            entered: Callable[[Any], Cell] = raw
        case "USER_ENTERED":

            def entered(value: Any) -> Cell:
                return typed(value, spreadsheet.this_year)
        case _:
            raise bad_request("'valueInputOption' is required but not specified")
    lines = [
        [UNTOUCHED if value is None else entered(value) for value in line] for line in value_range.get("values", [])
    ]
    if not _is_by_columns(value_range.get("majorDimension", "ROWS")):
        return lines
    return [list(line) for line in zip_longest(*lines, fillvalue=UNTOUCHED)]


def _is_by_columns(major: str) -> bool:
    if major not in {"ROWS", "COLUMNS"}:
        raise bad_request(f"Invalid value at 'major_dimension': \"{major}\"")
    return major == "COLUMNS"


def _check_keys(value_range: Json) -> None:
    for name in value_range:
        if name not in _VALUE_RANGE_KEYS:
            raise unknown_name(name, "data")


def _ensure_inside(sheet: Sheet, area: Area) -> None:
    if area.top >= sheet.row_count or area.left >= sheet.column_count:
        raise _beyond_grid(sheet, area)


def _ensure_covered(sheet: Sheet, area: Area, height: int, width: int) -> None:
    within = f"Requested writing within range [{a1(sheet.title, area)}], but tried writing to"
    if area.top + height > area.bottom:
        raise bad_request(f"{within} row [{area.bottom + 1}]")
    if area.left + width > area.right:
        raise bad_request(f"{within} column [{column_letters(area.right)}]")


def _beyond_grid(sheet: Sheet, area: Area) -> RefusedError:
    return bad_request(
        f"Range ({a1(sheet.title, area)}) exceeds grid limits. "
        f"Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
    )


def _update_answer(spreadsheet: Spreadsheet, sheet: Sheet, written: Area, cells: int, height: int, width: int) -> Json:
    answer = {"spreadsheetId": spreadsheet.spreadsheet_id, "updatedRange": a1(sheet.title, written)}
    # Zeroes are left out of Google's answers.
    return answer | ({"updatedRows": height, "updatedColumns": width, "updatedCells": cells} if cells else {})


def _table(sheet: Sheet, area: Area) -> Area | None:
    """The block of filled cells around the last filled row in the area: it ends where a whole line is empty."""
    last = next(
        (row for row in reversed(range(area.top, min(area.bottom, len(sheet.rows)))) if _columns(sheet, row, area)),
        None,
    )
    if last is None:
        return None
    first_column = _columns(sheet, last, area)[0]
    table = Area(last, first_column, last + 1, first_column + 1)
    while (grown := _grown(sheet, table)) != table:
        table = grown
    return table


def _columns(sheet: Sheet, row: int, area: Area) -> list[int]:
    cells = sheet.rows[row]
    return [column for column in range(area.left, min(area.right, len(cells))) if cells[column] is not None]


def _grown(sheet: Sheet, table: Area) -> Area:
    """As far as filled cells touch it, corners included."""
    left, right = table.left, table.right
    top, bottom = table.top, table.bottom
    while top > 0 and _is_filled(sheet, top - 1, left, right):
        top -= 1
    while bottom < len(sheet.rows) and _is_filled(sheet, bottom, left, right):
        bottom += 1
    while left > 0 and _is_column_filled(sheet, left - 1, top, bottom):
        left -= 1
    while _is_column_filled(sheet, right, top, bottom):
        right += 1
    return Area(top, left, bottom, right)


def _is_filled(sheet: Sheet, row: int, left: int, right: int) -> bool:
    return any(cell is not None for cell in sheet.rows[row][max(0, left - 1) : right + 1])


def _is_column_filled(sheet: Sheet, column: int, top: int, bottom: int) -> bool:
    rows = sheet.rows[max(0, top - 1) : bottom + 1]
    return any(column < len(row) and row[column] is not None for row in rows)

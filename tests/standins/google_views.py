"""What `spreadsheets.get` shows of a spreadsheet; also what a batch shows of it afterwards."""

from collections.abc import Iterator, Sequence

from standins.google_cells import Cell, effective, shown, to_extended
from standins.google_errors import Json
from standins.google_masks import Mask, inside, masked, names
from standins.google_ranges import Area, grid_area
from standins.google_spreadsheet import Sheet, Spreadsheet

_CELL_FIELDS = ("userEnteredValue", "effectiveValue", "formattedValue", "dataValidation", "userEnteredFormat")


def spreadsheet_view(
    spreadsheet: Spreadsheet, mask: Mask, ranges: Sequence[str] = (), *, with_grid_data: bool = False
) -> Json:
    """Show it: with a mask, what the mask names; else all but the cells, unless they are asked for.

    With ranges, only their sheets are shown, and of the cells only those.

    Raises:
        RefusedError: there is no such range.
    """
    shows_cells = names(mask, "sheets", "data") if mask else with_grid_data
    resolved = [spreadsheet.resolve(text)[:2] for text in ranges]
    view = {
        "spreadsheetId": spreadsheet.spreadsheet_id,
        "properties": {
            "title": spreadsheet.title,
            "locale": "en_US",
            "autoRecalc": "ON_CHANGE",
            "timeZone": "Etc/GMT",
        },
        "sheets": [
            _sheet_view(spreadsheet, sheet, mask, areas if shows_cells else [])
            for sheet in spreadsheet.sheets
            if (areas := _areas(sheet, resolved, everything=not ranges))
        ],
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{spreadsheet.spreadsheet_id}/edit",
    }
    answer: Json = masked(view, mask)
    return answer


def sheet_properties(spreadsheet: Spreadsheet, sheet: Sheet) -> Json:
    """Zeroes are left out, but for the id."""
    grid = {
        "rowCount": sheet.row_count,
        "columnCount": sheet.column_count,
        "frozenRowCount": sheet.frozen_rows,
        "frozenColumnCount": sheet.frozen_columns,
    }
    return {
        "sheetId": sheet.sheet_id,
        "title": sheet.title,
        "index": spreadsheet.sheets.index(sheet) if sheet in spreadsheet.sheets else len(spreadsheet.sheets),
        "sheetType": "GRID",
        "gridProperties": {name: count for name, count in grid.items() if count},
        **sheet.looks,
    }


def _areas(sheet: Sheet, resolved: Sequence[tuple[Sheet, Area]], *, everything: bool) -> list[Area]:
    return [sheet.everything] if everything else [area for owner, area in resolved if owner is sheet]


def _sheet_view(spreadsheet: Spreadsheet, sheet: Sheet, mask: Mask, areas: Sequence[Area]) -> Json:
    cell_mask = inside(mask, "sheets", "data", "rowData", "values")
    optional = {
        "conditionalFormats": sheet.conditional_formats,
        "protectedRanges": sheet.protected_ranges,
        "basicFilter": sheet.basic_filter,
        "data": [_grid_data(sheet, area, cell_mask) for area in areas],
    }
    return {"properties": sheet_properties(spreadsheet, sheet)} | {
        name: value for name, value in optional.items() if value
    }


def _grid_data(sheet: Sheet, area: Area, mask: Mask) -> Json:
    wanted = [name for name in _CELL_FIELDS if names(mask, name)]
    rules, formats = _placed(sheet, sheet.validations, wanted), _placed(sheet, sheet.formats, wanted)
    last = max([area.top, min(area.bottom, len(sheet.rows)), *(min(area.bottom, place.bottom) for place, _ in rules)])
    data: Json = {}
    if area.top:
        data["startRow"] = area.top
    if area.left:
        data["startColumn"] = area.left
    rows = [list(_row_view(sheet, number, area, wanted, rules, formats)) for number in range(area.top, last)]
    if rows:
        data["rowData"] = [{"values": row} if row else {} for row in rows]
    return data


Placed = list[tuple[Area, Json]]


def _placed(sheet: Sheet, entries: Sequence[Json], wanted: Sequence[str]) -> Placed:
    """Where they hold, the newest first."""
    if not {"dataValidation", "userEnteredFormat"} & set(wanted):
        return []
    return [(grid_area(entry["range"], sheet.row_count, sheet.column_count), entry) for entry in reversed(entries)]


def _row_view(
    sheet: Sheet, number: int, area: Area, wanted: Sequence[str], rules: Placed, formats: Placed
) -> Iterator[Json]:
    cells = sheet.rows[number] if number < len(sheet.rows) else []
    rules = [entry for entry in rules if entry[0].top <= number < entry[0].bottom]
    formats = [entry for entry in formats if entry[0].top <= number < entry[0].bottom]
    last = max([min(area.right, len(cells)), *(min(area.right, place.right) for place, _ in rules)])
    for column in range(area.left, last):
        cell = cells[column] if column < len(cells) else None
        rule = _holding(rules, column, "rule") if rules else None
        look = _holding(formats, column, "format") if formats else None
        yield _cell_view(cell, wanted, rule, look)


def _holding(entries: Placed, column: int, name: str) -> Json | None:
    return next((entry[name] for area, entry in entries if area.left <= column < area.right), None)


def _cell_view(cell: Cell, wanted: Sequence[str], rule: Json | None, look: Json | None) -> Json:
    # Most cells of a large tab are text, and are the same however they are seen.
    text = {"stringValue": cell} if isinstance(cell, str) else None
    view: Json = {}
    for name in wanted:
        match name:
            case "userEnteredValue" if cell is not None:
                view[name] = text or to_extended(cell)
            case "effectiveValue" if cell is not None:
                view[name] = text or effective(cell)
            case "formattedValue" if cell is not None:
                view[name] = shown(cell)
            case "dataValidation" if rule:
                view[name] = rule
            case "userEnteredFormat" if look:
                view[name] = look
    return view

"""Requests of a batch that change cells, and what hangs on them: validations, formats, protection, the filter."""

from standins.google_cells import from_extended
from standins.google_errors import Json, bad_request
from standins.google_masks import CELL, Mask, field_mask, masked, names
from standins.google_ranges import Area, grid_area
from standins.google_spreadsheet import UNTOUCHED, Patch, Sheet, Spreadsheet


def append_cells(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet = spreadsheet.sheet_with_id(body.get("sheetId", 0))
    patch = _patch(body["rows"], field_mask(body, CELL))
    top = len(sheet.rows)
    grown = max(sheet.row_count, top + len(patch)), max(sheet.column_count, max(map(len, patch), default=0))
    spreadsheet.ensure_room(sheet, *grown)
    sheet.resize(*grown)
    sheet.write(top, 0, patch)
    return {}


def update_cells(spreadsheet: Spreadsheet, body: Json) -> Json:
    mask = field_mask(body, CELL)
    rows = body.get("rows", [])
    if "range" in body:
        sheet, area = _range(spreadsheet, body["range"])
    else:
        sheet, area = _from_start(spreadsheet, body["start"])
    patch = _patch(rows, mask)
    _ensure_fits(patch, area)
    if "range" in body and names(mask, "userEnteredValue"):
        sheet.clear(area)
    sheet.write(area.top, area.left, patch)
    for number, row in enumerate(rows, start=area.top):
        for place, cell in enumerate(row.get("values", []), start=area.left):
            _dress(sheet, number, place, cell, mask)
    return {}


def repeat_cell(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, area = _range(spreadsheet, body["range"])
    mask, cell = field_mask(body, CELL), body.get("cell", {})
    if names(mask, "userEnteredValue"):
        row = _patch([{"values": [cell] * (area.right - area.left)}], mask)
        sheet.write(area.top, area.left, list(row) * (area.bottom - area.top))
    if names(mask, "dataValidation"):
        _validate(sheet, body["range"], cell.get("dataValidation"))
    if names(mask, "userEnteredFormat"):
        sheet.formats.append(
            {"range": body["range"], "format": cell.get("userEnteredFormat", {}), "fields": body["fields"]}
        )
    return {}


def sort_range(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, area = _range(spreadsheet, body["range"])
    by = _sorting(body["sortSpecs"])
    if outside := [column for column, _ in by if not area.left <= column < area.right]:
        raise bad_request(f"dimensionIndex[{outside[0]}] lies outside of the range.")
    sheet.sort(area, by)
    return {}


def set_data_validation(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, _ = _range(spreadsheet, body["range"])
    _validate(sheet, body["range"], body.get("rule"))
    return {}


def add_conditional_format_rule(spreadsheet: Spreadsheet, body: Json) -> Json:
    rule = body["rule"]
    sheets = [_range(spreadsheet, grid_range)[0] for grid_range in rule["ranges"]]
    if not sheets or ("booleanRule" in rule) == ("gradientRule" in rule):
        raise bad_request("A rule needs ranges, and either a booleanRule or a gradientRule.")
    sheets[0].conditional_formats.insert(body.get("index", 0), rule)
    return {}


def delete_conditional_format_rule(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, index = spreadsheet.sheet_with_id(body.get("sheetId", 0)), body.get("index", 0)
    if index >= len(sheet.conditional_formats):
        raise bad_request(f"No conditional format on sheet: {sheet.sheet_id} at index: {index}")
    rule = sheet.conditional_formats.pop(index)
    return {"deleteConditionalFormatRule": {"rule": rule}}


def add_protected_range(spreadsheet: Spreadsheet, body: Json) -> Json:
    given = body["protectedRange"]
    sheet, _ = _range(spreadsheet, given["range"])
    protected = {"protectedRangeId": spreadsheet.new_id(), **given}
    sheet.protected_ranges.append(protected)
    return {"addProtectedRange": {"protectedRange": protected}}


def update_protected_range(spreadsheet: Spreadsheet, body: Json) -> Json:
    given, mask = body["protectedRange"], field_mask(body, {})
    sheet, number = _protected(spreadsheet, given["protectedRangeId"])
    old = sheet.protected_ranges[number]
    kept = {name: value for name, value in old.items() if name == "protectedRangeId" or not names(mask, name)}
    sheet.protected_ranges[number] = kept | masked(given, mask)
    return {}


def delete_protected_range(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, number = _protected(spreadsheet, body["protectedRangeId"])
    del sheet.protected_ranges[number]
    return {}


def set_basic_filter(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, area = _range(spreadsheet, body["filter"]["range"])
    sheet.sort(Area(area.top + 1, area.left, area.bottom, area.right), _sorting(body["filter"].get("sortSpecs", [])))
    sheet.basic_filter = body["filter"]
    return {}


def clear_basic_filter(spreadsheet: Spreadsheet, body: Json) -> Json:
    spreadsheet.sheet_with_id(body.get("sheetId", 0)).basic_filter = None
    return {}


def _range(spreadsheet: Spreadsheet, given: Json) -> tuple[Sheet, Area]:
    sheet = spreadsheet.sheet_with_id(given.get("sheetId", 0))
    return sheet, grid_area(given, sheet.row_count, sheet.column_count)


def _from_start(spreadsheet: Spreadsheet, start: Json) -> tuple[Sheet, Area]:
    """From there to the grid's end."""
    given = {"startRowIndex": start.get("rowIndex", 0), "startColumnIndex": start.get("columnIndex", 0)}
    sheet = spreadsheet.sheet_with_id(start.get("sheetId", 0))
    for index, size, word in (
        (given["startRowIndex"], sheet.row_count, "row"),
        (given["startColumnIndex"], sheet.column_count, "column"),
    ):
        if index >= size:
            raise bad_request(f"GridCoordinate.{word}Index[{index}] is after last {word} in grid[{size}]")
    return sheet, grid_area(given, sheet.row_count, sheet.column_count)


def _patch(rows: list[Json], mask: Mask) -> Patch:
    writes_values = names(mask, "userEnteredValue")
    return [
        [from_extended(cell.get("userEnteredValue")) if writes_values else UNTOUCHED for cell in row.get("values", [])]
        for row in rows
    ]


def _ensure_fits(patch: Patch, area: Area) -> None:
    for word, index, end in (
        ("row", area.top + len(patch) - 1, area.bottom),
        ("column", area.left + max(map(len, patch), default=0) - 1, area.right),
    ):
        if index >= end:
            raise bad_request(f"Attempting to write {word}: {index}, beyond the last requested {word} of: {end - 1}")


def _dress(sheet: Sheet, row: int, column: int, cell: Json, mask: Mask) -> None:
    """Give one cell what it is to have besides its value."""
    place = {
        "sheetId": sheet.sheet_id,
        "startRowIndex": row,
        "endRowIndex": row + 1,
        "startColumnIndex": column,
        "endColumnIndex": column + 1,
    }
    if names(mask, "dataValidation"):
        _validate(sheet, place, cell.get("dataValidation"))
    if names(mask, "userEnteredFormat") and "userEnteredFormat" in cell:
        sheet.formats.append({"range": place, "format": cell["userEnteredFormat"]})


def _validate(sheet: Sheet, place: Json, rule: Json | None) -> None:
    """Later rules hold before earlier ones; no rule hides those below it."""
    area = grid_area(place, sheet.row_count, sheet.column_count)

    def is_covered(entry: Json) -> bool:
        old = grid_area(entry["range"], sheet.row_count, sheet.column_count)
        return area.top <= old.top and old.bottom <= area.bottom and area.left <= old.left and old.right <= area.right

    sheet.validations = [entry for entry in sheet.validations if not is_covered(entry)]
    if rule is not None or sheet.validations:
        sheet.validations.append({"range": place, "rule": rule})


def _sorting(specs: list[Json]) -> list[tuple[int, bool]]:
    return [(spec.get("dimensionIndex", 0), spec.get("sortOrder") == "DESCENDING") for spec in specs]


def _protected(spreadsheet: Spreadsheet, protected_range_id: int) -> tuple[Sheet, int]:
    for sheet in spreadsheet.sheets:
        for number, protected in enumerate(sheet.protected_ranges):
            if protected["protectedRangeId"] == protected_range_id:
                return sheet, number
    raise bad_request(f"No protected range with ID: {protected_range_id}")

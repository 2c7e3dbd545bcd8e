"""Requests of a batch that change sheets as such: their being there, their size, the order of rows and columns."""

from standins.google_errors import Json, bad_request
from standins.google_masks import SHEET_PROPERTIES, field_mask, masked, names
from standins.google_ranges import Dimension
from standins.google_spreadsheet import Sheet, Spreadsheet
from standins.google_views import sheet_properties

_GRID = {
    "rowCount": "row_count",
    "columnCount": "column_count",
    "frozenRowCount": "frozen_rows",
    "frozenColumnCount": "frozen_columns",
}


def add_sheet(spreadsheet: Spreadsheet, body: Json) -> Json:
    given = dict(body.get("properties", {}))
    sheet_id = given.pop("sheetId", None)
    sheet = Sheet(spreadsheet.new_id() if sheet_id is None else sheet_id, _free_title(spreadsheet))
    if any(other.sheet_id == sheet.sheet_id for other in spreadsheet.sheets):
        raise bad_request(f"Sheet with id {sheet.sheet_id} already exists.")
    index = given.pop("index", len(spreadsheet.sheets))
    _set_properties(spreadsheet, sheet, given)
    spreadsheet.sheets.insert(index, sheet)
    return {"addSheet": {"properties": sheet_properties(spreadsheet, sheet)}}


def update_sheet_properties(spreadsheet: Spreadsheet, body: Json) -> Json:
    given = dict(body["properties"])
    mask = field_mask(body, SHEET_PROPERTIES)
    sheet = spreadsheet.sheet_with_id(given.pop("sheetId", 0))
    wanted = masked(given, {name: inner for name, inner in mask.items() if name != "sheetId"})
    if names(mask, "index") and "index" in wanted:
        spreadsheet.sheets.remove(sheet)
        spreadsheet.sheets.insert(wanted.pop("index"), sheet)
    _set_properties(spreadsheet, sheet, wanted)
    return {}


def delete_sheet(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet = spreadsheet.sheet_with_id(body.get("sheetId", 0))
    if len(spreadsheet.sheets) == 1:
        raise bad_request("You can't remove all the sheets in a document.")
    spreadsheet.sheets.remove(sheet)
    return {}


def append_dimension(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, dimension = spreadsheet.sheet_with_id(body.get("sheetId", 0)), _dimension(body)
    if body["length"] < 1:
        raise bad_request(f"length must be positive, not {body['length']}")
    grown = {Dimension.ROWS: sheet.row_count, Dimension.COLUMNS: sheet.column_count}
    grown[dimension] += body["length"]
    spreadsheet.ensure_room(sheet, *grown.values())
    sheet.resize(*grown.values())
    return {}


def insert_dimension(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, dimension, start, end = _dimension_range(spreadsheet, body["range"])
    size, inherits = sheet.size(dimension), body.get("inheritFromBefore", False)
    if inherits and start == 0:
        raise bad_request("range.startIndex cannot be 0 if inheritFromBefore is true.")
    if start > size or (start == size and not inherits):
        condition = "less than or equal to" if inherits else "less than"
        raise bad_request(
            f"range.startIndex[{start}] must be {condition} the grid size ({size}) if inheritFromBefore is "
            f"{str(inherits).lower()}."
        )
    grown = {Dimension.ROWS: sheet.row_count, Dimension.COLUMNS: sheet.column_count}
    grown[dimension] += end - start
    spreadsheet.ensure_room(sheet, *grown.values())
    sheet.insert(dimension, start, end - start)
    return {}


def delete_dimension(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, dimension, start, end = _dimension_range(spreadsheet, body["range"])
    size, word, frozen = sheet.size(dimension), dimension.word, sheet.frozen(dimension)
    for index in (start, end - 1):
        if index >= size:
            raise bad_request(
                f"Cannot delete a {word} that doesn't exist. Tried to delete {word} index {index} but there are only "
                f"{size} {word}s."
            )
    if end - start == size:
        raise bad_request(f"You can't delete all the {word}s on the sheet.")
    if start <= frozen and end == size:
        raise bad_request(f"Sorry, it is not possible to delete all non-frozen {word}s.")
    sheet.delete(dimension, start, end)
    return {}


def move_dimension(spreadsheet: Spreadsheet, body: Json) -> Json:
    sheet, dimension, start, end = _dimension_range(spreadsheet, body["source"])
    size, destination = sheet.size(dimension), body["destinationIndex"]
    if end > size or destination > size:
        raise bad_request(f"Cannot move {dimension.word}s that don't exist: there are only {size}.")
    if start < destination < end:
        raise bad_request(f"destinationIndex[{destination}] must not lie within the source.")
    sheet.move(dimension, start, end, destination)
    return {}


def _set_properties(spreadsheet: Spreadsheet, sheet: Sheet, given: Json) -> None:
    title = given.pop("title", sheet.title)
    namesake = spreadsheet.sheet_titled(title)
    if namesake is not None and namesake is not sheet:
        raise bad_request(f'A sheet with the name "{title}" already exists. Please enter another name.')
    sheet.title = title
    grid = {_GRID[name]: value for name, value in given.pop("gridProperties", {}).items() if name in _GRID}
    rows, columns = grid.pop("row_count", sheet.row_count), grid.pop("column_count", sheet.column_count)
    if rows < 1 or columns < 1:
        raise bad_request("A sheet must have at least one row and one column.")
    spreadsheet.ensure_room(sheet, rows, columns)
    sheet.resize(rows, columns)
    for name, value in grid.items():
        setattr(sheet, name, value)
    for dimension in Dimension:
        if sheet.frozen(dimension) >= sheet.size(dimension):
            raise bad_request(f"You can't freeze all visible {dimension.word}s on the sheet.")
    sheet.looks |= given


def _free_title(spreadsheet: Spreadsheet) -> str:
    number = len(spreadsheet.sheets) + 1
    while spreadsheet.sheet_titled(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def _dimension(given: Json) -> Dimension:
    if given.get("dimension") not in set(Dimension):
        raise bad_request(f"No dimension specified, or not a dimension: {given.get('dimension')}")
    return Dimension(given["dimension"])


def _dimension_range(spreadsheet: Spreadsheet, given: Json) -> tuple[Sheet, Dimension, int, int]:
    sheet, dimension = spreadsheet.sheet_with_id(given.get("sheetId", 0)), _dimension(given)
    start, end = given.get("startIndex", 0), given.get("endIndex", sheet.size(dimension))
    if not 0 <= start < end:
        raise bad_request(f"range.endIndex[{end}] must be after startIndex[{start}]")
    return sheet, dimension, start, end

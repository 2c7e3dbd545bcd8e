"""`spreadsheets.batchUpdate`: each kind of request as one function, all of a batch or none."""

from collections.abc import Callable, Mapping

from standins import google_batch_cells as cells
from standins import google_batch_sheets as sheets
from standins.google_errors import Json, RefusedError, bad_request, unknown_name
from standins.google_spreadsheet import Spreadsheet


def batch_update(spreadsheet: Spreadsheet, requests: list[Json]) -> list[Json]:
    """Do all of it, or nothing; one reply for each request.

    Raises:
        RefusedError: a request cannot be done; says which.
    """
    if not requests:
        raise bad_request("Must specify at least one request.")
    replies = []
    with spreadsheet.all_or_nothing():
        for number, request in enumerate(requests):
            kind, body = _request(request, number)
            try:
                replies.append(_DEEDS[kind](spreadsheet, body))
            except RefusedError as refusal:
                raise refusal.inside(f"requests[{number}].{kind}") from refusal
            except KeyError as missing:
                # The API knows each required field; here what a deed looks up is what it requires.
                raise bad_request(f"Invalid requests[{number}].{kind}: No {missing} specified.") from missing
    return replies


def _request(request: Json, number: int) -> tuple[str, Json]:
    place = f"requests[{number}]"
    if len(request) != 1:
        raise bad_request(f"Invalid {place}: exactly one kind of request must be set, not {sorted(request)}")
    ((kind, body),) = request.items()
    if kind not in _KEYS:
        raise unknown_name(kind, place)
    for name in body:
        if name not in _KEYS[kind]:
            raise unknown_name(name, f"{place}.{kind}")
    return kind, body


Deed = Callable[[Spreadsheet, Json], Json]
_DEEDS: Mapping[str, Deed] = {
    "addSheet": sheets.add_sheet,
    "updateSheetProperties": sheets.update_sheet_properties,
    "deleteSheet": sheets.delete_sheet,
    "appendCells": cells.append_cells,
    "updateCells": cells.update_cells,
    "repeatCell": cells.repeat_cell,
    "appendDimension": sheets.append_dimension,
    "insertDimension": sheets.insert_dimension,
    "deleteDimension": sheets.delete_dimension,
    "moveDimension": sheets.move_dimension,
    "sortRange": cells.sort_range,
    "setDataValidation": cells.set_data_validation,
    "addConditionalFormatRule": cells.add_conditional_format_rule,
    "deleteConditionalFormatRule": cells.delete_conditional_format_rule,
    "addProtectedRange": cells.add_protected_range,
    "updateProtectedRange": cells.update_protected_range,
    "deleteProtectedRange": cells.delete_protected_range,
    "setBasicFilter": cells.set_basic_filter,
    "clearBasicFilter": cells.clear_basic_filter,
}
_KEYS: Mapping[str, frozenset[str]] = {
    kind: frozenset(keys.split())
    for kind, keys in {
        "addSheet": "properties",
        "updateSheetProperties": "properties fields",
        "deleteSheet": "sheetId",
        "appendCells": "sheetId rows fields",
        "updateCells": "rows fields start range",
        "repeatCell": "range cell fields",
        "appendDimension": "sheetId dimension length",
        "insertDimension": "range inheritFromBefore",
        "deleteDimension": "range",
        "moveDimension": "source destinationIndex",
        "sortRange": "range sortSpecs",
        "setDataValidation": "range rule filteredRowsIncluded",
        "addConditionalFormatRule": "rule index",
        "deleteConditionalFormatRule": "index sheetId",
        "addProtectedRange": "protectedRange",
        "updateProtectedRange": "protectedRange fields",
        "deleteProtectedRange": "protectedRangeId",
        "setBasicFilter": "filter",
        "clearBasicFilter": "sheetId",
    }.items()
}

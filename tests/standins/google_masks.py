"""Field masks: `sheets(properties(title,sheetId),protectedRanges)`, in answers and in what a request changes."""

import re
from collections.abc import Mapping
from typing import Any

from standins.google_errors import bad_mask, bad_request

# A name, and what is wanted inside it; nothing inside means all of it.
Mask = dict[str, "Mask"]


def _leaves(text: str) -> Mask:
    return {name: {} for name in text.split()}


SHEET_PROPERTIES: Mask = {
    **_leaves("sheetId title index sheetType hidden tabColor tabColorStyle rightToLeft dataSourceSheetProperties"),
    "gridProperties": _leaves(
        "rowCount columnCount frozenRowCount frozenColumnCount hideGridlines rowGroupControlAfter "
        "columnGroupControlAfter"
    ),
}
CELL: Mask = _leaves(
    "userEnteredValue effectiveValue formattedValue userEnteredFormat effectiveFormat hyperlink note textFormatRuns "
    "dataValidation pivotTable chipRuns dataSourceTable dataSourceFormula"
)
_SHEET: Mask = {
    **_leaves(
        "merges conditionalFormats filterViews protectedRanges basicFilter charts slicers bandedRanges "
        "developerMetadata rowGroups columnGroups tables"
    ),
    "properties": SHEET_PROPERTIES,
    "data": {**_leaves("startRow startColumn rowMetadata columnMetadata"), "rowData": {"values": CELL}},
}
SPREADSHEET: Mask = {
    **_leaves("spreadsheetId properties namedRanges spreadsheetUrl developerMetadata dataSources dataSourceSchedules"),
    "sheets": _SHEET,
}
BATCH_ANSWER: Mask = {"spreadsheetId": {}, "replies": {}, "updatedSpreadsheet": SPREADSHEET}
VALUE_RANGE: Mask = _leaves("range majorDimension values")
VALUE_RANGES: Mask = {"spreadsheetId": {}, "valueRanges": VALUE_RANGE}

_TOKEN = re.compile(r"[A-Za-z_@*][A-Za-z0-9_@]*|[(),./]")


def parse_mask(text: str, known: Mask) -> Mask:
    """Read a mask; what `known` has nothing inside may have anything inside.

    Raises:
        RefusedError: it names a field that is not there, or is no mask.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
        raise bad_mask(text)
    mask = _fields(tokens, text)
    if tokens:
        raise bad_mask(text)
    _check(mask, known, "")
    return {} if "*" in mask else mask


def field_mask(body: Mapping[str, Any], known: Mask) -> Mask:
    """Read the mask that a request brings along.

    Raises:
        RefusedError: it brings none, or a wrong one.
    """
    if not body.get("fields"):
        raise bad_request("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    return parse_mask(body["fields"], known)


def masked(answer: Any, mask: Mask) -> Any:
    """Keep what the mask names."""
    if not mask or "*" in mask:
        return answer
    if isinstance(answer, list):
        return [masked(item, mask) for item in answer]
    if isinstance(answer, Mapping):
        return {name: masked(answer[name], inner) for name, inner in mask.items() if name in answer}
    return answer


def names(mask: Mask, *path: str) -> bool:
    """Whether the mask asks for this, or for all that it is in, or for something inside it."""
    for name in path:
        if not mask or "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
    return True


def inside(mask: Mask, *path: str) -> Mask:
    """What the mask asks for in there."""
    for name in path:
        mask = mask.get(name, {})
    return mask


def _fields(tokens: list[str], text: str) -> Mask:
    mask: Mask = {}
    while True:
        _merge(mask, _field(tokens, text))
        if not tokens or tokens[0] != ",":
            return mask
        tokens.pop(0)


def _field(tokens: list[str], text: str) -> Mask:
    if not tokens or (not tokens[0][0].isalpha() and tokens[0] != "*"):
        raise bad_mask(text)
    name = tokens.pop(0)
    inner: Mask = {}
    if tokens and tokens[0] in "./":
        tokens.pop(0)
        inner = _field(tokens, text)
    elif tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _fields(tokens, text)
        if not tokens or tokens.pop(0) != ")":
            raise bad_mask(text)
    return {name: inner}


def _merge(mask: Mask, other: Mask) -> None:
    for name, inner in other.items():
        if name not in mask:
            mask[name] = inner
        elif not mask[name] or not inner:
            mask[name] = {}
        else:
            _merge(mask[name], inner)


def _check(mask: Mask, known: Mask, place: str) -> None:
    for name, inner in mask.items():
        path = f"{place}.{name}" if place else name
        if known and name != "*" and name not in known:
            raise bad_mask(path)
        if known and inner:
            _check(inner, known.get(name, {}), path)

"""The Sheets API's addresses: which method a request calls, with what, and what it answers."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from standins import google_values
from standins.google_batch import batch_update
from standins.google_errors import Json, bad_request, unknown_name
from standins.google_masks import BATCH_ANSWER, SPREADSHEET, VALUE_RANGE, VALUE_RANGES, Mask, inside, masked, parse_mask
from standins.google_quota import Kind
from standins.google_spreadsheet import Spreadsheet
from standins.google_views import spreadsheet_view

_ADDRESS = re.compile(
    r"/v4/spreadsheets/(?P<id>[^/:]+)(?P<values>/values)?(?:/(?P<range>[^/]+?))?(?P<action>:(?:append|clear|batch\w+))?"
)
_COMMON = frozenset({"fields", "alt", "prettyPrint", "key", "quotaUser"})


@dataclass(frozen=True, slots=True)
class Call:
    """A request for one method of the API; `range_text` is empty where none is in the address."""

    method: str
    kind: Kind
    spreadsheet_id: str
    range_text: str
    query: Mapping[str, list[str]]
    body: bytes

    def asked(self, name: str, default: str | None = None) -> Any:
        return self.query.get(name, [default])[-1]

    def mask(self, known: Mask) -> Mask:
        return parse_mask(self.asked("fields"), known) if "fields" in self.query else {}

    def json(self) -> Json:
        try:
            content = json.loads(self.body or b"{}", object_hook=_without_nulls)
        except ValueError as error:
            raise bad_request(f"Invalid JSON payload received. {error}") from error
        if not isinstance(content, dict):
            raise bad_request("Invalid JSON payload received. Root element must be a message.")
        return content


def parse_call(verb: str, target: str, body: bytes) -> Call | None:
    """Find the method; None if there is none at this address."""
    url = urlsplit(target)
    match = _ADDRESS.fullmatch(url.path)
    if match is None:
        return None
    shape = (verb, bool(match["values"]), match["range"] is not None, match["action"] or "")
    found = _METHODS.get(shape)
    if found is None:
        return None
    query = parse_qs(url.query, keep_blank_values=True)
    return Call(found, _KINDS[found], match["id"], unquote(match["range"] or ""), query, body)


def perform(call: Call, spreadsheet: Spreadsheet) -> Json:
    """Do what is asked; the answer.

    Raises:
        RefusedError: it cannot be done; nothing was done then.
    """
    perform_it, parameters = _PERFORMERS[call.method]
    for name in call.query:
        if name not in parameters | _COMMON:
            message = (
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. Field '
                f"'{name}' could not be found in request message."
            )
            raise bad_request(message)
    return perform_it(call, spreadsheet)


def _without_nulls(message: Json) -> Json:
    """A field that is null is one that is not set; a null in a list stays."""
    return {name: value for name, value in message.items() if value is not None}


def _get(call: Call, spreadsheet: Spreadsheet) -> Json:
    with_grid_data = call.asked("includeGridData", "false").lower() == "true"
    ranges = call.query.get("ranges", [])
    return spreadsheet_view(spreadsheet, call.mask(SPREADSHEET), ranges, with_grid_data=with_grid_data)


def _batch_update(call: Call, spreadsheet: Spreadsheet) -> Json:
    body, mask = call.json(), call.mask(BATCH_ANSWER)
    keys = {"requests", "includeSpreadsheetInResponse", "responseRanges", "responseIncludeGridData"}
    for name in body:
        if name not in keys:
            raise unknown_name(name, "")
    with spreadsheet.all_or_nothing():
        replies = batch_update(spreadsheet, body.get("requests", []))
        answer: Json = {"spreadsheetId": spreadsheet.spreadsheet_id, "replies": replies}
        if body.get("includeSpreadsheetInResponse"):
            answer["updatedSpreadsheet"] = spreadsheet_view(
                spreadsheet,
                inside(mask, "updatedSpreadsheet"),
                body.get("responseRanges", []),
                with_grid_data=body.get("responseIncludeGridData", False),
            )
    shown: Json = masked(answer, mask)
    return shown


def _values_get(call: Call, spreadsheet: Spreadsheet) -> Json:
    answer: Json = masked(google_values.get(spreadsheet, call.range_text, *_rendering(call)), call.mask(VALUE_RANGE))
    return answer


def _values_batch_get(call: Call, spreadsheet: Spreadsheet) -> Json:
    answer: Json = masked(
        google_values.batch_get(spreadsheet, call.query.get("ranges", []), *_rendering(call)), call.mask(VALUE_RANGES)
    )
    return answer


def _values_update(call: Call, spreadsheet: Spreadsheet) -> Json:
    body = call.json()
    named = body.setdefault("range", call.range_text)
    if named != call.range_text:
        raise bad_request(f"Requested writing within range [{call.range_text}], but the body names {named}")
    return google_values.update(spreadsheet, body, call.asked("valueInputOption"))


def _values_batch_update(call: Call, spreadsheet: Spreadsheet) -> Json:
    return google_values.batch_update(spreadsheet, call.json())


def _values_append(call: Call, spreadsheet: Spreadsheet) -> Json:
    how = call.asked("valueInputOption"), call.asked("insertDataOption")
    return google_values.append(spreadsheet, call.range_text, call.json(), *how)


def _values_clear(call: Call, spreadsheet: Spreadsheet) -> Json:
    (cleared,) = google_values.clear(spreadsheet, [call.range_text])
    return {"spreadsheetId": spreadsheet.spreadsheet_id, "clearedRange": cleared}


def _values_batch_clear(call: Call, spreadsheet: Spreadsheet) -> Json:
    cleared = google_values.clear(spreadsheet, call.json().get("ranges", []))
    return {"spreadsheetId": spreadsheet.spreadsheet_id, "clearedRanges": cleared}


def _rendering(call: Call) -> tuple[str, str]:
    return call.asked("valueRenderOption", "FORMATTED_VALUE"), call.asked("majorDimension", "ROWS")


_READING = frozenset({"majorDimension", "valueRenderOption", "dateTimeRenderOption"})
_WRITING = frozenset(
    {"valueInputOption", "includeValuesInResponse", "responseValueRenderOption", "responseDateTimeRenderOption"}
)
_PERFORMERS: Mapping[str, tuple[Callable[[Call, Spreadsheet], Json], frozenset[str]]] = {
    "get": (_get, frozenset({"ranges", "includeGridData", "excludeTablesInBandedRanges"})),
    "batchUpdate": (_batch_update, frozenset()),
    "values.get": (_values_get, _READING),
    "values.batchGet": (_values_batch_get, _READING | {"ranges"}),
    "values.update": (_values_update, _WRITING),
    "values.batchUpdate": (_values_batch_update, frozenset()),
    "values.append": (_values_append, _WRITING | {"insertDataOption"}),
    "values.clear": (_values_clear, frozenset()),
    "values.batchClear": (_values_batch_clear, frozenset()),
}
# By verb, whether under /values, whether a range is in the address, and what stands after the colon.
_METHODS: Mapping[tuple[str, bool, bool, str], str] = {
    ("GET", False, False, ""): "get",
    ("POST", False, False, ":batchUpdate"): "batchUpdate",
    ("GET", True, True, ""): "values.get",
    ("GET", True, False, ":batchGet"): "values.batchGet",
    ("PUT", True, True, ""): "values.update",
    ("POST", True, False, ":batchUpdate"): "values.batchUpdate",
    ("POST", True, True, ":append"): "values.append",
    ("POST", True, True, ":clear"): "values.clear",
    ("POST", True, False, ":batchClear"): "values.batchClear",
}
_KINDS: Mapping[str, Kind] = {
    method: Kind.READ if method in {"get", "values.get", "values.batchGet"} else Kind.WRITE for method in _PERFORMERS
}

"""The spreadsheet's tabs as Google numbers them, and how missing ones are made."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from tubewarren.sheets.google.grid import Request, header_request
from tubewarren.sheets.table import Row

# As large as one that a person makes.
_ROWS, _COLUMNS = 1000, 26


@dataclass(frozen=True, slots=True)
class TabSheet:
    """A tab of a spreadsheet.

    Attributes:
        sheet_id: Google's number, which stays when the title changes.
        rows: of the grid, filled or not; so are columns.
        frozen_rows: those that stay in sight.
    """

    sheet_id: int
    title: str
    rows: int
    columns: int
    frozen_rows: int = 0


class TabSheets:
    """The tabs by their titles, of which Google takes large and small letters for the same."""

    def __init__(self, sheets: Collection[TabSheet]) -> None:
        self._by_title = {_spelled(sheet.title): sheet for sheet in sheets}

    def get(self, title: str) -> TabSheet | None:
        """The tab of this title, if there is one."""
        return self._by_title.get(_spelled(title))

    def __iter__(self) -> Iterator[TabSheet]:
        return iter(self._by_title.values())

    def new(self, headers: Mapping[str, Row]) -> tuple[TabSheet, ...]:
        """Tabs for these titles and headers, with numbers that none has yet."""
        taken = {sheet.sheet_id for sheet in self}
        free = (number for number in count(1) if number not in taken)
        return tuple(
            TabSheet(next(free), title, _ROWS, max(_COLUMNS, len(header)), frozen_rows=1)
            for title, header in headers.items()
        )


def sheets_of(metadata: Mapping[str, Any]) -> TabSheets:
    """Read Google's list; what has no grid, like a chart, is left out."""
    listed = (sheet.get("properties", {}) for sheet in metadata.get("sheets", ()))
    return TabSheets(
        [
            TabSheet(
                sheet_id=each.get("sheetId", 0),
                title=each["title"],
                rows=grid.get("rowCount", 0),
                columns=grid.get("columnCount", 0),
                frozen_rows=grid.get("frozenRowCount", 0),
            )
            for each in listed
            if (grid := each.get("gridProperties")) and "title" in each
        ]
    )


def requests_to_make(sheet: TabSheet, header: Row) -> list[Request]:
    """What makes a new tab."""
    grid = {"rowCount": sheet.rows, "columnCount": sheet.columns, "frozenRowCount": sheet.frozen_rows}
    properties = {"sheetId": sheet.sheet_id, "title": sheet.title, "gridProperties": grid}
    return [{"addSheet": {"properties": properties}}, header_request(sheet.sheet_id, header)]


def requests_to_begin(sheet: TabSheet, header: Row) -> list[Request]:
    """What gives an empty tab its header."""
    missing = len(header) - sheet.columns
    wider = {"appendDimension": {"sheetId": sheet.sheet_id, "dimension": "COLUMNS", "length": missing}}
    frozen = {
        "updateSheetProperties": {
            "properties": {"sheetId": sheet.sheet_id, "gridProperties": {"frozenRowCount": 1}},
            "fields": "gridProperties.frozenRowCount",
        }
    }
    # A tab of one row cannot have it frozen; nobody has such a tab for long.
    freeze = [frozen] if sheet.rows > 1 and not sheet.frozen_rows else []
    return [*([wider] if missing > 0 else []), header_request(sheet.sheet_id, header), *freeze]


def _spelled(title: str) -> str:
    return title.casefold()

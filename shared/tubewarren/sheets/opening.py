"""Opening the sheet that the settings name, of whichever kind."""

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.errors import Cause
from tubewarren.sheets.google.budget import Kind
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.tabs import TABS, Tab
from tubewarren.sheets.vocabulary import WordedWorkbook
from tubewarren.sheets.workbook import Workbook
from tubewarren.telemetry.instruments import SHEET_REQUESTS
from tubewarren.telemetry.telemetry import Telemetry


def open_workbook(sheet: SheetSettings, telemetry: Telemetry | None = None) -> Workbook:
    """The person's sheet. Nothing is asked of it yet; what is wrong with it is told by the first call.

    Args:
        sheet: which.
        telemetry: is told of each request to Google; nobody by default.
    """
    workbook = _open(sheet, telemetry or Telemetry())
    return WordedWorkbook(workbook, sheet.words) if sheet.words else workbook


def titles_of(sheet: SheetSettings) -> dict[Tab, str]:
    """What our tabs are called in this sheet."""
    return {tab: sheet.tabs.get(tab.name, tab.name).strip() for tab in TABS}


def _open(sheet: SheetSettings, telemetry: Telemetry) -> Workbook:
    titles = titles_of(sheet)
    if not sheet.spreadsheet_id:
        return LocalWorkbook(sheet.workbook, titles=titles)
    from tubewarren.sheets.google.opening import open_google  # noqa: PLC0415 - half a second that others need not wait

    def count(kind: Kind, cause: Cause | None) -> None:
        failed = {"error.type": cause.value} if cause else {}
        telemetry.count(SHEET_REQUESTS, 1, {"tubewarren.sheet.operation": kind.name.lower(), **failed})

    return open_google(sheet, titles, count)

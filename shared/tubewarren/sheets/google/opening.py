"""Opening the spreadsheet that the settings name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.google.budget import Budget, Told, untold
from tubewarren.sheets.google.spreadsheet import Spreadsheet
from tubewarren.sheets.google.workbook import GoogleWorkbook
from tubewarren.sheets.tabs import Tab

_USERS: Final = 2
"""The sheet-ingestor and the status-writer; each has its half of the account's quota."""


def open_google(sheet: SheetSettings, titles: Mapping[Tab, str], told: Told = untold) -> GoogleWorkbook:
    """The workbook in Google's hands; nothing is asked of it yet."""
    return GoogleWorkbook(open_spreadsheet(sheet, told), titles=titles)


def open_spreadsheet(sheet: SheetSettings, told: Told = untold) -> Spreadsheet:
    """The spreadsheet itself.

    Raises:
        ValueError: the settings name none.
    """
    if not sheet.spreadsheet_id:
        raise ValueError("There is no spreadsheet in the settings.")
    budget = Budget(sheet.reads_per_minute // _USERS, sheet.writes_per_minute // _USERS)
    return Spreadsheet(sheet.spreadsheet_id, sheet.credentials_file or Path(), budget, told=told)

"""Looking at the whole sheet, tab by tab, whatever state it is in. It blocks."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.errors import SheetUnavailableError, TabUnreadableError
from tubewarren.sheets.inspection import Problem, missing_tab, spreadsheet_problems, tab_problems, unreadable
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.opening import open_workbook, titles_of
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.table import Table, is_blank
from tubewarren.sheets.tabs import Tab
from tubewarren.sheets.vocabulary import WordedWorkbook
from tubewarren.sheets.workbook import Workbook
from tubewarren.youtube.addresses import check_address
from tubewarren.youtube.errors import AddressRefusedError

if TYPE_CHECKING:
    from tubewarren.sheets.google.spreadsheet import Spreadsheet

_FIELDS: Final = "properties(title),sheets(properties(sheetId,title,sheetType,gridProperties))"
_NAME: Final = "properties(title)"
_SHORT: Final = Patience(limit=timedelta(milliseconds=200))
"""Somebody waits for the command; who saves a file just now can be asked again."""
_DOCTORS_PATIENCE: Final = timedelta(seconds=6)
_CONNECT, _READ = timedelta(seconds=2), timedelta(seconds=3)


class Described(Protocol):
    """What is asked of a spreadsheet; `sheets.google.spreadsheet` says what each means and raises."""

    def metadata(self, fields: str) -> Mapping[str, Any]:
        """What is known of it besides its cells."""

    def values(self, ranges: list[str]) -> list[list[list[str]]]:
        """The texts of ranges."""

    def update(self, requests: list[dict[str, Any]]) -> Mapping[str, Any]:
        """All of these requests or none."""

    def account(self) -> str:
        """The e-mail address of the service account."""


@dataclass(frozen=True, slots=True)
class Look:
    """A sheet as it was found.

    Attributes:
        name: what it is, for a person; empty when it is not there.
        rows: how many rows each tab has that is in order, by its title.
    """

    name: str
    rows: Mapping[str, int]
    problems: tuple[Problem, ...]


def impatient_workbook(sheet: SheetSettings) -> Workbook:
    """The sheet that the settings name; a file that is not there is not waited for."""
    if sheet.spreadsheet_id:
        return open_workbook(sheet)
    return WordedWorkbook(LocalWorkbook(sheet.workbook, titles=titles_of(sheet), patience=_SHORT), sheet.words)


def look_at(sheet: SheetSettings, allowed_hosts: tuple[str, ...]) -> Look:
    """Look at the sheet that the settings name.

    Raises:
        GoogleUnavailableError: the spreadsheet cannot be reached.
    """
    if not sheet.spreadsheet_id:
        return look_at_folder(sheet, allowed_hosts)
    from tubewarren.sheets.google.opening import open_spreadsheet  # noqa: PLC0415 - half a second others need not wait

    return look_at_spreadsheet(open_spreadsheet(sheet), sheet, allowed_hosts)


def look_at_folder(sheet: SheetSettings, allowed_hosts: tuple[str, ...]) -> Look:
    """Look at a local workbook."""
    name, titles = f"the folder {sheet.workbook}", titles_of(sheet)
    if not sheet.workbook.is_dir():
        problem = Problem("workbook", f"there is no folder {sheet.workbook}", "`svc sheet init` makes it.")
        return Look("", {}, (problem,))
    book = LocalWorkbook(sheet.workbook, titles=titles, patience=_SHORT)
    found: dict[Tab, Table | tuple[Problem, ...]] = {tab: _read(book, tab, title) for tab, title in titles.items()}
    return _judged(name, found, sheet, allowed_hosts)


def look_at_spreadsheet(spreadsheet: Described, sheet: SheetSettings, allowed_hosts: tuple[str, ...]) -> Look:
    """Look at a Google spreadsheet, with two reads and a write that changes nothing.

    Raises:
        GoogleUnavailableError: it cannot be reached, or not be written.
    """
    metadata, titles = spreadsheet.metadata(_FIELDS), titles_of(sheet)
    properties = (each.get("properties", {}) for each in metadata.get("sheets", ()))
    # A chart has no cells to be read.
    grids = {each.get("title", "").casefold(): each for each in properties if each.get("sheetType", "GRID") == "GRID"}
    # Whoever may only read is refused here, and not first by the fleet.
    if grids:
        spreadsheet.update([_as_it_is(next(iter(grids.values())))])
    there = [tab for tab, title in titles.items() if title.casefold() in grids]
    ranges = ["'{}'".format(titles[tab].replace("'", "''")) for tab in there]
    values = spreadsheet.values(ranges) if ranges else []
    tables = dict(zip(there, map(Table.of, values), strict=True))
    found = {tab: tables.get(tab, (missing_tab(title),)) for tab, title in titles.items()}
    name = f'the spreadsheet "{metadata.get("properties", {}).get("title", "")}", as {spreadsheet.account()}'
    judged = _judged(name, found, sheet, allowed_hosts)
    return Look(name, judged.rows, (*spreadsheet_problems(metadata, titles), *judged.problems))


def reach(sheet: SheetSettings, patience: timedelta = _DOCTORS_PATIENCE) -> str:
    """The title of the spreadsheet, within seconds.

    Raises:
        GoogleUnavailableError: why not.
        SheetUnavailableError: no answer in time.
    """
    from tubewarren.sheets.google.budget import Budget  # noqa: PLC0415 - half a second that others need not wait
    from tubewarren.sheets.google.spreadsheet import Spreadsheet  # noqa: PLC0415 - as above

    key_file = sheet.credentials_file or Path()
    spreadsheet = Spreadsheet(sheet.spreadsheet_id or "", key_file, Budget(60, 60), connect=_CONNECT, read=_READ)
    return within(patience, lambda: str(_title(spreadsheet)))


def within(patience: timedelta, work: Callable[[], str]) -> str:
    """What the work returns, or raises; a work that hangs is left alone, and ends with the process.

    Raises:
        SheetUnavailableError: it did not end in time.
    """
    answers: list[str] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(work())
        except Exception as error:  # noqa: BLE001 - raised again by the one who waits
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience.total_seconds())
    if failures:
        raise failures[0]
    if not answers:
        seconds = patience.total_seconds()
        raise SheetUnavailableError(f"Google did not answer within {seconds:g} s: see this machine's network.")
    return answers[0]


def _as_it_is(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The request that gives a tab what it has."""
    grid = {"frozenRowCount": properties.get("gridProperties", {}).get("frozenRowCount", 0)}
    same = {"sheetId": properties.get("sheetId", 0), "gridProperties": grid}
    return {"updateSheetProperties": {"properties": same, "fields": "gridProperties.frozenRowCount"}}


def _title(spreadsheet: "Spreadsheet") -> object:
    return spreadsheet.metadata(_NAME).get("properties", {}).get("title", "")


def _read(book: LocalWorkbook, tab: Tab, title: str) -> Table | tuple[Problem, ...]:
    try:
        return book.read([tab])[tab]
    except TabUnreadableError as error:
        return unreadable(title, error.problems)
    except SheetUnavailableError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return (missing_tab(title),)
        return (Problem(title, str(error), "Then look again."),)


def _judged(
    name: str,
    found: Mapping[Tab, Table | tuple[Problem, ...]],
    sheet: SheetSettings,
    allowed_hosts: tuple[str, ...],
) -> Look:
    titles, rows, problems = titles_of(sheet), dict[str, int](), list[Problem]()

    def problem_with(url: str) -> str | None:
        try:
            check_address(url, allowed_hosts)
        except AddressRefusedError as error:
            return error.failure.reason
        return None

    for tab, table in found.items():
        if not isinstance(table, Table):
            problems += table
        elif wrong := tab_problems(tab, titles[tab], table, problem_with, sheet.words):
            problems += wrong
        else:
            rows[titles[tab]] = sum(not is_blank(row) for row in table.rows)
    return Look(name, rows, tuple(problems))

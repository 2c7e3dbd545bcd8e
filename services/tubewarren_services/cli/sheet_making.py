"""Making a sheet ready: what is missing is made, and what is there stays as it is. It blocks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.inspection import Problem, unreadable
from tubewarren.sheets.opening import open_workbook, titles_of
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table, missing_names
from tubewarren.sheets.tabs import TABS, Tab
from tubewarren.sheets.workbook import Workbook


class Formatted(Protocol):
    """What is asked of a spreadsheet; `sheets.google.spreadsheet` says what each means and raises."""

    def metadata(self, fields: str) -> Mapping[str, Any]:
        """What is known of it besides its cells."""

    def update(self, requests: Sequence[dict[str, Any]]) -> Mapping[str, Any]:
        """All of these requests or none."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Attributes:
        where: the title of the tab.
        what: in words.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class MadeReady:
    """What was made, and what a person has to mend first."""

    made: tuple[Made, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that a tab lacks; an `Edit`."""

    patch: Patch


def make_ready(sheet: SheetSettings) -> MadeReady:
    """Make what the sheet lacks that the settings name.

    Raises:
        SheetUnavailableError: not now; the same again does no harm.
    """
    titles = titles_of(sheet)
    made, headers, problems = make_tabs(open_workbook(sheet), titles)
    if sheet.spreadsheet_id and headers:
        from tubewarren.sheets.google.opening import open_spreadsheet  # noqa: PLC0415 - half a second others need not wait

        made += make_formats(open_spreadsheet(sheet), titles, headers, sheet.words)
    return MadeReady(tuple(made), tuple(problems))


def make_tabs(book: Workbook, titles: Mapping[Tab, str]) -> tuple[list[Made], dict[Tab, Row], list[Problem]]:
    """Make missing tabs and columns; the header of each tab that can be read, and what is wrong with the others.

    Raises:
        SheetUnavailableError: not now.
    """
    made = [Made(titles[tab], "the tab, with its header") for tab in book.create_missing()]
    problems: list[Problem] = []
    wanted = list(TABS)
    while wanted:
        try:
            written = book.edit({tab: _adding_columns(tab) for tab in wanted})
        except TabUnreadableError as error:
            tab = next(tab for tab in wanted if tab.name == error.tab)
            wanted.remove(tab)
            problems += unreadable(titles[tab], error.problems)
            continue
        for tab, after in written.items():
            if columns := after.edit.patch.columns:
                made.append(
                    Made(titles[tab], f"the {'column' if len(columns) == 1 else 'columns'} {', '.join(columns)}")
                )
        return made, {tab: after.table.names for tab, after in written.items()}, problems
    return made, {}, problems


def make_formats(
    spreadsheet: Formatted, titles: Mapping[Tab, str], headers: Mapping[Tab, Row], words: Mapping[str, str]
) -> list[Made]:
    """Make what helps people, with one read and at most one write.

    Raises:
        GoogleUnavailableError: not now.
    """
    from tubewarren.sheets.google.formatting import FORMATTING_FIELDS, missing_changes  # noqa: PLC0415 - as above

    described = spreadsheet.metadata(FORMATTING_FIELDS)
    changes = missing_changes(described, {tab: (titles[tab], header) for tab, header in headers.items()}, words)
    if changes:
        spreadsheet.update([request for change in changes for request in change.requests])
    return [Made(titles[change.tab], change.what) for change in changes]


def _adding_columns(tab: Tab) -> Callable[[Table], _Columns]:
    def change(table: Table) -> _Columns:
        return _Columns(Patch(columns=missing_names(table, tab.columns)))

    return change

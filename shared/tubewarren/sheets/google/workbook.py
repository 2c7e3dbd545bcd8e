"""The Google workbook: a spreadsheet that people edit in the browser, also between our reading and our writing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol

from tubewarren.sheets.errors import Cause, GoogleUnavailableError, TabUnreadableError
from tubewarren.sheets.google.grid import Request, evened, requests_for
from tubewarren.sheets.google.landing import landing_of, returned_cells, table_of, whole
from tubewarren.sheets.google.repair import repair
from tubewarren.sheets.google.tab_sheets import TabSheet, TabSheets, requests_to_begin, requests_to_make, sheets_of
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key, rows_by_key
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import TABS, Tab, problems
from tubewarren.sheets.workbook import EditT, Written

# How often a person may rearrange a tab in the second between our reading and our writing, one time after another.
_ROUNDS = 4


class Client(Protocol):
    """What a workbook asks of a spreadsheet; `Spreadsheet` says what each means and raises."""

    def values(self, ranges: Sequence[str]) -> list[list[list[str]]]:
        """The texts of ranges."""

    def metadata(self) -> Mapping[str, Any]:
        """The tabs."""

    def update(self, requests: Sequence[Request], returning: Sequence[str] = ()) -> Mapping[str, Any]:
        """All of these requests or none."""


@dataclass(frozen=True, slots=True)
class _Debt:
    """A write that may have hit what it was not meant for; kept until that is known to be in order.

    Attributes:
        before: what it was meant for.
        is_repair: it puts right an earlier one, so all of it has to arrive.
        is_certain: Google has answered, so it was done.
    """

    before: Table
    patch: Patch
    is_repair: bool
    is_certain: bool = False

    def settlement(self, tab: Tab, now: Table) -> Patch:
        patch = repair(tab, self.before, self.patch, now, insist=self.is_repair)
        # If nothing was written, rows that are gone were deleted by a person.
        return patch if self.is_certain else replace(patch, appended=())


class GoogleWorkbook:
    """A `Workbook` in a Google spreadsheet. Several threads may use it; each waits for its turn.

    An edit is one read and one write, however many tabs and rows it changes. Google writes by position; when a person
    has moved what stands there, the answer shows it, what was hit by mistake is put right with a second write, and
    the changes are asked again.
    """

    def __init__(self, spreadsheet: Client, *, titles: Mapping[Tab, str] | None = None) -> None:
        """Take the spreadsheet, and the titles of those tabs that are not called as the tab is."""
        self._spreadsheet = spreadsheet
        self._titles = {tab: tab.name for tab in TABS} | dict(titles or {})
        self._turn = Lock()
        self._sheets: TabSheets | None = None
        self._begun: set[Tab] = set()
        self._last: dict[Tab, Table] = {}
        self._debts: dict[Tab, _Debt] = {}
        self._stood: dict[Tab, frozenset[Key]] = {}

    def read(self, tabs: Collection[Tab]) -> Mapping[Tab, Table]:
        """As in `Workbook`; an unchanged tab gives the very same table.

        Raises:
            GoogleUnavailableError: why not now; a tab is missing, with the cause NO_SUCH_TAB.
            TabUnreadableError: a person has to mend a tab.
        """
        with self._turn:
            tables = self._settled(self._fetched(tabs))
        return {tab: self._readable(tab, tables[tab]) for tab in tabs}

    def edit(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        """As in `Workbook`; each `table` is what the write comes to if nobody else has changed the tab.

        Raises:
            GoogleUnavailableError: why not now; some of it may be written.
            TabUnreadableError: a person has to mend a tab.
        """
        with self._turn:
            return self._edited(changes)

    def create_missing(self, tabs: Collection[Tab] = TABS) -> tuple[Tab, ...]:
        """As in `Workbook`; a tab without anything in it gets its header.

        Raises:
            GoogleUnavailableError: why not now.
        """
        with self._turn:
            return self._made(tabs)

    def _edited(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        self._stood.clear()
        tables = self._fetched(changes)
        for _ in range(_ROUNDS):
            tables = self._settled(tables)
            edits = {tab: change(self._readable(tab, tables[tab])) for tab, change in changes.items()}
            wanted = {tab: self._without_deleted(tab, tables[tab], edit.patch) for tab, edit in edits.items()}
            patches = {tab: evened(tab, tables[tab], patch) for tab, patch in wanted.items() if patch}
            try:
                after = self._written(tables, patches)
            except GoogleUnavailableError as error:
                if error.cause is not Cause.REFUSED:
                    raise
                tables = self._newer(tables, error)
                continue
            if not self._debts:
                return {tab: Written(after[tab], edit) for tab, edit in edits.items()}
            tables = after
        raise _restless()

    def _without_deleted(self, tab: Tab, table: Table, patch: Patch) -> Patch:
        """Without those new rows that this edit has added once already: a person has deleted them since."""
        stood = self._stood.get(tab)
        if not stood:
            return patch
        again = {row for key, rows in _added_rows(tab, table, patch).items() if key in stood for row in rows}
        return replace(patch, appended=tuple(row for at, row in enumerate(patch.appended) if at not in again))

    def _note_standing(self, tab: Tab, before: Table, patch: Patch, after: Table) -> None:
        if patch.appended and all(name in after.names for name in tab.key):
            standing = _added_rows(tab, before, patch).keys() & rows_by_key(tab, after).keys()
            self._stood[tab] = self._stood.get(tab, frozenset()) | standing

    def _made(self, tabs: Collection[Tab]) -> tuple[Tab, ...]:
        sheets = self._sheets
        if sheets and all(sheets.get(self._titles[tab]) for tab in tabs):
            return ()
        sheets = sheets_of(self._spreadsheet.metadata())
        there = {tab: sheet for tab in tabs if (sheet := sheets.get(self._titles[tab]))}
        empty = self._empty(there)
        headers = {self._titles[tab]: tab.columns for tab in tabs if tab not in there}
        new = sheets.new(headers)
        requests = [
            *(request for sheet in new for request in requests_to_make(sheet, headers[sheet.title])),
            *(request for tab in empty for request in requests_to_begin(there[tab], tab.columns)),
        ]
        # If the answer is lost, those that are there next time are ours.
        self._begun |= {tab for tab in tabs if tab not in there or tab in empty}
        if requests and not self._is_updated(requests, sheets):
            return self._made(tabs)
        self._sheets = TabSheets([*sheets, *new])
        made = tuple(tab for tab in tabs if tab in self._begun)
        self._begun.difference_update(made)
        return made

    def _is_updated(self, requests: Sequence[Request], sheets: TabSheets) -> bool:
        """Whether this was done; not if another service was quicker, and the tabs are no longer as they were seen."""
        try:
            self._spreadsheet.update(requests)
        except GoogleUnavailableError as error:
            if error.cause is not Cause.REFUSED or [*sheets_of(self._spreadsheet.metadata())] == [*sheets]:
                raise
            return False
        return True

    def _fetched(self, tabs: Collection[Tab]) -> dict[Tab, Table]:
        """These tabs and those that may need repair, in one read."""
        wanted = list(dict.fromkeys([*tabs, *self._debts]))
        try:
            found = self._spreadsheet.values([whole(self._titles[tab]) for tab in wanted])
        except GoogleUnavailableError as error:
            if error.cause is Cause.REFUSED and "parse range" in str(error):
                raise self._missing(wanted, str(error)) from error
            raise
        tables = dict(zip(wanted, map(Table.of, found), strict=True))
        for tab, table in tables.items():
            if not table.header:
                raise self._lacking(tab, "is empty")
            if table == self._last.get(tab):
                tables[tab] = self._last[tab]
        self._last |= tables
        return tables

    def _newer(self, tables: Mapping[Tab, Table], refusal: GoogleUnavailableError) -> dict[Tab, Table]:
        """The tabs again, after a refusal, which stays one if no person has changed them meanwhile."""
        self._sheets = None
        newer = self._fetched(tables)
        if all(newer[tab] == table for tab, table in tables.items()):
            raise refusal
        return newer

    def _settled(self, tables: dict[Tab, Table]) -> dict[Tab, Table]:
        """The tabs after everything that earlier writes hit by mistake is as it should be."""
        for past in range(_ROUNDS):
            patches = {tab: debt.settlement(tab, tables[tab]) for tab, debt in self._debts.items()}
            for tab, patch in patches.items():
                if not patch:
                    del self._debts[tab]
            if not self._debts:
                # Somebody is at work in there: what we know of it may be old by now.
                return self._fetched(tables) if past else tables
            tables = self._written(tables, {tab: patches[tab] for tab in self._debts}, is_repair=True)
        raise _restless()

    def _written(
        self, tables: Mapping[Tab, Table], patches: Mapping[Tab, Patch], *, is_repair: bool = False
    ) -> dict[Tab, Table]:
        """The tabs after this write; those where it may have missed are in debt."""
        if not patches:
            return {**tables}
        landings = {tab: landing_of(tab, self._titles[tab], tables[tab], patch) for tab, patch in patches.items()}
        sheets = {tab: self._sheet(tab) for tab in patches}
        requests = [
            request
            for tab, patch in patches.items()
            for request in requests_for(
                sheets[tab].sheet_id, tables[tab], patch, frozen_rows=max(1, sheets[tab].frozen_rows)
            )
        ]
        for tab, patch in patches.items():
            self._debts.setdefault(tab, _Debt(tables[tab], patch, is_repair))
        answer = self._spreadsheet.update(requests, [each for landing in landings.values() for each in landing.ranges])
        shown = returned_cells(answer)
        after = {**tables}
        unknown = []
        for tab, landing in landings.items():
            cells = shown.get(sheets[tab].sheet_id, {})
            if cells == landing.cells:
                del self._debts[tab]
                after[tab] = self._last[tab] = landing.table
                continue
            self._debts[tab] = _Debt(tables[tab], patches[tab], is_repair, is_certain=True)
            if landing.is_whole:
                after[tab] = table_of(cells)
            else:
                unknown.append(tab)
        if unknown:
            after |= self._fetched(unknown)
        for tab, patch in patches.items():
            self._note_standing(tab, tables[tab], patch, after[tab])
        return after

    def _empty(self, there: Mapping[Tab, TabSheet]) -> frozenset[Tab]:
        """Those tabs that have nothing in them at all."""
        empty = list(there)
        for part in ("!1:1", ""):  # the first row is there as a rule, and the rest of a tab may be large
            if empty:
                found = self._spreadsheet.values([whole(there[tab].title) + part for tab in empty])
                empty = [tab for tab, lines in zip(empty, found, strict=True) if not any(map(any, lines))]
        return frozenset(empty)

    def _sheet(self, tab: Tab) -> TabSheet:
        if self._sheets is None:
            self._sheets = sheets_of(self._spreadsheet.metadata())
        sheet = self._sheets.get(self._titles[tab])
        if sheet is None:
            raise self._lacking(tab, "is not there")
        return sheet

    def _readable(self, tab: Tab, table: Table) -> Table:
        if found := problems(tab, table):
            raise TabUnreadableError(tab.name, found, title=self._titles[tab])
        return table

    def _missing(self, wanted: Collection[Tab], words: str) -> GoogleUnavailableError:
        """Say which tab Google did not find; one title may be part of another."""
        named = [tab for tab in wanted if self._titles[tab] in words]
        return self._lacking(max(named or wanted, key=lambda tab: len(self._titles[tab])), "is not there")

    def _lacking(self, tab: Tab, what: str) -> GoogleUnavailableError:
        self._sheets = None
        self._debts.pop(tab, None)
        return GoogleUnavailableError(
            Cause.NO_SUCH_TAB,
            f'The tab "{self._titles[tab]}" {what}: undo that in the spreadsheet, or it is begun anew.',
        )


def _added_rows(tab: Tab, table: Table, patch: Patch) -> Mapping[Key, Sequence[int]]:
    return rows_by_key(tab, Table((*table.header, *patch.columns), patch.appended))


def _restless() -> GoogleUnavailableError:
    return GoogleUnavailableError(
        Cause.REFUSED, "The spreadsheet is rearranged by somebody again and again; it is tried again later."
    )

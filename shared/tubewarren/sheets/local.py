"""The local workbook: a folder with one CSV file per tab, which a person may edit at any time."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.folder import sole_writer, told_in_words
from tubewarren.sheets.patch import apply
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.tab_file import Snapshot, TabFile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import TABS, Tab
from tubewarren.sheets.workbook import EditT, Written

# How often a person may save between our reading and our writing before we leave it for the next time.
_REDOS = 5
_PATIENCE = Patience()
_NO_TITLES: Mapping[Tab, str] = MappingProxyType({})
# Another writer may have large tabs to write, on a slow disk.
_LONGEST_TURN = timedelta(seconds=15)


class LocalWorkbook:
    """A `Workbook` of CSV files; each process, and each thread, may have its own for the same folder.

    Args:
        folder: where the files are.
        titles: the files' names, by tab, where they are not those of the tabs.
        patience: with an editor that is saving.
        longest_turn: of another writer.
    """

    def __init__(
        self,
        folder: Path,
        *,
        titles: Mapping[Tab, str] = _NO_TITLES,
        patience: Patience = _PATIENCE,
        longest_turn: timedelta = _LONGEST_TURN,
    ) -> None:
        self._folder = folder
        self._turn = replace(patience, limit=longest_turn)
        self._files = {tab: TabFile(folder / f"{titles.get(tab, tab.name)}.csv", tab, patience) for tab in TABS}

    def read(self, tabs: Collection[Tab]) -> Mapping[Tab, Table]:
        """As in `Workbook`; works in a read-only folder too."""
        return {tab: self._files[tab].read().table for tab in tabs}

    def edit(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        """As in `Workbook`."""
        with sole_writer(self._folder, self._turn):
            plans = {tab: self._plan(tab, change) for tab, change in changes.items()}
            return {tab: self._write(tab, changes[tab], plan) for tab, plan in plans.items()}

    def create_missing(self, tabs: Collection[Tab] = TABS) -> tuple[Tab, ...]:
        """As in `Workbook`; makes the folder too."""
        if all(self._files[tab].is_there for tab in tabs):
            return ()
        with told_in_words(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        with sole_writer(self._folder, self._turn):
            return tuple(tab for tab in tabs if self._files[tab].create())

    def _plan(self, tab: Tab, change: Callable[[Table], EditT]) -> tuple[Snapshot, EditT]:
        snapshot = self._files[tab].read()
        return snapshot, change(snapshot.table)

    def _write(self, tab: Tab, change: Callable[[Table], EditT], plan: tuple[Snapshot, EditT]) -> Written[EditT]:
        for _ in range(_REDOS):
            snapshot, edit = plan
            table = apply(snapshot.table, edit.patch)
            if not edit.patch or self._files[tab].replace(snapshot, table):
                return Written(table, edit)
            plan = self._plan(tab, change)
        raise SheetUnavailableError(
            f'"{tab.name}" in {self._folder} is saved by somebody again and again; it is tried again later.'
        )

"""The vocabulary: the names that a sheet's owner uses for our tabs and our status words."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table
from tubewarren.sheets.tabs import STATUS, TABS, Tab
from tubewarren.sheets.workbook import EditT, Workbook, Written


def renamed(names: Mapping[str, str], ours: Sequence[str], what: str) -> tuple[str, ...]:
    """What all of ours are called.

    Raises:
        ValueError: a name that is not one of ours, an empty one, or one that would mean two things.
    """
    if strange := [name for name in names if name not in ours]:
        raise ValueError(f"{what}: there is no {strange[0]!r}; there are {', '.join(ours)}")
    theirs = tuple(names.get(name, name).strip() for name in ours)
    if not all(theirs):
        raise ValueError(f"{what}: {ours[theirs.index('')]!r} needs a name that is not empty")
    if doubled := [name for name in theirs if theirs.count(name) > 1]:
        raise ValueError(f"{what}: {doubled[0]!r} would mean two things")
    return theirs


class WordedWorkbook:
    """A `Workbook` whose Status cells are in the owner's words; whoever uses it sees ours.

    Args:
        workbook: the sheet as it is.
        words: the owner's word, by ours.
    """

    def __init__(self, workbook: Workbook, words: Mapping[str, str]) -> None:
        self._workbook = workbook
        self._theirs = dict(words)
        self._ours = {theirs.lower(): ours for ours, theirs in words.items()}

    def read(self, tabs: Collection[Tab]) -> Mapping[Tab, Table]:
        """As in `Workbook`."""
        return {tab: self._read(table) for tab, table in self._workbook.read(tabs).items()}

    def edit(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        """As in `Workbook`."""
        written = self._workbook.edit({tab: self._worded(change) for tab, change in changes.items()})
        return {tab: Written(self._read(after.table), after.edit.edit) for tab, after in written.items()}

    def create_missing(self, tabs: Collection[Tab] = TABS) -> tuple[Tab, ...]:
        """As in `Workbook`."""
        return self._workbook.create_missing(tabs)

    def _worded(self, change: Callable[[Table], EditT]) -> Callable[[Table], "_Worded[EditT]"]:
        def worded(table: Table) -> _Worded[EditT]:
            edit = change(self._read(table))
            return _Worded(edit, self._write(table.names, edit.patch))

        return worded

    def _read(self, table: Table) -> Table:
        if STATUS not in table.names:
            return table
        at = table.names.index(STATUS)
        return Table(table.header, tuple(_replaced(row, at, self._ours, row[at].strip().lower()) for row in table.rows))

    def _write(self, names: Row, patch: Patch) -> Patch:
        names = (*names, *patch.columns)
        if STATUS not in names:
            return patch
        at = names.index(STATUS)
        cells = {
            row: {column: self._theirs.get(text, text) if column == at else text for column, text in changed.items()}
            for row, changed in patch.cells.items()
        }
        appended = tuple(_replaced(row, at, self._theirs, row[at]) for row in patch.appended)
        return replace(patch, cells=cells, appended=appended)


@dataclass(frozen=True, slots=True)
class _Worded(Generic[EditT]):
    edit: EditT
    patch: Patch


def _replaced(row: Row, at: int, words: Mapping[str, str], word: str) -> Row:
    return (*row[:at], words[word], *row[at + 1 :]) if word in words else row

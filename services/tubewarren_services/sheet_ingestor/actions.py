"""What a person orders by a cell of a row, which shows afterwards that it was carried out.

An Action leaves its cell, and a row that was set back says `in-progress` until the status-writer says more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from tubewarren.messages.events import Taken
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key, rows_by_key
from tubewarren.sheets.set_back import set_back_rows
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import ACTION, PRIORITY, SOURCES, STATUS, StatusWord, Tab

ACTIONS: Final = (Taken.RETRY, Taken.CANCEL, Taken.EXPAND_AGAIN)
"""What a person can write there."""


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What is to be seen in the rows that ordered it.

    Attributes:
        actions: what stood in the cell, by ID of the source.
        set_back: the keys of the rows that were set back, by tab.
    """

    actions: Mapping[str, str] = field(default_factory=dict)
    set_back: Mapping[Tab, Collection[Key]] = field(default_factory=dict)

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Those in which there is something to show."""
        set_back = (tab for tab, keys in self.set_back.items() if keys)
        return tuple(dict.fromkeys((*((SOURCES,) if self.actions else ()), *set_back)))


@dataclass(frozen=True, slots=True)
class Cleared:
    """What to write into a tab."""

    patch: Patch


def action_of(text: str) -> Taken | None:
    """The order in a cell; None when there is none of that name. Case and blanks do not matter."""
    words = " ".join(text.split()).lower()
    return next((action for action in ACTIONS if action == words), None)


def prioritised(source_id: str, priority: int, table: Table) -> Cleared:
    """Show in the row of a source that it has another priority; a tab without that column stays without it."""
    first, *_ = rows_by_key(SOURCES, table).get((source_id,), (None,))
    if first is None or PRIORITY not in table.names:
        return Cleared(Patch())
    return Cleared(Patch(cells={first: {table.names.index(PRIORITY): str(priority)}}))


def cleared(tab: Tab, carried_out: CarriedOut, table: Table) -> Cleared:
    """Show it in the rows that still say what they said when it was carried out."""
    cells: dict[int, dict[int, str]] = {}
    rows = rows_by_key(tab, table)
    if tab is SOURCES and ACTION in table.names:
        at = table.names.index(ACTION)
        for source_id, words in carried_out.actions.items():
            first, *_ = rows.get((source_id,), (None,))
            if first is not None and table.rows[first][at] == words:
                cells.setdefault(first, {})[at] = ""
    if STATUS in table.names:
        at = table.names.index(STATUS)
        named = [position for key in carried_out.set_back.get(tab, ()) for position in rows.get(key, ())]
        for position in set_back_rows(table, named):
            cells.setdefault(position, {})[at] = StatusWord.IN_PROGRESS
    return Cleared(Patch(cells=cells))

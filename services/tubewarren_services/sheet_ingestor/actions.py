"""The column Action: orders that are carried out once, and then taken out of their cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tubewarren.messages.events import Taken
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import rows_by_key
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import ACTION, SOURCES

ACTIONS: Final = (Taken.RETRY, Taken.CANCEL, Taken.EXPAND_AGAIN)
"""What a person can write there."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What to write into Sources."""

    patch: Patch


def action_of(text: str) -> Taken | None:
    """The order in a cell; None when there is none of that name. Case and blanks do not matter."""
    words = " ".join(text.split()).lower()
    return next((action for action in ACTIONS if action == words), None)


def cleared(table: Table, carried_out: Mapping[str, str]) -> Cleared:
    """Take those orders out of their cells that still stand there, word for word as they were carried out."""
    if ACTION not in table.names:
        return Cleared(Patch())
    at = table.names.index(ACTION)
    cells = {}
    for (source_id,), (first, *_) in rows_by_key(SOURCES, table).items():
        if source_id in carried_out and table.rows[first][at] == carried_out[source_id]:
            cells[first] = {at: ""}
    return Cleared(Patch(cells=cells))

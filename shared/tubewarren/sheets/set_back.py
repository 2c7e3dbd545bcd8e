"""Set back: how a person says that a row which ended is to be worked on once more."""

from collections.abc import Mapping, Sequence

from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import CLAIMED_BY, STATUS, StatusWord


def is_set_back(record: Mapping[str, str]) -> bool:
    """Whether a person wrote `pending` into this row.

    A row that waits shows no claim: when it was we who wrote `pending`, we took the claim out. So an older state of a
    row that an editor saves is not taken for a wish either.
    """
    return record.get(STATUS, "").strip().lower() == StatusWord.PENDING and bool(record.get(CLAIMED_BY, "").strip())


def set_back_rows(table: Table, positions: Sequence[int]) -> frozenset[int]:
    """Those of these rows that a person has set back."""
    places = [(name, table.names.index(name)) for name in (STATUS, CLAIMED_BY) if name in table.names]
    return frozenset(at for at in positions if is_set_back({name: table.rows[at][place] for name, place in places}))

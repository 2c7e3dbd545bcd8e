"""The rows of the list, as a person wrote them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tubewarren.sheets.set_back import is_set_back
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import (
    ACTION,
    LAST_ERROR,
    PAUSE,
    PRESET,
    PRIORITY,
    REFRESH,
    SOURCES,
    STATUS,
    StatusWord,
)
from tubewarren.youtube.addresses import canonical_url

_URL, _ID = "URL", "ID"
_OURS = frozenset({*SOURCES.system, *SOURCES.key, _URL, PRIORITY, PRESET, REFRESH, PAUSE, ACTION})


@dataclass(frozen=True, slots=True)
class Wording:
    """What a row says of its source, as it is compared.

    Attributes:
        columns: the details, and columns of the person's own.
    """

    url: str
    columns: Mapping[str, str] = field(default_factory=dict)
    priority: str = ""
    preset: str = ""
    refresh: str = ""


Typed = tuple[Wording, str, str]
"""All that a person writes into a row: of its source, into Pause and into Action."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row with an ID and an address; of several with one ID the first.

    Attributes:
        action: as it stands in the cell, blanks and all.
        twin: the ID of the first row with the same source: its own, when there is no other before it.
        waits: nobody has begun with it, as far as its Status says.
        is_set_back: a person wants it worked on once more.
    """

    source_id: str
    wording: Wording
    twin: str
    pause: str = ""
    action: str = ""
    waits: bool = False
    is_set_back: bool = False
    has_failed: bool = False
    last_error: str = ""

    @property
    def typed(self) -> Typed:
        """All that a person writes here."""
        return self.wording, self.pause, self.action


def read_rows(table: Table, canonical: Callable[[str], str] = canonical_url) -> tuple[ListRow, ...]:
    """The rows in the order of the list.

    Args:
        table: the tab Sources.
        canonical: the one spelling of an address.
    """
    rows: dict[str, ListRow] = {}
    first_with: dict[str, str] = {}
    for record in table.records():
        source_id, url = _cell(record, _ID), _cell(record, _URL)
        if source_id and url and source_id not in rows:
            rows[source_id] = _row(record, source_id, url, first_with.setdefault(canonical(url), source_id))
    return tuple(rows.values())


def _row(record: Mapping[str, str], source_id: str, url: str, twin: str) -> ListRow:
    columns = {name: text for name, text in record.items() if name not in _OURS and text}
    status, set_back = _cell(record, STATUS).lower(), is_set_back(record)
    return ListRow(
        source_id,
        Wording(url, columns, _cell(record, PRIORITY), _cell(record, PRESET), _cell(record, REFRESH)),
        twin,
        pause=_cell(record, PAUSE),
        action=record.get(ACTION, ""),
        waits=status in {"", StatusWord.PENDING} and not set_back,
        is_set_back=set_back,
        has_failed=status == StatusWord.ERROR,
        last_error=_cell(record, LAST_ERROR),
    )


def _cell(record: Mapping[str, str], name: str) -> str:
    return record.get(name, "").strip()

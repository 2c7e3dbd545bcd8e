"""Intake: what comes onto the list by other ways than a person's typing, and a number for every row."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tubewarren.sheets.ids import assign_ids
from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.table import Row, Table
from tubewarren.sheets.tabs import STATUS, StatusWord
from tubewarren.youtube.addresses import canonical_url

_URL, _ID = "URL", "ID"


@dataclass(frozen=True, slots=True)
class Wish:
    """A source to be put on the list.

    Attributes:
        columns: human columns by header.
    """

    url: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What to write into Sources, and every id that was given."""

    patch: Patch
    ids: tuple[str, ...]


def take_in(table: Table, wishes: Sequence[Wish], taken: Collection[str] = ()) -> TakenIn:
    """Add the wishes that are not on the list yet, and give every row with a URL and no ID the next free number.

    `taken` are ids that may not be given although no row has them, as in `sheets.ids.assign_ids`.

    Raises:
        TabUnreadableError: a person has to mend the tab first.
    """
    missing = tuple(_not_listed(table, wishes))
    added = Patch(appended=tuple(_row(table, wish) for wish in missing))
    assigned = assign_ids(apply(table, added), taken)
    height = len(table.rows)
    appended = [list(row) for row in added.appended]
    for at, given in assigned.patch.cells.items():
        for column, text in given.items():
            if at >= height:
                appended[at - height][column] = text
    cells = {at: given for at, given in assigned.patch.cells.items() if at < height}
    return TakenIn(Patch(cells=cells, appended=tuple(tuple(row) for row in appended)), assigned.ids)


def told_of_doubled_ids(table: Table) -> str:
    """What a person should know of ids that stand in several rows; empty when there are none."""
    counted = Counter(record.get(_ID, "").strip() for record in table.records())
    doubled = ", ".join(source_id for source_id, times in counted.items() if source_id and times > 1)
    if not doubled:
        return ""
    return f"More than one row has the ID {doubled}: only the first is worked on. Clear the ID of a new source."


def _not_listed(table: Table, wishes: Sequence[Wish]) -> Iterator[Wish]:
    if not wishes:
        return
    listed = {canonical_url(record.get(_URL, "")) for record in table.records()}
    for wish in wishes:
        spelling = canonical_url(wish.url)
        if spelling not in listed:
            listed.add(spelling)
            yield wish


def _row(table: Table, wish: Wish) -> Row:
    """A row for a wish; columns that the tab does not have any more are not brought back."""
    cells = {**wish.columns, _URL: wish.url, STATUS: StatusWord.PENDING}
    return tuple(cells.get(name, "") for name in table.names)

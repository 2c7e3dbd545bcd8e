"""What the list asks for: pure decisions over the rows of the tab Sources."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from tubewarren.failures import Failure, FailureKind
from tubewarren.sheets.ids import assign_ids
from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.table import Row, Table
from tubewarren.sheets.tabs import PRIORITY, SOURCES, StatusWord
from tubewarren.youtube.addresses import canonical_url
from tubewarren.youtube.errors import AddressRefusedError

_DEFAULT_PRIORITY = 5
_PRIORITIES = range(1, 11)
_URL, _ID, _STATUS = "URL", "ID", "Status"

CheckAddress = Callable[[str], str]
"""Cleans an address, or raises AddressRefusedError."""


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


@dataclass(frozen=True, slots=True)
class Accept:
    """A row whose source is to be expanded."""

    source_id: str
    url: str
    columns: Mapping[str, str]
    priority: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """A row that cannot be worked on, with the reason."""

    source_id: str
    url: str
    failure: Failure


Decision = Accept | Refuse


@dataclass(frozen=True, slots=True)
class Memory:
    """The rows that were decided on, by id, with the address that they had then.

    A source that was accepted is not ordered again while this process lives; the sheet's Status remembers it beyond.
    """

    accepted: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def with_decisions(self, decisions: Iterable[Decision]) -> Self:
        """The memory after these."""
        made = tuple(decisions)
        accepted = {each.source_id: each.url for each in made if isinstance(each, Accept)}
        refused = {each.source_id: each.url for each in made if isinstance(each, Refuse)}
        return replace(self, accepted={**self.accepted, **accepted}, refused={**self.refused, **refused})


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
    counted = Counter(_cell(record, _ID) for record in table.records())
    doubled = ", ".join(source_id for source_id, times in counted.items() if source_id and times > 1)
    if not doubled:
        return ""
    return f"More than one row has the ID {doubled}: only the first is worked on. Clear the ID of a new source."


def decide(table: Table, memory: Memory, check_address: CheckAddress) -> tuple[Decision, ...]:
    """Decide on every row that waits and that was not decided on before; the order is that of the list."""
    decisions = []
    ids_seen: set[str] = set()
    first_with: dict[str, str] = {}
    for record in table.records():
        source_id, url = _cell(record, _ID), _cell(record, _URL)
        if not source_id or not url or source_id in ids_seen:
            continue
        ids_seen.add(source_id)
        twin = first_with.setdefault(canonical_url(url), source_id)
        if _waits(record, source_id, url, memory):
            decisions.append(_decide(record, source_id, url, twin, check_address))
    return tuple(decisions)


def _waits(record: Mapping[str, str], source_id: str, url: str, memory: Memory) -> bool:
    if source_id in memory.accepted:
        return False
    if source_id in memory.refused:
        # A person who corrects the address of a refused row wants it tried again.
        return memory.refused[source_id] != url
    return _cell(record, _STATUS).lower() in {"", StatusWord.PENDING}


def _decide(record: Mapping[str, str], source_id: str, url: str, twin: str, check_address: CheckAddress) -> Decision:
    if twin != source_id:
        return _refuse(source_id, url, f"The same source as the row with ID {twin}: remove one of the two.")
    priority = _priority(record)
    if priority is None:
        return _refuse(source_id, url, f"Priority is {record.get(PRIORITY)!r}: write a number from 1 (first) to 10.")
    try:
        address = check_address(url)
    except AddressRefusedError as error:
        return Refuse(source_id, url, error.failure)
    return Accept(source_id, address, _columns(record), priority)


def _refuse(source_id: str, url: str, reason: str) -> Refuse:
    return Refuse(source_id, url, Failure(kind=FailureKind.BAD_INPUT, reason=reason))


def _priority(record: Mapping[str, str]) -> int | None:
    text = _cell(record, PRIORITY)
    if not text:
        return _DEFAULT_PRIORITY
    return int(text) if text.isascii() and text.isdigit() and int(text) in _PRIORITIES else None


def _cell(record: Mapping[str, str], name: str) -> str:
    return record.get(name, "").strip()


def _columns(record: Mapping[str, str]) -> dict[str, str]:
    """What the person says of the source, columns of their own included."""
    ours = {*SOURCES.system, *SOURCES.key, _URL, PRIORITY}
    return {name: text for name, text in record.items() if name not in ours and text}


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
    cells = {**wish.columns, _URL: wish.url, _STATUS: StatusWord.PENDING}
    return tuple(cells.get(name, "") for name in table.names)

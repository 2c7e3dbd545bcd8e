"""Bring a tab's system columns to the wanted state, whatever people did to its rows since the last time.

Rows are found by key in the table as it is now, never by a remembered number. What is wanted is absolute, so a
repeat changes nothing. Only system columns are written; key and human columns are filled once, in a row of our
own. A row that was there before and is gone was deleted by a person, and stays deleted.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table, missing_names
from tubewarren.sheets.tabs import LAST_ERROR, SOURCES, Tab, ensure_readable

Key = tuple[str, ...]
"""The cells of a tab's key columns; blanks around them do not count."""

LONGEST_CELL = 50_000
"""Characters; what a cell of a Google Sheet holds at most."""


@dataclass(frozen=True, slots=True)
class WantedRow:
    """What one row shall show.

    Attributes:
        values: text by system column; columns that are not named are left as they are.
        seed: text by human column, written only if the row has to be added.
        placed: the row stood in the tab before, so if it is gone, a person deleted it.
    """

    values: Mapping[str, str]
    seed: Mapping[str, str] = field(default_factory=dict)
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What to write, and what became of the wanted rows, by the keys as they were given.

    Attributes:
        placed: have a row now.
        deleted: had one, and a person deleted it.
        doubled: have several rows; the first shows the state, the others say in LastError that they are too many.
    """

    patch: Patch
    placed: frozenset[Key] = frozenset()
    deleted: frozenset[Key] = frozenset()
    doubled: frozenset[Key] = frozenset()


def reconcile(tab: Tab, table: Table, wanted: Mapping[Key, WantedRow], remove: Collection[Key] = ()) -> Reconciled:
    """Compare the table with what is wanted.

    Args:
        tab: which tab it is.
        table: its content, read just now.
        wanted: the state of the rows that matter to this flush; rows that are not named stay as they are.
        remove: rows to take out, with all that is in them, and never an error when they are gone already.

    Raises:
        TabUnreadableError: a person has to mend the tab first.
        ValueError: a wanted row names a column that is not the system's (or a seed one that is), a key has an
            empty part or too few, or is to be kept and removed at once.
    """
    ensure_readable(tab, table)
    _ensure_sensible(tab, wanted, remove)
    rows = rows_by_key(tab, table)
    found = {key: rows[spelled(key)] for key in wanted if spelled(key) in rows}
    deleted = frozenset(key for key, row in wanted.items() if row.placed and key not in found)
    new = {spelled(key): row for key, row in wanted.items() if key not in found and not row.placed}
    doubled = frozenset(key for key, positions in found.items() if len(positions) > 1)
    updates = dict(_updates(tab, wanted, found))

    columns = missing_names(table, _columns_written(tab, updates.values(), new.values()))
    place = {name: position for position, name in enumerate((*table.names, *columns)) if name}
    width = len(table.header) + len(columns)
    patch = Patch(
        columns=columns,
        cells=_differences(table, updates, place),
        removed=frozenset(position for key in remove for position in rows.get(spelled(key), ())),
        appended=tuple(_new_row(tab, key, row, place, width) for key, row in new.items()),
    )
    return Reconciled(patch, placed=frozenset(wanted) - deleted, deleted=deleted, doubled=doubled)


def rows_by_key(tab: Tab, table: Table) -> dict[Key, list[int]]:
    """The positions of the rows of each key, in the table's order; rows with an empty part in it have none."""
    names = table.names
    places = [names.index(name) for name in tab.key]
    rows: dict[Key, list[int]] = {}
    for position, row in enumerate(table.rows):
        key = tuple([row[place].strip() for place in places])
        if all(key):
            rows.setdefault(key, []).append(position)
    return rows


def spelled(key: Key) -> Key:
    """The key as it is written and compared."""
    return tuple(_cell(part).strip() for part in key)


def _ensure_sensible(tab: Tab, wanted: Mapping[Key, WantedRow], remove: Collection[Key]) -> None:
    system, kept = frozenset(tab.system), {spelled(key) for key in wanted}
    for key, row in wanted.items():
        if strange := row.values.keys() - system:
            raise ValueError(f'Not the system\'s columns in "{tab.name}": {sorted(strange)} (row {key}).')
        if strange := row.seed.keys() & (system | set(tab.key)):
            raise ValueError(f'Not the human\'s columns in "{tab.name}": {sorted(strange)} (row {key}).')
    for key in (*wanted, *remove):
        if len(key) != len(tab.key) or not all(spelled(key)):
            raise ValueError(f'A row of "{tab.name}" is known by its {" and ".join(tab.key)}, not by {key}.')
    if torn := kept & {spelled(key) for key in remove}:
        raise ValueError(f'Rows of "{tab.name}" to be kept and removed at once: {sorted(torn)}.')


def _updates(
    tab: Tab, wanted: Mapping[Key, WantedRow], found: Mapping[Key, list[int]]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    for key, (first, *others) in found.items():
        yield first, wanted[key].values
        if LAST_ERROR in tab.system:
            yield from ((other, {LAST_ERROR: _too_many(tab, key)}) for other in others)


def _too_many(tab: Tab, key: Key) -> str:
    # No row number: the next sort would make it wrong.
    names = " and ".join(f"{name} {part}" for name, part in zip(tab.key, spelled(key), strict=True))
    or_else = ", or clear the ID here if this is a new source" if tab == SOURCES else ""
    return f"A row further up has the same {names}: remove one of the two{or_else}."


def _columns_written(tab: Tab, updates: Iterable[Mapping[str, str]], new: Collection[WantedRow]) -> tuple[str, ...]:
    """Every column that this flush needs, ours first in the order of a new tab."""
    needed = {name: None for values in updates for name in values}
    needed |= {name: None for row in new for name in row.values}
    # An empty seed is no reason to bring back a column that a person does not want.
    needed |= {name.strip(): None for row in new for name, text in row.seed.items() if name.strip() and text}
    return (*(name for name in tab.columns if name in needed), *(name for name in needed if name not in tab.columns))


def _differences(
    table: Table, updates: Mapping[int, Mapping[str, str]], place: Mapping[str, int]
) -> dict[int, dict[int, str]]:
    differences = {}
    for position, values in updates.items():
        row = table.rows[position]
        wanted = {place[name]: _cell(text) for name, text in values.items()}
        changed = {at: text for at, text in wanted.items() if text != (row[at] if at < len(row) else "")}
        if changed:
            differences[position] = changed
    return differences


def _new_row(tab: Tab, key: Key, row: WantedRow, place: Mapping[str, int], width: int) -> Row:
    cells = [""] * width
    seed = {name.strip(): text for name, text in row.seed.items()}
    for name, text in {**seed, **row.values, **dict(zip(tab.key, key, strict=True))}.items():
        if name in place:
            cells[place[name]] = _cell(text)
    return tuple(cells)


def _cell(text: str) -> str:
    """The text as a sheet can hold it and give back unchanged: whole characters, and not too many."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"

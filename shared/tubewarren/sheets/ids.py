"""Give every source of the list an id, so that no two rows are ever taken for one another."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, ensure_readable

# Longer runs of digits are somebody's own numbering, not a count to go on from.
_LONGEST_COUNT = 15


@dataclass(frozen=True, slots=True)
class AssignedIds:
    """What to write, and the ids given, from the first row to the last."""

    patch: Patch
    ids: tuple[str, ...]


def assign_ids(table: Table, taken: Collection[str] = ()) -> AssignedIds:
    """Give each row of Sources that has a URL and no ID the next free number.

    Args:
        table: the tab Sources, read just now.
        taken: ids that may not be given again although no row has them, such as those of deleted sources: their
            history would become that of the new one.

    Raises:
        TabUnreadableError: a person has to mend the tab first.
    """
    ensure_readable(SOURCES, table)
    id_at, url_at = table.names.index("ID"), table.names.index("URL")
    fresh = _free_ids({*taken, *(row[id_at] for row in table.rows)})
    nameless = (at for at, row in enumerate(table.rows) if row[url_at].strip() and not row[id_at].strip())
    given = {at: next(fresh) for at in nameless}
    return AssignedIds(Patch(cells={at: {id_at: id_} for at, id_ in given.items()}), ids=tuple(given.values()))


def _free_ids(used: Collection[str]) -> Iterator[str]:
    counts = (int(text) for id_ in used if _is_count(text := id_.strip()))
    return map(str, count(max(counts, default=0) + 1))


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT

"""Which line and column of a tab is which, after a person sorted, inserted, deleted, moved or renamed in it.

Lines are the header and the rows alike: a person can push the header down, too. Nothing tells them apart but what is
written in them, so the cells that we have just written, rightly or not, are left out of the comparison.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tubewarren.sheets.table import Row

Lines = Sequence[Row]
Marks = Mapping[int, Collection[int]]
"""Columns by line."""

# So many take a second; more differ only after a person has replaced most of a large tab.
_MOST_COMPARISONS = 200_000


@dataclass(frozen=True, slots=True)
class Alignment:
    """What stands where now.

    Attributes:
        columns: the old column by the new one; new ones that were not there before are missing.
        lines: the old line by the new one, likewise.
    """

    columns: Mapping[int, int]
    lines: Mapping[int, int]


def align(
    old: Lines,
    new: Lines,
    *,
    key: Collection[str],
    removed: Collection[int],
    lines: Sequence[int],
    expected: Mapping[int, int],
    written: Marks,
) -> Alignment:
    """Find the old lines and columns among the new ones.

    Args:
        old: the first line is the header.
        new: the header may be elsewhere.
        key: the names of the columns that tell rows apart.
        removed: the old lines that we took out, or others instead of them.
        lines: the new lines to look at.
        expected: the old line by the new one, were it not for people.
        written: the cells of `new` that say nothing, as they were written since.
    """
    columns = _aligned_columns(old, new, written, removed)
    matching = _Matching(old, new, columns, expected, written)
    names = [name.strip() for name in old[0]]
    matching.take_those_alike([line for line in lines if not written.get(line)])
    matching.take_by_key([names.index(name) for name in key if name in names], lines)
    matching.take_those_alike(lines)
    matching.take_similar(lines)
    matching.take_those_in_place(lines)
    return Alignment(columns, matching.found)


def _aligned_columns(old: Lines, new: Lines, written: Marks, removed: Collection[int]) -> dict[int, int]:
    names_before = [name.strip() for name in old[0]]
    names_now = [name.strip() for name in new[0]] if new else []
    places: dict[str, list[int]] = {}
    for column, name in enumerate(names_before):
        if name:
            places.setdefault(name, []).append(column)
    found: dict[int, int] = {}
    for column, name in enumerate(names_now):
        if at := places.get(name):
            found[column] = at.pop(0)
    left_now = [column for column in range(len(names_now)) if column not in found]
    taken = set(found.values())
    left_before = [column for column in range(len(names_before)) if column not in taken]
    stayed = [line for at, line in enumerate(old) if at and at not in removed]
    return found | _by_content(stayed, new, left_before, left_now, written)


def _by_content(old: Lines, new: Lines, before: Sequence[int], now: Sequence[int], written: Marks) -> dict[int, int]:
    """Columns that were renamed or have no name, or all if the header is elsewhere, by what is in their rows."""
    found: dict[int, int] = {}
    if before and now:
        contents = {at: Counter(line[at] for line in old if line[at]) for at in before}
        candidates = []
        for column in now:
            unseen = {line for line, columns in written.items() if column in columns}
            seen = (row[column] for line, row in enumerate(new) if line and line not in unseen)
            cells = Counter(text for text in seen if text)
            for at, content in contents.items():
                equal = (cells & content).total()
                # What we wrote over may have been anything.
                odd = max(0, content.total() - equal - len(unseen)) + (cells - content).total()
                if equal or not odd:
                    candidates.append((-equal, odd, abs(at - column), at, column))
        for _, _, _, at, column in sorted(candidates):
            if column not in found and at not in found.values():
                found[column] = at
    left_now = [column for column in now if column not in found]
    left_before = [column for column in before if column not in found.values()]
    if len(left_now) == len(left_before):
        found |= zip(left_now, left_before, strict=True)
    return found


class _Matching:
    """Lines found so far; each old line is found once."""

    def __init__(
        self, old: Lines, new: Lines, columns: Mapping[int, int], expected: Mapping[int, int], written: Marks
    ) -> None:
        self._old, self._new, self._expected, self._written = old, new, expected, written
        self._pairs = sorted((before, now) for now, before in columns.items())
        self.found: dict[int, int] = {}
        self._taken: set[int] = set()

    def take_those_alike(self, lines: Sequence[int]) -> None:
        """Take lines that have the same in every cell that counts, those at their old place first."""
        for line in self._lost(lines):
            old = self._expected.get(line)
            if old is not None and old not in self._taken and self._compared(old, line)[1] == 0:
                self._take(line, old)
        indexes: dict[frozenset[int], dict[Row, list[int]]] = {}
        for line in self._lost(lines):
            blind, row = self._blind(line), self._new[line]
            pairs = [(before, now) for before, now in self._pairs if now not in blind]
            if blind not in indexes:
                indexes[blind] = self._index([before for before, _ in pairs])
            self._take_first(line, indexes[blind].get(tuple([row[now].strip() for _, now in pairs]), []))

    def take_by_key(self, key: Sequence[int], lines: Sequence[int]) -> None:
        """Take lines by their key, if it can be seen; of several with the same the most similar."""
        now_by_before = dict(self._pairs)
        if not key or any(column not in now_by_before for column in key):
            return
        places = [now_by_before[column] for column in key]
        index = self._index(key)
        for line in self._lost(lines):
            parts = tuple([self._new[line][place].strip() for place in places])
            if all(parts) and not self._blind(line).intersection(places):
                candidates = index.get(parts, [])
                candidates.sort(key=lambda old, line=line: self._difference(old, line), reverse=True)  # type: ignore[misc] # mypy cannot infer a lambda's default
                self._take_first(line, candidates)

    def take_similar(self, lines: Sequence[int]) -> None:
        """Take the most similar first: a person has changed a cell as well."""
        free, lost = [line for line in range(len(self._old)) if line not in self._taken], self._lost(lines)
        if len(free) * len(lost) > _MOST_COMPARISONS:
            return
        scores = [
            (differing - equal, old, line)
            for line in lost
            for old in free
            for equal, differing in (self._compared(old, line),)
            if equal and equal >= differing
        ]
        for _, old, line in sorted(scores):
            if line not in self.found and old not in self._taken:
                self._take(line, old)

    def take_those_in_place(self, lines: Sequence[int]) -> None:
        """Take what stands where it should, between the right neighbours, however it looks."""
        for line in self._lost(lines):
            old = self._expected.get(line)
            if old is None or old in self._taken or not self._shows_anything(line):
                continue
            if self._is_in_place(line - 1) and self._is_in_place(line + 1):
                self._take(line, old)

    def _shows_anything(self, line: int) -> bool:
        """Whether there is more in it than we have just put there."""
        blind = self._blind(line)
        return any(text for column, text in enumerate(self._new[line]) if column not in blind)

    def _is_in_place(self, line: int) -> bool:
        return line not in self._expected or self.found.get(line) == self._expected[line]

    def _index(self, columns: Sequence[int]) -> dict[Row, list[int]]:
        """The lines that are still free by these cells, each list from the last to the first."""
        index: dict[Row, list[int]] = {}
        for line in range(len(self._old) - 1, -1, -1):
            if line not in self._taken:
                row = self._old[line]
                index.setdefault(tuple([row[column].strip() for column in columns]), []).append(line)
        return index

    def _take(self, line: int, old: int) -> None:
        self.found[line] = old
        self._taken.add(old)

    def _take_first(self, line: int, candidates: list[int]) -> None:
        while candidates:
            old = candidates.pop()
            if old not in self._taken:
                self._take(line, old)
                return

    def _lost(self, lines: Sequence[int]) -> list[int]:
        return [line for line in lines if line not in self.found]

    def _blind(self, line: int) -> frozenset[int]:
        return frozenset(self._written.get(line, ()))

    def _difference(self, old: int, line: int) -> int:
        equal, differing = self._compared(old, line)
        return differing - equal

    def _compared(self, old: int, line: int) -> tuple[int, int]:
        """How many cells that are not blank are the same, and how many differ."""
        blind, before, now = self._blind(line), self._old[old], self._new[line]
        pairs = [(before[b], now[n]) for b, n in self._pairs if n not in blind and (before[b] or now[n])]
        equal = sum(one == other for one, other in pairs)
        return equal, len(pairs) - equal

"""Put right what a write by position hit by mistake, because a person was quicker.

Google writes to positions; those of a table as it was read are wrong if a person sorts, inserts, deletes or moves
before the write arrives, about a second later. What the write did is known all the same: the tab right after it shows
who is where now, and the table as it was read shows what each had. So nothing of a person's is lost: a cell that was
hit gets back what it had, and a row that was deleted instead of another comes back, at the end.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tubewarren.sheets.google.alignment import Alignment, align
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Row, Table, is_blank
from tubewarren.sheets.tabs import Tab

Cell = tuple[int, int]
"""A line, the header being the first, and a column."""


def repair(tab: Tab, before: Table, patch: Patch, after: Table, *, insist: bool = False) -> Patch:
    """What puts right, in `after`, the mistakes of a write; empty when there are none.

    Args:
        tab: which tab it is; its key tells rows apart.
        before: the table that the patch was made for.
        patch: what was written.
        after: the tab since; best right after the write, so that nothing else happened in between.
        insist: also write what did not arrive where it was meant to. Needed when the patch is itself a repair; any
            other is asked for anew.
    """
    return _Aftermath(tab, before, patch, after).repair(insist=insist)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a cell was written for: the line and column of the table before, with the added columns."""

    line: int
    column: int
    text: str


class _Aftermath:
    def __init__(self, tab: Tab, before: Table, patch: Patch, after: Table) -> None:
        added = ("",) * len(patch.columns)
        self._before = [before.header + patch.columns, *(row + added for row in before.rows)]
        self._patch = patch
        self._after = [after.header, *after.rows]
        self._added = _found_again(patch.appended, self._after)
        self._written = dict(self._landed())
        self._now = self._aligned(tab)
        self._unchanged_names = self._columns_with_their_names()

    def repair(self, *, insist: bool) -> Patch:
        cells = {at: text for at, text in self._restored() if self._text(at) != text}
        cells |= {at: text for at, text in self._rewritten_appended() if self._text(at) != text}
        if insist:
            cells |= {at: text for at, text in self._missed() if self._text(at) != text and at not in cells}
        by_row: dict[int, dict[int, str]] = {}
        for (line, column), text in cells.items():
            if line:  # the first line is none of the rows, and we write none of its cells but those of new columns
                by_row.setdefault(line - 1, {})[column] = text
        return Patch(cells=by_row, appended=tuple(self._row_again(line) for line in self._deleted_by_mistake()))

    def _landed(self) -> Iterator[tuple[Cell, _Meant]]:
        """Where the cells are that we wrote, by the rules of Google alone; without those that have gone on since."""
        removed = sorted(self._patch.removed)
        for row, written in self._patch.cells.items():
            if row in self._patch.removed:
                continue
            line = row + 1 - bisect_left(removed, row)
            for column, text in written.items():
                if line < len(self._after) and self._text((line, column)) == text:
                    yield (line, column), _Meant(row + 1, column, text)

    def _aligned(self, tab: Tab) -> Alignment:
        removed = self._patch.removed
        stayed = [line for line in range(len(self._before)) if line - 1 not in removed]
        lines = [line for line in range(len(self._after)) if line not in self._added]
        written: dict[int, set[int]] = {}
        for line, column in self._written:
            written.setdefault(line, set()).add(column)
        expected = dict(zip(lines, stayed, strict=False))
        return align(
            self._before,
            self._after,
            key=tab.key,
            removed={row + 1 for row in removed},
            lines=lines,
            expected=expected,
            written=written,
        )

    def _columns_with_their_names(self) -> frozenset[int]:
        headers = [self._after[line] for line, old in self._now.lines.items() if old == 0] or self._after[:1]
        return frozenset(
            column
            for column, source in self._now.columns.items()
            if any(header[column].strip() == self._before[0][source].strip() for header in headers)
        )

    def _restored(self) -> Iterator[tuple[Cell, str]]:
        for (line, column), meant in self._written.items():
            owner, source = self._now.lines.get(line), self._now.columns.get(column)
            if owner == meant.line and source == meant.column and self._has_its_name(column):
                continue
            # A row or column that was not there before was blank when it was inserted.
            yield (line, column), "" if owner is None or source is None else self._wanted(owner, source, column)

    def _wanted(self, owner: int, source: int, column: int) -> str:
        """What the row had in this column, or was to get."""
        if owner and self._has_its_name(column):
            meant = self._patch.cells.get(owner - 1, {})
            if source in meant:
                return meant[source]
        return self._before[owner][source]

    def _rewritten_appended(self) -> Iterator[tuple[Cell, str]]:
        """Cells of our own new rows that are under a wrong name."""
        for line, row in self._added.items():
            for column in range(len(self._after[line])):
                source = self._now.columns.get(column)
                yield (line, column), row[source] if source is not None and self._has_its_name(column) else ""

    def _missed(self) -> Iterator[tuple[Cell, str]]:
        line_of = {old: line for line, old in self._now.lines.items()}
        column_of = {old: column for column, old in self._now.columns.items()}
        for row, written in self._patch.cells.items():
            for source, text in written.items():
                line, column = line_of.get(row + 1), column_of.get(source)
                if line is not None and column is not None and self._has_its_name(column):
                    yield (line, column), text

    def _deleted_by_mistake(self) -> Sequence[int]:
        """The rows to bring back.

        Each deletion took one row. If that was not ours, ours is still there, or a person has deleted it first. Then
        it cannot be told from the table which of the rows that are gone was theirs and which took its place; one row
        too many is the lesser evil.
        """
        there, ours = frozenset(self._now.lines.values()), {row + 1 for row in self._patch.removed}
        gone = [
            line
            for line, row in enumerate(self._before)
            if line and line not in there and line not in ours and not is_blank(row)
        ]
        back: set[int] = set()
        for (above, below), size in self._gaps().items():
            back.update([line for line in gone if above < line < below][-size:])
        others = [line for line in gone if line not in back]
        return sorted(back.union(others[: max(0, len(ours & there) - len(back))]))

    def _gaps(self) -> Counter[tuple[int, int]]:
        """Where we deleted how many: between which lines of the table before. Says little after a sort."""
        lines, beyond = self._now.lines, len(self._before)
        places = (row + 1 - number for number, row in enumerate(sorted(self._patch.removed)))
        return Counter((lines.get(line - 1, 0), lines.get(line, beyond)) for line in places)

    def _row_again(self, line: int) -> Row:
        width, columns = len(self._after[0]), self._now.columns
        return tuple(self._before[line][columns[at]] if at in columns else "" for at in range(width))

    def _has_its_name(self, column: int) -> bool:
        """Whether the column is still called as before; a person who renames it makes it theirs."""
        return column in self._unchanged_names

    def _text(self, at: Cell) -> str:
        line, column = at
        row = self._after[line]
        return row[column] if column < len(row) else ""


def _found_again(appended: Collection[Row], lines: Sequence[Row]) -> Mapping[int, Row]:
    """Our new rows where they are now, as they were written, cell by cell; the last of those alike."""
    by_content: dict[Row, list[int]] = {}
    for line, row in enumerate(lines):
        by_content.setdefault(_without_end(row), []).append(line)
    found: dict[int, Row] = {}
    for row in reversed([*appended]):
        if any(row) and (places := by_content.get(_without_end(row))):
            found[places.pop()] = row
    return found


def _without_end(row: Row) -> Row:
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return row[:end]

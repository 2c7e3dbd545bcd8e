"""Nothing that a person wrote is ever lost or mixed up, whatever they do between our reading and our writing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from tubewarren.sheets.google.grid import Request, as_read, evened, requests_for
from tubewarren.sheets.google.repair import repair
from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.table import Row, Table
from tubewarren.sheets.tabs import SOURCES

HEADER = ("ID", "URL", "Status", "Name", "", "Progress", "Mine")
BLANK, NEW = 900, 1000
SYSTEM = {HEADER.index("Status"), HEADER.index("Progress")}


@dataclass(slots=True)
class Line:
    """A line that keeps its number through everything that is done to the sheet."""

    number: int
    cells: dict[int, str]


@dataclass(slots=True)
class Sheet:
    """A sheet as people see it: lines and columns with an identity of their own, and positions that change."""

    lines: list[Line]
    columns: list[int]
    numbers: Iterator[int] = field(default_factory=lambda: count(NEW))

    @classmethod
    def of(cls, table: Table) -> "Sheet":
        grid = [table.header, *table.rows]
        lines = [Line(at, dict(enumerate(row))) for at, row in enumerate(grid)]
        # A grid is larger than what is in it.
        return cls([*lines, *(Line(BLANK + at, {}) for at in range(3))], [*range(len(table.header)), BLANK, BLANK + 1])

    def table(self) -> Table:
        return as_read(Table.of([[line.cells.get(at, "") for at in self.columns] for line in self.lines]))

    def insert_row(self, at: int, cells: dict[int, str] | None = None) -> None:
        self.lines.insert(at, Line(next(self.numbers), cells or {}))

    def insert_column(self, at: int) -> None:
        self.columns.insert(at, next(self.numbers))

    def perform(self, requests: list[Request]) -> None:
        for request in requests:
            ((kind, body),) = request.items()
            getattr(self, f"_{kind}")(body)

    def _updateCells(self, body: Request) -> None:  # noqa: N802 - Google's name
        top, left = body["start"]["rowIndex"], body["start"]["columnIndex"]
        for line, row in enumerate(body["rows"], start=top):
            for column, value in enumerate(row["values"], start=left):
                self.lines[line].cells[self.columns[column]] = _text(value)

    def _deleteDimension(self, body: Request) -> None:  # noqa: N802 - as above
        del self.lines[body["range"]["startIndex"] : body["range"]["endIndex"]]

    def _insertDimension(self, body: Request) -> None:  # noqa: N802 - as above
        for _ in range(body["range"]["endIndex"] - body["range"]["startIndex"]):
            self.insert_column(body["range"]["startIndex"])

    def _appendDimension(self, body: Request) -> None:  # noqa: N802 - as above
        del body

    def _appendCells(self, body: Request) -> None:  # noqa: N802 - as above
        while not any(self.lines[-1].cells.values()):
            self.lines.pop()
        for row in body["rows"]:
            self.insert_row(len(self.lines))
            texts = (_text(value) for value in row["values"])
            self.lines[-1].cells |= dict(zip(self.columns, texts, strict=False))


def _text(value: Request) -> str:
    text: str = value.get("userEnteredValue", {}).get("stringValue", "")
    return text


def _write(sheet: Sheet, table: Table, patch: Patch) -> None:
    sheet.perform(requests_for(0, table, evened(SOURCES, table, patch)))


def _overtaken(table: Table, patch: Patch, person: Callable[[Sheet], object]) -> tuple[Sheet, Sheet]:
    """The sheet after a person, our write and its repair; and as it was after the person only."""
    sheet = Sheet.of(table)
    person(sheet)
    undisturbed = Sheet([Line(line.number, dict(line.cells)) for line in sheet.lines], list(sheet.columns))
    _write(sheet, table, patch)
    mending = repair(SOURCES, table, evened(SOURCES, table, patch), sheet.table())
    if mending:
        now = sheet.table()
        _write(sheet, now, mending)
        assert not repair(SOURCES, now, mending, sheet.table(), insist=True)
    return sheet, undisturbed


TABLE = Table.of(
    [
        HEADER,
        ("1", "u1", "pending", "Ann", "x1", "0%", "m1"),
        ("2", "u2", "pending", "Bob", "x2", "0%", "m2"),
        ("3", "u3", "in-progress", "Cid", "x3", "50%", "m3"),
        ("", "u4", "", "Dee", "", "", "m4"),
    ]
)


def test_a_write_that_arrived_has_nothing_to_repair() -> None:
    patch = Patch(cells={0: {2: "done"}, 3: {0: "4"}}, removed=frozenset({1}), appended=(("9", "u9", *[""] * 5),))

    assert not repair(SOURCES, TABLE, patch, apply(TABLE, patch))


def test_a_status_under_another_column_goes_and_what_was_there_comes_back() -> None:
    sheet, undisturbed = _overtaken(TABLE, Patch(cells={0: {2: "done"}}), lambda sheet: sheet.insert_column(1))

    assert sheet.table() == undisturbed.table()


def test_a_key_in_another_row_goes_and_that_row_gets_back_its_own() -> None:
    sheet, undisturbed = _overtaken(
        TABLE, Patch(cells={3: {0: "4"}}), lambda sheet: sheet.lines.insert(1, sheet.lines.pop(4))
    )

    assert sheet.table() == undisturbed.table()


def test_a_row_deleted_instead_of_another_comes_back_with_all_that_it_had() -> None:
    sheet, _ = _overtaken(TABLE, Patch(removed=frozenset({1})), lambda sheet: sheet.insert_row(1))

    assert TABLE.rows[0] in sheet.table().rows


def test_a_row_that_a_person_deletes_meanwhile_stays_deleted() -> None:
    sheet, _ = _overtaken(TABLE, Patch(removed=frozenset({0})), lambda sheet: sheet.lines.pop(3))

    assert sheet.table().rows == (TABLE.rows[1], TABLE.rows[3])


def test_only_the_row_beside_the_gap_comes_back_when_a_person_deletes_another() -> None:
    sheet, _ = _overtaken(TABLE, Patch(removed=frozenset({1})), lambda sheet: sheet.lines.pop(1))

    assert sorted(sheet.table().rows) == sorted(TABLE.rows[1:])


def test_a_row_comes_back_that_went_in_the_place_of_one_that_a_person_deleted_first() -> None:
    sheet, _ = _overtaken(TABLE, Patch(removed=frozenset({1})), lambda sheet: sheet.lines.pop(2))

    assert sorted(sheet.table().rows) == sorted([TABLE.rows[0], TABLE.rows[2], TABLE.rows[3]])


def test_our_new_row_is_put_under_the_right_names() -> None:
    new = ("9", "u9", "pending", "Eve", "", "0%", "")

    sheet, _ = _overtaken(TABLE, Patch(appended=(new,)), lambda sheet: sheet.columns.insert(0, sheet.columns.pop(6)))

    assert [line.cells.get(at, "") for line in sheet.lines[-1:] for at in range(7)] == [*new]


def test_a_row_above_the_header_does_not_cost_the_header_a_name() -> None:
    sheet, undisturbed = _overtaken(TABLE, Patch(cells={0: {2: "done"}}), lambda sheet: sheet.insert_row(0))

    assert sheet.table() == undisturbed.table()


def test_a_column_renamed_in_that_moment_keeps_what_it_had() -> None:
    def rename(sheet: Sheet) -> None:
        sheet.lines[0].cells[2] = "State"

    sheet, undisturbed = _overtaken(TABLE, Patch(cells={0: {2: "done"}}), rename)

    assert sheet.table() == undisturbed.table()


def test_a_row_whose_only_text_a_person_changed_meanwhile_keeps_the_id_that_it_got() -> None:
    table = Table.of([HEADER, ("1", "u1"), ("", "u4"), ("2", "u2")])

    def retype(sheet: Sheet) -> None:
        sheet.lines[2].cells[1] = "retyped"

    sheet, _ = _overtaken(table, Patch(cells={1: {0: "4"}}), retype)

    assert sheet.table().rows[1][:2] == ("4", "retyped")


def test_a_row_that_was_hit_is_known_by_most_of_its_cells() -> None:
    def move_and_retype(sheet: Sheet) -> None:
        sheet.lines.insert(1, sheet.lines.pop(4))
        sheet.lines[4].cells[3] = "Cyd"

    sheet, undisturbed = _overtaken(TABLE, Patch(cells={3: {0: "4"}}), move_and_retype)

    assert sheet.table() == undisturbed.table()


def test_a_column_without_a_name_is_known_though_we_wrote_over_all_of_it_and_took_out_a_row() -> None:
    rows = [(f"{at}", f"u{at}", "", "", "p", "", "") for at in range(1, 5)]
    cells = {at: {HEADER.index("Progress"): "done"} for at in (0, 1, 3)}

    sheet, undisturbed = _overtaken(
        Table.of([HEADER, *rows]), Patch(cells=cells, removed=frozenset({2})), lambda sheet: sheet.insert_column(0)
    )

    assert [line.cells[4] for line in sheet.lines[1:4]] == ["p", "p", "p"]
    assert undisturbed.columns == sheet.columns


def test_what_a_person_typed_over_our_mistake_stays() -> None:
    after = Table.of(
        [("ID", "New", *HEADER[1:]), ("1", "", "typed", "pending", "Ann", "x1", "0%", "m1"), *TABLE.rows[1:]]
    )

    assert not repair(SOURCES, Table(HEADER, TABLE.rows[:1]), Patch(cells={0: {2: "done"}}), after)


def test_of_a_block_that_went_with_our_row_one_comes_back_at_most() -> None:
    sheet, _ = _overtaken(TABLE, Patch(removed=frozenset({0})), lambda sheet: sheet.lines.__delitem__(slice(1, 4)))

    assert sheet.table().rows == TABLE.rows[3:]


def test_a_blank_row_does_not_come_back_in_the_place_of_another() -> None:
    table = Table.of([HEADER, ("1", "u1"), (), ("2", "u2"), ("3", "u3")])

    def sort(sheet: Sheet) -> None:
        sheet.lines[1:5] = [sheet.lines[at] for at in (4, 1, 3, 2)]

    sheet, _ = _overtaken(table, Patch(removed=frozenset({0})), sort)

    assert sorted(row[0] for row in sheet.table().rows) == ["1", "2", "3"]


def test_a_repair_that_missed_is_written_again_where_it_belongs() -> None:
    sheet = Sheet.of(TABLE)
    sheet.insert_row(1)
    patch = Patch(cells={0: {1: "changed"}})
    _write(sheet, TABLE, patch)
    hit = sheet.table()
    mending = Patch(cells={0: {1: ""}, 2: {1: "u2!"}})
    sheet.lines.insert(1, sheet.lines.pop(5))
    _write(sheet, hit, mending)

    again = repair(SOURCES, hit, mending, sheet.table(), insist=True)

    _write(sheet, sheet.table(), again)
    assert sorted(row[1] for row in sheet.table().rows) == ["", "u1", "u2!", "u3", "u4"]


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    height = draw(st.integers(1, 7))
    keyed = [draw(st.booleans()) for _ in range(height)]
    word = st.sampled_from(["", "p", "q", "r"])
    rows = [
        (f"{at}" if keyed[at] else "", f"u{at}", draw(word), draw(word), draw(word), draw(word), draw(word))
        for at in range(height)
    ]
    return Table.of([HEADER, *rows])


@st.composite
def _patches(draw: st.DrawFn, table: Table) -> Patch:
    rows = st.integers(0, len(table.rows) - 1)
    columns = ("ETA",) if draw(st.booleans()) else ()
    cells: dict[int, dict[int, str]] = {}
    for at in draw(st.sets(rows, max_size=4)):
        if table.rows[at][0]:
            column = draw(st.sampled_from([*SYSTEM, *([len(HEADER)] if columns else [])]))
            cells[at] = {column: draw(st.sampled_from(["done", "p", ""]))}
        else:
            cells[at] = {0: f"new{at}"}
    removed = frozenset(at for at in draw(st.sets(rows, max_size=2)) if table.rows[at][0] and at not in cells)
    width = len(HEADER) + len(columns)
    new = tuple(("k", "uk", *[""] * (width - 2)) for _ in range(draw(st.integers(0, 1))))
    return Patch(columns, cells, removed, new)


@st.composite
def _deeds(draw: st.DrawFn, table: Table) -> Callable[[Sheet], object]:
    height, width = len(table.rows), len(HEADER)
    row, column, to = draw(st.integers(1, height)), draw(st.integers(0, width - 1)), draw(st.integers(0, width - 1))
    order = draw(st.permutations(range(1, height + 1)))
    deed = draw(st.sampled_from(["sort", "insert row", "delete row", "move column", "insert column", "rename", "edit"]))
    event(deed)
    note(f"{deed}: row {row}, column {column} to {to}, order {order}")

    def act(sheet: Sheet) -> None:
        match deed:
            case "sort":
                sheet.lines[1 : height + 1] = [sheet.lines[at] for at in order]
            case "insert row":
                sheet.insert_row(row)
            case "delete row":
                del sheet.lines[row]
            case "move column":
                sheet.columns.insert(to, sheet.columns.pop(column))
            case "insert column":
                sheet.insert_column(column)
            case "rename":
                sheet.lines[0].cells[column] = "Renamed"
            case _:
                sheet.lines[row].cells[column] = "edited"

    return act


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_one_person_does_no_cell_of_theirs_is_lost_or_mixed_up(data: st.DataObject) -> None:
    table = data.draw(_tables())
    patch = data.draw(_patches(table))
    sheet, undisturbed = _overtaken(table, patch, data.draw(_deeds(table)))

    now = {line.number: line for line in sheet.lines}
    returned = [line for line in sheet.lines if line.number >= NEW]
    for line in undisturbed.lines:
        meant = patch.cells.get(line.number - 1, {})
        if line.number - 1 in patch.removed or line.number >= BLANK:
            continue
        again = now.get(line.number)
        if again is None:
            assert any(_is_again(each, table.rows[line.number - 1], sheet) for each in returned), "a row is lost"
            continue
        for column in undisturbed.columns:
            if column not in SYSTEM:
                allowed = {line.cells.get(column, ""), meant.get(column, line.cells.get(column, ""))}
                assert again.cells.get(column, "") in allowed, f"line {line.number}, column {column}"
    _no_deleted_row_is_back(sheet, undisturbed, table, patch)


def _is_again(line: Line, row: Row, sheet: Sheet) -> bool:
    del sheet
    return all(line.cells.get(column, "") == text for column, text in enumerate(row) if column not in SYSTEM)


def _no_deleted_row_is_back(sheet: Sheet, undisturbed: Sheet, table: Table, patch: Patch) -> None:
    """Unless one of our deletions missed, or may have: the row below ours was deleted in the same moment."""
    there = {line.number for line in sheet.lines}
    deleted = {at + 1 for at in range(len(table.rows))} - {line.number for line in undisturbed.lines}
    urls = [line.cells.get(1, "") for line in sheet.lines if line.number >= NEW]
    back = {number for number in deleted if table.rows[number - 1][1] in urls}
    missed = sum(at + 1 in there for at in patch.removed)
    assert len(back) <= missed or all(number - 2 in patch.removed for number in back)


@pytest.mark.parametrize("rows", [6_000])
def test_thousands_of_rows_that_a_person_sorts_meanwhile_are_told_apart(rows: int) -> None:
    table = Table.of([HEADER, *((f"{at}", f"u{at}", "pending", "", "", "", f"m{at}") for at in range(rows))])
    patch = Patch(cells={at: {2: "done"} for at in range(0, rows, 7)})

    sheet, undisturbed = _overtaken(
        table, patch, lambda sheet: sheet.lines.__setitem__(slice(1, rows + 1), sheet.lines[rows:0:-1])
    )

    protected = [(line.number, line.cells.get(1), line.cells.get(6)) for line in undisturbed.lines]
    assert [(line.number, line.cells.get(1), line.cells.get(6)) for line in sheet.lines] == protected

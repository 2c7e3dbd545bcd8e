from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.patch import apply
from tubewarren.sheets.reconcile import LONGEST_CELL, Key, Reconciled, WantedRow, reconcile, rows_by_key
from tubewarren.sheets.table import Table, is_blank
from tubewarren.sheets.tabs import DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, WORKERS

_HEADER = ("Note", "URL", "Status", "ID", "LastError")


def _sources(*rows: tuple[str, ...]) -> Table:
    return Table.of([_HEADER, *rows])


def _status(text: str, *, placed: bool = True, **seed: str) -> WantedRow:
    return WantedRow({"Status": text}, seed, placed)


def _flush(table: Table, wanted: dict[Key, WantedRow]) -> tuple[Table, Reconciled]:
    result = reconcile(SOURCES, table, wanted)
    return apply(table, result.patch), result


def test_only_the_cell_that_differs_is_written() -> None:
    table = _sources(("n", "u", "pending", "1", ""), ("m", "v", "done", "2", ""))

    result = reconcile(SOURCES, table, {("1",): _status("done"), ("2",): _status("done")})

    assert result.patch.cells == {0: {2: "done"}}
    assert result.placed == {("1",), ("2",)}


def test_a_repeat_has_nothing_to_write() -> None:
    wanted: dict[Key, WantedRow] = {("1",): _status("done"), ("5",): _status("pending", placed=False, URL="w")}
    once, _ = _flush(_sources(("n", "u", "pending", "1", "")), wanted)

    assert not reconcile(SOURCES, once, wanted).patch


def test_a_row_that_was_never_placed_is_added_with_its_seed() -> None:
    table, result = _flush(_sources(), {("00042",): _status("pending", placed=False, URL="=u")})

    assert table.rows == (("", "=u", "pending", "00042", ""),)
    assert result.placed == {("00042",)}


def test_a_row_that_is_there_unexpectedly_is_taken_and_keeps_what_the_person_wrote() -> None:
    table, result = _flush(_sources(("n", "u", "", "1", "")), {("1",): _status("done", placed=False, URL="other")})

    assert table.rows == (("n", "u", "done", "1", ""),)
    assert result.placed == {("1",)}


def test_a_row_that_was_placed_and_is_gone_stays_gone() -> None:
    table, result = _flush(_sources(("n", "u", "", "1", "")), {("2",): _status("done")})

    assert table == _sources(("n", "u", "", "1", ""))
    assert result.deleted == {("2",)}
    assert result.placed == frozenset()


def test_both_parts_of_a_key_count() -> None:
    table = Table.of([["SourceID", "ID", "Status"], ["1", "v", "a"], ["2", "v", "b"], ["", "v", "c"]])

    result = reconcile(VIDEO_TASKS, table, {("v", "2"): _status("done")})

    assert apply(table, result.patch).rows == (("1", "v", "a"), ("2", "v", "done"), ("", "v", "c"))


def test_a_row_with_part_of_a_key_has_none() -> None:
    table = Table.of([["ID", "SourceID"], ["v", " "], ["v", "1"], ["", "1"], ["v", "1"]])

    assert rows_by_key(VIDEO_TASKS, table) == {("v", "1"): [1, 3]}


def test_rows_without_an_id_are_nobodys() -> None:
    blank = ("n", "u", "", " ", "")

    table, _ = _flush(_sources(blank), {("1",): _status("done", placed=False)})

    assert table.rows == (blank, ("", "", "done", "1", ""))


def test_blanks_around_an_id_make_no_second_row() -> None:
    table, result = _flush(_sources(("n", "u", "", " 1", "")), {("1 ",): _status("done", placed=False)})

    assert table.rows == (("n", "u", "done", " 1", ""),)
    assert result.placed == {("1 ",)}


def test_missing_columns_are_added_at_the_end_in_our_order() -> None:
    row = WantedRow({"Videos": "3", "Status": "done"}, {"Name": "Ann", "Gender": "", "Mine": "x"})

    table = apply(before := Table.of([["URL", "ID"], ["u", "1"]]), reconcile(SOURCES, before, {("2",): row}).patch)

    assert table == Table.of(
        [["URL", "ID", "Status", "Name", "Videos", "Mine"], ["u", "1"], ["", "2", "done", "Ann", "3", "x"]]
    )


def test_a_column_added_beside_stray_cells_does_not_take_them_over() -> None:
    before = Table.of([["ID", "URL"], ["1", "u", "stray"]])

    table, _ = _flush(before, {("1",): _status("done")})

    assert table == Table.of([["ID", "URL", "", "Status"], ["1", "u", "stray", "done"]])


def test_of_doubled_rows_the_first_shows_the_state_and_the_others_say_so() -> None:
    first, second = ("n", "u", "", "1", "old"), ("m", "v", "pending", "1", "")
    row = WantedRow({"Status": "done", "LastError": ""}, placed=True)

    table, result = _flush(_sources(first, second), {("1",): row})

    assert table.rows[0] == ("n", "u", "done", "1", "")
    assert table.rows[1][:4] == second[:4]
    assert "the same ID 1: remove one" in table.rows[1][4]
    assert result.doubled == {("1",)}


def test_rows_are_removed_by_key_and_a_missing_one_is_no_error() -> None:
    table = Table.of([["ID", "SourceID"], ["a", "1"], ["b", "1"], ["a", "2"]])

    result = reconcile(DEAD_LETTER_TASKS, table, {}, remove=[("a", "1"), ("gone", "1")])

    assert apply(table, result.patch).rows == (("b", "1"), ("a", "2"))


def test_text_that_no_sheet_can_hold_is_cut_or_replaced_and_then_stays() -> None:
    wanted: dict[Key, WantedRow] = {("1",): WantedRow({"LastError": "x" * 60_000, "Status": "\ud800é"})}

    table, _ = _flush(_sources(), wanted)

    assert len(table.rows[0][4]) == LONGEST_CELL
    assert table.rows[0][2] == "?é"
    assert not reconcile(SOURCES, table, wanted).patch


@pytest.mark.parametrize("header", [["URL", "Status"], ["ID", "URL", "Status", "Status"], []])
def test_a_tab_that_cannot_be_read_is_left_alone(header: list[str]) -> None:
    with pytest.raises(TabUnreadableError, match="Sources"):
        reconcile(SOURCES, Table.of([header]), {("1",): _status("done")})


@pytest.mark.parametrize(
    ("key", "row", "remove"),
    [
        (("1",), WantedRow({"URL": "u"}), []),
        (("1",), WantedRow({"ID": "2"}), []),
        (("1",), WantedRow({}, {"Status": "done"}), []),
        (("1",), WantedRow({}, {"ID": "2"}), []),
        ((" ",), WantedRow({}), []),
        (("1", "2"), WantedRow({}), []),
        (("1",), WantedRow({}), [("1 ",)]),
        (("1",), WantedRow({}), [("",)]),
    ],
)
def test_orders_that_would_harm_the_persons_columns_are_refused(key: Key, row: WantedRow, remove: list[Key]) -> None:
    with pytest.raises(ValueError, match="Sources"):
        reconcile(SOURCES, _sources(), {key: row}, remove)


def test_a_workers_row_has_no_error_column_to_complain_in() -> None:
    table = Table.of([["Hostname", "Status"], ["a", ""], ["a", ""]])

    result = reconcile(WORKERS, table, {("a",): _status("lost")})

    assert apply(table, result.patch).rows == (("a", "lost"), ("a", ""))


# --- a person who never leaves the tab alone ---

_SYSTEM = ("Status", "Videos", "LastError")
_WORDS = st.text("=+-@,07 é\n", max_size=4)


@dataclass
class _Person:
    """Edits the tab as a person may, and remembers what they wrote: human cells by row mark."""

    table: Table
    written: dict[str, tuple[str, str]] = field(default_factory=dict)
    marks: Iterator[str] = field(default_factory=lambda: map("mark {}".format, count()))

    def edit(self, data: st.DataObject) -> None:
        actions = [self.sort, self.move_columns, self.insert, self.delete, self.write, self.scribble, self.blank]
        data.draw(st.sampled_from(actions))(data)

    def sort(self, data: st.DataObject) -> None:
        self._set(data.draw(st.permutations(self.table.rows)))

    def move_columns(self, data: st.DataObject) -> None:
        order = data.draw(st.permutations(range(len(self.table.header))))
        self.table = Table.of([[row[at] for at in order] for row in (self.table.header, *self.table.rows)])

    def insert(self, data: st.DataObject) -> None:
        mark = next(self.marks)
        self.written[mark] = values = (data.draw(_WORDS), data.draw(_WORDS))
        # A row of the person's own, whose id (some letter) the system does not know.
        cells = {"Mark": mark, "URL": values[0], "Name": values[1], "ID": data.draw(st.sampled_from(["", "x", "y"]))}
        self._insert(data, tuple(cells.get(name, "") for name in self.table.names))

    def blank(self, data: st.DataObject) -> None:
        self._insert(data, ("",) * len(self.table.header))

    def delete(self, data: st.DataObject) -> None:
        if self.table.rows:
            gone = data.draw(st.sampled_from(range(len(self.table.rows))))
            self.written.pop(self._cell(gone, "Mark"), None)
            self._set([row for at, row in enumerate(self.table.rows) if at != gone])

    def write(self, data: st.DataObject) -> None:
        rows = [at for at in range(len(self.table.rows)) if self._cell(at, "Mark")]
        if rows:
            at, values = data.draw(st.sampled_from(rows)), (data.draw(_WORDS), data.draw(_WORDS))
            self.written[self._cell(at, "Mark")] = values
            self._overwrite(at, {"URL": values[0], "Name": values[1]})

    def scribble(self, data: st.DataObject) -> None:
        """Write into columns that are not theirs."""
        if self.table.rows:
            at = data.draw(st.sampled_from(range(len(self.table.rows))))
            self._overwrite(at, {name: data.draw(_WORDS) for name in _SYSTEM if name in self.table.names})

    def mark_new_rows(self) -> None:
        """Take the rows that the system added for their own."""
        for at, row in enumerate(self.table.rows):
            if not is_blank(row) and not self._cell(at, "Mark"):
                mark = next(self.marks)
                self.written[mark] = (self._cell(at, "URL"), self._cell(at, "Name"))
                self._overwrite(at, {"Mark": mark})

    def _cell(self, at: int, name: str) -> str:
        return self.table.rows[at][self.table.names.index(name)]

    def _insert(self, data: st.DataObject, row: tuple[str, ...]) -> None:
        at = data.draw(st.integers(0, len(self.table.rows)))
        self._set([*self.table.rows[:at], row, *self.table.rows[at:]])

    def _overwrite(self, at: int, cells: dict[str, str]) -> None:
        row = [cells.get(name, old) for name, old in zip(self.table.names, self.table.rows[at], strict=True)]
        self._set([*self.table.rows[:at], tuple(row), *self.table.rows[at + 1 :]])

    def _set(self, rows: list[tuple[str, ...]]) -> None:
        self.table = Table(self.table.header, tuple(rows))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_row_is_mixed_up_lost_or_resurrected_while_a_person_edits(data: st.DataObject) -> None:
    person = _Person(Table.of([["Mark", "ID", "Name", "Status", "URL"]]))
    placed: frozenset[Key] = frozenset()
    deleted: set[Key] = set()
    for flush in range(data.draw(st.integers(1, 4))):
        for _ in range(data.draw(st.integers(0, 5))):
            person.edit(data)
        there = {(row["ID"],) for row in person.table.records()}
        keys: list[Key] = [(str(number),) for number in range(1, data.draw(st.integers(2, 6)))]
        wanted = {
            key: WantedRow(
                {name: f"{name} {key} {flush}" for name in _SYSTEM}, {"URL": f"url {key}"}, placed=key in placed
            )
            for key in keys
        }

        person.table, result = _flush(person.table, wanted)
        person.mark_new_rows()

        deleted |= placed & set(wanted) - there
        rows = {row["ID"]: row for row in person.table.records() if row["ID"] not in {"", "x", "y"}}
        human = {row["Mark"]: (row["URL"], row["Name"]) for row in person.table.records()}
        assert human == person.written
        assert result.deleted == deleted & set(wanted)
        assert not {(id_,) for id_ in rows} & deleted
        assert {(id_,) for id_ in rows} >= set(wanted) - deleted
        for key in set(wanted) - deleted:
            assert {name: rows[key[0]][name] for name in _SYSTEM} == wanted[key].values
        placed |= result.placed

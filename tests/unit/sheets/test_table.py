import pytest

from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.table import Table, doubled_names, is_blank, missing_names


def test_short_rows_are_filled_up_and_long_ones_widen_the_header() -> None:
    table = Table.of([["ID", "URL"], ["1"], ["2", "u", "a stray cell"]])

    assert table == Table(header=("ID", "URL", ""), rows=(("1", "", ""), ("2", "u", "a stray cell")))


def test_an_empty_grid_is_an_empty_table() -> None:
    assert Table.of([]) == Table(header=())


def test_cells_stay_the_text_that_they_are() -> None:
    cells = ("00000000042", "=IMPORTXML(1)", "+49", "-1", "@you", " blank ", "1e5", "3/4")

    assert Table.of([["A"] * 8, cells]).rows == (cells,)


def test_records_leave_out_blank_rows_and_nameless_columns() -> None:
    table = Table.of([[" ID ", "", "Note"], ["", " ", ""], ["1", "x", "n"]])

    assert list(table.records()) == [{"ID": "1", "Note": "n"}]


def test_records_refuse_to_merge_columns_of_one_name() -> None:
    with pytest.raises(ValueError, match="Note"):
        list(Table.of([["Note", "Note "], ["a", "b"]]).records())


def test_doubled_and_missing_names_are_reported() -> None:
    table = Table.of([["ID", "", "URL", "ID ", ""]])

    assert doubled_names(table) == ("ID",)
    assert missing_names(table, ("URL", "Status", "Name")) == ("Status", "Name")


@pytest.mark.parametrize(("row", "blank"), [(("", " \t"), True), (("", "0"), False), ((), True)])
def test_a_row_without_text_is_blank(row: tuple[str, ...], *, blank: bool) -> None:
    assert is_blank(row) is blank


def test_a_patch_widens_changes_removes_and_appends() -> None:
    table = Table.of([["ID", "A"], ["1", "a"], ["2", "b"], ["3", "c"]])
    patch = Patch(columns=("B",), cells={2: {1: "C", 2: "new"}}, removed=frozenset({0}), appended=(("4", "d", "e"),))

    assert apply(table, patch) == Table.of([["ID", "A", "B"], ["2", "b", ""], ["3", "C", "new"], ["4", "d", "e"]])


def test_an_empty_patch_is_false_and_returns_the_very_same_table() -> None:
    table = Table.of([["ID"], ["1"]])

    assert not Patch()
    assert apply(table, Patch()) is table

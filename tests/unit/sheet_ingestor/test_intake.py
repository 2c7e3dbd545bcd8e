"""What comes onto the list by other ways than typing: wishes, numbers, and what is told of doubled numbers."""

import pytest

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.patch import apply
from tubewarren.sheets.table import Table
from tubewarren_services.sheet_ingestor.intake import Wish, take_in, told_of_doubled_ids

A, B, C = (f"https://www.youtube.com/@{name}" for name in "abc")


def sheet(*rows: tuple[str, ...]) -> Table:
    return Table.of([("ID", "URL", "Status", "Name", "Priority"), *rows])


def test_an_id_in_several_rows_is_told() -> None:
    assert told_of_doubled_ids(sheet(("7", A), ("7", B), (" 7 ", C), ("8", C))) == (
        "More than one row has the ID 7: only the first is worked on. Clear the ID of a new source."
    )


def test_rows_without_an_id_are_no_doubles() -> None:
    assert told_of_doubled_ids(sheet(("", A), ("", B), ("7", C))) == ""


def test_a_wish_is_added_once_with_a_number_and_its_columns() -> None:
    table = sheet(("7", A))

    taken_in = take_in(table, [Wish(B, {"Name": "Ben", "Unheard": "x"}), Wish(f"{B}/"), Wish(A)])

    assert taken_in.ids == ("8",)
    assert apply(table, taken_in.patch).rows[1:] == (("8", B, "pending", "Ben", ""),)


def test_rows_that_wait_for_a_number_get_one_without_being_moved() -> None:
    table = sheet(("", A), ("7", B), (" ", C))

    taken_in = take_in(table, [])

    assert apply(table, taken_in.patch).rows == (("8", A, "", "", ""), ("7", B, "", "", ""), ("9", C, "", "", ""))


def test_a_number_that_is_taken_is_not_given_though_no_row_has_it() -> None:
    assert take_in(sheet(("7", A)), [Wish(B)], taken=("41",)).ids == ("42",)


def test_nothing_new_is_nothing_to_write() -> None:
    assert not take_in(sheet(("7", A), ("", ""), ("", "  ")), [Wish(A)]).patch


def test_a_tab_without_a_column_that_is_needed_cannot_take_anything_in() -> None:
    with pytest.raises(TabUnreadableError, match='"URL" is missing'):
        take_in(Table.of([("ID", "Name"), ("7", "Ada")]), [Wish(A)])

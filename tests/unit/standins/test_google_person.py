"""What a person does to a spreadsheet in the browser."""

import threading

import pytest

from standins.google_person import Person
from standins.google_spreadsheet import Sheet, Spreadsheet

ROWS = [["ID", "Name", "Status"], ["1", "b", "done"], ["2", "c", "pending"], ["3", "a", "done"]]


@pytest.fixture
def person() -> Person:
    sheet = Sheet(0, "T", row_count=10, column_count=4)
    sheet.write(0, 0, ROWS)
    return Person(Spreadsheet("id", "file", [sheet]), threading.RLock())


def ids(person: Person) -> list[str]:
    return [record["ID"] for record in person.records("T")]


def test_sorting_leaves_the_header_where_it_is(person: Person) -> None:
    person.sort("T", "Name")
    rising = ids(person)
    person.sort("T", "Name", falling=True)

    assert rising == ["3", "1", "2"]
    assert ids(person) == ["2", "1", "3"]
    assert person.header("T") == ["ID", "Name", "Status"]


def test_a_row_is_inserted_in_the_middle_and_typed_in(person: Person) -> None:
    person.insert_row("T", 3, {"ID": "0042", "Status": "new"})

    assert person.rows("T")[1:4] == [["1", "b", "done"], ["42", "", "new"], ["2", "c", "pending"]]
    assert person.cells("T")[2] == [42, None, "new"]


def test_rows_are_deleted_by_what_they_show(person: Person) -> None:
    assert person.delete_rows("T", lambda record: record["Status"] == "done") == 2

    assert ids(person) == ["2"]


def test_columns_are_renamed_moved_inserted_and_deleted(person: Person) -> None:
    person.rename_column("T", "Name", "Who")
    person.move_column("T", "Status", before="ID")
    person.insert_column("T", before="Who", name="Note")
    person.delete_column("T", "ID")

    assert person.rows("T")[:2] == [["Status", "Note", "Who"], ["done", "", "b"]]


def test_a_cell_is_edited_by_the_rows_key_as_typing_does(person: Person) -> None:
    person.edit("T", {"ID": "2", "Name": "c"}, "Status", "=1+1")

    assert person.records("T")[1]["Status"] == "#NAME?"
    with pytest.raises(LookupError, match="No row of T has"):
        person.edit("T", {"ID": "9"}, "Status", "x")


def test_a_cell_is_edited_by_its_place(person: Person) -> None:
    person.edit_cell("T", 1, 4, "New")

    assert person.header("T")[3] == "New"


def test_pasted_rows_come_below_the_last_one_or_over_what_is_there(person: Person) -> None:
    person.paste_rows("T", [[str(number)] for number in range(10, 30)])
    person.paste_rows("T", [["x"], ["y"]], at=2)

    assert ids(person)[:5] == ["x", "y", "3", "10", "11"]
    assert len(ids(person)) == 23


def test_a_filter_moves_nothing_and_can_be_seen_by_others() -> None:
    sheet = Sheet(0, "T", rows=[["ID", "Status"], ["1", "done"]])
    person = Person(Spreadsheet("id", "file", [sheet]), threading.RLock())

    person.set_filter("T", "Status", ["done"])

    assert ids(person) == ["1"]
    assert sheet.basic_filter is not None
    assert sheet.basic_filter["criteria"] == {"1": {"hiddenValues": ["done"]}}


def test_tabs_are_added_renamed_and_deleted(person: Person) -> None:
    person.add_tab("Other", [["A"], ["1"]])
    person.rename_tab("T", "Mine")
    before = person.tabs()
    person.delete_tab("Mine")

    assert (before, person.tabs()) == (["Mine", "Other"], ["Other"])
    assert person.records("Other") == [{"A": "1"}]
    with pytest.raises(LookupError, match="No tab is called T"):
        person.rows("T")

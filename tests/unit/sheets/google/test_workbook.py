"""The workbook on Google's rules: what people do between its reading and its writing, and what goes wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pytest

from standins.google_person import Person
from standins.google_spreadsheet import Spreadsheet as File
from tubewarren.sheets.errors import Cause, GoogleUnavailableError, TabUnreadableError
from tubewarren.sheets.google.workbook import Client, GoogleWorkbook
from tubewarren.sheets.ids import assign_ids
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key, Reconciled, WantedRow, reconcile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS, WORKERS, Tab

HEADER = ("ID", "URL", "Status", "Name", "Mine")
ANN, BOB, CID = (
    ["1", "u1", "pending", "Ann", "a"],
    ["2", "u2", "pending", "Bob", "b"],
    ["3", "u3", "pending", "Cid", "c"],
)


class DirectClient(Client, Protocol):
    """As in conftest, which a test cannot import."""

    calls: list[str]
    asked: list[tuple[str, Any]]
    before_writing: list[Callable[[], object]]
    lost: int
    file: File


class Fill(Protocol):
    def __call__(self, tab: Tab, *rows: Sequence[str]) -> None: ...


def _wanting(tab: Tab, status: Mapping[str, str], *, placed: bool = True) -> Callable[[Table], Reconciled]:
    wanted: dict[Key, WantedRow] = {(key,): WantedRow({"Status": text}, placed=placed) for key, text in status.items()}
    return lambda table: reconcile(tab, table, wanted)


def _adding(tab: Tab, status: Mapping[str, str]) -> Callable[[Table], Reconciled]:
    return _wanting(tab, status, placed=False)


def _without(*keys: str) -> Callable[[Table], Reconciled]:
    return lambda table: reconcile(SOURCES, table, {}, remove=[(key,) for key in keys])


@pytest.fixture
def three(fill: Fill) -> None:
    fill(SOURCES, HEADER, ANN, BOB, CID)


def test_a_flush_is_one_read_and_one_write_however_many_tabs_and_rows_it_changes(
    book: GoogleWorkbook, client: DirectClient
) -> None:
    book.edit(
        {
            SOURCES: _adding(SOURCES, {f"{number}": "pending" for number in range(300)}),
            WORKERS: _adding(WORKERS, {f"host{number}": "active" for number in range(30)}),
        }
    )

    assert client.calls == ["values", "update"]


def test_what_needs_nothing_is_one_read(book: GoogleWorkbook, client: DirectClient) -> None:
    book.edit({tab: _wanting(tab, {}) for tab in (SOURCES, WORKERS)})
    book.create_missing()

    assert client.calls == ["values"]


@pytest.mark.usefixtures("three")
def test_an_unchanged_tab_is_the_very_same_table(book: GoogleWorkbook, person: Person) -> None:
    written = book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})[SOURCES].table

    assert book.read([SOURCES])[SOURCES] is written
    person.edit("Sources", {"ID": "2"}, "Name", "Ben")
    assert book.read([SOURCES])[SOURCES] != written


@pytest.mark.usefixtures("three")
def test_a_sort_in_the_middle_of_a_write_costs_nobody_a_cell(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.sort("Sources", "ID", falling=True)]

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    assert person.rows("Sources") == [[*HEADER], CID, BOB, ["1", "u1", "done", "Ann", "a"]]


@pytest.mark.usefixtures("three")
def test_a_row_that_a_person_just_inserted_does_not_get_anothers_status(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.insert_row("Sources", 2)]

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    assert person.rows("Sources")[1:3] == [[], ["1", "u1", "done", "Ann", "a"]]


@pytest.mark.usefixtures("three")
def test_a_column_moved_in_the_middle_keeps_its_cells(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.move_column("Sources", "Mine", before="ID")]

    book.edit({SOURCES: _adding(SOURCES, {"1": "done", "9": "new"})})

    assert person.records("Sources")[0] == dict(zip(HEADER, ["1", "u1", "done", "Ann", "a"], strict=True))
    assert person.records("Sources")[3] == dict(zip(HEADER, ["9", "", "new", "", ""], strict=True))


@pytest.mark.usefixtures("three")
def test_a_column_renamed_in_the_middle_is_the_persons_and_ours_is_made_anew(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.rename_column("Sources", "Status", "State")]

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    assert person.header("Sources") == ["ID", "URL", "State", "Name", "Mine", "Status"]
    first, second, _ = person.records("Sources")
    assert (first["State"], first["Status"], second["State"]) == ("pending", "done", "pending")


def test_an_id_never_lands_in_another_row(
    book: GoogleWorkbook, client: DirectClient, person: Person, fill: Fill
) -> None:
    fill(SOURCES, HEADER, ANN, ["", "w", "", "Dee", ""], CID)
    client.before_writing = [lambda: person.sort("Sources", "Name", falling=True)]

    written = book.edit({SOURCES: assign_ids})[SOURCES]

    assert {row["Name"]: row["ID"] for row in person.records("Sources")} == {"Ann": "1", "Cid": "3", "Dee": "4"}
    assert book.read([SOURCES])[SOURCES] == written.table


@pytest.mark.usefixtures("three")
def test_a_row_deleted_instead_of_another_comes_back_and_the_other_goes(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.insert_row("Sources", 2)]

    book.edit({SOURCES: _without("2")})

    assert person.rows("Sources")[1:] == [[], CID, ANN]
    assert client.calls == ["values", "update", "update", "values", "update"]


@pytest.mark.usefixtures("three")
def test_a_row_that_a_person_deletes_meanwhile_stays_deleted(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.delete_rows("Sources", lambda row: row["ID"] == "3")]

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done", "3": "done"})})

    assert [row["ID"] for row in person.records("Sources")] == ["1", "2"]


@pytest.mark.usefixtures("three")
def test_a_persons_rows_pasted_below_stay_above_ours(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [lambda: person.paste_rows("Sources", [["", "w"]] * 500)]

    book.edit({SOURCES: _adding(SOURCES, {"9": "new"})})

    rows = person.rows("Sources")
    assert rows[4:504] == [["", "w"]] * 500
    assert rows[504:] == [["9", "", "new"]]


@pytest.mark.usefixtures("three")
def test_a_person_who_rearranges_without_end_is_left_alone_with_all_their_cells(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    falling = iter([True, False] * 20)
    client.before_writing = [lambda: person.sort("Sources", "ID", falling=next(falling))] * 40

    with pytest.raises(GoogleUnavailableError, match="again and again"):
        book.edit({SOURCES: _wanting(SOURCES, {"1": "done", "2": "error"})})

    client.before_writing = []
    book.read([SOURCES])
    assert sorted(row[:2] + row[3:] for row in person.rows("Sources")[1:]) == [
        row[:2] + row[3:] for row in (ANN, BOB, CID)
    ]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("rounds_before", [0, 1])
def test_a_new_row_that_a_person_deletes_while_its_write_is_put_right_is_not_added_again(
    book: GoogleWorkbook, client: DirectClient, person: Person, rounds_before: int
) -> None:
    client.before_writing = [
        *[lambda: person.insert_column("Sources", before="URL")] * (1 + rounds_before),
        lambda: person.delete_rows("Sources", lambda row: row["ID"] == "9"),
    ]

    book.edit({SOURCES: _adding(SOURCES, {"8": "new", "9": "new", "1": "done"})})

    assert [(row["ID"], row["Status"]) for row in person.records("Sources")] == [
        ("1", "done"),
        ("2", "pending"),
        ("3", "pending"),
        ("8", "new"),
    ]


def test_a_lost_answer_adds_no_row_twice(book: GoogleWorkbook, client: DirectClient, person: Person) -> None:
    client.lost = 1
    with pytest.raises(GoogleUnavailableError):
        book.edit({SOURCES: _adding(SOURCES, {"1": "pending"})})

    book.edit({SOURCES: _adding(SOURCES, {"1": "pending"})})

    assert len(person.records("Sources")) == 1


@pytest.mark.usefixtures("three")
def test_what_a_write_hit_is_put_right_even_if_its_answer_is_lost(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing, client.lost = [lambda: person.insert_column("Sources", before="URL")], 1
    with pytest.raises(GoogleUnavailableError):
        book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    book.read([SOURCES])

    assert person.rows("Sources")[1] == ["1", "", "u1", "pending", "Ann", "a"]


@pytest.mark.usefixtures("three")
def test_a_write_that_never_arrived_brings_back_no_row_that_a_person_deletes(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    def fail() -> None:
        raise GoogleUnavailableError(Cause.NETWORK, "no connection")

    client.before_writing = [fail]
    with pytest.raises(GoogleUnavailableError, match="no connection"):
        book.edit({SOURCES: _without("1")})
    person.delete_rows("Sources", lambda row: row["ID"] == "3")

    book.edit({SOURCES: _without("1")})

    assert person.rows("Sources")[1:] == [BOB]


@pytest.mark.usefixtures("three")
def test_a_repair_that_a_person_overtakes_arrives_all_the_same(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    client.before_writing = [
        lambda: person.insert_column("Sources", before="URL"),
        lambda: person.sort("Sources", "Name", falling=True),
    ]

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    assert [(row["URL"], row["Name"], row["Status"]) for row in person.records("Sources")] == [
        ("u3", "Cid", "pending"),
        ("u2", "Bob", "pending"),
        ("u1", "Ann", "done"),
    ]


def test_a_column_is_added_where_the_grid_ends(book: GoogleWorkbook, person: Person, fill: Fill) -> None:
    fill(SOURCES, ["ID", "URL", *(f"mine{number}" for number in range(24))], ["1", "u"])

    book.edit({SOURCES: _wanting(SOURCES, {"1": "done"})})

    assert person.records("Sources")[0]["Status"] == "done"


def test_a_write_below_rows_that_a_person_deleted_is_done_over(
    book: GoogleWorkbook, client: DirectClient, person: Person, fill: Fill
) -> None:
    fill(SOURCES, HEADER, *([f"{number}", "u", "pending"] for number in range(1100)))
    client.before_writing = [lambda: person.delete_rows("Sources", lambda row: int(row["ID"]) < 1000)]

    book.edit({SOURCES: _wanting(SOURCES, {"1099": "done"})})

    assert person.records("Sources")[-1]["Status"] == "done"
    assert len(person.records("Sources")) == 100


def test_a_refusal_that_is_no_persons_doing_is_passed_on_at_once(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    too_long = Patch(appended=(("1", "x" * 50_001),))

    with pytest.raises(GoogleUnavailableError, match="maximum of 50000 characters"):
        book.edit({SOURCES: lambda _: Reconciled(too_long)})

    assert client.calls.count("update") == 1
    assert book.read([SOURCES])
    assert person.records("Sources") == []


def test_every_row_can_be_removed(book: GoogleWorkbook, person: Person, fill: Fill) -> None:
    fill(SOURCES, HEADER, *([f"{number}", "u"] for number in range(999)))

    book.edit({SOURCES: _without(*(f"{number}" for number in range(999)))})

    assert person.rows("Sources") == [[*HEADER]]


def test_new_tabs_have_their_header_frozen(client: DirectClient, person: Person) -> None:
    person.rename_tab("Sheet1", "sources")

    made = GoogleWorkbook(client, titles={WORKERS: "Machines"}).create_missing()

    assert made == TABS
    assert person.tabs() == [
        "sources",
        "Video Tasks",
        "Dead-Letter Sources",
        "Dead-Letter Tasks",
        "Machines",
        "Summary",
    ]
    assert person.header("Machines") == [*WORKERS.columns]
    assert client.calls.count("update") == 1


def test_a_tab_with_anything_in_it_is_left_as_it_is(client: DirectClient, person: Person) -> None:
    person.rename_tab("Sheet1", "Sources")
    person.edit_cell("Sources", 5, 5, "mine")

    made = GoogleWorkbook(client).create_missing([SOURCES])

    assert made == ()
    assert person.rows("Sources") == [[], [], [], [], ["", "", "", "", "mine"]]


def test_an_empty_tab_that_is_too_narrow_gets_its_header_frozen(client: DirectClient, person: Person) -> None:
    sheet = client.file.sheets[0]
    sheet.title, sheet.column_count = "Sources", 3

    assert GoogleWorkbook(client).create_missing([SOURCES]) == (SOURCES,)

    assert person.header("Sources") == [*SOURCES.columns]
    assert sheet.frozen_rows == 1


def test_a_tab_is_not_taken_for_one_whose_title_is_part_of_its_own(book: GoogleWorkbook, person: Person) -> None:
    person.delete_tab("Dead-Letter Sources")

    with pytest.raises(GoogleUnavailableError, match='"Dead-Letter Sources" is not there'):
        book.read(TABS)


def test_a_tab_that_a_person_deleted_is_named_and_made_again(book: GoogleWorkbook, person: Person) -> None:
    person.delete_tab("Sources")

    with pytest.raises(GoogleUnavailableError, match='The tab "Sources" is not there') as caught:
        book.read([SOURCES, VIDEO_TASKS])

    assert caught.value.cause is Cause.NO_SUCH_TAB
    assert book.create_missing() == (SOURCES,)
    assert book.read([SOURCES]) == {SOURCES: Table(header=SOURCES.columns)}


def test_a_tab_that_a_person_emptied_gets_its_header_again(book: GoogleWorkbook, fill: Fill) -> None:
    fill(SOURCES)

    with pytest.raises(GoogleUnavailableError, match="is empty"):
        book.edit({SOURCES: _wanting(SOURCES, {})})

    assert book.create_missing() == (SOURCES,)


def test_tabs_that_another_service_makes_at_the_same_moment_are_not_made_twice(
    client: DirectClient, person: Person
) -> None:
    other = GoogleWorkbook(client)

    def make() -> None:
        client.before_writing = []
        other.create_missing([SOURCES])

    client.before_writing = [make]

    GoogleWorkbook(client).create_missing()

    assert set(person.tabs()) >= {tab.name for tab in TABS}
    assert [person.rows(tab.name) for tab in TABS] == [[[*tab.columns]] for tab in TABS]


def test_tabs_made_without_an_answer_are_told_as_made(client: DirectClient) -> None:
    book = GoogleWorkbook(client)
    client.lost = 1
    with pytest.raises(GoogleUnavailableError):
        book.create_missing()

    assert book.create_missing() == TABS
    assert book.create_missing() == ()


def test_a_tab_made_anew_under_the_same_title_is_written_to(
    book: GoogleWorkbook, client: DirectClient, person: Person
) -> None:
    def replace() -> None:
        person.delete_tab("Sources")
        person.add_tab("Sources", [HEADER, ["'7", "u"]])

    client.before_writing = [replace]

    book.edit({SOURCES: _adding(SOURCES, {"7": "done"})})

    assert person.records("Sources") == [dict(zip(HEADER, ["7", "u", "done", "", ""], strict=True))]


def test_an_unreadable_tab_is_named_by_its_title_and_nothing_is_written(client: DirectClient, person: Person) -> None:
    book = GoogleWorkbook(client, titles={SOURCES: "My list"})
    book.create_missing()
    person.rename_column("My list", "URL", "Link")
    client.asked.clear()

    with pytest.raises(TabUnreadableError, match='The tab "My list" cannot be read') as caught:
        book.edit({SOURCES: _wanting(SOURCES, {}), WORKERS: _adding(WORKERS, {"w": "active"})})

    assert caught.value.tab == "Sources"
    assert client.calls == ["values"]

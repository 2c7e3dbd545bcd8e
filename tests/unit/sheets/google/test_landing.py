import pytest

from tubewarren.sheets.google.landing import column_letters, landing_of, returned_cells, table_of, whole
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, VIDEO_TASKS

TABLE = Table.of([("ID", "URL", "Status"), ("1", "u1", "p"), ("2", "u2", "p"), ("3", "u3", "p"), ("4", "u4", "p")])


def test_the_systems_cells_are_checked_by_the_header_and_the_keys_of_the_rows_touched() -> None:
    landing = landing_of(SOURCES, "Sources", TABLE, Patch(cells={1: {2: "done"}, 2: {2: "done"}}), small_cells=0)

    assert landing.ranges == ("'Sources'!1:1", "'Sources'!A3:A4")
    assert landing.cells == {(0, 0): "ID", (0, 1): "URL", (0, 2): "Status", (2, 0): "2", (3, 0): "3"}
    assert not landing.is_whole


def test_rows_that_go_are_checked_by_the_keys_of_all_that_stay() -> None:
    landing = landing_of(SOURCES, "Sources", TABLE, Patch(removed=frozenset({3})), small_cells=0)

    assert landing.ranges == ("'Sources'!1:1", "'Sources'!A2:A")
    assert landing.cells == {(0, 0): "ID", (0, 1): "URL", (0, 2): "Status", (1, 0): "1", (2, 0): "2", (3, 0): "3"}


def test_each_part_of_a_key_is_looked_at() -> None:
    table = Table.of([("SourceID", "Status", "ID"), ("1", "p", "v")])

    landing = landing_of(VIDEO_TASKS, "Video Tasks", table, Patch(cells={0: {1: "done"}}), small_cells=0)

    assert landing.ranges == ("'Video Tasks'!1:1", "'Video Tasks'!A2:A2", "'Video Tasks'!C2:C2")


def test_new_rows_need_no_look_but_at_the_header() -> None:
    landing = landing_of(SOURCES, "S", TABLE, Patch(appended=(("5", "u5", ""),)), small_cells=0)

    assert landing.ranges == ("'S'!1:1",)


def test_a_small_tab_is_looked_at_as_a_whole() -> None:
    assert landing_of(SOURCES, "S", TABLE, Patch(appended=(("5", "u5", ""),))).ranges == ("'S'",)


@pytest.mark.parametrize(
    "patch",
    [Patch(cells={0: {0: "9"}}), Patch(cells={0: {1: "u"}}), Patch(columns=("ETA",))],
    ids=["key", "human", "column"],
)
def test_what_touches_more_is_checked_by_the_whole_tab(patch: Patch) -> None:
    landing = landing_of(SOURCES, "Sources", TABLE, patch, small_cells=0)

    assert landing.ranges == ("'Sources'",)
    assert table_of(landing.cells) == landing.table


@pytest.mark.parametrize("patch", [Patch(removed=frozenset({1})), Patch(cells={4: {2: "done"}})])
def test_where_a_row_without_a_key_may_be_hit_the_whole_tab_is_looked_at(patch: Patch) -> None:
    table = Table.of([TABLE.header, *TABLE.rows, ("", "w", "")])

    assert landing_of(SOURCES, "Sources", table, patch, small_cells=0).ranges == ("'Sources'",)


def test_what_google_returns_is_placed_where_it_says() -> None:
    answer = {
        "updatedSpreadsheet": {
            "sheets": [
                {
                    "properties": {"sheetId": 7},
                    "data": [
                        {"rowData": [{"values": [{"formattedValue": "ID"}, {}, {"formattedValue": "URL"}]}]},
                        {"startRow": 4, "startColumn": 2, "rowData": [{}, {"values": [{"formattedValue": "x"}]}]},
                    ],
                }
            ]
        }
    }

    assert returned_cells(answer) == {7: {(0, 0): "ID", (0, 2): "URL", (5, 2): "x"}}
    assert returned_cells({"replies": []}) == {}


@pytest.mark.parametrize(
    ("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_have_googles_letters(column: int, letters: str) -> None:
    assert column_letters(column) == letters


def test_a_title_is_quoted() -> None:
    assert whole("Ann's list") == "'Ann''s list'"

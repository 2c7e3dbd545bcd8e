from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.google.grid import Request, as_read, evened, requests_for
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES

TABLE = Table.of([("ID", "URL", "Status", "Progress"), *((f"{at}", f"u{at}", "p", "0%") for at in range(10))])


def _kinds(requests: list[Request]) -> list[str]:
    return [kind for request in requests for kind in request]


def _texts(request: Request) -> list[list[str | None]]:
    return [
        [cell.get("userEnteredValue", {}).get("stringValue") for cell in row["values"]]
        for row in request["updateCells"]["rows"]
    ]


def test_text_is_written_as_it_is_and_no_text_clears_the_cell() -> None:
    (request,) = requests_for(7, TABLE, Patch(cells={0: {2: "=1+1", 3: ""}}))

    assert request == {
        "updateCells": {
            "start": {"sheetId": 7, "rowIndex": 1, "columnIndex": 2},
            "rows": [{"values": [{"userEnteredValue": {"stringValue": "=1+1"}}, {}]}],
            "fields": "userEnteredValue",
        }
    }


def test_cells_that_lie_together_are_one_request() -> None:
    cells = {at: {2: f"s{at}", 3: f"{at}%"} for at in (3, 4, 5, 8)}

    block, single = requests_for(7, TABLE, Patch(cells=cells))

    assert block["updateCells"]["start"]["rowIndex"] == 4
    assert _texts(block) == [["s3", "3%"], ["s4", "4%"], ["s5", "5%"]]
    assert _texts(single) == [["s8", "8%"]]


def test_thousands_of_changed_rows_that_lie_together_are_one_request_whatever_of_the_systems_changed() -> None:
    table = Table.of([TABLE.header, *((f"{at}", "u", "p", "0%") for at in range(6000))])
    patch = Patch(cells={at: {2: "done"} if at % 3 else {2: "error", 3: "9%"} for at in range(6000)})

    (request,) = requests_for(7, table, evened(SOURCES, table, patch))

    assert _texts(request)[:3] == [["error", "9%"], ["done", "0%"], ["done", "0%"]]


def test_evening_out_never_adds_a_cell_of_a_persons() -> None:
    patch = Patch(cells={0: {0: "9", 2: "x"}, 1: {3: "5%"}, 5: {2: "y"}})

    assert evened(SOURCES, TABLE, patch).cells == {
        0: {0: "9", 2: "x", 3: "0%"},
        1: {2: "p", 3: "5%"},
        5: {2: "y"},
    }


def test_the_systems_cells_between_two_changed_ones_are_written_along() -> None:
    table = Table.of([("Status", "ClaimedBy", "ClaimedAt", "Mine", "Progress"), ("p", "w", "t", "m", "0%")])

    evened_out = evened(SOURCES, table, Patch(cells={0: {0: "done", 2: "", 4: "9%"}}))

    assert evened_out.cells == {0: {0: "done", 1: "w", 2: "", 4: "9%"}}
    assert len(requests_for(7, table, evened_out)) == 2


def test_rows_go_from_the_bottom_up_after_the_cells_and_new_ones_come_last() -> None:
    patch = Patch(cells={9: {2: "x"}}, removed=frozenset({1, 2, 6}), appended=(("a", "b", "c", "d"),))

    requests = requests_for(7, TABLE, patch)

    assert _kinds(requests) == ["updateCells", "deleteDimension", "deleteDimension", "appendCells"]
    spans = [request["deleteDimension"]["range"] for request in requests[1:3]]
    assert [(span["startIndex"], span["endIndex"]) for span in spans] == [(7, 8), (2, 4)]


def test_new_columns_are_inserted_so_that_nothing_is_written_over() -> None:
    inserted, named, _ = requests_for(7, TABLE, Patch(columns=("ETA", "X"), cells={0: {4: "soon"}}))

    assert inserted["insertDimension"]["range"] == {
        "sheetId": 7,
        "dimension": "COLUMNS",
        "startIndex": 4,
        "endIndex": 6,
    }
    assert named["updateCells"]["start"] == {"sheetId": 7, "rowIndex": 0, "columnIndex": 4}
    assert _texts(named) == [["ETA", "X"]]


def test_a_row_is_left_below_the_frozen_ones() -> None:
    everything, but_one = frozenset(range(10)), frozenset(range(9))

    assert _kinds(requests_for(7, TABLE, Patch(removed=everything))) == ["appendDimension", "deleteDimension"]
    assert _kinds(requests_for(7, TABLE, Patch(removed=but_one))) == ["deleteDimension"]
    assert _kinds(requests_for(7, TABLE, Patch(removed=but_one), frozen_rows=2)) == [
        "appendDimension",
        "deleteDimension",
    ]


def test_a_table_is_read_back_without_the_blank_ends() -> None:
    grid = [["a", "b", ""], ["1", "", ""], ["", "", ""], ["", " ", ""], ["", "", ""]]

    assert as_read(Table.of(grid)) == Table.of([["a", "b"], ["1", ""], ["", ""], ["", " "]])
    assert as_read(Table(header=("", ""), rows=(("", ""),))) == Table(header=())


def test_a_table_that_is_as_it_is_read_stays_the_same_object() -> None:
    assert as_read(TABLE) is TABLE


@given(st.dictionaries(st.integers(0, 9), st.dictionaries(st.integers(0, 3), st.sampled_from("xy"), min_size=1)))
def test_every_cell_is_written_once(cells: dict[int, dict[int, str]]) -> None:
    written = [
        (update["start"]["rowIndex"] + down - 1, update["start"]["columnIndex"] + right, text)
        for request in requests_for(7, TABLE, Patch(cells=cells))
        for update in (request["updateCells"],)
        for down, row in enumerate(_texts(request))
        for right, text in enumerate(row)
    ]

    assert sorted(written) == sorted((row, at, text) for row, columns in cells.items() for at, text in columns.items())

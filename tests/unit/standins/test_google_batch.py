"""What a batch of requests does to a spreadsheet, and what is shown of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from standins.google_batch import batch_update
from standins.google_cells import Cell, Formula
from standins.google_errors import RefusedError
from standins.google_masks import SPREADSHEET, parse_mask
from standins.google_spreadsheet import Sheet, Spreadsheet
from standins.google_views import spreadsheet_view

ROWS_2_TO_3 = {"sheetId": 7, "startRowIndex": 1, "endRowIndex": 3}


def a_file(*rows: Sequence[Cell], row_count: int = 10, most_cells: int = 10_000_000) -> Spreadsheet:
    sheet = Sheet(7, "T", row_count=row_count, column_count=5)
    sheet.write(0, 0, rows)
    return Spreadsheet("id", "file", [sheet], most_cells)


def numbered(count: int) -> list[list[Cell]]:
    return [[f"r{number}"] for number in range(1, count + 1)]


def first_column(file: Spreadsheet) -> list[Cell]:
    return [row[0] if row else None for row in file.sheets[0].rows]


def text_row(*texts: str) -> dict[str, Any]:
    return {"values": [{"userEnteredValue": {"stringValue": text}} for text in texts]}


def span(dimension: str, start: int, end: int) -> dict[str, Any]:
    return {"sheetId": 7, "dimension": dimension, "startIndex": start, "endIndex": end}


def shown(file: Spreadsheet, mask: str, *ranges: str) -> Any:
    return spreadsheet_view(file, parse_mask(mask, SPREADSHEET), ranges)


def test_a_sheet_is_added_with_what_is_given_and_googles_usual_size() -> None:
    file = a_file()

    plain, frozen = batch_update(
        file,
        [
            {"addSheet": {}},
            {"addSheet": {"properties": {"title": "New", "index": 0, "gridProperties": {"frozenRowCount": 1}}}},
        ],
    )

    assert plain["addSheet"]["properties"]["title"] == "Sheet2"
    assert plain["addSheet"]["properties"]["gridProperties"] == {"rowCount": 1000, "columnCount": 26}
    assert frozen["addSheet"]["properties"]["gridProperties"]["frozenRowCount"] == 1
    assert [sheet.title for sheet in file.sheets] == ["New", "T", "Sheet2"]
    assert len({sheet.sheet_id for sheet in file.sheets}) == 3


def test_only_the_properties_that_the_mask_names_are_changed() -> None:
    file = a_file(*numbered(4))
    properties = {"sheetId": 7, "title": "Other", "gridProperties": {"rowCount": 3, "frozenRowCount": 1}}

    batch_update(file, [{"updateSheetProperties": {"properties": properties, "fields": "gridProperties.rowCount"}}])

    sheet = file.sheets[0]
    assert (sheet.title, sheet.row_count, sheet.frozen_rows) == ("T", 3, 0)
    assert first_column(file) == ["r1", "r2", "r3"]


def test_a_batch_is_done_whole_or_not_at_all() -> None:
    file = a_file(*numbered(2))

    with pytest.raises(RefusedError, match=r"Invalid requests\[2\]\.updateCells: No grid with id: 8"):
        batch_update(
            file,
            [
                {"deleteDimension": {"range": span("ROWS", 0, 1)}},
                {"addSheet": {"properties": {"title": "New"}}},
                {"updateCells": {"start": {"sheetId": 8}, "rows": [text_row("x")], "fields": "userEnteredValue"}},
            ],
        )

    assert first_column(file) == ["r1", "r2"]
    assert [sheet.title for sheet in file.sheets] == ["T"]
    assert file.sheets[0].row_count == 10


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"addSheet": {"properties": {"title": "t"}}}, 'A sheet with the name "t" already exists'),
        ({"deleteSheet": {"sheetId": 7}}, "You can't remove all the sheets in a document."),
        ({"deleteDimension": {"range": span("ROWS", 0, 10)}}, "You can't delete all the rows on the sheet."),
        ({"deleteDimension": {"range": span("COLUMNS", 0, 5)}}, "You can't delete all the columns on the sheet."),
        (
            {"deleteDimension": {"range": span("ROWS", 10, 11)}},
            "Tried to delete row index 10 but there are only 10 rows.",
        ),
        ({"insertDimension": {"range": span("ROWS", 0, 1), "inheritFromBefore": True}}, "cannot be 0"),
        ({"insertDimension": {"range": span("ROWS", 10, 11)}}, r"range.startIndex\[10\] must be less than"),
        (
            {"appendDimension": {"sheetId": 7, "dimension": "ROWS", "length": 10**7}},
            "above the limit of 10000000 cells",
        ),
        ({"appendDimension": {"sheetId": 7, "length": 1}}, "No dimension specified"),
        ({"updateCells": {"start": {"sheetId": 7}, "rows": []}}, "At least one field must be listed in 'fields'"),
        (
            {"updateCells": {"start": {"sheetId": 7, "rowIndex": 10}, "rows": [], "fields": "*"}},
            r"GridCoordinate.rowIndex\[10\] is after last row in grid\[10\]",
        ),
        (
            {"updateCells": {"start": {"sheetId": 7, "rowIndex": 9}, "rows": [{}, {}], "fields": "*"}},
            "Attempting to write row: 10, beyond the last requested row of: 9",
        ),
        (
            {"updateCells": {"range": ROWS_2_TO_3, "rows": [{}] * 3, "fields": "*"}},
            "Attempting to write row: 3, beyond the last requested row of: 2",
        ),
        (
            {"updateCells": {"start": {"sheetId": 7}, "rows": [text_row("x" * 50_001)], "fields": "*"}},
            "more than the maximum of 50000 characters",
        ),
        (
            {"repeatCell": {"range": {"sheetId": 7, "endRowIndex": 11}, "cell": {}, "fields": "userEnteredFormat"}},
            r"GridRange.endRowIndex\[11\] is after last row in grid\[10\]",
        ),
        (
            {"sortRange": {"range": {**ROWS_2_TO_3, "endColumnIndex": 1}, "sortSpecs": [{"dimensionIndex": 2}]}},
            "lies outside of the range",
        ),
        ({"deleteConditionalFormatRule": {"sheetId": 7, "index": 0}}, "No conditional format on sheet: 7 at index: 0"),
        ({"deleteProtectedRange": {"protectedRangeId": 9}}, "No protected range with ID: 9"),
        (
            {
                "updateSheetProperties": {
                    "properties": {"sheetId": 7, "gridProperties": {"frozenRowCount": 10}},
                    "fields": "*",
                }
            },
            "can't freeze all visible rows",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(request_: dict[str, Any], words: str) -> None:
    (kind,) = request_

    with pytest.raises(RefusedError, match=words) as refusal:
        batch_update(a_file(["x"]), [request_])

    assert refusal.value.message.startswith(f"Invalid requests[0].{kind}: ")
    assert refusal.value.body["error"]["status"] == "INVALID_ARGUMENT"


def test_frozen_rows_cannot_be_left_alone() -> None:
    file = a_file()
    file.sheets[0].frozen_rows = 1

    with pytest.raises(RefusedError, match="Sorry, it is not possible to delete all non-frozen rows"):
        batch_update(file, [{"deleteDimension": {"range": span("ROWS", 1, 10)}}])


@pytest.mark.parametrize(
    ("request_", "place"),
    [({"updateCell": {}}, "requests[0]"), ({"deleteSheet": {"sheetID": 7}}, "requests[0].deleteSheet")],
)
def test_a_name_that_the_api_does_not_know_is_refused(request_: dict[str, Any], place: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        batch_update(a_file(), [request_])

    assert refusal.value.message.endswith(f"at '{place}': Cannot find field.")


def test_cells_are_written_as_the_kinds_they_are_given_as() -> None:
    file = a_file(["old", "old", "old", "old", "old"])
    values = [
        {"userEnteredValue": {"stringValue": "=text"}},
        {"userEnteredValue": {"numberValue": 2.0}},
        {"userEnteredValue": {"boolValue": False}},
        {"userEnteredValue": {"formulaValue": "=A1"}},
        {},
    ]

    batch_update(
        file, [{"updateCells": {"start": {"sheetId": 7}, "rows": [{"values": values}], "fields": "userEnteredValue"}}]
    )

    assert file.sheets[0].rows == [["=text", 2, False, Formula("=A1")]]


def test_a_range_is_emptied_where_the_rows_do_not_cover_it() -> None:
    file = a_file(*[["a", "b"]] * 4)

    batch_update(
        file, [{"updateCells": {"range": ROWS_2_TO_3, "rows": [text_row("new")], "fields": "userEnteredValue"}}]
    )

    assert file.sheets[0].rows == [["a", "b"], ["new"], [], ["a", "b"]]


def test_cells_keep_their_values_where_the_mask_names_something_else() -> None:
    file = a_file(["a", "b"])

    batch_update(file, [{"updateCells": {"start": {"sheetId": 7}, "rows": [text_row("new")], "fields": "note"}}])

    assert file.sheets[0].rows == [["a", "b"]]


def test_appended_cells_come_after_the_last_row_with_anything_in_it_and_the_grid_grows() -> None:
    file = a_file(["a"], [], [None, "b"], row_count=3)

    batch_update(
        file, [{"appendCells": {"sheetId": 7, "rows": [text_row("x"), text_row("y")], "fields": "userEnteredValue"}}]
    )

    assert file.sheets[0].rows == [["a"], [], [None, "b"], ["x"], ["y"]]
    assert file.sheets[0].row_count == 5


def test_rows_and_columns_are_inserted_appended_and_deleted() -> None:
    file = a_file(["a", "b"], ["c", "d"])

    batch_update(
        file,
        [
            {"insertDimension": {"range": span("ROWS", 1, 3), "inheritFromBefore": True}},
            {"insertDimension": {"range": span("COLUMNS", 1, 2)}},
            {"appendDimension": {"sheetId": 7, "dimension": "COLUMNS", "length": 3}},
            {"deleteDimension": {"range": span("ROWS", 1, 2)}},
        ],
    )

    sheet = file.sheets[0]
    assert sheet.rows == [["a", None, "b"], [], ["c", None, "d"]]
    assert (sheet.row_count, sheet.column_count) == (11, 9)


@pytest.mark.parametrize(
    ("start", "end", "destination", "order"),
    [(0, 1, 3, ["r2", "r3", "r1", "r4"]), (2, 4, 0, ["r3", "r4", "r1", "r2"]), (1, 2, 10, ["r1", "r3", "r4"])],
)
def test_rows_are_moved_before_a_place_of_the_grid_as_it_was(
    start: int, end: int, destination: int, order: list[str]
) -> None:
    file = a_file(*numbered(4))

    batch_update(file, [{"moveDimension": {"source": span("ROWS", start, end), "destinationIndex": destination}}])

    assert [cell for cell in first_column(file) if cell][: len(order)] == order
    assert file.sheets[0].row_count == 10


def test_a_column_is_moved_with_its_validation() -> None:
    file = a_file(["a", "b", "c"])
    column_a = {"sheetId": 7, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1}

    batch_update(
        file,
        [
            {"setDataValidation": {"range": column_a, "rule": {"strict": True}}},
            {"moveDimension": {"source": span("COLUMNS", 0, 1), "destinationIndex": 3}},
        ],
    )

    assert file.sheets[0].rows == [["b", "c", "a"]]
    assert file.sheets[0].validations[0]["range"] == {**column_a, "startColumnIndex": 2, "endColumnIndex": 3}


def test_rows_are_sorted_by_several_columns_with_empty_cells_last() -> None:
    file = a_file(["H", "H"], ["b", 1], [None, 9], ["a", 1], ["c", 2])
    by = [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}, {"dimensionIndex": 0, "sortOrder": "DESCENDING"}]

    batch_update(file, [{"sortRange": {"range": {"sheetId": 7, "startRowIndex": 1}, "sortSpecs": by}}])

    assert file.sheets[0].rows == [["H", "H"], [None, 9], ["c", 2], ["b", 1], ["a", 1]]


@pytest.mark.parametrize(("order", "sorted_"), [("ASCENDING", ["a", "b", None]), ("DESCENDING", ["b", "a", None])])
def test_empty_cells_are_sorted_last_either_way(order: str, sorted_: list[Cell]) -> None:
    file = a_file(["b", 1], [None, 2], ["a", 3])
    by = [{"dimensionIndex": 0, "sortOrder": order}]

    batch_update(file, [{"sortRange": {"range": {"sheetId": 7}, "sortSpecs": by}}])

    assert first_column(file) == sorted_


def test_a_frozen_row_that_is_deleted_leaves_one_less_frozen() -> None:
    file = a_file(*numbered(4))
    file.sheets[0].frozen_rows = 2

    batch_update(file, [{"deleteDimension": {"range": span("ROWS", 1, 3)}}])

    assert file.sheets[0].frozen_rows == 1


def test_stored_ranges_move_with_rows_and_vanish_with_them() -> None:
    file = a_file(*numbered(5))
    rule = {"ranges": [dict(ROWS_2_TO_3)], "booleanRule": {"condition": {"type": "NOT_BLANK"}}}

    batch_update(
        file,
        [
            {"addProtectedRange": {"protectedRange": {"range": dict(ROWS_2_TO_3), "warningOnly": True}}},
            {"addConditionalFormatRule": {"rule": rule, "index": 0}},
            {"setBasicFilter": {"filter": {"range": {"sheetId": 7, "startRowIndex": 0, "endRowIndex": 5}}}},
            {"insertDimension": {"range": span("ROWS", 0, 2)}},
        ],
    )
    sheet = file.sheets[0]
    moved = sheet.protected_ranges[0]["range"], sheet.conditional_formats[0]["ranges"][0], sheet.basic_filter
    batch_update(file, [{"deleteDimension": {"range": span("ROWS", 2, 6)}}])

    lower = {"sheetId": 7, "startRowIndex": 3, "endRowIndex": 5}
    assert moved == (lower, lower, {"range": {"sheetId": 7, "startRowIndex": 2, "endRowIndex": 7}})
    assert (sheet.protected_ranges, sheet.conditional_formats) == ([], [])
    assert sheet.basic_filter == {"range": {"sheetId": 7, "startRowIndex": 2, "endRowIndex": 3}}


def test_a_protected_range_gets_an_id_and_is_changed_and_removed_by_it() -> None:
    file = a_file()
    protected = {"range": {"sheetId": 7}, "warningOnly": True, "description": "ours"}

    (added,) = batch_update(file, [{"addProtectedRange": {"protectedRange": protected}}])
    number = added["addProtectedRange"]["protectedRange"]["protectedRangeId"]
    changed = {"protectedRangeId": number, "description": "theirs"}
    batch_update(file, [{"updateProtectedRange": {"protectedRange": changed, "fields": "description"}}])
    after_change = list(file.sheets[0].protected_ranges)
    batch_update(file, [{"deleteProtectedRange": {"protectedRangeId": number}}])

    assert after_change == [{**protected, **changed}]
    assert file.sheets[0].protected_ranges == []


def test_conditional_formats_keep_the_order_of_their_places() -> None:
    file = a_file()
    rules = [{"ranges": [{"sheetId": 7, "startColumnIndex": number}], "booleanRule": {}} for number in range(3)]

    replies = batch_update(
        file,
        [
            {"addConditionalFormatRule": {"rule": rules[0], "index": 0}},
            {"addConditionalFormatRule": {"rule": rules[1], "index": 0}},
            {"addConditionalFormatRule": {"rule": rules[2], "index": 2}},
            {"deleteConditionalFormatRule": {"sheetId": 7, "index": 1}},
        ],
    )

    assert replies == [{}, {}, {}, {"deleteConditionalFormatRule": {"rule": rules[0]}}]
    assert file.sheets[0].conditional_formats == [rules[1], rules[2]]


def test_a_filter_can_be_taken_away() -> None:
    file = a_file(["H"], ["b"], ["a"])
    with_sorting = {"range": {"sheetId": 7}, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}]}

    batch_update(file, [{"setBasicFilter": {"filter": with_sorting}}, {"clearBasicFilter": {"sheetId": 7}}])

    assert first_column(file) == ["H", "a", "b"]
    assert file.sheets[0].basic_filter is None


def test_a_repeated_cell_fills_its_range_and_its_format_is_kept() -> None:
    file = a_file()
    bold = {"textFormat": {"bold": True}}
    cell = {"userEnteredValue": {"numberValue": 1}, "userEnteredFormat": bold}

    batch_update(file, [{"repeatCell": {"range": ROWS_2_TO_3, "cell": cell, "fields": "*"}}])

    assert file.sheets[0].rows == [[], [1] * 5, [1] * 5]
    (data,) = shown(file, "sheets.data.rowData.values.userEnteredFormat", "T!A2")["sheets"][0]["data"]
    assert data == {"rowData": [{"values": [{"userEnteredFormat": bold}]}]}


def test_the_newest_validation_of_a_cell_holds_and_can_be_taken_back() -> None:
    file = a_file(["x"])
    everything, first = {"sheetId": 7}, {"sheetId": 7, "endRowIndex": 1, "endColumnIndex": 1}
    old, new = {"condition": {"type": "NOT_BLANK"}}, {"condition": {"type": "BOOLEAN"}}

    def of_first_two() -> Any:
        (data,) = shown(file, "sheets.data.rowData.values.dataValidation", "T!A1:B1")["sheets"][0]["data"]
        return data["rowData"][0]["values"]

    batch_update(file, [{"setDataValidation": {"range": everything, "rule": old}}])
    batch_update(file, [{"setDataValidation": {"range": first, "rule": new}}])
    with_both = of_first_two()
    batch_update(file, [{"setDataValidation": {"range": first}}])
    without_first = of_first_two()
    batch_update(file, [{"setDataValidation": {"range": everything}}])

    assert with_both == [{"dataValidation": new}, {"dataValidation": old}]
    assert without_first == [{}, {"dataValidation": old}]
    assert file.sheets[0].validations == []


def test_cells_carry_their_validation_along_when_they_are_written() -> None:
    file = a_file()
    rule = {"condition": {"type": "BOOLEAN"}}
    start, cell = {"sheetId": 7, "rowIndex": 1, "columnIndex": 1}, {"dataValidation": rule}

    batch_update(
        file,
        [
            {"updateCells": {"start": start, "rows": [{"values": [cell]}], "fields": "dataValidation"}},
            {"repeatCell": {"range": {"sheetId": 7, "endRowIndex": 1}, "cell": cell, "fields": "dataValidation"}},
        ],
    )

    (data,) = shown(file, "sheets.data.rowData.values.dataValidation")["sheets"][0]["data"]
    assert data["rowData"] == [{"values": [cell] * 5}, {"values": [{}, cell]}]


def test_cells_are_shown_as_entered_as_they_come_out_and_as_they_look() -> None:
    file = a_file(["H"], [Formula('="x"'), 1.5, None, True, Formula("=oops")])

    (sheet,) = spreadsheet_view(file, {}, ["T!A2:E2"], with_grid_data=True)["sheets"]

    assert sheet["data"] == [
        {
            "startRow": 1,
            "rowData": [
                {
                    "values": [
                        {
                            "userEnteredValue": {"formulaValue": '="x"'},
                            "effectiveValue": {"stringValue": "x"},
                            "formattedValue": "x",
                        },
                        {
                            "userEnteredValue": {"numberValue": 1.5},
                            "effectiveValue": {"numberValue": 1.5},
                            "formattedValue": "1.5",
                        },
                        {},
                        {
                            "userEnteredValue": {"boolValue": True},
                            "effectiveValue": {"boolValue": True},
                            "formattedValue": "TRUE",
                        },
                        {
                            "userEnteredValue": {"formulaValue": "=oops"},
                            "effectiveValue": {"errorValue": {"type": "NAME", "message": "Unknown function or name."}},
                            "formattedValue": "#NAME?",
                        },
                    ]
                }
            ],
        }
    ]


def test_cells_are_not_shown_unless_asked_for() -> None:
    (sheet,) = spreadsheet_view(a_file(["x"]), {})["sheets"]

    assert sheet == {
        "properties": {
            "sheetId": 7,
            "title": "T",
            "index": 0,
            "sheetType": "GRID",
            "gridProperties": {"rowCount": 10, "columnCount": 5},
        }
    }

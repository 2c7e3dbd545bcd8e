"""What cells hold, and what the values API makes of them."""

from collections.abc import Sequence

import pytest

from standins import google_values
from standins.google_cells import Cell, Formula, Shown, raw, shown, sort_key, typed, unformatted
from standins.google_errors import RefusedError
from standins.google_spreadsheet import Sheet, Spreadsheet

HEADER = ["ID", "URL", "Status"]


def a_file(*rows: Sequence[Cell], row_count: int = 1000, title: str = "T", most_cells: int = 10_000_000) -> Spreadsheet:
    sheet = Sheet(0, title, row_count=row_count)
    sheet.write(0, 0, rows)
    return Spreadsheet("id", "file", [sheet], most_cells)


@pytest.mark.parametrize(
    ("text", "cell", "seen"),
    [
        ("plain", "plain", "plain"),
        ("=A1+1", Formula("=A1+1"), "#NAME?"),
        ('=HYPERLINK("https://x.test", "label")', Formula('=HYPERLINK("https://x.test", "label")'), "label"),
        ("+A1", Formula("=+A1"), "#NAME?"),
        ("-dash", Formula("=-dash"), "#NAME?"),
        ("-", "-", "-"),
        ("@name", "@name", "@name"),
        ("0042", 42, "42"),
        ("+5", 5, "5"),
        ("1.50", 1.5, "1.5"),
        ("1,234", Shown(1234, "1,234"), "1,234"),
        ("1e5", Shown(100_000, "1.00E+05"), "1.00E+05"),
        ("50%", Shown(0.5, "50%"), "50%"),
        ("$5", Shown(5, "$5.00"), "$5.00"),
        ("3/4", Shown(46085, "3/4"), "3/4"),
        ("2026-03-04", Shown(46085, "2026-03-04"), "2026-03-04"),
        ("2026-03-04 12:00:00", Shown(46085.5, "2026-03-04 12:00:00"), "2026-03-04 12:00:00"),
        ("6:00 PM", Shown(0.75, "6:00 PM"), "6:00 PM"),
        ("2026-13-40", "2026-13-40", "2026-13-40"),
        ("2026-03-04T12:00:00Z", "2026-03-04T12:00:00Z", "2026-03-04T12:00:00Z"),
        ("true", True, "TRUE"),
        ("'0042", "0042", "0042"),
        ("'=1", "=1", "=1"),
        ("", None, ""),
    ],
)
def test_typing_makes_of_a_text_what_google_makes_of_it(text: str, cell: Cell, seen: str) -> None:
    assert typed(text, this_year=2026) == cell
    assert shown(typed(text, this_year=2026)) == seen


@pytest.mark.parametrize("text", ["=1+1", "+1", "0042", "3/4", "TRUE", "'quoted", "1e5", " "])
def test_raw_text_stays_the_text_that_it_is(text: str) -> None:
    assert (raw(text), shown(raw(text))) == (text, text)


@pytest.mark.parametrize(
    ("number", "seen"),
    [(12, "12"), (12.0, "12"), (0.1 + 0.2, "0.3"), (3.14159265358979, "3.141592654"), (1e20, "1E+20"), (-2.5, "-2.5")],
)
def test_numbers_are_shown_as_the_automatic_format_shows_them(number: float, seen: str) -> None:
    assert shown(raw(number)) == seen


def test_a_text_of_more_than_50_000_characters_is_refused() -> None:
    file = a_file(HEADER)
    google_values.update(file, {"range": "T!A2", "values": [["x" * 50_000]]}, "RAW")

    with pytest.raises(RefusedError, match="more than the maximum of 50000 characters in a single cell"):
        google_values.update(file, {"range": "T!A2", "values": [["x" * 50_001]]}, "RAW")


def test_numbers_come_before_texts_and_texts_before_truth_values() -> None:
    cells: list[Cell] = [True, "b", "A", 3, Formula("=oops"), Shown(1, "1%")]

    assert [shown(cell) for cell in sorted(cells, key=sort_key)] == ["1%", "3", "A", "b", "TRUE", "#NAME?"]


def test_empty_rows_and_cells_at_the_ends_are_left_out_and_those_between_are_not() -> None:
    file = a_file(["a", None, "c", None], [], [None, "x"], [None])

    answer = google_values.get(file, "T")

    assert answer == {"range": "T!A1:Z1000", "majorDimension": "ROWS", "values": [["a", "", "c"], [], ["", "x"]]}
    assert google_values.get(file, "T!D1:E9") == {"range": "T!D1:E9", "majorDimension": "ROWS"}
    assert google_values.get(file, "T", major="COLUMNS")["values"] == [["a"], ["", "", "x"], ["c"]]


def test_a_value_is_read_as_it_looks_as_it_is_or_as_it_was_written() -> None:
    cells: list[Cell] = [Shown(0.5, "50%"), True, 7, Formula('="x"')]
    file = a_file(cells)

    seen, are, written = (
        google_values.get(file, "T", render)["values"] for render in ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")
    )

    assert (seen, are, written) == ([["50%", "TRUE", "7", "x"]], [[0.5, True, 7, "x"]], [[0.5, True, 7, '="x"']])


@pytest.mark.parametrize(
    ("text", "full", "values"),
    [
        ("T", "T!A1:Z1000", [["a1", "b1", "c1"], ["a2", "b2", "c2"]]),
        ("'T'", "T!A1:Z1000", [["a1", "b1", "c1"], ["a2", "b2", "c2"]]),
        ("t!A2:B", "T!A2:B1000", [["a2", "b2"]]),
        ("'T'!B:B", "T!B1:B1000", [["b1"], ["b2"]]),
        ("T!1:1", "T!A1:Z1", [["a1", "b1", "c1"]]),
        ("T!C2", "T!C2", [["c2"]]),
        ("T!B2:A1", "T!A1:B2", [["a1", "b1"], ["a2", "b2"]]),
        ("A1", "T!A1", [["a1"]]),
        ("T!A2:Z5000", "T!A2:Z1000", [["a2", "b2", "c2"]]),
    ],
)
def test_ranges_mean_what_a1_notation_says(text: str, full: str, values: list[list[str]]) -> None:
    file = a_file(["a1", "b1", "c1"], ["a2", "b2", "c2"])

    answer = google_values.get(file, text)

    assert (answer["range"], answer["values"]) == (full, values)


def test_titles_are_quoted_in_answers_where_they_must_be() -> None:
    assert google_values.get(a_file(title="Video Tasks"), "'Video Tasks'!A1")["range"] == "'Video Tasks'!A1"
    assert google_values.get(a_file(title="Bob's"), "'Bob''s'!A1")["range"] == "'Bob''s'!A1"


@pytest.mark.parametrize("text", ["Elsewhere!A1", "Elsewhere", "'T", "T!", "T!A", "T!1", "T!hello", "T!A0"])
def test_what_is_no_range_here_cannot_be_parsed(text: str) -> None:
    with pytest.raises(RefusedError, match="Unable to parse range: ") as refusal:
        google_values.get(a_file(HEADER), text)

    assert refusal.value.message == f"Unable to parse range: {text}"


@pytest.mark.parametrize(
    ("start", "values", "named"),
    [
        ("A1001", [["x"]], "A1001"),
        ("A999", [["x", "y"]] * 3, "A999:B1001"),
        ("Z1", [["x", "y"]], "Z1:AA1"),
    ],
)
def test_a_write_outside_of_the_grid_is_refused(start: str, values: list[list[str]], named: str) -> None:
    file = a_file(title="Video Tasks")

    with pytest.raises(RefusedError) as refusal:
        google_values.update(file, {"range": f"'Video Tasks'!{start}", "values": values}, "RAW")

    assert refusal.value.message == (
        f"Range ('Video Tasks'!{named}) exceeds grid limits. Max rows: 1000, max columns: 26"
    )
    assert file.sheets[0].rows == []


def test_a_read_that_begins_outside_of_the_grid_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"Range \(T!A2000\) exceeds grid limits\. Max rows: 1000, max columns: 26"):
        google_values.get(a_file(HEADER), "T!A2000")


def test_values_that_do_not_fit_their_range_are_refused() -> None:
    file = a_file()

    with pytest.raises(RefusedError, match=r"within range \[T!A1:B2\], but tried writing to row \[3\]"):
        google_values.update(file, {"range": "T!A1:B2", "values": [["x"]] * 3}, "RAW")
    with pytest.raises(RefusedError, match=r"but tried writing to column \[C\]"):
        google_values.update(file, {"range": "T!A1:B2", "values": [["x"] * 3]}, "RAW")


def test_null_leaves_a_cell_as_it_is_and_an_empty_text_empties_it() -> None:
    file = a_file(["a", "b", "c"])

    answer = google_values.update(file, {"range": "T!A1", "values": [[None, "", "C"]]}, "RAW")

    assert file.sheets[0].rows == [["a", None, "C"]]
    assert answer["updatedRange"] == "T!A1:C1"


def test_columns_are_written_downwards() -> None:
    file = a_file()

    google_values.update(file, {"range": "T!B1", "majorDimension": "COLUMNS", "values": [["1", "2"], ["3"]]}, "RAW")

    assert file.sheets[0].rows == [[None, "1", "3"], [None, "2"]]


def test_a_batch_of_values_is_written_all_or_none() -> None:
    file = a_file(HEADER)
    data = [{"range": "T!A2", "values": [["1"]]}, {"range": "Gone!A2", "values": [["2"]]}]

    with pytest.raises(RefusedError, match=r"Invalid data\[1\]: Unable to parse range: Gone!A2"):
        google_values.batch_update(file, {"valueInputOption": "RAW", "data": data})

    assert file.sheets[0].rows == [HEADER]


def test_a_batch_of_values_says_what_it_wrote() -> None:
    file = a_file(HEADER)
    data = [{"range": "T!A2", "values": [["1", "u"]]}, {"range": "T!C3", "values": [["s"]]}]

    answer = google_values.batch_update(file, {"valueInputOption": "RAW", "data": data})

    totals = {name: value for name, value in answer.items() if name.startswith("total")}
    assert totals == {
        "totalUpdatedRows": 2,
        "totalUpdatedColumns": 3,
        "totalUpdatedCells": 3,
        "totalUpdatedSheets": 1,
    }
    assert [response["updatedRange"] for response in answer["responses"]] == ["T!A2:B2", "T!C3"]


def test_how_values_are_to_be_taken_must_be_said() -> None:
    with pytest.raises(RefusedError, match="'valueInputOption' is required but not specified"):
        google_values.batch_update(a_file(), {"data": [{"range": "T!A1", "values": [["x"]]}]})


def test_append_writes_below_the_table_and_lets_the_grid_grow() -> None:
    file = a_file(HEADER, ["1", "u1"], ["2", "u2"], row_count=4)

    answer = google_values.append(file, "T", {"values": [["3"], ["4"]]}, "RAW", None)

    assert answer["tableRange"] == "T!A1:C3"
    assert answer["updates"]["updatedRange"] == "T!A4:A5"
    assert [row[0] for row in file.sheets[0].rows] == ["ID", "1", "2", "3", "4"]
    assert file.sheets[0].row_count == 5


def test_append_takes_the_last_table_of_its_range_and_its_first_column() -> None:
    file = a_file(["x", "y"], [], [None, "a", "b"], [None, None, "c"])

    below_the_last = google_values.append(file, "T", {"values": [["new"]]}, "RAW", None)
    in_an_empty_place = google_values.append(file, "T!G7", {"values": [["far"]]}, "RAW", None)

    assert (below_the_last["tableRange"], below_the_last["updates"]["updatedRange"]) == ("T!B3:C4", "T!B5")
    assert "tableRange" not in in_an_empty_place
    assert in_an_empty_place["updates"]["updatedRange"] == "T!G7"


def test_append_overwrites_what_is_below_a_table_unless_it_inserts_rows() -> None:
    over, between = (a_file(["a"], [], ["below"]) for _ in range(2))

    google_values.append(over, "T!A1", {"values": [["1"], ["2"]]}, "RAW", "OVERWRITE")
    google_values.append(between, "T!A1", {"values": [["1"], ["2"]]}, "RAW", "INSERT_ROWS")

    assert over.sheets[0].rows == [["a"], ["1"], ["2"]]
    assert between.sheets[0].rows == [["a"], ["1"], ["2"], [], ["below"]]


def test_a_file_that_is_full_does_not_grow() -> None:
    file = a_file(HEADER, row_count=2, most_cells=52)

    google_values.append(file, "T", {"values": [["1"]]}, "RAW", None)
    with pytest.raises(RefusedError, match="increase the number of cells in the workbook above the limit of 52 cells"):
        google_values.append(file, "T", {"values": [["2"]]}, "RAW", None)

    assert (file.sheets[0].row_count, len(file.sheets[0].rows)) == (2, 2)


def test_clearing_empties_cells_and_keeps_the_grid() -> None:
    file = a_file(["a", "b"], ["c", "d"])

    assert google_values.clear(file, ["T!B1:B"]) == ["T!B1:B1000"]

    assert file.sheets[0].rows == [["a"], ["c"]]
    assert file.sheets[0].row_count == 1000


def test_an_unformatted_date_is_its_serial_number() -> None:
    assert unformatted(typed("1900-01-01", this_year=2026)) == 2

"""What is wrong with a sheet, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tubewarren.sheets.inspection import Problem, missing_tab, spreadsheet_problems, tab_problems
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS, WORKERS, Tab

TITLES = {tab: tab.name for tab in TABS}


def problems(tab: Tab, *records: Mapping[str, str], words: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    grid = [tab.columns, *([record.get(name, "") for name in tab.columns] for record in records)]
    return tab_problems(tab, tab.name, Table.of(grid), lambda url: None if "." in url else "no address", words or {})


def grid(title: str, rows: int = 10, columns: int = 10, kind: str = "GRID") -> dict[str, Any]:
    size = {"rowCount": rows, "columnCount": columns}
    return {"properties": {"title": title, "sheetType": kind, "gridProperties": size}}


def test_a_sheet_in_order_has_no_problems() -> None:
    assert problems(SOURCES, {"ID": "1", "URL": "a.b", "Status": "Pending"}, {}, {"ID": "2", "URL": "a.c"}) == ()
    assert problems(VIDEO_TASKS, {"ID": "1", "SourceID": "1"}, {}, {"ID": "1", "SourceID": "2"}) == ()


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([{"ID": "7", "URL": "a.b"}, {"ID": " 7", "URL": "a.c"}], "the same ID: 7"),
        ([{"ID": "7", "URL": "nonsense"}], "nonsense (no address)"),
    ],
)
def test_what_keeps_sources_from_being_worked_on_is_grave(records: Sequence[Mapping[str, str]], told: str) -> None:
    (problem,) = problems(SOURCES, *records)

    assert problem.is_grave
    assert told in problem.what
    assert problem.remedy


@pytest.mark.parametrize(
    ("tab", "record", "told"),
    [
        (SOURCES, {"URL": "a.b"}, "without ID: 1"),
        (SOURCES, {"ID": "7", "Name": "x"}, "without URL: 1"),
        (SOURCES, {"ID": "7", "URL": "a.b", "Status": "Pendng"}, "mean nothing: Pendng"),
        (VIDEO_TASKS, {"ID": "7"}, "without ID or SourceID: 1"),
        (VIDEO_TASKS, {"ID": "7", "SourceID": "1", "Status": "fertig"}, "mean nothing: fertig"),
    ],
)
def test_what_could_be_better_is_said_too(tab: Tab, record: Mapping[str, str], told: str) -> None:
    (problem,) = problems(tab, record)

    assert not problem.is_grave
    assert told in problem.what
    assert problem.remedy


def test_the_owners_words_for_a_status_mean_something() -> None:
    assert problems(SOURCES, {"ID": "7", "URL": "a.b", "Status": "Fertig"}, words={"done": "fertig"}) == ()


def test_doubled_rows_of_every_tab_are_told() -> None:
    (problem,) = problems(WORKERS, {"Hostname": "box"}, {"Hostname": "box"})

    assert "the same Hostname: box" in problem.what


def test_of_many_only_the_first_are_named() -> None:
    rows = [{"ID": str(number), "URL": "nonsense"} for number in range(10)]

    (problem,) = problems(SOURCES, *rows)

    assert problem.what.count("nonsense") == 3
    assert problem.what.endswith("and 7 more")


def test_a_tab_that_cannot_be_read_says_what_and_what_to_do_apart() -> None:
    table = Table.of([["Link", "ID", "ID"]])

    first, second = tab_problems(SOURCES, "Liste", table, lambda _: None)

    assert first == Problem(
        "Liste",
        'The column "URL" is missing',
        "Write URL into the first row, above the cells that it names.",
    )
    assert second.remedy.startswith("Rename or remove")


def test_columns_that_a_tab_could_have_are_named() -> None:
    (problem,) = tab_problems(SOURCES, "Sources", Table.of([[*SOURCES.columns[:-2]]]), lambda _: None)

    assert problem.what.endswith(": Progress, ETA")
    assert not problem.is_grave


def test_a_tab_that_is_missing_or_empty_is_made_by_init() -> None:
    missing, (empty,) = missing_tab("Sources"), tab_problems(SOURCES, "Sources", Table(()), lambda _: None)

    assert missing.is_grave
    assert empty.is_grave
    assert missing.remedy == empty.remedy == "`svc sheet init` makes what is missing."


def test_a_spreadsheet_that_is_nearly_full_is_told_with_its_empty_cells() -> None:
    nearly = {"sheets": [grid("Sources", 100_000, 50), grid("Mine", 30_001, 100)]}

    (problem,) = spreadsheet_problems(nearly, TITLES)

    assert "8,000,100 of the 10,000,000 cells" in problem.what
    assert spreadsheet_problems({"sheets": [grid("Sources", 100_000, 80)]}, TITLES) == ()


def test_titles_that_google_takes_for_the_same_are_told() -> None:
    (problem,) = spreadsheet_problems({"sheets": []}, {**TITLES, WORKERS: "sources"})

    assert "Sources, sources" in problem.what


def test_a_chart_with_the_title_of_a_tab_is_told() -> None:
    (problem,) = spreadsheet_problems({"sheets": [grid("summary", kind="OBJECT"), grid("x", kind="OBJECT")]}, TITLES)

    assert problem.where == "summary"

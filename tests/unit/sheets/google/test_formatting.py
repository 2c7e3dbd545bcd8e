"""What helps people: only what is missing is asked for, and a person's own stays."""

import json
from collections.abc import Mapping
from threading import RLock
from typing import Any

import pytest

from standins.google_calls import Call, perform
from standins.google_person import Person
from standins.google_quota import Kind
from standins.google_spreadsheet import Sheet, Spreadsheet
from tubewarren.sheets.google.formatting import FORMATTING_FIELDS, PROTECTED, Change, missing_changes
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS, WORKERS, Tab

HEADERS = {tab: (tab.name, tab.columns) for tab in TABS}
STATUS_AT = SOURCES.columns.index("Status")


@pytest.fixture
def file() -> Spreadsheet:
    return Spreadsheet("id", "A list", [Sheet(number, tab.name) for number, tab in enumerate(TABS)])


def metadata(file: Spreadsheet) -> Mapping[str, Any]:
    return perform(Call("get", Kind.READ, "id", "", {"fields": [FORMATTING_FIELDS]}, b""), file)


def missing(file: Spreadsheet, words: Mapping[str, str] | None = None) -> tuple[Change, ...]:
    return missing_changes(metadata(file), HEADERS, words or {})


def make(file: Spreadsheet, changes: tuple[Change, ...]) -> None:
    requests = [request for change in changes for request in change.requests]
    perform(Call("batchUpdate", Kind.WRITE, "id", "", {}, json.dumps({"requests": requests}).encode()), file)


def sheet_of(file: Spreadsheet, tab: Tab) -> Sheet:
    found = file.sheet_titled(tab.name)
    assert found is not None
    return found


def list_at(sheet: Sheet, position: int) -> list[str]:
    (rule,) = (each["rule"] for each in sheet.validations if each["range"]["startColumnIndex"] == position)
    assert rule["strict"] is False
    return [value["userEnteredValue"] for value in rule["condition"]["values"]]


def colours_of(sheet: Sheet) -> list[str]:
    return [rule["booleanRule"]["condition"]["values"][0]["userEnteredValue"] for rule in sheet.conditional_formats]


def test_a_bare_spreadsheet_gets_all_of_it(file: Spreadsheet) -> None:
    make(file, missing(file))

    sources, videos = sheet_of(file, SOURCES), sheet_of(file, VIDEO_TASKS)
    assert all(sheet.frozen_rows == 1 for sheet in file.sheets)
    assert list_at(sources, STATUS_AT) == ["pending", "in-progress", "done", "error"]
    assert list_at(sources, SOURCES.columns.index("Pause")) == ["yes", "no"]
    assert list_at(sources, SOURCES.columns.index("Action")) == ["retry", "cancel", "expand again"]
    assert list_at(videos, VIDEO_TASKS.columns.index("Status")) == ["pending", "in-progress", "done", "error"]
    assert colours_of(sources) == ["pending", "in-progress", "done", "error"]
    assert colours_of(sheet_of(file, WORKERS)) == ["active", "stale", "lost", "stopped", "unfit"]


def test_made_once_nothing_is_missing_any_more(file: Spreadsheet) -> None:
    make(file, missing(file))

    assert missing(file) == ()


def test_every_column_of_ours_warns_but_the_status_that_a_person_may_set_back(file: Spreadsheet) -> None:
    make(file, missing(file))

    for tab in TABS:
        protections = sheet_of(file, tab).protected_ranges
        assert all(each["warningOnly"] and each["description"] == PROTECTED for each in protections)
        covered = {
            tab.columns[at]
            for each in protections
            for at in range(each["range"]["startColumnIndex"], each["range"]["endColumnIndex"])
        }
        may_be_set_back = {"Status"} if tab in (SOURCES, VIDEO_TASKS) else set()
        assert covered == {*tab.system, *tab.key} - may_be_set_back


def test_the_owners_words_are_offered_and_coloured(file: Spreadsheet) -> None:
    make(file, missing(file, {"done": "fertig"}))

    assert list_at(sheet_of(file, SOURCES), STATUS_AT)[2] == "fertig"
    assert colours_of(sheet_of(file, SOURCES))[2] == "fertig"


def test_a_persons_own_list_colour_and_freeze_stay(file: Spreadsheet) -> None:
    sources = sheet_of(file, SOURCES)
    one_cell = {"sheetId": 0, "startColumnIndex": STATUS_AT, "endColumnIndex": STATUS_AT + 1, "startRowIndex": 7}
    own_list = {"range": {**one_cell, "endRowIndex": 8}, "rule": {"condition": {"type": "BOOLEAN"}}}
    done = {"type": "TEXT_EQ", "values": [{"userEnteredValue": "done"}]}
    own_colour = {"ranges": [one_cell], "booleanRule": {"condition": done, "format": {}}}
    sources.validations.append(own_list)
    sources.conditional_formats.append(own_colour)
    sources.frozen_rows = 3

    make(file, missing(file))

    assert sources.frozen_rows == 3
    assert own_list in sources.validations
    assert len(sources.validations) == 3
    assert sources.conditional_formats[0] == own_colour
    assert sorted(colours_of(sources)) == ["done", "error", "in-progress", "pending"]


def test_a_persons_protection_of_a_column_is_enough_and_of_the_header_is_not(file: Spreadsheet) -> None:
    sources = sheet_of(file, SOURCES)
    id_column = {"range": {"sheetId": 0, "startColumnIndex": 0, "endColumnIndex": 1}, "protectedRangeId": 1}
    header = {"range": {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}, "protectedRangeId": 2}
    sources.protected_ranges += [id_column, header]

    make(file, missing(file))

    ours = [each["range"]["startColumnIndex"] for each in sources.protected_ranges[2:]]
    assert ours
    assert 0 not in ours


def test_a_column_that_was_added_later_gets_what_it_lacks(file: Spreadsheet) -> None:
    make(file, missing(file))
    sources = sheet_of(file, SOURCES)
    header = (*SOURCES.columns[:-1], "Mine", "ETA")
    person = Person(file, RLock())
    person.paste_rows("Sources", [list(SOURCES.columns)], at=1)
    person.insert_column("Sources", "ETA", "Mine")
    person.delete_column("Sources", "ETA")
    person.edit_cell("Sources", 1, len(header), "ETA")

    changes = missing_changes(metadata(file), {SOURCES: ("sources", header)}, {})

    assert [change.what for change in changes] == ["a warning before a column of Tubewarren's is edited"]
    before = len(sources.protected_ranges)
    make(file, changes)
    assert len(sources.protected_ranges) == before + 1


def test_a_tab_that_is_not_there_and_a_column_that_is_not_there_are_passed_over(file: Spreadsheet) -> None:
    changes = missing_changes(metadata(file), {SOURCES: ("Elsewhere", ()), WORKERS: ("Workers", ("Hostname",))}, {})

    assert {change.tab for change in changes} == {WORKERS}
    assert "colours by Status" not in {change.what for change in changes}


def test_a_tab_of_one_row_is_passed_over(file: Spreadsheet) -> None:
    sheet_of(file, SOURCES).row_count = 1

    assert SOURCES not in {change.tab for change in missing(file)}

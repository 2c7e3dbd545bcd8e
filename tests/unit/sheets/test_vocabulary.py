import re
from datetime import timedelta
from pathlib import Path

import pytest

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.opening import open_workbook
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.reconcile import Reconciled, WantedRow, reconcile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS, WORKERS
from tubewarren.sheets.vocabulary import WordedWorkbook, renamed

OURS = ("pending", "done", "error")


@pytest.fixture
def plain(tmp_path: Path) -> LocalWorkbook:
    book = LocalWorkbook(tmp_path, patience=Patience(settle=timedelta(0)))
    book.create_missing()
    return book


def done(table: Table) -> Reconciled:
    return reconcile(WORKERS, table, {("box",): WantedRow({"Status": "done", "Doing": "done"})})


def test_a_status_is_written_in_the_owners_words_and_read_in_ours(plain: LocalWorkbook) -> None:
    book = WordedWorkbook(plain, {"done": "Finished"})

    added = book.edit({WORKERS: done})[WORKERS]
    again = book.edit({WORKERS: done})[WORKERS]

    (row,) = plain.read([WORKERS])[WORKERS].records()
    assert (row["Status"], row["Doing"]) == ("Finished", "done")
    assert (added.table, again.table) == (again.table, book.read([WORKERS])[WORKERS])
    assert [record["Status"] for record in again.table.records()] == ["done"]
    assert not again.edit.patch, "what stands there in other words is as it shall be"


def test_a_status_that_changes_is_written_in_the_owners_words(plain: LocalWorkbook) -> None:
    plain.edit({WORKERS: lambda table: reconcile(WORKERS, table, {("box",): WantedRow({"Status": "active"})})})

    WordedWorkbook(plain, {"done": "Finished"}).edit({WORKERS: done})

    assert [record["Status"] for record in plain.read([WORKERS])[WORKERS].records()] == ["Finished"]


def test_a_tab_that_lost_its_status_column_gets_it_back_in_the_owners_words(tmp_path: Path) -> None:
    (tmp_path / "Workers.csv").write_text("Hostname\nbox\n")
    plain = LocalWorkbook(tmp_path, patience=Patience(settle=timedelta(0)))

    WordedWorkbook(plain, {"done": "Finished"}).edit({WORKERS: done})

    assert (tmp_path / "Workers.csv").read_text() == "Hostname,Status,Doing\nbox,Finished,done\n"


def test_tabs_may_have_other_names(tmp_path: Path) -> None:
    book = open_workbook(SheetSettings(workbook=tmp_path, tabs={"Video Tasks": "Videos"}, words={"done": "ok"}))

    book.create_missing()

    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == sorted(
        "Videos" if tab is VIDEO_TASKS else tab.name for tab in TABS
    )
    assert book.read([VIDEO_TASKS, SOURCES])[VIDEO_TASKS].header == VIDEO_TASKS.columns


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ({"dine": "x"}, "there is no 'dine'; there are pending, done, error"),
        ({"done": " "}, "'done' needs a name that is not empty"),
        ({"done": "error"}, "'error' would mean two things"),
    ],
)
def test_words_that_cannot_be_told_apart_are_refused(names: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"words: {complaint}")):
        renamed(names, OURS, "words")


def test_words_may_change_places() -> None:
    assert renamed({"done": "error", "error": "done"}, OURS, "words") == ("pending", "error", "done")

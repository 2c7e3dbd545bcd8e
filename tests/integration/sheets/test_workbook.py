"""What every kind of workbook must do; a new kind joins by one more entry in `_KINDS`."""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from standins.google import GoogleStandin, google_standin
from standins.google_quota import Limits
from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.google.budget import Budget
from tubewarren.sheets.google.spreadsheet import Spreadsheet
from tubewarren.sheets.google.workbook import GoogleWorkbook
from tubewarren.sheets.ids import AssignedIds, assign_ids
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.reconcile import Key, Reconciled, WantedRow, reconcile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS, WORKERS, Tab
from tubewarren.sheets.workbook import Workbook

Grid = list[list[str]]


class _Kind(Protocol):
    """A workbook, and what a person sees and does."""

    def open(self) -> Workbook: ...

    def look(self, tab: Tab) -> Grid:
        """All lines, each as wide as the widest."""

    def save(self, tab: Tab, grid: Grid) -> None:
        """Put these texts in the place of all that is there."""


class _LocalKind:
    """An editor that reads and saves whole files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> Workbook:
        return LocalWorkbook(self._folder, patience=Patience(settle=timedelta(0), step=timedelta(milliseconds=5)))

    def look(self, tab: Tab) -> Grid:
        with (self._folder / f"{tab.name}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def save(self, tab: Tab, grid: Grid) -> None:
        with (self._folder / f"{tab.name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(grid)


class _GoogleKind:
    """A browser with the spreadsheet; the workbook goes through the real gspread."""

    def __init__(self, google: GoogleStandin, folder: Path) -> None:
        self._key_file = google.write_key(folder / "key.json")
        self._file = google.spreadsheet()
        self._person = google.person(self._file)

    def open(self) -> Workbook:
        budget = Budget(60, 60, pause=lambda _: None)
        return GoogleWorkbook(Spreadsheet(self._file.spreadsheet_id, self._key_file, budget))

    def look(self, tab: Tab) -> Grid:
        rows = self._person.rows(tab.name)
        width = max(map(len, rows), default=0)
        return [row + [""] * (width - len(row)) for row in rows]

    def save(self, tab: Tab, grid: Grid) -> None:
        for line, row in enumerate(self._person.rows(tab.name), start=1):
            for column in range(1, len(row) + 1):
                self._person.edit_cell(tab.name, line, column, "")
        # With an apostrophe, as a person types what is to stay text.
        self._person.paste_rows(tab.name, [[f"'{text}" if text else "" for text in row] for row in grid], at=1)


def _local(request: pytest.FixtureRequest, folder: Path) -> _Kind:
    del request
    return _LocalKind(folder / "workbook")


def _google(request: pytest.FixtureRequest, folder: Path) -> _Kind:
    return _GoogleKind(request.getfixturevalue("google"), folder)


_KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], _Kind]] = {"local": _local, "google": _google}


@pytest.fixture(scope="module")
def google() -> Iterator[GoogleStandin]:
    with (
        google_standin(limits=Limits(per_user=10_000, per_project=10_000)) as running,
        pytest.MonkeyPatch.context() as m,
    ):
        for name, value in running.environment.items():
            m.setenv(name, value)
        yield running


@pytest.fixture(params=_KINDS.values(), ids=list(_KINDS))
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> _Kind:
    make: Callable[[pytest.FixtureRequest, Path], _Kind] = request.param
    made = make(request, tmp_path)
    made.open().create_missing()
    return made


def _wanting(tab: Tab, **status: str) -> Callable[[Table], Reconciled]:
    wanted: dict[Key, WantedRow] = {(key,): WantedRow({"Status": text}) for key, text in status.items()}
    return lambda table: reconcile(tab, table, wanted)


def test_a_new_workbook_has_every_tab_with_its_header(kind: _Kind) -> None:
    tables = kind.open().read(TABS)

    assert tables == {tab: Table(header=tab.columns) for tab in TABS}


def test_making_it_again_makes_nothing_and_changes_nothing(kind: _Kind) -> None:
    mine = [["URL", "ID", "Mine"], ["u", "1", "x"]]
    kind.save(SOURCES, mine)

    assert kind.open().create_missing() == ()

    assert kind.look(SOURCES) == mine


def test_an_edit_of_several_tabs_writes_each_and_returns_them_as_written(kind: _Kind) -> None:
    written = kind.open().edit({SOURCES: _wanting(SOURCES, s="pending"), WORKERS: _wanting(WORKERS, w="active")})

    assert [row["Status"] for row in written[SOURCES].table.records()] == ["pending"]
    assert written[WORKERS].edit.placed == {("w",)}
    assert kind.open().read([SOURCES, WORKERS]) == {tab: written[tab].table for tab in (SOURCES, WORKERS)}
    assert kind.look(WORKERS)[1:] == [["w", "", "active", "", ""]]


def test_values_are_written_raw_and_come_back_as_they_were(kind: _Kind) -> None:
    texts = {"a": "=IMPORTXML(1)", "b": "+1", "c": "-1", "d": "@x", "e": "00042", "f": "1e5", "g": 'a "b",\n c\r d;\te'}

    kind.open().edit({WORKERS: _wanting(WORKERS, **texts)})

    (table,) = kind.open().read([WORKERS]).values()
    assert {row["Hostname"]: row["Status"] for row in table.records()} == texts


def test_a_persons_order_columns_and_rows_are_kept(kind: _Kind) -> None:
    book = kind.open()
    book.edit({SOURCES: _wanting(SOURCES, a="pending", b="pending")})
    kind.save(SOURCES, [["Mine", "Status", "URL", "ID"], ["=1", "", "u", "b"], [], ["x", "?", "w", "007"]])

    book.edit({SOURCES: _wanting(SOURCES, b="done")})

    header, *rows = kind.look(SOURCES)
    assert header == ["Mine", "Status", "URL", "ID"]
    assert rows == [["=1", "done", "u", "b"], ["", "", "", ""], ["x", "?", "w", "007"]]


def test_ids_are_given_to_the_rows_that_a_person_added(kind: _Kind) -> None:
    kind.save(SOURCES, [["URL", "ID"], ["u", ""], ["w", "00000000042"]])

    written = kind.open().edit({SOURCES: assign_ids})

    assert written[SOURCES].edit.ids == ("43",)
    assert kind.look(SOURCES)[1:] == [["u", "43"], ["w", "00000000042"]]


def test_an_unreadable_tab_is_named_before_anything_is_written(kind: _Kind) -> None:
    kind.save(SOURCES, [["Link", "ID"], ["u", "1"]])
    before = kind.look(WORKERS)

    with pytest.raises(TabUnreadableError) as caught:
        kind.open().edit({WORKERS: _wanting(WORKERS, w="active"), SOURCES: _wanting(SOURCES, s="done")})

    assert caught.value.tab == "Sources"
    assert kind.look(WORKERS) == before


def test_a_person_who_rearranges_during_an_edit_loses_nothing(kind: _Kind) -> None:
    book = kind.open()
    kind.save(SOURCES, [["URL", "ID", "Status"], ["u", "1", ""], ["w", "2", ""]])
    overtaking = iter([[["URL", "ID", "Status"], ["new", "9", ""], ["u", "1", ""], ["W", "2", ""]]])

    def overtaken(table: Table) -> Reconciled:
        for grid in overtaking:
            kind.save(SOURCES, grid)
        return reconcile(SOURCES, table, {("2",): WantedRow({"Status": "done"}, placed=True)})

    written = book.edit({SOURCES: overtaken})

    assert kind.look(SOURCES)[1:] == [["new", "9", ""], ["u", "1", ""], ["W", "2", "done"]]
    assert written[SOURCES].table == book.read([SOURCES])[SOURCES]


def test_two_writers_at_once_lose_nothing_of_each_other(kind: _Kind) -> None:
    def one_row(book: Workbook, number: int) -> None:
        wanted: dict[Key, WantedRow] = {(f"v{number}", "1"): WantedRow({"Status": "done"})}
        book.edit({VIDEO_TASKS: lambda table: reconcile(VIDEO_TASKS, table, wanted)})

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(one_row, [kind.open() for _ in range(4)] * 5, range(20)):
            pass

    assert {row[0] for row in kind.look(VIDEO_TASKS)[1:]} == {f"v{number}" for number in range(20)}


def test_an_edit_that_wants_nothing_leaves_the_table_alone(kind: _Kind) -> None:
    book = kind.open()
    before = book.read([SOURCES])[SOURCES]

    written = book.edit({SOURCES: _nothing})

    assert written[SOURCES].table == before


def _nothing(table: Table) -> AssignedIds:
    del table
    return AssignedIds(Patch(), ())

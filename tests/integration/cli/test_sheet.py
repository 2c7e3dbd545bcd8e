"""`svc sheet` and `svc doctor` on a Google spreadsheet, by the stand-in for Google."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from standins.google import GoogleStandin, google_standin
from standins.google_person import Person
from standins.google_quota import Kind
from standins.google_spreadsheet import Spreadsheet
from tubewarren.sheets.tabs import SOURCES, TABS
from tubewarren_services.cli.main import app

OLD_SOURCES = [
    *("ID", "URL", "Status", "ClaimedBy", "ClaimedAt", "Name", "Gender", "Accent", "ContentType", "Type"),
    *("MultispeakerPercentage", "RetryCount", "LastError"),
]
OLD_TASKS = ["ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "ClaimedAt", "RetryCount", "LastError"]
RATE_LIMITED = "ERROR: [youtube] aaaaaaaaaaa: Video unavailable. This content isn't available, try again later"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandin]:
    with google_standin() as standin:
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        yield standin


@pytest.fixture
def key(google: GoogleStandin, tmp_path: Path) -> Path:
    return google.write_key(tmp_path / "key.json")


@pytest.fixture
def file(google: GoogleStandin, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spreadsheet:
    """A new spreadsheet of a person's, which the environment names."""
    monkeypatch.chdir(tmp_path)
    made = google.spreadsheet("My list")
    monkeypatch.setenv("TUBEWARREN_SHEET__SPREADSHEET_ID", made.spreadsheet_id)
    monkeypatch.setenv("TUBEWARREN_SHEET__CREDENTIALS_FILE", str(key))
    # The commands shall be as quick as these tests.
    monkeypatch.setenv("TUBEWARREN_SHEET__READS_PER_MINUTE", "6000")
    return made


@pytest.fixture
def person(google: GoogleStandin, file: Spreadsheet) -> Person:
    return google.person(file)


@pytest.fixture
def old(person: Person) -> Person:
    """The older coordinator's spreadsheet, in a person's own order of columns."""
    person.add_tab("Sources", [OLD_SOURCES, ["1", "https://www.youtube.com/@a", "in-progress", "box", "then", "Ann"]])
    person.add_tab(
        "Video Tasks",
        [OLD_TASKS, ["aaaaaaaaaaa", "1", "https://youtu.be/aaaaaaaaaaa", "error", "9", "box", "", "3", RATE_LIMITED]],
    )
    person.move_column("Sources", "Status", "ID")
    return person


def svc(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def test_init_makes_all_that_a_new_spreadsheet_lacks_and_the_second_time_nothing(
    google: GoogleStandin, file: Spreadsheet, person: Person
) -> None:
    first = svc("sheet", "init")
    writes = google.count(Kind.WRITE)
    second = svc("sheet", "init")

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert person.tabs() == ["Sheet1", *(tab.name for tab in TABS)]
    assert all(person.header(tab.name) == list(tab.columns) for tab in TABS)
    sources = file.sheet_titled("Sources")
    assert sources is not None
    assert (sources.frozen_rows, len(sources.validations), len(sources.conditional_formats)) == (1, 3, 4)
    assert sources.protected_ranges
    assert second.stdout == "Everything is there; nothing was changed.\n"
    assert google.count(Kind.WRITE) == writes


def test_init_leaves_what_is_there_as_it_is(old: Person) -> None:
    header, row = old.rows("Sources")
    videos = old.rows("Video Tasks")

    result = svc("sheet", "init")

    assert result.exit_code == 0, result.output
    wider_header, same_row = old.rows("Sources")
    assert wider_header == [*header, *SOURCES.columns[len(header) :]]
    assert same_row == row
    assert [line[: len(OLD_TASKS)] for line in old.rows("Video Tasks")] == videos


def test_check_names_the_spreadsheet_and_whom_it_is_shared_with(google: GoogleStandin, file: Spreadsheet) -> None:
    svc("sheet", "init")

    result = svc("sheet", "check")

    assert result.exit_code == 0, result.output
    assert file.title in result.stdout
    assert google.account.email in result.stdout


def test_check_changes_nothing(old: Person, file: Spreadsheet) -> None:
    before = {tab: old.cells(tab) for tab in old.tabs()}

    result = svc("sheet", "check", "--json")

    assert result.exit_code == 1
    assert {each["subject"] for each in json.loads(result.stdout)} >= {"Sources", "Summary"}
    assert {tab: old.cells(tab) for tab in old.tabs()} == before
    assert all(sheet.frozen_rows == 0 for sheet in file.sheets)


def test_check_says_what_stands_between_us_and_the_spreadsheet(
    google: GoogleStandin, file: Spreadsheet, key: Path
) -> None:
    def told() -> str:
        result = svc("sheet", "check")
        assert result.exit_code == 1
        assert "Traceback" not in result.output
        return result.stdout

    google.unshare(file)
    assert f"add {google.account.email} and choose" in told()
    google.share(file, "reader")
    assert f"add {google.account.email} and choose" in told()
    google.share(file)
    google.api_enabled = False
    assert "press Enable" in told()
    google.api_enabled = True
    google.rotate_key()
    assert "it may have been revoked or replaced" in told()
    google.write_key(key)
    google.remove(file)
    assert "Google knows no spreadsheet with the id" in told()
    key.write_text("key")
    assert "it is not JSON" in told()
    key.unlink()
    assert "there is no such file" in told()


def test_check_tells_that_the_cells_are_running_out(person: Person) -> None:
    svc("sheet", "init")
    person.paste_rows("Sheet1", [["x"]], at=320_000)

    result = svc("sheet", "check")

    assert result.exit_code == 1
    assert "of the 10,000,000 cells" in result.stdout


def test_the_older_coordinators_spreadsheet_is_taken_over(old: Person) -> None:
    dry = svc("sheet", "adopt", "--dry-run")
    (untouched,) = old.records("Sources")
    done = svc("sheet", "adopt", typed="y\n")
    again = svc("sheet", "adopt")

    assert (dry.exit_code, done.exit_code, again.exit_code) == (1, 0, 0), done.output
    assert untouched["Status"] == "in-progress"
    (source,) = old.records("Sources")
    (video,) = old.records("Video Tasks")
    assert (source["Status"], source["ClaimedBy"], source["Name"]) == ("pending", "", "Ann")
    assert (video["Status"], video["ClaimedBy"], video["LastError"]) == ("pending", "box", "")
    assert "Nothing is left" in again.stdout


def test_a_person_who_sorts_meanwhile_gets_no_row_of_anothers(google: GoogleStandin, old: Person) -> None:
    rows = [[f"'{number:011}", "1", f"https://youtu.be/{number:011}", "done", "9"] for number in range(20)]
    old.paste_rows("Video Tasks", rows)
    before = {record["ID"]: record for record in old.records("Video Tasks")}
    google.troubles.hold(kind=Kind.WRITE)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(svc, "sheet", "adopt", "--yes")
        assert google.troubles.wait_until_held(timeout_seconds=30)
        old.sort("Video Tasks", "ID")
        google.troubles.release()
        result = running.result()

    assert result.exit_code == 0, result.output
    after = {record["ID"]: record for record in old.records("Video Tasks")}
    adopted = after.pop("aaaaaaaaaaa")
    assert (adopted["Status"], adopted["LastError"]) == ("pending", "")
    del before["aaaaaaaaaaa"]
    assert after == before


def test_flags_name_another_spreadsheet(google: GoogleStandin, key: Path, tmp_path: Path) -> None:
    other = google.spreadsheet("Another")
    address = f"https://docs.google.com/spreadsheets/d/{other.spreadsheet_id}/edit#gid=0"

    result = svc("--data-dir", str(tmp_path), "sheet", "init", "--spreadsheet", address, "--credentials", str(key))

    assert result.exit_code == 0, result.output
    assert "Sources" in google.person(other).tabs()


@pytest.mark.usefixtures("file")
def test_the_doctor_looks_whether_the_spreadsheet_answers(google: GoogleStandin) -> None:
    def told() -> dict[str, str]:
        (finding,) = (each for each in json.loads(svc("doctor", "--json").stdout) if each["subject"] == "sheet")
        return dict(finding)

    assert told()["health"] == "ok"
    google.troubles.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
    assert told()["health"] == "warn"
    google.api_enabled = False
    assert told()["health"] == "bad"

"""`svc sheet` on a local workbook."""

import csv
import fcntl
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner, Result

from tubewarren.delivery import Delivery
from tubewarren.messages.events import VideosQueued
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.tabs import SOURCES, TABS, VIDEO_TASKS
from tubewarren_services.cli.main import app
from tubewarren_services.cli.sheet_adopting import kept_rows, services_at_work, video_id
from tubewarren_services.cli.sheet_look import within
from tubewarren_services.status_writer.handler import facts_of
from tubewarren_services.status_writer.mirror import Mirror

OLD_TASKS = ["ID", "SourceID", "URL", "Status", "Duration", "ClaimedBy", "ClaimedAt", "RetryCount", "LastError"]
RATE_LIMITED = "ERROR: [youtube] aaaaaaaaaaa: Video unavailable. This content isn't available, try again later"
PRIVATE = "ERROR: [youtube] bbbbbbbbbbb: Private video. Sign in if you've been granted access to this video"


@pytest.fixture(autouse=True)
def workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which `svc` keeps its workbook; there is none yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "workbook"


def svc(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["sheet", *arguments], input=typed)


def save(workbook: Path, tab: str, *grid: Sequence[str]) -> None:
    workbook.mkdir(exist_ok=True)
    with (workbook / f"{tab}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(grid)


def look(workbook: Path, tab: str) -> list[list[str]]:
    with (workbook / f"{tab}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture
def old(workbook: Path) -> Path:
    """What the older coordinator left: a claimed source, a rate-limited video, a private one."""
    dead = [
        ["aaaaaaaaaaa", "1", "https://youtu.be/aaaaaaaaaaa", "error", "10", "box", "", "3", RATE_LIMITED],
        ["bbbbbbbbbbb", "1", "https://youtu.be/bbbbbbbbbbb", "error", "10", "box", "", "3", PRIVATE],
    ]
    save(
        workbook, "Sources", ["ID", "URL", "Status", "ClaimedBy"], ["1", "https://youtube.com/@a", "in-progress", "box"]
    )
    save(workbook, "Video Tasks", OLD_TASKS, *dead)
    save(workbook, "Dead-Letter Tasks", OLD_TASKS, *dead)
    return workbook


def test_init_makes_every_tab_and_the_second_time_nothing(workbook: Path) -> None:
    first, second = svc("init"), svc("init")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert {path.stem for path in workbook.glob("*.csv")} == {tab.name for tab in TABS}
    assert "Sources: made the tab, with its header." in first.stdout
    assert second.stdout == "Everything is there; nothing was changed.\n"


def test_init_adds_columns_behind_those_that_are_there_and_touches_nothing_else(workbook: Path) -> None:
    save(workbook, "Sources", ["Mine", "URL", "ID"], ["x", "u", "1"])

    result = svc("init", "--json")

    header, row = look(workbook, "Sources")
    assert header[:3] == ["Mine", "URL", "ID"]
    assert sorted(header[3:]) == sorted(set(SOURCES.columns) - {"URL", "ID"})
    assert row[:3] == ["x", "u", "1"]
    assert not any(row[3:])
    assert any(made["tab"] == "Sources" and "Priority" in made["what"] for made in json.loads(result.stdout)["made"])


def test_init_makes_the_others_when_a_person_has_to_mend_one(workbook: Path) -> None:
    save(workbook, "Summary", ["My own", "notes"], ["a", "b"])
    save(workbook, "Workers", ["Hostname"])

    result = svc("init")

    assert result.exit_code == 1
    assert 'Summary: The column "What" is missing' in result.stdout
    assert look(workbook, "Summary") == [["My own", "notes"], ["a", "b"]]
    assert "Status" in look(workbook, "Workers")[0]


def test_check_is_content_with_what_init_has_made() -> None:
    svc("init")

    result = svc("check")

    assert result.exit_code == 0
    assert "ok   Sources: 0 rows, in order" in result.stdout


def test_check_without_a_workbook_says_how_to_get_one() -> None:
    result = svc("check", "--workbook", "nowhere")

    assert result.exit_code == 1
    assert result.stdout == "bad  workbook: there is no folder nowhere. `svc sheet init` makes it.\n"


def test_check_tells_what_is_wrong_with_each_tab(workbook: Path) -> None:
    svc("init")
    (workbook / "Workers.csv").unlink()
    save(workbook, "Video Tasks", ["ID"])
    save(workbook, "Sources", SOURCES.columns, ["1", "nonsense"])

    result = svc("check", "--json")

    bad = {each["subject"]: each for each in json.loads(result.stdout) if each["health"] == "bad"}
    assert result.exit_code == 1
    assert bad.keys() == {"Workers", "Video Tasks", "Sources"}
    assert all(each["remedy"] for each in bad.values())
    assert "nonsense" in bad["Sources"]["found"]


def test_a_folder_that_cannot_be_used_is_told_in_words(workbook: Path) -> None:
    workbook.write_text("a file")

    result = svc("init")

    assert result.exit_code == 1
    assert "choose a folder for the workbook, not a file" in result.stderr


def test_a_dry_run_lists_and_changes_nothing(old: Path) -> None:
    before = {path: path.read_bytes() for path in old.glob("*.csv")}

    result = svc("adopt", "--dry-run")

    assert result.exit_code == 1
    assert "Sources that were in progress, and whose worker is gone: 1." in result.stdout
    assert "video aaaaaaaaaaa of source 1" in result.stdout
    assert "bbbbbbbbbbb" not in result.stdout
    assert {path: path.read_bytes() for path in old.glob("*.csv")} == before


def test_adopting_asks_first_and_a_no_changes_nothing(old: Path) -> None:
    before = look(old, "Sources")

    result = svc("adopt", typed="n\n")

    assert result.exit_code == 1
    assert "Put all of it right?" in result.stderr
    assert look(old, "Sources") == before


def test_adopted_once_nothing_is_found_any_more(old: Path) -> None:
    first = svc("adopt", typed="y\n")
    second = svc("adopt", "--json")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert json.loads(second.stdout) == {"repaired": False, "found": []}
    assert look(old, "Sources")[1] == ["1", "https://youtube.com/@a", "pending", ""]
    assert [row[0] for row in look(old, "Dead-Letter Tasks")[1:]] == ["bbbbbbbbbbb"]
    assert [(row[0], row[3]) for row in look(old, "Video Tasks")[1:]] == [
        ("aaaaaaaaaaa", "pending"),
        ("bbbbbbbbbbb", "error"),
    ]


@pytest.mark.usefixtures("old")
def test_a_machine_is_told_every_row_that_was_put_right() -> None:
    result = svc("adopt", "--yes", "--json")

    told = json.loads(result.stdout)
    assert told["repaired"] is True
    assert [each["kind"] for each in told["found"]] == ["source-left", "healthy-video", "healthy-dead-letter"]


def test_the_owners_words_are_understood_and_written(old: Path, tmp_path: Path) -> None:
    (tmp_path / "tubewarren.toml").write_text('[sheet]\nwords = {in-progress = "running", pending = "todo"}\n')
    save(old, "Sources", ["ID", "URL", "Status", "ClaimedBy"], ["1", "https://youtube.com/@a", "running", "box"])

    svc("adopt", "--yes")

    assert look(old, "Sources")[1][2] == "todo"


def test_whoever_may_be_at_work_is_named(old: Path) -> None:
    save(old, "Workers", ["Hostname", "LastSeen", "Status"], ["busy-box", f"{datetime.now(UTC):%F %T}", "active"])

    result = svc("adopt", "--dry-run")

    assert "busy-box" in result.stderr


@pytest.mark.parametrize("service", ["status-writer", "sheet-ingestor"])
def test_nothing_is_adopted_while_our_own_services_are_at_work(old: Path, tmp_path: Path, service: str) -> None:
    lock = tmp_path / ".tubewarren" / "workers" / f"{service}.1.lock"
    lock.parent.mkdir(parents=True)
    before = look(old, "Sources")

    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = svc("adopt", "--yes")
        only_looked = svc("adopt", "--dry-run")

    assert result.exit_code == 1
    assert f"At work in the data folder .tubewarren: {service}. Stop the fleet first" in result.stderr
    assert look(old, "Sources") == before
    assert "Sources that were in progress" in only_looked.stdout
    assert services_at_work(tmp_path / ".tubewarren") == ()


@pytest.mark.usefixtures("old")
def test_rows_that_our_status_writer_keeps_are_left_to_it(tmp_path: Path) -> None:
    data = tmp_path / ".tubewarren"
    data.mkdir()
    mirror = Mirror.open(data / "status-writer.sqlite")
    entry = {"video_id": "aaaaaaaaaaa", "url": "https://youtu.be/aaaaaaaaaaa"}
    queued = VideosQueued.model_validate({"at": datetime.now(UTC), "source_id": "1", "videos": [entry]})
    mirror.take_in(facts_of(Delivery(queued, "x"), 5))
    mirror.close()

    result = svc("adopt", "--dry-run")

    assert ("aaaaaaaaaaa", "1") in kept_rows(data / "status-writer.sqlite")[VIDEO_TASKS]
    assert "declared dead" not in result.stdout


def test_a_missing_mirror_is_not_made(tmp_path: Path) -> None:
    assert kept_rows(tmp_path / "status-writer.sqlite") == {}
    assert not (tmp_path / "status-writer.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.youtube.com/watch?v=abcdefghijk", "abcdefghijk"),
        ("youtu.be/abcdefghijk", "abcdefghijk"),
        ("https://www.youtube.com/@somebody", None),
        ("https://elsewhere.test/a.mp3", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_videos_id_is_taken_from_its_address(url: str, expected: str | None) -> None:
    assert video_id(url, ["www.youtube.com", "youtu.be"]) == expected


def test_a_call_that_hangs_is_left_alone() -> None:
    never = Event()

    with pytest.raises(SheetUnavailableError, match="did not answer within"):
        within(timedelta(milliseconds=10), lambda: str(never.wait()))

    never.set()


def test_what_a_call_raises_reaches_who_waits_for_it() -> None:
    def fail() -> str:
        raise SheetUnavailableError("No.")

    with pytest.raises(SheetUnavailableError, match="No"):
        within(timedelta(seconds=10), fail)

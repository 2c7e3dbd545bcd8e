"""The command line as a person meets it, without a broker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tubewarren.topology import SERVICES
from tubewarren_services.cli.main import app

HEAVY = ("aio_pika", "asyncio", "structlog", "yt_dlp", "sqlalchemy", "gspread", "pydantic")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but those that a test gives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUBEWARREN_BROKER_URL", raising=False)
    return tmp_path


def svc(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from tubewarren_services.cli.main import app\n"
        "try:\n"
        "    app(['--help'], prog_name='svc')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("loaded: []\n")
    assert "sources" in done.stdout


def test_the_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tubewarren_services.cli.entry", "run", "--help"], capture_output=True, check=False
    )

    assert done.returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("watch",),
        ("workers",),
        ("run", "downloader"),
        ("tasks", "list"),
        ("sources", "list"),
        ("sources", "expand", "1"),
        ("why", "vvvvvvvvvvv"),
        ("audit",),
        ("sources", "add", "https://www.youtube.com/@somebody"),
        ("results", "list"),
        ("results", "select", "--source", "1"),
        ("results", "return"),
        ("dead", "list"),
        ("dead", "show", "x"),
        ("dead", "redrive"),
        ("dead", "purge", "--yes"),
        ("topology", "declare"),
        ("topology", "check"),
    ],
    ids=" ".join,
)
def test_without_a_broker_every_command_says_how_to_get_one(command: tuple[str, ...]) -> None:
    result = svc(*command)

    assert result.exit_code == 1
    assert "no broker: start `svc up`, or set TUBEWARREN_BROKER_URL" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("run", "nonsense"), "nonsense"),
        (("sources", "add", "nonsense"), "nonsense"),
        (("sources", "add", "https://y.test/", "--priority", "11"), "--priority"),
        (("sources", "add", "https://y.test/", "--every", "often"), "--every"),
        (("tasks", "list", "--status", "finished"), "finished"),
        (("dead", "list", "--class", "bad-luck"), "bad-luck"),
        (("dead", "redrive", "--class", "bad-luck"), "gated"),
        (("dead", "redrive", "--class", "bad-luck"), "members"),
        (("dead", "redrive", "--since", "yesterday"), "--since"),
        (("dead", "redrive", "--until", "-1d"), "--until"),
        (("dead", "purge", "--since", "1d", "--until", "2d"), "nothing lies between"),
        (("dead", "purge"), "--yes"),
        (("sources", "expand"), "ID"),
        (("audit", "--patience", "-1"), "--patience"),
        (("results", "select"), "--source"),
        (("--broker", "http://y.test", "status"), "amqp://"),
        (("--config", "nowhere.toml", "config", "show"), "nowhere.toml"),
        (("up", "--concurrency", "0"), "--concurrency"),
        (("nonsense",), "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_was_used_wrongly_ends_with_two_and_names_it(command: tuple[str, ...], complaint: str) -> None:
    result = svc(*command)

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_service_is_told_the_choices() -> None:
    result = svc("run", "nonsense")

    assert all(service in result.stderr for service in SERVICES)


def test_every_wrong_setting_is_named_at_once(empty_folder: Path) -> None:
    (empty_folder / "tubewarren.toml").write_text("nonsense = 1\n[downloader]\nconcurrency = 1000\n")

    result = svc("config", "show")

    assert result.exit_code == 2
    assert "nonsense" in result.stderr
    assert "downloader.concurrency" in result.stderr


def test_flags_beat_the_environment_which_beats_the_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = empty_folder / "mine.toml"
    file.write_text('data_dir = "from-file"\nworker_name = "from-file"\n[log]\nlevel = "warning"\nformat = "json"\n')
    monkeypatch.setenv("TUBEWARREN_DATA_DIR", "from-environment")
    monkeypatch.setenv("TUBEWARREN_LOG__LEVEL", "error")

    result = svc("--config", str(file), "--log-level", "debug", "config", "show")

    shown = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    assert shown["data_dir"] == "from-environment"
    assert shown["worker_name"] == "from-file"
    assert shown["log.level"] == "debug"
    assert shown["log.format"] == "json"


def test_the_brokers_password_is_never_shown() -> None:
    person = svc("--broker", "amqp://me:secret@y.test/", "config", "show")
    machine = svc("--broker", "amqp://me:secret@y.test/", "config", "show", "--json")

    assert "secret" not in person.output + machine.output
    assert "amqp://me:***@y.test/" in person.stdout


def test_the_topology_can_be_seen_without_a_broker() -> None:
    result = svc("topology", "show", "--json")

    assert result.exit_code == 0
    assert '"downloader.dead"' in result.stdout


def test_the_doctor_finds_an_unwritable_place_and_says_what_to_do(empty_folder: Path) -> None:
    (empty_folder / "workbook").write_text("a file where a folder should be")

    result = svc("doctor", "--json")

    assert result.exit_code == 1
    assert "workbook is not a folder" in result.stdout
    assert "--workbook" in result.stdout


def test_the_doctor_names_each_cookie_jar_and_nothing_that_is_in_it(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUBEWARREN_IDENTITY__COOKIES", "jars")
    jars = empty_folder / "jars"
    jars.mkdir()
    (jars / "alice.txt").write_text("# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t0\tPREF\tsecret\n")
    (jars / "bob.txt").write_text("secret")

    result = svc("doctor", "--json")

    found = {each["found"]: each["health"] for each in json.loads(result.stdout) if each["subject"] == "cookies"}
    assert list(found.values()) == ["warn", "warn"]
    assert "jar alice has no account" in str(found)
    assert "jar bob is dead: it is no cookie file" in str(found)
    assert "secret" not in result.stdout + result.stderr

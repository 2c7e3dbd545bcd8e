"""The units and their installer: understood by systemd, of one mind with the code, and tried on a machine."""

import configparser
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.machines import SYSTEMD, Machine
from fleets import wait_until
from tubewarren.settings import read_settings
from tubewarren.topology import SERVICES, SHEET_INGESTOR, STATUS_WRITER

UNIT = SYSTEMD / "tubewarren@.service"
INSTALLER = SYSTEMD / "install"
SOON = timedelta(minutes=1)


def of_unit(name: str) -> list[str]:
    """Every value of a key."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def listed(name: str) -> list[str]:
    """A list of the installer's."""
    found = re.search(rf"^{name}=\((.*)\)$", INSTALLER.read_text(), re.MULTILINE)
    assert found
    return found[1].split()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for service in SERVICES:
        (tmp_path / f"tubewarren@{service}.service").write_text(
            UNIT.read_text().replace("@PREFIX@/bin/svc", "/bin/true")
        )
    shutil.copy(SYSTEMD / "tubewarren.target", tmp_path)
    for service in listed("sheet_services"):
        folder = tmp_path / f"tubewarren@{service}.service.d"
        folder.mkdir()
        shutil.copy(SYSTEMD / "google.conf", folder)

    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("tubewarren*.*[!d]"))],
        capture_output=True,
        text=True,
        check=False,
    )

    new = re.compile(r"Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)'")
    ours = [line for line in told.stderr.splitlines() if "tubewarren" in line and not new.search(line)]
    assert (told.returncode, ours) == (0, [])


def test_the_installer_knows_the_services_and_who_opens_the_sheet() -> None:
    assert listed("services") == list(SERVICES)
    assert sorted(listed("sheet_services")) == sorted((SHEET_INGESTOR, STATUS_WRITER))


def test_the_settings_are_settings_and_what_they_name_may_be_written() -> None:
    settings = read_settings({}, SYSTEMD / "tubewarren.toml")

    state = Path("/var/lib", *of_unit("StateDirectory"))
    written = (settings.data_dir, settings.store.results, settings.store.selected, settings.sheet.workbook)
    assert all(path.is_relative_to(state) for path in written)


def test_systemd_waits_longer_than_a_service_that_drains() -> None:
    settings = read_settings({}, SYSTEMD / "tubewarren.toml")

    (patience,) = of_unit("TimeoutStopSec")
    assert timedelta(seconds=int(patience.removesuffix("s"))) >= settings.grace + timedelta(seconds=15)
    # Its downloads are processes of their own, and are not to be told.
    assert of_unit("KillMode") == ["mixed"]


def test_each_variable_that_the_units_set_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = configparser.RawConfigParser(strict=False)
    config.optionxform = str  # type: ignore[assignment,method-assign] - keys keep their capitals
    config.read(SYSTEMD / "google.conf")
    named = [*of_unit("Environment"), config["Service"]["Environment"]]
    examples = re.findall(r"^#([A-Z_]+)=(.*)$", (SYSTEMD / "tubewarren.env").read_text(), re.MULTILINE)
    for pair in (*examples, *(each.split("=", 1) for line in named for each in line.split())):
        name, value = pair
        monkeypatch.setenv(name, value.replace("%d", str(tmp_path)))
    (tmp_path / "tubewarren_broker_url").write_text("amqp://downloader:word@localhost/")

    settings = read_settings({}, SYSTEMD / "tubewarren.toml")

    assert settings.broker_url
    assert settings.sheet.credentials_file == tmp_path / "google-key.json"
    assert settings.health.listen


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    told = subprocess.run([INSTALLER, "--dry-run", "--root", tmp_path], capture_output=True, text=True, check=False)

    assert list(tmp_path.iterdir()) == []
    # There is no Python in an empty folder, nor is anything tried without one.
    assert "Python 3.11 or newer" in told.stderr


@pytest.mark.parametrize("flags", [["--prefix", "relative"], ["--prefix", "/a b"], ["--root", "/nowhere"], ["--what"]])
def test_the_installer_refuses_what_it_does_not_understand(flags: list[str]) -> None:
    told = subprocess.run([INSTALLER, "--dry-run", *flags], capture_output=True, text=True, check=False)

    assert told.returncode == 2
    assert flags[-1] in told.stderr


@pytest.mark.deploy
@pytest.mark.broker
@pytest.mark.timeout(1200)
def test_a_machine_is_installed_on_works_and_is_left_as_it_was(machine: Machine, vhost_url: str) -> None:
    would = machine.install("--dry-run")
    assert "would run" in would
    assert not (machine.root / "opt" / "tubewarren").exists()

    machine.install()
    settings = machine.root / "etc" / "tubewarren"
    (settings / "tubewarren.env").write_text("TZ=UTC\n")
    again = machine.install()

    # Nothing anew, and nothing of a person's own is written over.
    assert "installing" not in again
    assert "writing" not in again
    assert (settings / "tubewarren.env").read_text() == "TZ=UTC\n"
    seen = {each["subject"]: each["health"] for each in json.loads(machine.run("svc", "doctor", "--json", status=1))}
    assert seen["JavaScript"] == "ok"

    for user in ("operator", *SERVICES):
        (settings / "secrets" / user / "broker_url").write_text(vhost_url)
    # This machine has no ffmpeg.
    with (settings / "tubewarren.toml").open("a") as file:
        file.write('[fitness]\nprograms = ["javascript"]\n')
    with machine.booted() as booted:
        units = [f"tubewarren@{service}" for service in SERVICES]
        booted.run("systemctl", "enable", "--now", "tubewarren.target", *units)

        def at_work() -> set[str]:
            found = json.loads(booted.answer("svc", "workers", "--json") or "[]")
            return {each["service"] for each in found if each["health"] == "active"}

        wait_until(at_work, SOON, holds=set(SERVICES).__eq__)
        booted.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "tubewarren@downloader")
        wait_until(
            lambda: booted.properties("tubewarren@downloader", "NRestarts", "ActiveState"),
            SOON,
            holds={"NRestarts": "1", "ActiveState": "active"}.__eq__,
        )
        booted.run("systemctl", "stop", *units)
        ends = {booted.properties(unit, "Result")["Result"] for unit in units}
        assert ends == {"success"}

    machine.install("--uninstall")
    left = [path.name for path in (machine.root / "etc" / "systemd" / "system").iterdir()]
    assert not [name for name in left if "tubewarren" in name]
    assert not (machine.root / "opt" / "tubewarren").exists()
    assert (settings / "tubewarren.toml").exists()

"""Fleets on one machine: one a folder, and processes that come back or say why they cannot."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tubewarren.settings import Settings
from tubewarren.settings.health import HealthSettings
from tubewarren.topology import topology
from tubewarren_services.local_fleet.fleet import (
    Fleet,
    FleetFolderError,
    FleetRunningError,
    _alone_in,
    _processes,
    _running,
    open_fleet,
)
from tubewarren_services.local_fleet.pauses import Pauses
from tubewarren_services.local_fleet.processes import Copy, ServiceProcess, ServiceStartError

if TYPE_CHECKING:
    from tubewarren.bus import Bus

SOON = timedelta(milliseconds=1)
AT_ONCE = Pauses(first=SOON, longest=SOON)
# What a fleet that is killed had: the lock, and its number in the file. Importing the real one would take a second.
HOLDER = """
import fcntl, os, signal, sys
file = open(sys.argv[1] + "/up.lock", "w")
fcntl.flock(file, fcntl.LOCK_EX)
print(os.getpid(), file=file, flush=True)
print("held", flush=True)
signal.pause()
"""
# Not in sh: between fork and exec, dash forgets a signal.
TRAPPING = """
import os, signal, sys, time
def leave(*_):
    with open(sys.argv[1], "a") as file:
        print(sys.argv[2], file=file)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave if len(sys.argv) > 1 else signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    time.sleep(0.01)
"""


async def until(condition: Callable[[], bool]) -> None:
    """Poll a real process, but not for ever."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.01)


def process(folder: Path, script: str, *, service: str = "downloader", **variables: str) -> ServiceProcess:
    command = ("/bin/sh", "-c", script)
    return ServiceProcess(Copy(service, service), command, variables, folder, pauses=AT_ONCE)


def trapping(folder: Path, service: str, *arguments: str) -> ServiceProcess:
    """Says its number when it is ready; asked to leave, it writes a word into a file, or does not listen."""
    command = (sys.executable, "-S", "-E", "-c", TRAPPING, *arguments)
    return ServiceProcess(Copy(service, service), command, {}, folder, pauses=AT_ONCE)


def log_of(folder: Path, service: str = "downloader") -> str:
    path = folder / f"{service}.log"
    return path.read_text() if path.exists() else ""


@contextmanager
def kept(*tasks: "asyncio.Task[Any]") -> Iterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def stopped(one: ServiceProcess, keeping: "asyncio.Task[None]") -> None:
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await one.stop(timedelta(seconds=30))


async def test_a_dying_service_is_brought_back(tmp_path: Path) -> None:
    one = process(tmp_path, "echo life; exit 1")
    keeping = asyncio.create_task(one.keep_running())

    with kept(keeping):
        await until(lambda: log_of(tmp_path).count("life") >= 3)
        await stopped(one, keeping)


async def test_a_killed_service_is_brought_back(tmp_path: Path) -> None:
    one = process(tmp_path, "echo $$; read forever")
    keeping = asyncio.create_task(one.keep_running())

    with kept(keeping):
        await until(lambda: log_of(tmp_path).count("\n") == 1)
        os.kill(int(log_of(tmp_path).split()[0]), signal.SIGKILL)
        await until(lambda: log_of(tmp_path).count("\n") == 2)
        await stopped(one, keeping)

    assert len(set(log_of(tmp_path).split())) == 2


async def test_a_service_that_refuses_its_settings_is_not_brought_back_and_its_last_words_are_told(
    tmp_path: Path,
) -> None:
    one = process(tmp_path, "echo early; echo a; echo b; echo 'log.level: no such level'; exit 2")

    with pytest.raises(ServiceStartError, match=r"^downloader cannot start\. a b log\.level: no such level$"):
        await one.keep_running()


async def test_one_that_refuses_without_a_word_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServiceStartError, match=r"See .*downloader\.log"):
        await process(tmp_path, "exit 2").keep_running()


async def test_the_complaint_with_which_a_service_ended_is_told_without_what_it_logged_before(tmp_path: Path) -> None:
    said = ("{a line of its log}", "Error: of an earlier life", "{ready}", "Error: no such level", "nor such a folder")
    one = process(tmp_path, "".join(f"echo '{line}';" for line in said) + "exit 2")

    with pytest.raises(ServiceStartError, match=r"^downloader cannot start\. no such level\nnor such a folder$"):
        await one.keep_running()


@pytest.mark.parametrize(
    ("healthy_after", "expected"),
    [(timedelta(0), [1.0, 1.0, 1.0]), (timedelta(hours=1), [1.0, 2.0, 4.0])],
    ids=["after health", "after short lives"],
)
async def test_the_pauses_before_a_service_is_brought_back_grow_and_begin_anew_after_a_healthy_life(
    tmp_path: Path, healthy_after: timedelta, expected: list[float]
) -> None:
    waited: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == len(expected):
            enough.set()
            await asyncio.Event().wait()

    pauses = Pauses(healthy_after=healthy_after)
    one = ServiceProcess(Copy("downloader", "downloader"), ("/bin/false",), {}, tmp_path, pauses=pauses, sleep=sleep)
    keeping = asyncio.create_task(one.keep_running())
    with kept(keeping):
        await asyncio.wait_for(enough.wait(), 30)

    assert waited == expected


async def test_a_service_that_is_stopped_while_it_is_being_started_is_asked_to_leave_and_not_killed(
    tmp_path: Path,
) -> None:
    one = trapping(tmp_path, "downloader", str(tmp_path / "word"), "drained")
    keeping = asyncio.create_task(one.keep_running())
    await asyncio.sleep(0)

    await stopped(one, keeping)

    assert one._starting is not None
    assert (await one._starting).returncode in (0, -signal.SIGTERM)


async def test_a_service_is_asked_to_leave_and_has_its_grace(tmp_path: Path) -> None:
    word = tmp_path / "word"
    one = trapping(tmp_path, "downloader", str(word), "drained")
    keeping = asyncio.create_task(one.keep_running())

    with kept(keeping):
        await until(lambda: "\n" in log_of(tmp_path))
        await stopped(one, keeping)

    assert word.read_text() == "drained\n"


async def test_a_service_that_does_not_leave_is_ended(tmp_path: Path) -> None:
    one = trapping(tmp_path, "downloader")
    keeping = asyncio.create_task(one.keep_running())

    with kept(keeping):
        await until(lambda: "\n" in log_of(tmp_path))
        keeping.cancel()
        await one.stop(timedelta(milliseconds=20))

    with pytest.raises(ProcessLookupError):
        os.kill(int(log_of(tmp_path)), 0)


async def test_stopping_what_never_ran_is_nothing(tmp_path: Path) -> None:
    await process(tmp_path, "exit 0").stop(SOON)


async def test_a_service_has_the_environment_of_its_fleet_and_a_session_of_its_own(tmp_path: Path) -> None:
    script = 'echo "$GREETING $(ps -o sid= -p $$ | tr -d " ") $$ ${PATH:+path}"; read forever'
    one = process(tmp_path, script, GREETING="hello")
    keeping = asyncio.create_task(one.keep_running())

    with kept(keeping):
        await until(lambda: "\n" in log_of(tmp_path))
        await stopped(one, keeping)

    greeting, session, number, path = log_of(tmp_path).split()
    assert (greeting, path) == ("hello", "path")
    assert session == number


async def test_the_services_are_started_as_the_command_line_would(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    processes = _processes(settings, {"downloader": 3, "status-writer": 0})

    assert [each.copy.name for each in processes] == [
        "heartbeat-monitor",
        "results-manager",
        "sheet-ingestor",
        "source-expander",
        "downloader",
        "downloader.2",
        "downloader.3",
    ]
    assert processes[-1]._command == (
        sys.executable,
        "-m",
        "tubewarren_services.cli.entry",
        "run",
        "downloader",
        "--stop-at-eof",
    )
    assert processes[-1]._environment["TUBEWARREN_DATA_DIR"] == str(tmp_path)


def test_each_service_tells_its_health_on_a_port_of_its_own(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, health=HealthSettings(listen="[::1]:9000"))

    processes = _processes(settings, {"downloader": 2})

    places = [each._environment["TUBEWARREN_HEALTH__LISTEN"] for each in processes]
    assert places == [f"[::1]:{9000 + number}" for number in range(len(processes))]


@dataclass
class QuietBus:
    """A broker in which some queues still hold something for a few looks."""

    busy_looks: int = 0
    looks: list[str] = field(default_factory=list)

    async def depths(self, _: object) -> dict[str, tuple[int, int]]:
        self.looks.append("look")
        self.busy_looks -= 1
        return {"status-writer.events": (1 if self.busy_looks >= 0 else 0, 1)}


def fleet(folder: Path, *processes: ServiceProcess) -> Fleet:
    settings = Settings(data_dir=folder, grace=timedelta(seconds=1))
    return Fleet(settings, cast("Bus", QuietBus()), topology(), processes, say=lambda _: None)


async def test_a_fleet_with_a_service_that_cannot_start_ends_with_its_reason(tmp_path: Path) -> None:
    refusing = process(tmp_path, "echo 'no such level'; exit 2")
    beside = process(tmp_path, "echo up; read forever", service="status-writer")

    async def run_for_ever() -> None:
        async with _running(fleet(tmp_path, refusing, beside)):
            await asyncio.Event().wait()

    with pytest.raises(ServiceStartError, match="no such level"):
        await asyncio.wait_for(run_for_ever(), 30)

    assert beside._starting is None or (await beside._starting).returncode is not None


async def test_what_fails_in_the_middle_of_a_fleet_is_its_own_error(tmp_path: Path) -> None:
    async def fail() -> None:
        raise LookupError("so it is")

    run: Callable[[], Awaitable[None]] = fail
    with pytest.raises(LookupError, match="so it is"):
        async with _running(fleet(tmp_path, process(tmp_path, "read forever"))):
            await run()


async def test_services_leave_in_order_those_that_make_work_first(tmp_path: Path) -> None:
    together = tmp_path / "order"
    services = ("status-writer", "heartbeat-monitor", "results-manager", "downloader")
    processes = [trapping(tmp_path, service, str(together), service) for service in services]

    async with _running(fleet(tmp_path, *processes)):
        await until(lambda: all("\n" in log_of(tmp_path, service) for service in services))

    assert together.read_text().split() == ["downloader", "results-manager", "heartbeat-monitor", "status-writer"]


def test_two_fleets_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    with _alone_in(tmp_path):
        with (
            pytest.raises(FleetRunningError, match=rf"process {os.getpid()}\) runs in .*--data-dir"),
            _alone_in(tmp_path),
        ):
            pass
        other = tmp_path / "other"
        other.mkdir()
        with _alone_in(other):
            pass


async def test_a_data_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("a file where the folder should be")

    with pytest.raises(FleetFolderError, match=rf"{in_the_way}.*: .*Choose a writable data folder with --data-dir"):
        async with open_fleet(Settings(data_dir=in_the_way), say=lambda _: None):
            pass


def test_a_folder_is_free_again_when_its_fleet_was_killed(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(FleetRunningError, match=f"process {child.pid}"), _alone_in(tmp_path):
            pass
    finally:
        child.kill()
        child.communicate()

    with _alone_in(tmp_path):
        pass

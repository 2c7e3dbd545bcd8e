"""Workers with cookie jars: each is an egress of its own, a dead one gives way to the next, and none is ever told."""

from datetime import timedelta

import pytest

from fleets import Machine, MachineFor, wait_until
from tubewarren.messages.commands import DownloadVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

MINE = """
import re
from pathlib import Path
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError

BLOCKED = Failure(kind=FailureKind.BLOCKED, reason="Too many requests.", rule="too-many-requests")


def work(task, columns, folder):
    cookies = Path(task.options["cookiefile"])
    jar = re.search("secret-(.*)", cookies.read_text())[1]
    with open("calls.txt", "a") as calls:
        calls.write(f"{jar} {task.id}\\n")
    if Path(f"blocked.{jar}").exists():
        raise ProcessingFailedError(BLOCKED)
    if Path(f"signed-out.{jar}").exists():
        cookies.write_text(cookies.read_text().replace("LOGIN_INFO", "OTHER"))
    (folder / "film.txt").write_text(task.id)
"""
COOKIES = (
    "# Netscape HTTP Cookie File\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\tx\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\tsecret-{}\n"
)


@pytest.fixture
def machine(machine_for: MachineFor) -> Machine:
    """With two jars, and a function per video whose troubles are files."""
    machine = machine_for(
        YOUTUBE__ALLOWED_HOSTS="videos.example",
        EGRESS="home",
        IDENTITY__COOKIES="jars",
        BLOCKS__FIRST="4s",
        BLOCKS__BY_RULE="{}",
        DOWNLOADER__PROCESSOR="mine:work",
        DOWNLOADER__CONCURRENCY="1",
        LOG__LEVEL="debug",
    )
    (machine.folder / "mine.py").write_text(MINE)
    machine.environment["PYTHONPATH"] = str(machine.folder)
    (machine.folder / "jars").mkdir()
    for name in ("alice", "bob"):
        fill(machine, name, name)
    return machine


def fill(machine: Machine, jar: str, session: str) -> None:
    (machine.folder / "jars" / f"{jar}.txt").write_text(COOKIES.format(session))


def orders(*names: str) -> list[DownloadVideo]:
    return [DownloadVideo(video_id=name, url="https://videos.example/1", source_id="1") for name in names]


def calls(machine: Machine) -> list[str]:
    path = machine.folder / "calls.txt"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def gates(machine: Machine) -> list[tuple[str, str]]:
    told = wait_until(lambda: machine.ask("status")["gates"], holds=lambda found: found is not None)
    return [(gate["kind"], gate["name"]) for gate in told]


def doing(machine: Machine) -> list[str]:
    return [worker["doing"] for worker in machine.ask("workers") if worker["worker"].startswith("box/downloader")]


def test_a_block_rests_the_jar_that_met_it_and_not_the_other_of_the_same_address(machine: Machine) -> None:
    machine.run("heartbeat-monitor").until_ready()
    for _ in range(2):
        machine.run("downloader").until_ready()
    (machine.folder / "blocked.alice").touch()
    # Few enough to be done with the other before the third probe, on a slow machine too.
    names = {f"video-{number}" for number in range(8)}

    machine.publish(*orders(*names))

    wait_until(lambda: machine.finished, holds=lambda found: found == names)
    assert set(calls(machine)) == {"alice", "bob"}
    assert calls(machine).count("alice") <= 3, "one hits the wall; then it is probed"
    assert gates(machine) == [("egress", "home+alice")]


def test_a_dead_jar_gives_way_to_the_next_then_work_waits_for_a_new_file_and_nothing_is_told_of_what_is_in_them(
    machine: Machine,
) -> None:
    machine.run("results-manager").until_ready()
    machine.run("heartbeat-monitor").until_ready()
    machine.run("downloader").until_ready()
    for name in ("alice", "bob"):
        (machine.folder / f"signed-out.{name}").touch()

    machine.publish(*orders("a", "b", "c"))
    wait_until(lambda: machine.finished, timedelta(seconds=60), holds=lambda found: len(found) == 2)

    retired = "Cookie jar alice is dead, the site has signed its account out: log in again"
    wait_until(lambda: doing(machine), timedelta(seconds=60), holds=lambda words: retired in str(words))
    wait_until(lambda: doing(machine), holds=lambda words: "jar bob is dead" in str(words))
    assert calls(machine) == ["alice", "bob"]
    assert len(list((machine.folder / "jars").glob("*.retired"))) == 2

    fill(machine, "bob", "new")
    wait_until(lambda: machine.finished, timedelta(seconds=60), holds=lambda found: found == {"a", "b", "c"})
    assert calls(machine) == ["alice", "bob", "new"]
    logs = "".join(path.read_text() for path in machine.folder.glob("*.log"))
    assert "secret-" not in logs
    assert str(machine.folder / "jars") not in logs

"""Workers, the heartbeat-monitor and a person with `svc`: blocks, pauses, the breaker and second opinions for real."""

import signal
from datetime import timedelta
from itertools import count

import pytest

from fleets import Machine, MachineFor, wait_until
from tubewarren.messages.commands import DownloadVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

MINE = """
import os
from pathlib import Path
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError

TROUBLES = {
    "blocked": Failure(kind=FailureKind.BLOCKED, reason="Too many requests.", rule="too-many-requests"),
    "broken": Failure(kind=FailureKind.EXTRACTOR, reason="yt-dlp is out of date.", rule="no-player-response"),
    "suspect": Failure(kind=FailureKind.SUSPECT, reason="Video unavailable."),
}


def work(task, columns, folder):
    egress = os.environ["TUBEWARREN_EGRESS"]
    with open("calls.txt", "a") as calls:
        calls.write(f"{egress} {task.id} {task.attempt}\\n")
    for name, failure in TROUBLES.items():
        if any(Path(f"{name}.{where}").exists() for where in (egress, task.id, "everywhere")):
            raise ProcessingFailedError(failure)
    (folder / "film.txt").write_text(task.id)
"""


@pytest.fixture
def machine(machine_for: MachineFor) -> Machine:
    """With a function per video whose troubles are files."""
    machine = machine_for(
        YOUTUBE__ALLOWED_HOSTS="videos.example",
        EGRESS="home",
        BLOCKS__FIRST="4s",
        BLOCKS__BY_RULE="{}",
        BREAKER__VIDEOS="3",
        BREAKER__FIRST_CANARY="3s",
        DOWNLOADER__PROCESSOR="mine:work",
        DOWNLOADER__CONCURRENCY="1",
    )
    (machine.folder / "mine.py").write_text(MINE)
    machine.environment["PYTHONPATH"] = str(machine.folder)
    return machine


def orders(*names: str, source: str = "1") -> list[DownloadVideo]:
    return [DownloadVideo(video_id=name, url="https://videos.example/1", source_id=source) for name in names]


def trouble(machine: Machine, name: str, *, exists: bool = True) -> None:
    path = machine.folder / name
    path.touch() if exists else path.unlink()


def calls(machine: Machine) -> list[tuple[str, str, int]]:
    path = machine.folder / "calls.txt"
    lines = path.read_text().splitlines() if path.exists() else ()
    return [(egress, video, int(attempt)) for egress, video, attempt in map(str.split, lines)]


def gates(machine: Machine) -> list[tuple[str, str]]:
    told = wait_until(lambda: machine.ask("status")["gates"], holds=lambda found: found is not None)
    return [(gate["kind"], gate["name"]) for gate in told]


def held(machine: Machine) -> int:
    return sum(queue["ready"] for queue in machine.ask("status")["queues"] if queue["purpose"] == "held")


def test_a_block_rests_every_worker_of_the_egress_charges_nothing_and_heals_by_itself(machine: Machine) -> None:
    for service in ("heartbeat-monitor", "results-manager", "downloader", "downloader"):
        machine.run(service).until_ready()
    machine.run("downloader", settings={"EGRESS": "abroad"}).until_ready()
    trouble(machine, "blocked.home")
    # Few enough to be done elsewhere before the third probe, on a slow machine too.
    names = [f"video-{number}" for number in range(8)]

    machine.publish(*orders(*names))

    wait_until(lambda: machine.finished, holds=lambda found: found == set(names))
    assert {egress for egress, *_ in calls(machine)} == {"home", "abroad"}
    assert len([1 for egress, *_ in calls(machine) if egress == "home"]) <= 4, "two hit the wall; then it is probed"
    assert gates(machine) == [("egress", "home")]
    assert {attempt for *_, attempt in calls(machine)} == {1}

    trouble(machine, "blocked.home", exists=False)
    more = [f"more-{number}" for number in range(20)]
    machine.publish(*orders(*more))
    wait_until(lambda: machine.finished, holds=lambda found: found == {*names, *more})
    probes = count(1)

    def gates_when_there_is_work() -> list[tuple[str, str]]:
        # The worker elsewhere takes what it can: there must be something left to probe with.
        machine.publish(*orders(*(f"probe-{next(probes)}" for _ in range(4))))
        return gates(machine)

    wait_until(gates_when_there_is_work, holds=lambda found: found == [])


def test_a_paused_source_is_held_over_restarts_and_goes_on_where_it_was(machine: Machine) -> None:
    monitor = machine.run("heartbeat-monitor").until_ready()
    machine.run("downloader").until_ready()
    paused = machine.svc("pause", "source", "1", "--reason", "It is being moved.")
    assert paused.returncode == 0, paused.stderr
    assert "Source 1 is paused" in paused.stdout

    machine.publish(*orders("a", "b", "c"), *orders("d", source="2"))

    wait_until(lambda: machine.finished, holds=lambda found: found == {"d"})
    wait_until(lambda: held(machine), holds=lambda number: number == 3)
    monitor.signal(signal.SIGKILL)
    monitor.wait()
    machine.run("heartbeat-monitor").until_ready()
    assert gates(machine) == [("pause", "1")]
    machine.publish(*orders("e"))
    wait_until(lambda: held(machine), holds=lambda number: number == 4)

    assert machine.svc("resume", "source", "1").returncode == 0
    wait_until(lambda: machine.finished, holds=lambda found: found == set("abcde"))
    assert (gates(machine), held(machine)) == ([], 0)


def test_a_pause_of_everything_lets_what_runs_finish_and_starts_nothing_more(machine: Machine) -> None:
    machine.run("heartbeat-monitor").until_ready()
    downloader = machine.run("downloader").until_ready()
    assert machine.svc("pause").returncode == 0

    machine.publish(*orders("a", "b"))

    downloader.until_logged(lambda line: line["event"] == "claiming stops")
    assert calls(machine) == []
    assert machine.svc("resume").returncode == 0
    wait_until(lambda: machine.finished, holds=lambda found: found == {"a", "b"})


def test_trouble_that_is_everybodys_rests_the_stage_and_costs_no_video_an_attempt(machine: Machine) -> None:
    for service in ("heartbeat-monitor", "results-manager", "downloader", "downloader"):
        machine.run(service).until_ready()
    trouble(machine, "broken.everywhere")
    names = [f"video-{number}" for number in range(8)]

    machine.publish(*orders(*names))

    wait_until(lambda: gates(machine), holds=lambda found: found == [("breaker", "downloader")])
    told = machine.svc("status").stdout
    assert "The same failure everywhere: no-player-response" in told
    assert "Update yt-dlp" in told
    trouble(machine, "broken.everywhere", exists=False)
    wait_until(lambda: machine.finished, timedelta(seconds=60), holds=lambda found: found == set(names))
    assert gates(machine) == []
    attempts = {video: attempt for _, video, attempt in calls(machine)}
    assert set(attempts.values()) == {1}, "what was charged meanwhile was given back"


def test_a_video_that_one_egress_calls_unavailable_is_looked_at_by_another(machine: Machine) -> None:
    for service in ("heartbeat-monitor", "results-manager", "downloader"):
        machine.run(service).until_ready()
    machine.run("downloader", settings={"EGRESS": "abroad"}).until_ready()
    machine.publish(*orders(*(f"warm-{number}" for number in range(6))))
    wait_until(lambda: {egress for egress, *_ in calls(machine)}, holds=lambda found: found == {"home", "abroad"})
    trouble(machine, "suspect.home")
    trouble(machine, "suspect.really-gone")

    machine.publish(*orders("only-here", "really-gone"))

    ended = wait_until(
        lambda: {
            row["video_id"]: (row["state"], row["failure_kind"])
            for row in machine.ask("tasks", "list")
            if row["state"] in ("done", "dead") and not row["video_id"].startswith("warm")
        },
        timedelta(seconds=60),
        holds=lambda found: len(found) == 2,
    )
    assert ended["only-here"][0] == "done"
    assert ended["really-gone"] == ("dead", "gone")
    assert {egress for egress, video, _ in calls(machine) if video == "really-gone"} == {"home", "abroad"}
    assert {attempt for *_, attempt in calls(machine)} == {1}


def test_a_worker_that_is_too_old_claims_nothing_and_says_why(machine: Machine) -> None:
    machine.run("heartbeat-monitor").until_ready()
    machine.run("results-manager").until_ready()
    machine.run("downloader", settings={"FITNESS__YT_DLP": "2999.01.01"}).until_ready()
    machine.publish(*orders("a"))

    seen = wait_until(
        lambda: {row["worker"]: (row["health"], row["doing"]) for row in machine.ask("workers")},
        holds=lambda found: found.get("box/downloader", ("",))[0] == "unfit",
    )
    assert "older than the fleet's minimum, 2999.01.01: update it" in seen["box/downloader"][1]
    assert calls(machine) == []
    machine.run("downloader").until_ready()
    wait_until(lambda: machine.finished, holds=lambda found: found == {"a"})

"""A person's own function per video, in a real downloader: what it is given, and what its exceptions mean."""

import pytest

from fleets import Machine, MachineFor, wait_until
from tubewarren.messages.commands import DownloadVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

MINE = """
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError


def work(task, columns, folder):
    print("working on", task.id)
    with open("calls.txt", "a") as calls:
        calls.write(f"{task.id} {task.attempt}\\n")
    if task.id == "gone":
        raise ProcessingFailedError(Failure(kind=FailureKind.GONE, reason="Nobody has it any more."))
    if task.id == "strange":
        raise ValueError("a number, please")
    if task.id == "leaver":
        raise SystemExit(3)
    (folder / "speaker.txt").write_text(f"{columns['Name']} says {task.title}")
"""


@pytest.fixture
def machine(machine_for: MachineFor) -> Machine:
    """With a downloader that calls a function of the person's own."""
    machine = machine_for(RETRY__LADDER="300ms,600ms", YOUTUBE__ALLOWED_HOSTS="videos.example")
    (machine.folder / "mine.py").write_text(MINE)
    machine.environment["PYTHONPATH"] = str(machine.folder)
    return machine


def order_for(video_id: str) -> DownloadVideo:
    return DownloadVideo(
        video_id=video_id, url="https://videos.example/1", source_id="1", title="Hello", columns={"Name": "Ada"}
    )


def test_what_a_function_of_the_persons_own_raises_is_classified_like_any_other_failure(machine: Machine) -> None:
    machine.run("results-manager").until_ready()
    machine.run("downloader", "--processor", "mine:work").until_ready()

    machine.publish(*map(order_for, ("fine", "gone", "strange", "leaver")))

    ended = wait_until(
        lambda: {
            row["video_id"]: (row["state"], row["attempts"], row["failure_kind"])
            for row in machine.ask("tasks", "list")
            if row["state"] in ("done", "dead")
        },
        holds=lambda found: len(found) == 4,
    )
    assert ended == {
        "fine": ("done", 1, None),
        "gone": ("dead", 1, "gone"),
        "strange": ("dead", 3, "unknown"),
        "leaver": ("dead", 3, "unknown"),
    }
    assert (machine.results / "fine" / "speaker.txt").read_text() == "Ada says Hello"
    calls = (machine.folder / "calls.txt").read_text().splitlines()
    assert sorted(calls) == sorted(
        ["fine 1", "gone 1", *(f"{name} {attempt}" for name in ("strange", "leaver") for attempt in (1, 2, 3))]
    )
    # An order is told of as dead before it is given up.
    cases = wait_until(lambda: machine.ask("dead", "list"), holds=lambda found: len(found) == 3)
    dead = {case["subject"]: (case["kind"], case["reason"]) for case in cases}
    assert dead["gone"] == ("gone", "Nobody has it any more.")
    assert dead["strange"] == ("unknown", "Given up after 3 attempts: nothing we know: ValueError: a number, please")
    assert dead.keys() == {"gone", "strange", "leaver"}


def test_a_function_that_does_not_exist_is_told_and_charges_no_video(machine: Machine) -> None:
    downloader = machine.run("downloader", "--processor", "mine:wrok").until_ready()

    machine.publish(order_for("fine"))

    told = downloader.until_logged(lambda line: line.get("verdict"))
    assert (told["verdict"], told["kind"], told["attempt"]) == ("refund", "unfit", 1)
    assert "the module mine has no wrok" in told["event"]

"""A source with thousands of entries: worked on while it is listed, in flat memory, and after a crash in the middle."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleets import Machine, MachineFor, Running, children_of, resident_bytes, wait_until
from standins.youtube import YoutubeStandin, youtube_standin
from tubewarren.messages.commands import ExpandSource

pytestmark = [pytest.mark.broker, pytest.mark.fleet, pytest.mark.timeout(300)]

TO_THE_END = timedelta(seconds=120)
A_PAGE_OF_THE_SITE = 100
PAGE = 25
"""Four of ours are one of the site's."""
LIST = "PLa-very-long-list"
ORDER = ExpandSource(source_id="1", url=f"https://www.youtube.com/playlist?list={LIST}")
GROWTH_ALLOWED = 2_000_000
"""Bytes, for more than sixty pages; keeping what was listed would take more."""

WRITER = """
def work(task, columns, folder):
    with open("calls.txt", "a") as calls:
        calls.write(task.id + "\\n")
    (folder / "words.txt").write_text(task.title)
"""


@pytest.fixture
def youtube() -> Iterator[YoutubeStandin]:
    with youtube_standin() as standin:
        yield standin


@pytest.fixture
def machine(machine_for: MachineFor, youtube: YoutubeStandin) -> Machine:
    machine = machine_for(
        YOUTUBE__OPTIONS=json.dumps(youtube.options), YOUTUBE__PAGE=str(PAGE), DOWNLOADER__CONCURRENCY="4"
    )
    (machine.folder / "writer.py").write_text(WRITER)
    machine.environment["PYTHONPATH"] = str(machine.folder)
    return machine


def calls(machine: Machine) -> list[str]:
    path = machine.folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


def waiting_orders(machine: Machine) -> int:
    return sum(each["ready"] for each in machine.ask("status")["queues"] if each["name"].startswith("downloader"))


def memory_of(expander: Running) -> int:
    return sum(resident_bytes(each) for each in (expander.pid, *children_of(expander.pid)))


def test_a_long_list_is_worked_on_while_it_is_listed_and_each_video_once_after_a_crash(
    machine: Machine, youtube: YoutubeStandin
) -> None:
    entries = 3 * A_PAGE_OF_THE_SITE
    playlist = youtube.add_playlist(LIST, entries)
    gate = youtube.hold(LIST)
    machine.run("downloader", "--processor", "writer:work").until_ready()
    crashing = machine.run("source-expander").until_ready()
    machine.publish(ORDER)

    # The second page of the site is still held back.
    assert gate.wait_until_asked(1)
    wait_until(lambda: machine.finished >= set(playlist.video_ids[:A_PAGE_OF_THE_SITE]), TO_THE_END)
    assert len(machine.finished) == A_PAGE_OF_THE_SITE

    gate.release(1)
    assert gate.wait_until_asked(2)
    crashing.process.kill()
    crashing.wait()
    gate.open()
    machine.run("source-expander")

    wait_until(lambda: len(machine.finished), TO_THE_END, holds=lambda found: found == entries)
    wait_until(lambda: waiting_orders(machine), holds=lambda orders: orders == 0)
    assert machine.finished == set(playlist.video_ids)
    assert Counter(calls(machine)) == Counter(playlist.video_ids)


def test_the_memory_of_an_expander_stays_flat_however_long_the_list_is(
    machine: Machine, youtube: YoutubeStandin
) -> None:
    pages = 20
    youtube.add_playlist(LIST, pages * A_PAGE_OF_THE_SITE)
    gate = youtube.hold(LIST)
    expander = machine.run("source-expander").until_ready()
    machine.publish(ORDER)
    gate.release(3)
    assert gate.wait_until_asked(4)

    early = memory_of(expander)
    gate.release(pages - 5)
    assert gate.wait_until_asked(pages - 1)
    late = memory_of(expander)
    gate.open()

    assert late - early < GROWTH_ALLOWED, f"{early} bytes grew to {late}"
    wait_until(lambda: waiting_orders(machine), holds=lambda orders: orders == pages * A_PAGE_OF_THE_SITE)

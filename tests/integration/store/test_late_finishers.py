"""A worker that was frozen with its claim thaws after somebody else finished its video: what is finished stays.

Locks keep two workers of one host apart. Two hosts whose file system does not share locks are played by locks of
their own, with a staging folder of their own or with the same one.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tubewarren.store import Draft, Step, Store, VideoBusyError

HOST = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tubewarren.store import Draft
from tubewarren.store.claims import claimed
from tubewarren.store.fitness import prepare
from tubewarren.store.layout import Layout
from tubewarren.store.publishing import publish

results, selected, name, staging_name, source_id, step = sys.argv[1:]

class Host(Layout):
    staging = property(lambda self: self.results / staging_name)
    locks = property(lambda self: self.staging / f".locks-{name}")

def reach(reached):
    if reached == step:
        os.kill(os.getpid(), signal.SIGSTOP)

layout = Host(Path(results), Path(selected))
prepare(layout)
draft = Draft(url="u", source_id=source_id, columns={"Name": name}, worker=name, attempt=1,
              finished_at=datetime.now(UTC))
with claimed(layout, "v1") as staging:
    (staging.folder / "film.mp4").write_bytes(f"film of {name}".encode())
    reach("staged")
    print(publish(layout, staging, draft, reach).worker)
"""

BEFORE_THE_RENAME = ("staged", Step.HASHED, Step.DESCRIBED, Step.CLEANED, Step.LOOKED)
OWN, SHARED = "{name}", "both"
MOMENTS = [*((step, OWN) for step in BEFORE_THE_RENAME), ("staged", SHARED), (Step.LOOKED, SHARED)]

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(results: Path, selected: Path) -> Iterator[Spawn]:
    """Run a script in a process of its own."""
    children: list[subprocess.Popen[str]] = []

    def spawn(script: str, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", textwrap.dedent(script), str(results), str(selected), *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def host(spawn: Spawn) -> Spawn:
    """A worker on another host, which finishes the video, or freezes at a step."""

    def host(name: str, staging: str, step: str = "never", source_id: str = "7") -> "subprocess.Popen[str]":
        return spawn(HOST, name, f".staging-{staging.format(name=name)}", source_id, step)

    return host


def wait_until_frozen(child: "subprocess.Popen[str]") -> None:
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def told(child: "subprocess.Popen[str]") -> str:
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return output.strip()


def everything_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def left_in_staging(results: Path) -> list[str]:
    return [path.name for folder in results.glob(".staging-*") for path in folder.glob("[!.]*")]


@pytest.mark.parametrize(("step", "staging"), MOMENTS)
def test_what_is_finished_stays_byte_for_byte_when_a_frozen_worker_comes_late(
    results: Path, host: Spawn, step: str, staging: str
) -> None:
    late = host("late", staging, step)
    wait_until_frozen(late)
    assert told(host("first", staging)) == "first"
    finished = everything_in(results / "v1")

    late.send_signal(signal.SIGCONT)

    assert told(late) == "first"
    assert everything_in(results / "v1") == finished
    assert finished["film.mp4"][0] == b"film of first"
    assert left_in_staging(results) == []


@pytest.mark.parametrize("step", ["staged", Step.LOOKED])
def test_who_comes_late_for_another_source_adds_that_source_and_nothing_else(
    results: Path, host: Spawn, step: str
) -> None:
    late = host("late", OWN, step, "8")
    wait_until_frozen(late)
    told(host("first", OWN))
    film = everything_in(results / "v1")["film.mp4"]

    late.send_signal(signal.SIGCONT)

    assert told(late) == "first"
    manifest = Store(results, results.parent / "selected").find("v1")
    assert manifest is not None
    assert manifest.columns == {"7": {"Name": "first"}, "8": {"Name": "late"}}
    assert everything_in(results / "v1")["film.mp4"] == film


def test_who_comes_late_finds_what_was_selected_meanwhile(results: Path, selected: Path, host: Spawn) -> None:
    late = host("late", OWN, Step.CLEANED)
    wait_until_frozen(late)
    told(host("first", OWN))
    Store(results, selected).select(["v1"])
    finished = everything_in(selected / "v1")

    late.send_signal(signal.SIGCONT)

    assert told(late) == "first"
    assert everything_in(selected / "v1") == finished
    assert not (results / "v1").exists()


def test_many_hosts_at_once_make_one_result_of_one_of_them(results: Path, host: Spawn) -> None:
    hosts = [host(f"host{number}", OWN, Step.LOOKED) for number in range(3)]
    for each in hosts:
        wait_until_frozen(each)

    # All have seen that nobody was there before them; only the file system can tell them apart now.
    for each in hosts:
        each.send_signal(signal.SIGCONT)
    winners = {told(each) for each in hosts}

    (winner,) = winners
    assert (results / "v1/film.mp4").read_text() == f"film of {winner}"
    assert Store(results, results.parent / "selected").verify("v1").is_intact
    assert left_in_staging(results) == []


def test_a_frozen_worker_keeps_its_claim_on_its_own_host_and_finishes(
    store: Store, results: Path, selected: Path, draft: Draft, spawn: Spawn
) -> None:
    frozen = spawn(
        """
        import os, signal, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from tubewarren.store import Draft, Store

        store = Store(Path(sys.argv[1]), Path(sys.argv[2]))
        with store.claim("v1") as staging:
            (staging.folder / "film.mp4").write_bytes(b"film")
            os.kill(os.getpid(), signal.SIGSTOP)
            draft = Draft(url="u", source_id="7", worker="frozen", attempt=1, finished_at=datetime.now(UTC))
            print(store.publish(staging, draft).worker)
        """
    )
    wait_until_frozen(frozen)

    # Who starts meanwhile tidies up old locks; this one is none.
    for each in (store, Store(results, selected)):
        with pytest.raises(VideoBusyError), each.claim("v1"):
            pass
    frozen.send_signal(signal.SIGCONT)

    assert told(frozen) == "frozen"
    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"another")
        assert store.publish(staging, draft).worker == "frozen"
    assert (results / "v1/film.mp4").read_bytes() == b"film"

"""What other processes do to a store, and what is left when they are killed."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tubewarren.store import Draft, Step, Store, VideoBusyError

PROLOGUE = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from tubewarren.store import *

results, selected = Path(sys.argv[1]), Path(sys.argv[2])
draft = Draft(url="u", source_id=str(os.getpid()), worker=sys.argv[3], attempt=1, finished_at=datetime.now(UTC))
"""

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn(results: Path, selected: Path) -> Iterator[Spawn]:
    """Run a script in a process of its own."""
    children: list[subprocess.Popen[str]] = []

    def spawn(script: str, name: str = "child") -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + textwrap.dedent(script), str(results), str(selected), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.kill()
        child.communicate()


def line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def start(children: "list[subprocess.Popen[str]]") -> None:
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()


def lock_files(results: Path) -> list[str]:
    return [path.name for path in (results / ".staging/.locks").iterdir()]


def test_a_killed_worker_gives_its_claim_back_and_its_partial_file_stays(
    store: Store, results: Path, selected: Path, spawn: Spawn
) -> None:
    child = spawn(
        """
        with Store(results, selected).claim("v1") as staging:
            (staging.folder / "film.part").write_bytes(b"half")
            print("claimed", flush=True)
            sys.stdin.read()
        """
    )
    assert line(child) == "claimed"
    with pytest.raises(VideoBusyError, match="v1 is being worked on"), store.claim("v1"):
        pass

    child.send_signal(signal.SIGKILL)
    child.wait()

    with store.claim("v1") as staging:
        assert (staging.folder / "film.part").read_bytes() == b"half"
        assert lock_files(results) == ["v1.claim"]
    assert lock_files(results) == []

    # A lock file that nobody claims again goes at the next start.
    (results / ".staging/.locks/forgotten.claim").touch()
    with store.claim("v2"):
        Store(results, selected)
        assert lock_files(results) == ["v2.claim"]


def test_of_two_processes_that_publish_one_video_the_second_sees_the_first(
    results: Path, selected: Path, spawn: Spawn
) -> None:
    script = """
        store = Store(results, selected)
        print("ready", flush=True)
        sys.stdin.readline()
        while True:
            try:
                with store.claim("v1") as staging:
                    (staging.folder / "film.mp4").write_bytes(sys.argv[3].encode())
                    print(store.publish(staging, draft).worker, flush=True)
                    break
            except VideoBusyError:
                continue
        """
    children = [spawn(script, name) for name in ("left", "right")]
    assert [line(child) for child in children] == ["ready", "ready"]

    start(children)
    winners = {line(child) for child in children}
    assert [child.wait() for child in children] == [0, 0]

    (winner,) = winners
    assert (results / "v1/film.mp4").read_text() == winner
    manifest = Store(results, selected).find("v1")
    assert manifest is not None
    assert set(manifest.source_ids) == {str(child.pid) for child in children}
    assert [path.name for path in (results / ".staging").iterdir()] == [".locks"]


@pytest.mark.parametrize("step", list(Step))
def test_a_crash_while_publishing_leaves_nothing_or_the_whole(
    store: Store, results: Path, draft: Draft, spawn: Spawn, step: Step
) -> None:
    child = spawn(
        f"""
        def crash(reached):
            if reached == "{step}":
                os._exit(9)

        store = Store(results, selected, checkpoint=crash)
        with store.claim("v1") as staging:
            (staging.folder / "film.mp4").write_bytes(b"film")
            (staging.folder / "old.part").write_bytes(b"rest")
            store.publish(staging, draft)
        """
    )

    assert child.wait() == 9

    if step is Step.PUBLISHED:
        assert store.verify("v1").is_intact
    else:
        assert not (results / "v1").exists()
        assert store.find("v1") is None
    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        store.publish(staging, draft)
    assert store.verify("v1").is_intact
    assert sorted(path.name for path in (results / "v1").iterdir()) == ["film.mp4", "manifest.json"]


def test_many_claims_and_releases_never_let_two_workers_in(results: Path, spawn: Spawn) -> None:
    # The lock file is deleted at each release, which is where two holders could come from.
    script = """
        store = Store(results, selected)
        print("ready", flush=True)
        sys.stdin.readline()
        entered = 0
        while entered < 150:
            try:
                with store.claim("v1") as staging:
                    descriptor = os.open(staging.folder / "inside", os.O_CREAT | os.O_EXCL)
                    os.unlink(staging.folder / "inside")
                    os.close(descriptor)
                    entered += 1
            except VideoBusyError:
                continue
        print("alone", flush=True)
        """
    children = [spawn(script, name) for name in ("left", "right")]
    assert [line(child) for child in children] == ["ready", "ready"]

    start(children)

    assert [line(child) for child in children] == ["alone", "alone"]
    assert [child.wait() for child in children] == [0, 0]
    assert lock_files(results) == []


@pytest.mark.parametrize("meanwhile", ["pass", "store.select(['v1']); store.return_all()"])
def test_sources_added_by_two_processes_are_all_there(
    store: Store, selected: Path, draft: Draft, spawn: Spawn, meanwhile: str
) -> None:
    with store.claim("v1") as staging:
        (staging.folder / "film.mp4").write_bytes(b"film")
        store.publish(staging, draft)
    script = f"""
        store = Store(results, selected)
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(25):
            store.add_source("v1", f"{{sys.argv[3]}}-{{number}}", {{}})
            {meanwhile}
        """
    children = [spawn(script, name) for name in ("left", "right")]
    assert [line(child) for child in children] == ["ready", "ready"]

    start(children)
    assert [child.wait() for child in children] == [0, 0]

    manifest = store.find("v1")
    assert manifest is not None
    assert len(manifest.source_ids) == 51
    assert store.return_all().conflicting == ()
    assert list(selected.iterdir()) == []
    assert store.verify("v1").is_intact

"""Names of workers: unique on a machine, and the same after a restart."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tubewarren.workers import Worker, WorkerFolderError, worker_identity

CHILD = """
import sys, signal
from pathlib import Path
from tubewarren.workers import worker_identity
with worker_identity(Path(sys.argv[1]), "downloader", "box") as worker:
    print(worker.name, flush=True)
    signal.pause()
"""


def test_copies_of_a_service_are_numbered_and_the_first_has_the_plain_name(tmp_path: Path) -> None:
    with ExitStack() as stack:
        names = [stack.enter_context(worker_identity(tmp_path, "downloader", "box")).name for _ in range(3)]

    assert names == ["box/downloader", "box/downloader.2", "box/downloader.3"]


def test_another_service_has_numbers_of_its_own(tmp_path: Path) -> None:
    with worker_identity(tmp_path, "downloader", "box"), worker_identity(tmp_path, "source-expander", "box") as other:
        assert other == Worker("box/source-expander", "source-expander", "box", os.getpid())


def test_the_lowest_free_number_is_taken(tmp_path: Path) -> None:
    with ExitStack() as rest:
        with worker_identity(tmp_path, "downloader", "box"):
            rest.enter_context(worker_identity(tmp_path, "downloader", "box"))
        with worker_identity(tmp_path, "downloader", "box") as back:
            assert back.name == "box/downloader"


def test_the_number_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        taken = child.stdout.readline().strip()
        with worker_identity(tmp_path, "downloader", "box") as second:
            beside = second.name
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        with worker_identity(tmp_path, "downloader", "box") as heir:
            after = heir.name
    finally:
        child.kill()
        child.communicate()

    assert (taken, beside, after) == ("box/downloader", "box/downloader.2", "box/downloader")


def test_without_a_name_the_host_says_its_own(tmp_path: Path) -> None:
    with worker_identity(tmp_path, "downloader") as worker:
        assert worker.name == f"{os.uname().nodename}/downloader"


def test_a_folder_that_cannot_hold_the_locks_is_named_with_what_to_do(tmp_path: Path) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.write_text("a file")

    with (
        pytest.raises(WorkerFolderError, match=r"data/workers: Not a directory\. Choose a writable data folder"),
        worker_identity(in_the_way, "downloader"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with (
        pytest.raises(WorkerFolderError, match=r"Permission denied\. Choose .* TUBEWARREN_DATA_DIR"),
        worker_identity(tmp_path, "downloader"),
    ):
        pass

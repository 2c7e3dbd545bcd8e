import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tubewarren.broker.epmd import ask_to_leave, node_names, registered_nodes
from tubewarren.broker.errors import NodeInUseError
from tubewarren.broker.lock import FolderLock
from tubewarren.broker.logs import telling_end, telling_lines
from tubewarren.broker.processes import NodeProcess, is_marked, parse_arguments, parse_ps_line, processes_marked

MARKER = ("-tubewarren_node", "/data/my broker")


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    held = FolderLock.take(tmp_path / "lock", data_dir=tmp_path)
    pid = int((tmp_path / "lock").read_text())

    with pytest.raises(NodeInUseError, match=f"in {tmp_path}, pid {pid}; stop it or use another --data-dir"):
        FolderLock.take(tmp_path / "lock", data_dir=tmp_path)

    held.release()
    FolderLock.take(tmp_path / "lock", data_dir=tmp_path).release()


def test_a_released_lock_may_be_released_again(tmp_path: Path) -> None:
    held = FolderLock.take(tmp_path / "lock", data_dir=tmp_path)
    held.release()
    other = FolderLock.take(tmp_path / "lock", data_dir=tmp_path)

    held.release()

    with pytest.raises(NodeInUseError):
        FolderLock.take(tmp_path / "lock", data_dir=tmp_path)
    other.release()


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    held = FolderLock.take(tmp_path / "lock", data_dir=tmp_path)
    wait_for_input = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(wait_for_input, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        held.release()

        FolderLock.take(tmp_path / "lock", data_dir=tmp_path).release()

        child.kill()


@pytest.fixture
def marked_process() -> Iterator[int]:
    program = [sys.executable, "-c", "print(flush=True); input()", *MARKER]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.kill()


def test_a_process_is_found_by_its_mark(marked_process: int) -> None:
    assert processes_marked(MARKER) == (NodeProcess(marked_process, is_server=False),)
    assert processes_marked(("-tubewarren_node", "/data/my")) == ()
    assert is_marked(marked_process, MARKER)
    assert not is_marked(marked_process, ("-tubewarren_node", "/data/my"))


def test_a_zombie_is_no_process_of_the_node() -> None:
    with subprocess.Popen([sys.executable, "-c", "print()", *MARKER], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()

        _until_zombie(child.pid)

        assert processes_marked(MARKER) == ()
        assert not is_marked(child.pid, MARKER)

    assert not is_marked(child.pid, MARKER)


def _until_zombie(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
        pass


def test_arguments_with_spaces_stay_whole() -> None:
    assert parse_arguments(b"/bin/sh\x00./rabbitmq-server\x00/data/my broker\x00") == (
        "/bin/sh",
        "./rabbitmq-server",
        "/data/my broker",
    )
    assert parse_arguments(b"") == ()


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("  12 /x/beam.smp -W w -tubewarren_node /data/my broker", NodeProcess(12, is_server=True)),
        (
            "13 /bin/sh ./rabbitmq-server -tubewarren_node /data/my broker -x",
            NodeProcess(13, is_server=False),
        ),
        ("14 /x/beam.smp -tubewarren_node /data/my broker2", None),
        ("15 /x/beam.smp -sname rabbit", None),
    ],
)
def test_a_line_of_ps_tells_whose_process_it_is(line: str, process: NodeProcess | None) -> None:
    assert parse_ps_line(line, MARKER) == process


def test_epmds_answer_lists_node_names() -> None:
    assert node_names("name tubewarren at port 20101\nname other at port 9\n") == ("tubewarren", "other")
    assert node_names("") == ()


async def test_where_no_epmd_listens_there_are_no_answers() -> None:
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with listener:
        port: int = listener.sockets[0].getsockname()[1]
        stranger = await registered_nodes(port)

    assert stranger is None
    assert await registered_nodes(port) is None
    assert not await ask_to_leave(port)


def test_a_failed_boot_is_told_from_its_verdict_on() -> None:
    log = "noise\n\n12:00 [error] BOOT FAILED\n===\nError: port taken\n" + "supervisor noise\n" * 50

    lines = telling_lines(log)

    assert lines[:3] == ["12:00 [error] BOOT FAILED", "===", "Error: port taken"]
    assert len(lines) == 12


def test_without_a_verdict_the_last_lines_are_told() -> None:
    assert telling_lines("".join(f"line {number}\n" for number in range(100)))[-1] == "line 99"


def test_what_an_earlier_start_logged_is_not_told(tmp_path: Path) -> None:
    log = tmp_path / "rabbitmq.log"
    log.write_text("earlier\n")
    start = log.stat().st_size
    quiet = telling_end(log, start)
    with log.open("a") as file:
        file.write("later\n")

    assert quiet == []
    assert telling_end(log, start) == ["later"]
    assert telling_end(tmp_path / "absent.log", 0) == []

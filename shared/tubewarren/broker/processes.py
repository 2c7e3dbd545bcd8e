"""The processes of one node, found by a mark in their arguments, whoever started them and when."""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """One process of a node.

    Attributes:
        pid: its id.
        is_server: whether it is the Erlang machine itself and not the script that started it.
    """

    pid: int
    is_server: bool


def processes_marked(marker: tuple[str, str]) -> tuple[NodeProcess, ...]:
    """Living processes that carry the marker in their arguments; zombies are not among them."""
    every = _from_proc(marker) if _has_proc() else _from_ps(marker)
    return tuple(every)


def is_marked(pid: int, marker: tuple[str, str]) -> bool:
    """Whether this process lives and carries the marker; a zombie does not."""
    if _has_proc():
        return marker in itertools.pairwise(_arguments_of(_PROC / str(pid)))
    return any(process.pid == pid for process in _from_ps(marker))


def send(processes: tuple[NodeProcess, ...], number: signal.Signals) -> None:
    """Sends a signal to each; one that is gone already is fine."""
    for process in processes:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue


def parse_arguments(cmdline: bytes) -> tuple[str, ...]:
    """The arguments in a `/proc/PID/cmdline`."""
    return tuple(part.decode(errors="surrogateescape") for part in cmdline.split(b"\x00")[:-1])


def parse_ps_line(line: str, marker: tuple[str, str]) -> NodeProcess | None:
    """The process in a line of `ps -o pid=,command=`; None when it does not carry the marker."""
    pid, _, command = line.strip().partition(" ")
    if f" {' '.join(marker)} " not in f"{command} ":
        return None
    return NodeProcess(int(pid), is_server=_names_the_server(command.split(" ", 1)[0]))


def _has_proc() -> bool:
    return (_PROC / "self" / "cmdline").exists()


def _from_proc(marker: tuple[str, str]) -> Iterator[NodeProcess]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit() and marker in itertools.pairwise(arguments := _arguments_of(folder)):
            yield NodeProcess(int(folder.name), is_server=_names_the_server(arguments[0]))


def _arguments_of(folder: Path) -> tuple[str, ...]:
    try:
        return parse_arguments((folder / "cmdline").read_bytes())
    except OSError:
        return ()  # It ended in between, or is hidden from us and so not ours.


def _from_ps(marker: tuple[str, str]) -> Iterator[NodeProcess]:
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        if process := parse_ps_line(line, marker):
            yield process


def _names_the_server(program: str) -> bool:
    return Path(program).name.startswith("beam")

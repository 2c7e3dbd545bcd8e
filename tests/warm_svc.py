"""`svc` for tests: each command is a process of its own, forked from one that has loaded what commands need.

Loading takes more than twice as long as what most commands do, and a run has two hundred of them. What a real start
loads, and that it works, is for tests of their own.
"""

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from tubewarren_services.cli.main import COMMANDS, run

_LOADED: Final = ("tubewarren.bus", "tubewarren.settings", "rich.console", "rich.table")


@dataclass(frozen=True, slots=True)
class WarmSvc:
    """Runs commands; the process that they are forked from ends with this one."""

    address: bytes
    loaded: subprocess.Popen[bytes]

    def __call__(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], timeout: timedelta
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end.

        Raises:
            TimeoutExpired: it was killed, as it took too long.
        """
        order = json.dumps([arguments, str(folder), dict(environment)]).encode()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors, socket.socket(socket.AF_UNIX) as line:
            line.connect(self.address)
            socket.send_fds(line, [b" "], [out.fileno(), errors.fileno()])
            line.sendall(order)
            line.shutdown(socket.SHUT_WR)
            answers = line.makefile()
            process_id = int(answers.readline())
            line.settimeout(timeout.total_seconds())
            try:
                code = int(answers.readline())
            except TimeoutError:
                os.kill(process_id, signal.SIGKILL)
                raise subprocess.TimeoutExpired(arguments, timeout.total_seconds()) from None
            for file in (out, errors):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read().decode(), errors.read().decode())


@cache
def warm_svc() -> WarmSvc:
    """That of this process; started when it is asked for."""
    loaded = subprocess.Popen(
        [sys.executable, "-m", "warm_svc"], cwd=Path(__file__).parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert loaded.stdout is not None
    return WarmSvc(bytes.fromhex(loaded.stdout.readline().decode()), loaded)


def _serve() -> None:
    for name in (*_LOADED, *(f"tubewarren_services.cli.commands.{module}" for module in COMMANDS.values())):
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as door:
        # The kernel finds a name for it, which is no file.
        door.bind("")
        door.listen()
        sys.stdout.write(f"{door.getsockname().hex()}\n")
        sys.stdout.flush()
        # Nobody asks how those ended who wait for the commands.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while door in select.select([door, sys.stdin], [], [])[0]:
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(line)
            line.close()


def _attend(line: socket.socket) -> None:
    """In a process of its own: waits for one command."""
    _, (out, errors), _, _ = socket.recv_fds(line, 1, 2)
    with line.makefile() as file:
        arguments, folder, environment = json.load(file)
    process_id = os.fork()
    if process_id:
        line.sendall(b"%d\n" % process_id)
        _, status = os.waitpid(process_id, 0)
        # Who killed it for being slow does not wait for this.
        with suppress(BrokenPipeError):
            line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    line.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, taken in enumerate((os.open(os.devnull, os.O_RDONLY), out, errors)):
        os.dup2(taken, number)
    sys.argv = ["svc", *arguments]
    run()


if __name__ == "__main__":
    _serve()

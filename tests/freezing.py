"""Stopping the clock of a process, as a suspended machine does."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

_PATIENCE: Final = timedelta(seconds=20)
_POLL: Final = timedelta(milliseconds=5)
_STOPPED: Final = "T"


def freeze(pid: int) -> None:
    """Stop a process and wait until each of its threads stands: on a busy machine some of them go on for a while."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    while not all(state == _STOPPED for state in _thread_states(pid)):
        assert time.monotonic() < deadline, f"process {pid} runs on after SIGSTOP"
        time.sleep(_POLL.total_seconds())


def thaw(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)


def _thread_states(pid: int) -> list[str]:
    # The state is the first field after the command's name, which stands in brackets and may hold anything.
    stats = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    return [stat.rpartition(") ")[2].split()[0] for stat in stats]

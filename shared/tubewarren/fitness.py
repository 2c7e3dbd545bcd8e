"""Fitness: whether this machine can do the work at all, looked at while it runs."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Final

from tubewarren.settings.model import FitnessSettings

NODE_NEEDED: Final = 22
"""The oldest Node.js that yt-dlp runs YouTube's scripts with."""
_LOOK_EVERY: Final = timedelta(seconds=5)
_NODE_PATIENCE: Final = timedelta(seconds=5)
_ASK_NODE_EVERY: Final = timedelta(minutes=1)
"""It is asked at once when its file is another; but that may be a launcher, which stays when what it starts changes."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was seen of a machine.

    Attributes:
        free_bytes: for results.
        ffmpeg: its path; None when it is missing.
        deno: likewise.
        node: what `node --version` prints; None when it is missing.
        yt_dlp: its version, which is its date.
    """

    free_bytes: int
    ffmpeg: str | None
    deno: str | None
    node: str | None
    yt_dlp: str

    @property
    def runs_javascript(self) -> bool:
        """Whether yt-dlp can run YouTube's scripts."""
        major = re.match(r"v(\d+)", self.node or "")
        return self.deno is not None or (major is not None and int(major[1]) >= NODE_NEEDED)


def machine_with(results: Path, *, asks_node: bool = True) -> Machine:
    """Look at this machine; the virtual environment's own programs count, also when it is not on the path.

    Args:
        results: where the room must be.
        asks_node: start Node.js to hear its version, which is too much for who does not need it.
    """
    search = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return Machine(
        free_bytes=shutil.disk_usage(nearest_existing(results)).free,
        ffmpeg=shutil.which("ffmpeg", path=search),
        deno=shutil.which("deno", path=search),
        node=_node_version(shutil.which("node", path=search)) if asks_node else None,
        yt_dlp=_version_of("yt-dlp", _changed_at_ns(str(distribution("yt-dlp").locate_file("")))),
    )


def nearest_existing(path: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    absolute = path.absolute()
    return next((each for each in (absolute, *absolute.parents) if each.exists()), absolute)


def unfitness(machine: Machine, needs: FitnessSettings) -> str:
    """Why a machine cannot work, each reason with what to do; empty when it can."""
    return " ".join(_reasons(machine, needs))


def _reasons(machine: Machine, needs: FitnessSettings) -> Iterator[str]:
    if machine.free_bytes < needs.disk_floor:
        yield (
            f"Only {machine.free_bytes // 10**6} MB are free for results, and {needs.disk_floor // 10**6} MB must "
            "stay free: free some space."
        )
    if "ffmpeg" in needs.programs and machine.ffmpeg is None:
        yield "ffmpeg is missing: install it (Debian: apt install ffmpeg), or take it off TUBEWARREN_FITNESS__PROGRAMS."
    if "javascript" in needs.programs and not machine.runs_javascript:
        yield (
            f"There is no JavaScript runtime: install deno (pip install deno), or node {NODE_NEEDED} or newer, or take "
            "it off TUBEWARREN_FITNESS__PROGRAMS."
        )
    if needs.yt_dlp and _numbers(machine.yt_dlp) < _numbers(needs.yt_dlp):
        yield f"yt-dlp {machine.yt_dlp} is older than the fleet's minimum, {needs.yt_dlp}: update it."


@dataclass(slots=True)
class Fitness:
    """Asked every second, it looks every few.

    Attributes:
        look: at the machine; runs in a thread.
        timer: seconds that pass evenly.
    """

    needs: FitnessSettings
    look: Callable[[], Machine]
    timer: Callable[[], float] = time.monotonic
    _words: str = ""
    _looked_at: float | None = field(default=None)

    async def why_unfit(self) -> str:
        """Why this machine cannot work now; empty when it can."""
        now = self.timer()
        if self._looked_at is None or now - self._looked_at >= _LOOK_EVERY.total_seconds():
            self._looked_at = now
            self._words = unfitness(await asyncio.to_thread(self.look), self.needs)
        return self._words


def _node_version(node: str | None) -> str | None:
    if node is None:
        return None
    try:
        return _answer_of(node, _changed_at_ns(node), int(time.monotonic() // _ASK_NODE_EVERY.total_seconds()))
    except (OSError, subprocess.SubprocessError):
        return None


# A start of Node.js, and a look through a package's description, each cost more than all else that is looked at.
@lru_cache(maxsize=1)
def _answer_of(node: str, _changed_at_ns: int, _turn: int) -> str:
    answer = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True, timeout=_NODE_PATIENCE.total_seconds()
    )
    return answer.stdout.strip()


@lru_cache(maxsize=1)
def _version_of(package: str, _changed_at_ns: int) -> str:
    return version(package)


def _changed_at_ns(path: str) -> int:
    return Path(path).stat().st_mtime_ns


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", words))

"""What a downloader does with a video here: whatever its name says, and a line in a log of all calls."""

import errno
import json
import os
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from chaos.plan import EGRESSES, Behaviour, PlannedVideo, content_of
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import Task

CALLS: Final = "calls.jsonl"
FILM: Final = "film.bin"

_SLOW_SECONDS: Final = 2.0
_LONGEST_SECONDS: Final = 0.25
_TREATMENT: Final = {
    Behaviour.PLAIN: "done",
    Behaviour.SLOW: "done",
    Behaviour.FLAKY: FailureKind.TRANSIENT,
    Behaviour.CRASHING: "dies",
    Behaviour.KILLER: "dies",
    Behaviour.STRANGE: "strange",
    Behaviour.GONE: FailureKind.GONE,
    Behaviour.GATED: FailureKind.GATED,
    Behaviour.MISSPELT: FailureKind.BAD_INPUT,
    Behaviour.REMOVED: FailureKind.SUSPECT,
}
_SYLLABLES: Final = ("bra", "kel", "dum", "fis", "gor", "lat", "mun", "pev", "rol", "tis")


def blocking(egress: str) -> Path:
    """While it exists, the far server refuses this egress."""
    return Path(f"blocked.{egress}")


def outage() -> Path:
    """While it exists, nobody understands the far server."""
    return Path("broken.everywhere")


def full(egress: str) -> Path:
    """While it exists, the workers of this egress find no room on their disk."""
    return Path(f"full.{egress}")


def work(task: Task, columns: Mapping[str, str], folder: Path) -> None:
    """Do to the video what it has in mind for us."""
    del columns
    video = PlannedVideo.read(PurePosixPath(urlsplit(task.url).path).stem)
    egress = os.environ["TUBEWARREN_EGRESS"]
    does = _what_happens(video, task.attempt, egress)
    _note(task, egress, does)
    # Something is always left half done: the next attempt has to cope with it.
    draft = folder / f"{FILM}.part"
    draft.write_bytes(content_of(task.id)[: 1 + task.attempt])
    time.sleep(_SLOW_SECONDS if video.behaviour is Behaviour.SLOW else video.number % 10 / 10 * _LONGEST_SECONDS)
    if does == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "strange":
        raise RuntimeError(_babble(video.number))
    if does == FailureKind.UNFIT:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if does != "done":
        raise ProcessingFailedError(_failure(FailureKind(does)))
    draft.write_bytes(content_of(task.id))
    draft.replace(folder / FILM)


def _what_happens(video: PlannedVideo, attempt: int, egress: str) -> str:
    """`done`, `dies`, `strange`, or a class of failure."""
    if blocking(egress).exists():
        return FailureKind.BLOCKED
    if full(egress).exists():
        return FailureKind.UNFIT
    if outage().exists():
        return FailureKind.EXTRACTOR
    if video.behaviour is Behaviour.HIDDEN:
        return FailureKind.SUSPECT if egress == EGRESSES[video.times] else "done"
    if video.behaviour in (Behaviour.FLAKY, Behaviour.CRASHING) and attempt > video.times:
        return "done"
    return _TREATMENT[video.behaviour]


def _failure(kind: FailureKind) -> Failure:
    rule = "no-player-response" if kind is FailureKind.EXTRACTOR else ""
    return Failure(kind=kind, reason=f"As planned: {kind}.", rule=rule)


def _note(task: Task, egress: str, does: str) -> None:
    """One write at the end of the file, which no other process's can come into the middle of."""
    line = {
        "video": task.id,
        "source": task.source_id,
        "attempt": task.attempt,
        "egress": egress,
        "does": does,
        "at": datetime.now(UTC).isoformat(),
    }
    descriptor = os.open(CALLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def _babble(number: int) -> str:
    """Other words for each video: the same ones on many would be an outage."""
    return " ".join(_SYLLABLES[int(digit)] + _SYLLABLES[-1 - int(digit)] for digit in str(number))

"""A job: what a processor is given, and how it tells how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tubewarren.youtube.filters import EVERYTHING, Filter
from tubewarren.youtube.kept import Kept
from tubewarren.youtube.rules import NO_USER_RULES, UserRules

Options = Mapping[str, Any]
"""Options of yt-dlp, by the names its library knows; values are JSON's own types."""

LiveStreams = Literal["wait", "capture", "skip"]
"""What to do with a stream that is still running: wait for its recording, download what comes, or give it up."""


OPTION_REFUSED: Final = "option-refused"
"""The rule by which it is known that an option is to blame, and no video."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a person wants of yt-dlp for some videos.

    Attributes:
        media: whether there must be picture or sound; without, what else was asked for is all.
        wanted: which videos of a source at all.
    """

    options: Options = field(default_factory=dict)
    live: LiveStreams = "wait"
    media: bool = True
    wanted: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Life is a phase never named before, or more bytes than ever: a report that only repeats itself does not keep a job
    alive.

    Attributes:
        part: the format that is being transferred; empty for what is no format.
    """

    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None
    speed_bytes_per_second: float | None = None
    eta_seconds: float | None = None
    part: str = ""


def unheard(progress: Progress) -> None:
    """Report to nobody."""
    del progress


@dataclass(frozen=True, slots=True)
class Task:
    """One video for a processor to work on.

    Attributes:
        id: the video's key, which names its folder.
        attempt: 1 for the first.
        options: of yt-dlp, from the settings.
        report: call it with what was reached; as often as you like.
        live: what to do with a stream that is still running.
        rules: what a person adds to the rules that say what a failure means.
        media: whether there must be picture or sound.
        wanted: what the video must be like; known only when its page was seen.
        kept: what the process keeps from one video to the next; nothing when None.
    """

    id: str
    url: str
    title: str = ""
    source_id: str = ""
    attempt: int = 1
    options: Options = field(default_factory=dict)
    report: Callable[[Progress], None] = unheard
    live: LiveStreams = "wait"
    rules: UserRules = NO_USER_RULES
    media: bool = True
    wanted: Filter = EVERYTHING
    kept: Kept | None = None


Processor = Callable[[Task, Mapping[str, str], Path], None]
"""What is done per video: the task, the columns of its source, and the folder for the results, which may hold the
partial files of an attempt before. Whatever it raises is classified like any other failure."""

"""Media check: whether a finished file is what the site announced.

Sizes have been checked before; this finds what the right number of bytes can hide: a header that promises an hour over
ten minutes of film, a merge that lost its sound, a page of text where a film should be.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from yt_dlp.utils import MEDIA_EXTENSIONS

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube import container
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.ffprobe import Found, Span, find_ffprobe, look_into

UNREADABLE = "media-unreadable"
WITHOUT_VIDEO = "media-without-video"
WITHOUT_SOUND = "media-without-sound"
SHORTER = "media-shorter"
LONGER = "media-longer"
FAULTS = frozenset({UNREADABLE, WITHOUT_VIDEO, WITHOUT_SOUND, SHORTER, LONGER})
"""The rules by which a file is known to be of no use."""

# YouTube tells whole seconds, and picture and sound end up to a second apart: two seconds are no fault. In hours of
# film two percent are the slack between what a site's list says and what its encoder made; a lost piece is mostly more.
_LEAST_SLACK = timedelta(seconds=2)
_SLACK = 0.02

_BEYOND_THE_END = timedelta(seconds=10)
_LIVE = frozenset({"is_live", "was_live", "post_live"})
_AUDIO_ONLY = frozenset(MEDIA_EXTENSIONS.audio)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a file should hold.

    Attributes:
        duration: None when it is not known, or nothing to go by.
    """

    has_video: bool
    has_sound: bool
    duration: timedelta | None = None


def announced(info: Mapping[str, Any], file: Path, *, has_cuts: bool) -> Announced | None:
    """What yt-dlp's record of a download leads one to expect; None when it is not known to be film or sound.

    Args:
        info: one of `requested_downloads`, with what it shares with the video's own.
        file: how it was named at last; converting to a sound file drops the picture.
        has_cuts: whether sections were to be cut out, after which the duration says nothing.
    """
    has_video, has_sound = (info.get(codec) not in {None, "", "none"} for codec in ("vcodec", "acodec"))
    if not has_video and not has_sound:
        return None
    seconds = info.get("duration")
    # A recording may be trimmed by its owner, or still lack its beginning, and its duration then be that of the event.
    is_exact = isinstance(seconds, int | float) and not has_cuts and info.get("live_status") not in _LIVE
    return Announced(
        has_video=has_video and file.suffix.removeprefix(".").lower() not in _AUDIO_ONLY,
        has_sound=has_sound,
        duration=timedelta(seconds=seconds) if is_exact and seconds else None,
    )


def check(file: Path, wanted: Announced, ffmpeg_location: object = None) -> None:
    """Look into a file: at the tables of a common one, and with ffprobe where these leave a doubt.

    Args:
        file: to be looked into.
        wanted: what it should hold.
        ffmpeg_location: as in `find_ffprobe`.

    Raises:
        ProcessingFailedError: it is not what was announced; its rule is one of `FAULTS`.
    """
    at_sight = container.look_into(file)
    if at_sight is not None and fault(file.name, wanted, at_sight) is None:
        return
    ffprobe = find_ffprobe(ffmpeg_location)
    if ffprobe is None:
        return
    try:
        found = _found(file, wanted, ffprobe)
    except OSError as error:
        # This says nothing of the file.
        _log.warning("ffprobe cannot be run, so %s is not checked: %s", file.name, error)
        return
    if failure := fault(file.name, wanted, found):
        raise ProcessingFailedError(failure)


def fault(name: str, wanted: Announced, found: Found | None) -> Failure | None:
    """What is wrong with a file, if anything is."""
    if found is None:
        return _faulty(UNREADABLE, f"The file {name} could not be read as media: it is damaged, or something else")
    if wanted.has_video and not found.has_video:
        return _faulty(WITHOUT_VIDEO, f"The file {name} holds no picture, though one was announced")
    if wanted.has_sound and not found.has_sound:
        return _faulty(WITHOUT_SOUND, f"The file {name} holds no sound, though it was announced")
    return None if wanted.duration is None else _fault_of_duration(name, wanted.duration, found)


def _fault_of_duration(name: str, wanted: timedelta, found: Found) -> Failure | None:
    length, slack = found.end, _slack(wanted)
    if length is None:
        return _faulty(SHORTER, f"The file {name} breaks off before the {_spoken(wanted)} that were announced")
    if length >= wanted - slack:
        # Only to the end is it read: what comes after that, a header may be believed.
        length = max(length, found.promised or length)
    if abs(length - wanted) <= slack:
        return None
    rule = SHORTER if length < wanted else LONGER
    return _faulty(rule, f"The file {name} lasts {_spoken(length)} where {_spoken(wanted)} were announced")


def _found(file: Path, wanted: Announced, ffprobe: Path) -> Found | None:
    if wanted.duration is None:
        return look_into(file, ffprobe)
    beyond = wanted.duration + _BEYOND_THE_END
    found = None
    # A file that ends a little early may have nothing to read so near its end, and that is allowed.
    for before_the_end in (_LEAST_SLACK, _slack(wanted.duration) + _LEAST_SLACK):
        start = max(wanted.duration - before_the_end, timedelta())
        found = look_into(file, ffprobe, Span(start, beyond))
        if found is None or found.end is not None:
            break
    return found


def _slack(duration: timedelta) -> timedelta:
    """How far from what was announced a file's duration may be."""
    return max(_LEAST_SLACK, duration * _SLACK)


def _spoken(duration: timedelta) -> str:
    return f"{duration.total_seconds():.1f} seconds"


def _faulty(rule: str, words: str) -> Failure:
    return Failure(kind=FailureKind.TRANSIENT, reason=f"{words}.", rule=rule)

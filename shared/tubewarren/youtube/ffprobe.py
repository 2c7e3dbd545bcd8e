"""ffprobe: where it is, and what it reads in a media file."""

import json
import logging
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 120
_WHAT_IS_IN_IT = "format=start_time,duration:stream=codec_type:stream_disposition=attached_pic"
_WHAT_LIES_THERE = "packet=codec_type,pts_time,duration_time"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a film, to be read from its beginning or a little before it."""

    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    Attributes:
        end: of the last picture or sound that could be read in the span; None when there was none.
        promised: how long the whole is, as its header says, which may be much more than there is.
    """

    has_video: bool
    has_sound: bool
    end: timedelta | None = None
    promised: timedelta | None = None


def find_ffprobe(location: object = None) -> Path | None:
    """Where ffprobe is, if it is; that it is missing is logged once.

    Args:
        location: yt-dlp's option `ffmpeg_location`: a folder, or a program in it.
    """
    if location:
        given = Path(str(location))
        found = shutil.which("ffprobe", path=str(given if given.is_dir() else given.parent))
    else:
        found = shutil.which("ffprobe")
    if found is None:
        _say_once_that_it_is_missing()
        return None
    return Path(found)


def look_into(file: Path, ffprobe: Path, span: Span | None = None) -> Found | None:
    """What is in a file, and in a span of it; None when ffprobe can make no sense of it.

    Raises:
        OSError: ffprobe cannot be run.
    """
    wanted = ["-show_entries", _WHAT_IS_IN_IT]
    if span is not None:
        interval = f"{span.start.total_seconds():.3f}%{span.end.total_seconds():.3f}"
        wanted = ["-read_intervals", interval, "-show_entries", f"{_WHAT_IS_IN_IT}:{_WHAT_LIES_THERE}"]
    command = [str(ffprobe), "-v", "error", *wanted, "-of", "json", f"file:{file}"]
    try:
        ended = subprocess.run(
            command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS
        )
        report = json.loads(ended.stdout) if ended.returncode == 0 else None
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return found_in(report) if isinstance(report, dict) else None


def found_in(report: Mapping[str, Any]) -> Found:
    """What ffprobe's report says."""
    kinds = {stream.get("codec_type") for stream in report.get("streams", ()) if not _is_cover(stream)}
    container = report.get("format", {})
    start = _seconds(container.get("start_time"))
    ends = [
        _seconds(packet["pts_time"]) + _seconds(packet.get("duration_time"))
        for packet in report.get("packets", ())
        if packet.get("codec_type") in {"video", "audio"} and "pts_time" in packet
    ]
    return Found(
        has_video="video" in kinds,
        has_sound="audio" in kinds,
        end=timedelta(seconds=max(ends) - start) if ends else None,
        promised=timedelta(seconds=_seconds(container["duration"])) if "duration" in container else None,
    )


@cache
def _say_once_that_it_is_missing() -> None:
    _log.warning(
        "ffprobe is missing, so files that are neither MP4 nor WebM are checked by size alone: install it "
        "(Debian: apt install ffmpeg)"
    )


def _is_cover(stream: Mapping[str, Any]) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _seconds(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0

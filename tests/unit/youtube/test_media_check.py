"""The media check: what is expected of a file, and what is wrong with one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube import media_check
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.ffprobe import Found
from tubewarren.youtube.media_check import Announced, announced, check, fault

FILM = {"vcodec": "avc1", "acodec": "mp4a", "duration": 100}
WANTED = Announced(has_video=True, has_sound=True, duration=timedelta(seconds=100))
FOUND = Found(has_video=True, has_sound=True, end=timedelta(seconds=100), promised=timedelta(seconds=100))


@pytest.mark.parametrize(
    ("info", "name", "cuts", "expected"),
    [
        (FILM, "a.mp4", False, WANTED),
        ({**FILM, "vcodec": "none"}, "a.m4a", False, replace(WANTED, has_video=False)),
        ({**FILM, "acodec": "none"}, "a.mp4", False, replace(WANTED, has_sound=False)),
        (FILM, "a.MP3", False, replace(WANTED, has_video=False)),
        (FILM, "a.mp4", True, replace(WANTED, duration=None)),
        ({**FILM, "live_status": "is_live"}, "a.mp4", False, replace(WANTED, duration=None)),
        ({**FILM, "live_status": "was_live"}, "a.mp4", False, replace(WANTED, duration=None)),
        ({**FILM, "live_status": "not_live"}, "a.mp4", False, WANTED),
        ({**FILM, "duration": None}, "a.mp4", False, replace(WANTED, duration=None)),
        ({**FILM, "duration": 0}, "a.mp4", False, replace(WANTED, duration=None)),
        ({"duration": 100}, "a.mp4", False, None),
        ({**FILM, "vcodec": "none", "acodec": "none"}, "a.mhtml", False, None),
    ],
    ids=[
        "film",
        "sound",
        "picture",
        "made into sound",
        "with cuts",
        "live",
        "recorded",
        "never live",
        "of unknown length",
        "of no length",
        "a direct link",
        "pictures of a film",
    ],
)
def test_what_is_expected_follows_from_what_was_announced(
    info: dict[str, Any],
    name: str,
    cuts: bool,  # noqa: FBT001 - a column of the table
    expected: Announced | None,
) -> None:
    assert announced(info, Path(name), has_cuts=cuts) == expected


@pytest.mark.parametrize(
    ("announced_seconds", "found_seconds", "rule"),
    [
        (100, 98.0, None),
        (100, 97.9, "media-shorter"),
        (100, 102.0, None),
        (100, 102.1, "media-longer"),
        (1000, 980.0, None),
        (1000, 979.0, "media-shorter"),
        (1000, 1020.0, None),
        (1000, 1021.0, "media-longer"),
        (1, 0.1, None),
        (100, None, "media-shorter"),
        (None, 5.0, None),
        (None, None, None),
    ],
)
def test_two_seconds_or_two_percent_are_no_fault(
    announced_seconds: float | None, found_seconds: float | None, rule: str | None
) -> None:
    wanted = replace(WANTED, duration=_length(announced_seconds))
    found = replace(FOUND, end=_length(found_seconds), promised=_length(announced_seconds))

    failure = fault("a.mp4", wanted, found)

    assert (failure.rule if failure else None) == rule


@pytest.mark.parametrize(
    ("found", "rule", "words"),
    [
        (replace(FOUND, has_video=False), media_check.WITHOUT_VIDEO, "no picture"),
        (replace(FOUND, has_sound=False), media_check.WITHOUT_SOUND, "no sound"),
        (replace(FOUND, end=timedelta(seconds=7)), media_check.SHORTER, "lasts 7.0 seconds where 100.0"),
        (replace(FOUND, end=None), media_check.SHORTER, "breaks off before the 100.0 seconds"),
        (replace(FOUND, promised=timedelta(seconds=200)), media_check.LONGER, "lasts 200.0 seconds where 100.0"),
        (None, media_check.UNREADABLE, "could not be read as media"),
    ],
)
def test_a_fault_is_tried_again_and_names_the_file(found: Found | None, rule: str, words: str) -> None:
    failure = fault("a.mp4", WANTED, found)

    assert failure is not None
    assert (failure.kind, failure.rule) == (FailureKind.TRANSIENT, rule)
    assert failure.rule in media_check.FAULTS
    assert words in failure.reason
    assert "a.mp4" in failure.reason


def test_nothing_is_missed_that_was_not_announced() -> None:
    assert fault("a.m4a", replace(WANTED, has_video=False), replace(FOUND, has_video=False)) is None
    assert fault("a.mp4", replace(WANTED, has_sound=False), replace(FOUND, has_sound=False)) is None


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo []"])
def test_what_ffprobe_makes_no_sense_of_is_no_media(tmp_path: Path, script: str) -> None:
    program = tmp_path / "ffprobe"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    with pytest.raises(ProcessingFailedError) as raised:
        check(tmp_path / "a.mp4", WANTED, program)

    assert raised.value.failure.rule == media_check.UNREADABLE


def test_an_ffprobe_that_cannot_be_run_says_nothing_of_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "ffprobe"
    program.write_text("#!/nowhere/sh\n")
    program.chmod(0o755)

    check(tmp_path / "a.mp4", WANTED, program)

    assert "is not checked" in caplog.text


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)

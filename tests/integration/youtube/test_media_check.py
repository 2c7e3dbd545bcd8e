"""The media check on a real film, with the real ffprobe."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tubewarren.youtube import container
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.ffprobe import Span, find_ffprobe, look_into
from tubewarren.youtube.media_check import Announced, check


@pytest.fixture
def ffprobe() -> Path:
    found = find_ffprobe()
    if found is None:
        pytest.skip("ffmpeg is not installed")
    return found


@pytest.fixture
def half_a_minute(tmp_path: Path, ffprobe: Path) -> Path:
    """A film without a place to begin reading but its beginning."""
    return made(ffprobe, tmp_path / "-a film.mp4", "-an", "-c:v", "libx264", "-g", "999")


def made(ffprobe: Path, file: Path, *how: str) -> Path:
    """Half a minute of a film with sound."""
    source = ["-f", "lavfi", "-i", "testsrc=size=64x36:rate=2:duration=30"]
    source += ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=30"]
    command = [str(ffprobe.with_name("ffmpeg")), "-v", "error", *source, "-preset", "ultrafast"]
    subprocess.run([*command, *how, f"file:{file}"], check=True)
    return file


def test_a_film_is_read_to_its_end_wherever_its_key_frames_are(half_a_minute: Path, ffprobe: Path) -> None:
    check(half_a_minute, Announced(has_video=True, has_sound=False, duration=timedelta(seconds=30)), ffprobe)


@pytest.mark.parametrize(("seconds", "rule"), [(33, "media-shorter"), (40, "media-shorter"), (15, "media-longer")])
def test_a_film_of_another_length_is_refused(half_a_minute: Path, ffprobe: Path, seconds: int, rule: str) -> None:
    wanted = Announced(has_video=True, has_sound=False, duration=timedelta(seconds=seconds))

    with pytest.raises(ProcessingFailedError, match=r"lasts 30\.0 seconds where") as raised:
        check(half_a_minute, wanted, ffprobe)

    assert raised.value.failure.rule == rule


def test_a_film_of_unknown_length_needs_only_be_one(half_a_minute: Path, ffprobe: Path) -> None:
    check(half_a_minute, Announced(has_video=True, has_sound=False), ffprobe)

    with pytest.raises(ProcessingFailedError, match="holds no sound"):
        check(half_a_minute, Announced(has_video=True, has_sound=True), ffprobe)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("both.mp4", ["-c:v", "libx264", "-bf", "3", "-c:a", "aac"]),
        ("moov in front.mp4", ["-c:v", "libx264", "-c:a", "aac", "-movflags", "+faststart"]),
        ("sound.m4a", ["-vn", "-c:a", "aac"]),
        ("both.mkv", ["-c:v", "libx264", "-c:a", "aac"]),
        ("sound.webm", ["-vn", "-c:a", "libopus"]),
        ("fragments.mp4", ["-c:v", "libx264", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"]),
        ("sound.mp3", ["-vn"]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_read_at_sight_is_what_ffprobe_finds_and_a_cut_file_is_refused(
    tmp_path: Path, ffprobe: Path, name: str, how: list[str]
) -> None:
    file = made(ffprobe, tmp_path / name, *how)
    found = look_into(file, ffprobe, Span(timedelta(seconds=28), timedelta(seconds=40)))
    at_sight = container.look_into(file)
    assert found is not None
    wanted = Announced(has_video=found.has_video, has_sound=found.has_sound, duration=timedelta(seconds=30))

    check(file, wanted, ffprobe)
    if name.startswith(("fragments", "sound.mp3")):
        assert at_sight is None
    else:
        assert at_sight is not None
        assert (at_sight.has_video, at_sight.has_sound) == (found.has_video, found.has_sound)
        assert _is_near(at_sight.end, found.end)
        assert _is_near(at_sight.promised, found.promised)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    with pytest.raises(ProcessingFailedError):
        check(file, wanted, ffprobe)


def _is_near(one: timedelta | None, other: timedelta | None) -> bool:
    return one is not None and other is not None and abs(one - other) < timedelta(seconds=0.6)

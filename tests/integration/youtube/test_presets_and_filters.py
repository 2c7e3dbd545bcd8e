"""Presets and filters where the real yt-dlp carries them out: against a stand-in for the site."""

import json
import shutil
import subprocess
import zlib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from standins.youtube_media import MEDIA_PATH, Captions, Film, Format, make_formats
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind
from tubewarren.settings.model import YoutubeSettings
from tubewarren.youtube.filter_text import read_filter

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

SPOKEN = (Captions("en", "hello"), Captions("de", "hallo"), Captions("de-orig", "hallo", is_automatic=True))


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Format]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    return make_formats(tmp_path_factory.mktemp("formats"))


@pytest.fixture
def video(request: pytest.FixtureRequest) -> Callable[..., Video]:
    """A video of its own for each test."""
    number = zlib.crc32(request.node.nodeid.encode())
    return lambda **more: Video(f"v{number:010}", **more)


def preset(name: str) -> dict[str, Any]:
    """What a downloader tells its child of it."""
    chosen = YoutubeSettings().preset(name)
    return {"options": dict(chosen.options), "media": chosen.media}


def media_requests(desk: Any) -> list[Any]:
    return [visit for visit in desk.youtube.requests if MEDIA_PATH in str(visit)]


def streams(file: Path) -> list[tuple[str, str, str, str]]:
    """Kind, codec, sampling rate and channels of each."""
    wanted = ["-show_entries", "stream=codec_type,codec_name,sample_rate,channels", "-of", "json"]
    answer = subprocess.run(["ffprobe", "-v", "error", *wanted, str(file)], check=True, capture_output=True)
    return [
        (each["codec_type"], each["codec_name"], each.get("sample_rate", ""), str(each.get("channels", "")))
        for each in json.loads(answer.stdout)["streams"]
    ]


@pytest.mark.parametrize(
    ("window", "against"),
    [
        ("2024-05-02..", "uploaded before 2024-05-02"),
        ("..2024-04-30", "uploaded after 2024-04-30"),
        ("2024-05..2024-05", ""),
    ],
)
async def test_a_video_outside_the_window_of_dates_is_left_out_before_its_media_is_asked_for(
    desk: Any, video: Callable[..., Video], window: str, against: str
) -> None:
    wanted = video(uploaded=date(2024, 5, 1))

    if not against:
        await desk.fetch(wanted, wanted=read_filter(window))
        assert f"{wanted.video_id}.18.mp4" in desk.names
        assert len(media_requests(desk)) == 1
        return
    failure = await desk.failure(wanted, wanted=read_filter(window))

    assert (failure.kind, failure.reason) == (FailureKind.FILTERED, f"Left out by the filter: {against}.")
    assert (media_requests(desk), desk.names) == ([], [])


async def test_a_video_of_which_the_page_tells_no_day_is_left_out_of_every_window(
    desk: Any, video: Callable[..., Video]
) -> None:
    failure = await desk.failure(video(), wanted=read_filter("2024.."))

    assert failure.reason == "Left out by the filter: of which nobody tells the day of its upload."
    assert desk.names == []


@pytest.mark.parametrize(
    ("text", "more", "against"),
    [
        ("11s..", {}, "shorter than 11s"),
        ("..9s", {}, "longer than 9s"),
        ("title ~ episode", {"title": "A trailer"}, "whose title does not match 'episode'"),
        ("no live", {"live": "recorded"}, "of a live stream"),
        ("no live", {"live": "live"}, "of a live stream"),
    ],
)
async def test_what_the_page_alone_tells_is_judged_too(
    desk: Any, video: Callable[..., Video], text: str, more: dict[str, Any], against: str
) -> None:
    failure = await desk.failure(video(**more), wanted=read_filter(text))

    assert (failure.kind, failure.reason) == (FailureKind.FILTERED, f"Left out by the filter: {against}.")


async def test_metadata_alone_is_complete_without_media(desk: Any, video: Callable[..., Video]) -> None:
    wanted = video(title="About it")

    files = await desk.fetch(wanted, **preset("metadata-only"))

    assert files == (Path("info.json"),)
    assert json.loads((desk.folder / "info.json").read_text())["title"] == "About it"
    assert media_requests(desk) == []


async def test_subtitles_alone_are_those_that_were_asked_for(desk: Any, video: Callable[..., Video]) -> None:
    wanted = video(film=Film(captions=SPOKEN))

    files = await desk.fetch(wanted, **preset("subtitles"))

    stem = wanted.video_id
    assert [str(file) for file in files] == sorted(["info.json", f"{stem}.de-orig.vtt", f"{stem}.en.vtt"])
    assert media_requests(desk) == []


async def test_a_video_without_subtitles_is_complete_without_any(desk: Any, video: Callable[..., Video]) -> None:
    assert await desk.fetch(video(), **preset("subtitles")) == (Path("info.json"),)


@pytest.mark.parametrize(
    ("name", "ending", "expected"),
    [
        ("audio-mp3", "251.mp3", [("audio", "mp3")]),
        ("audio-wav-16k", "251.wav", [("audio", "pcm_s16le", "16000", "1")]),
        ("video-1080p", "137+140.mp4", [("video", "h264"), ("audio", "aac")]),
    ],
)
async def test_a_built_in_preset_makes_what_it_promises(
    desk: Any,
    formats: Mapping[int, Format],
    video: Callable[..., Video],
    name: str,
    ending: str,
    expected: list[tuple[str, ...]],
) -> None:
    wanted = video(film=Film(tuple(formats[itag] for itag in (18, 134, 137, 140, 251))))

    await desk.fetch(wanted, **preset(name))

    made = desk.folder / f"{wanted.video_id}.{ending}"
    assert desk.names == sorted(["info.json", made.name])
    found = streams(made)
    assert [each[: len(wish)] for each, wish in zip(found, expected, strict=True)] == expected

"""What is downloaded is whole, or it is not called done: the real yt-dlp and ffmpeg, and a site with every trouble."""

import json
import shutil
import subprocess
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from standins.youtube_media import SECONDS, TINY, Captions, Film, Format, Trouble, make_formats
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

K = FailureKind
CHAPTERS = "0:00 How it begins\n0:03 The middle\n0:07 The end"

Formats = Mapping[int, Format]


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Formats:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    return make_formats(tmp_path_factory.mktemp("formats"))


@pytest.fixture
def video(request: pytest.FixtureRequest) -> Callable[..., Video]:
    """A video of its own for each test: what the site remembers of one is nothing to another."""
    number = zlib.crc32(request.node.nodeid.encode())
    return lambda film, **more: Video(f"v{number:010}", film=film, **more)


def film(formats: Formats, *itags: int, **more: Any) -> Film:
    return Film(tuple(formats[itag] for itag in itags), **more)


def looked_into(file: Path) -> tuple[float, list[str]]:
    """How long a file lasts and what is in it, as its header says."""
    wanted = ["-show_entries", "format=duration:stream=codec_type", "-of", "json"]
    answer = subprocess.run(["ffprobe", "-v", "error", *wanted, str(file)], check=True, capture_output=True)
    report = json.loads(answer.stdout)
    return float(report["format"]["duration"]), sorted(stream["codec_type"] for stream in report["streams"])


@pytest.mark.parametrize(
    ("itags", "options", "name", "streams", "requests"),
    [
        ((18,), {}, "18.mp4", ["audio", "video"], 3),
        ((18, 134, 137, 140), {}, "137+140.mp4", ["audio", "video"], 4),
        ((18, 134, 137, 140), {"format": "134+140"}, "134+140.mp4", ["audio", "video"], 4),
        ((18, 134, 251), {"format": "134+251"}, "134+251.mkv", ["audio", "video"], 4),
        ((18, 134, 140, 251), {"format": "140"}, "140.m4a", ["audio"], 3),
        ((18, 134, 140, 251), {"format": "bestaudio"}, "251.webm", ["audio"], 3),
        ((18, 134), {"format": "134"}, "134.mp4", ["video"], 3),
        (
            (18, 251),
            {"format": "251", "postprocessors": [{"key": "FFmpegExtractAudio", "preferredcodec": "mp3"}]},
            "251.mp3",
            ["audio"],
            3,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_was_wanted_is_there_whole_for_few_requests(
    desk: Any,
    formats: Formats,
    video: Callable[..., Video],
    itags: tuple[int, ...],
    options: dict[str, Any],
    name: str,
    streams: list[str],
    requests: int,
) -> None:
    wanted = video(film(formats, *itags))

    await desk.fetch(wanted, options=options)

    file = desk.folder / f"{wanted.video_id}.{name}"
    assert desk.names == sorted(["info.json", file.name])
    length, kinds = looked_into(file)
    assert (abs(length - SECONDS) < 0.2, kinds) == (True, streams)
    assert len(desk.youtube.requests) == requests


@pytest.mark.parametrize(("itag", "name"), [(18, "18.mp4"), (134, "134.mp4"), (251, "251.webm")])
async def test_what_needs_no_mending_has_every_byte_of_the_site(
    desk: Any, formats: Formats, video: Callable[..., Video], itag: int, name: str
) -> None:
    wanted = video(film(formats, itag))

    await desk.fetch(wanted)

    assert (desk.folder / f"{wanted.video_id}.{name}").read_bytes() == formats[itag].body


async def test_captions_picture_and_chapters_come_along(desk: Any, video: Callable[..., Video]) -> None:
    captions = (Captions("en", "hello"), Captions("de", "hallo", is_automatic=True))
    wanted = video(Film(captions=captions), description=CHAPTERS)
    options = {
        "writesubtitles": True,
        "writeautomaticsub": True,
        "subtitleslangs": ["en", "de"],
        "subtitlesformat": "json3",
        "writethumbnail": True,
    }

    await desk.fetch(wanted, options=options)

    stem = f"{wanted.video_id}.18"
    assert desk.names == sorted(
        ["info.json", f"{stem}.mp4", f"{stem}.webp", f"{stem}.en.json3", f"{stem}.de.json3"],
    )
    assert "hello" in (desk.folder / f"{stem}.en.json3").read_text()
    assert "hallo" in (desk.folder / f"{stem}.de.json3").read_text()
    chapters = json.loads((desk.folder / "info.json").read_text())["chapters"]
    assert [(chapter["start_time"], chapter["title"]) for chapter in chapters] == [
        (0, "How it begins"),
        (3, "The middle"),
        (7, "The end"),
    ]
    assert len(desk.youtube.requests) == 6


async def test_captions_as_text_cost_one_request_more(desk: Any, video: Callable[..., Video]) -> None:
    wanted = video(Film(captions=(Captions("en", "hello"),)))

    await desk.fetch(wanted, options={"writesubtitles": True, "subtitlesformat": "vtt"})

    assert (desk.folder / f"{wanted.video_id}.18.en.vtt").read_text().startswith("WEBVTT")
    assert len(desk.youtube.requests) == 4


async def test_progress_is_that_of_all_parts_and_of_what_is_made_of_them(
    desk: Any, formats: Formats, video: Callable[..., Video]
) -> None:
    began = time.monotonic()
    await desk.fetch(video(film(formats, 137, 140)))
    took = time.monotonic() - began

    whole = len(formats[137].body) + len(formats[140].body)
    downloading = [told for told in desk.heard if told.phase == "downloading"]
    assert {told.total_bytes for told in downloading} == {whole}
    assert [told.done_bytes for told in downloading] == sorted(told.done_bytes for told in downloading)
    assert (downloading[-1].done_bytes, downloading[-1].eta_seconds) in {(whole, 0.0), (whole, None)}
    phases = list(dict.fromkeys(told.phase for told in desk.heard))
    assert [phases[0], *phases[1:3], phases[-1]] == ["extracting", "downloading", "processing with Merger", "checking"]
    assert list(dict.fromkeys(told.part for told in downloading)) == ["137", "140"]
    assert len(desk.heard) <= 12 + 2 * took, "at most twice a second, and at each step"


@pytest.mark.parametrize(
    ("trouble", "is_kept"),
    [(Trouble.CUT_ONCE, True), (Trouble.STALLED, True), (Trouble.NO_MORE, False), (Trouble.SHORTER, False)],
)
async def test_what_came_of_a_film_is_kept_when_the_rest_may_follow(
    desk: Any, formats: Formats, video: Callable[..., Video], trouble: Trouble, *, is_kept: bool
) -> None:
    patience = timedelta(seconds=4 if trouble is Trouble.STALLED else 30)

    await desk.failure(video(film(formats, 18, trouble=trouble)), no_progress=patience)

    assert any(name.endswith(".part") for name in desk.names) is is_kept
    assert not any(name.endswith(".mp4") for name in desk.names)


async def test_a_player_that_is_broken_twice_is_a_bad_moment_and_then_fine(
    desk: Any, video: Callable[..., Video]
) -> None:
    wanted = video(Film())
    desk.youtube.refuse_player(wanted.video_id, HTTPStatus.SERVICE_UNAVAILABLE, times=2)

    failure = await desk.failure(wanted)
    await desk.fetch(wanted)

    assert (failure.kind, failure.rule) == (K.TRANSIENT, "server-error-in-warning")


@pytest.mark.parametrize(
    ("rule", "words", "body"),
    [
        ("media-unreadable", "could not be read as media", lambda _: b"<html>Not a film</html>" * 100),
        ("media-unreadable", "could not be read as media", lambda formats: formats[18].body[:300]),
        ("media-shorter", "where 10.0 seconds were announced", lambda formats: formats[18].body[:-25_000]),
        ("media-without-sound", "holds no sound", lambda formats: formats[134].body),
        ("media-without-video", "holds no picture", lambda formats: formats[140].body),
    ],
    ids=["a page of text", "only its header", "cut off", "without its sound", "without its picture"],
)
async def test_what_is_no_such_film_is_not_done_whatever_its_size_and_the_next_attempt_begins_anew(
    desk: Any,
    formats: Formats,
    video: Callable[..., Video],
    rule: str,
    words: str,
    body: Callable[[Formats], bytes],
) -> None:
    good = video(film(formats, 18))
    bad = video(good.film.but(18, body(formats)))

    failure = await desk.failure(bad)
    left = desk.names
    await desk.fetch(good)

    assert (failure.kind, failure.rule) == (K.TRANSIENT, rule)
    assert words in failure.reason
    assert left == []
    assert (desk.folder / f"{good.video_id}.18.mp4").read_bytes() == formats[18].body


@pytest.mark.usefixtures("formats")
async def test_another_film_in_its_place_is_not_done(
    desk: Any, video: Callable[..., Video], tmp_path_factory: pytest.TempPathFactory
) -> None:
    longer = make_formats(tmp_path_factory.mktemp("longer"), SECONDS + 5, (18,))

    failure = await desk.failure(video(film(longer, 18)))

    assert failure.rule == "media-longer"
    assert "lasts 15.0 seconds where 10.0 seconds were announced" in failure.reason


async def test_a_merge_of_what_is_cut_off_is_not_done(desk: Any, formats: Formats, video: Callable[..., Video]) -> None:
    whole = film(formats, 134, 140)
    cut = whole.but(134, formats[134].body[:-20_000]).but(140, formats[140].body[:-20_000])

    failure = await desk.failure(video(cut))

    assert (failure.kind, failure.rule) == (K.TRANSIENT, "media-shorter")
    assert desk.names == []


async def test_parts_that_cannot_be_merged_are_kept_once_and_then_fetched_anew(
    desk: Any, formats: Formats, video: Callable[..., Video]
) -> None:
    good = video(film(formats, 134, 140))
    bad = video(good.film.but(134, b"\0" * len(formats[134].body)))

    first = await desk.failure(bad)
    kept = desk.names
    second = await desk.failure(bad, attempt=2)
    requests = len(desk.youtube.requests)
    await desk.fetch(good, attempt=3)

    assert first.rule == second.rule == "not-converted"
    assert f".partial/{bad.video_id}.134+140.f134.mp4" in kept
    assert requests == 2
    assert looked_into(desk.folder / f"{good.video_id}.134+140.mp4")[1] == ["audio", "video"]


async def test_the_end_of_a_film_is_not_put_to_the_beginning_of_an_older_one(
    desk: Any, formats: Formats, video: Callable[..., Video]
) -> None:
    await desk.failure(video(film(formats, 18, trouble=Trouble.CUT_ONCE)))

    # Not shorter, or the site itself would refuse to send what follows.
    body = TINY.body.ljust(len(formats[18].body) + 8, b"\0")
    anew = video(Film().but(18, body))
    await desk.fetch(anew)

    assert (desk.folder / f"{anew.video_id}.18.mp4").read_bytes() == body


async def test_what_there_is_of_one_format_is_not_gone_on_with_in_another(
    desk: Any, formats: Formats, video: Callable[..., Video]
) -> None:
    both = film(formats, 18, 134, trouble=Trouble.CUT_ONCE)
    await desk.failure(video(both), options={"format": "18"})

    await desk.fetch(video(film(formats, 18, 134)), options={"format": "134"})

    assert (desk.folder / f"{video(both).video_id}.134.mp4").read_bytes() == formats[134].body


async def test_without_ffprobe_size_alone_decides(desk: Any, video: Callable[..., Video], tmp_path: Path) -> None:
    text = video(Film().but(18, b"<html>Not a film</html>"))

    files = await desk.fetch(text, options={"ffmpeg_location": str(tmp_path)})

    assert Path(f"{text.video_id}.18.mp4") in files

"""The real yt-dlp against the demo's site, with the options that the product uses."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedFeed, CataloguedVideo
from tubewarren_services.demo.site import Site, SiteVideo, serve_site


class Silence:
    def debug(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    videos = tuple(
        CataloguedVideo(kind.value, f"A {kind.value} video", timedelta(seconds=5), kind, bytes_per_second=600_000)
        for kind in Behaviour
    )
    slugs = tuple(video.slug for video in videos)
    feeds = (
        CataloguedFeed("/feed.xml", "The channel", slugs),
        CataloguedFeed("/flaky.xml", "Fails twice", slugs[:2], failures=2),
        CataloguedFeed("/empty.xml", "Nothing"),
    )
    async with serve_site(Catalogue(videos, feeds)) as running:
        yield running


async def test_a_feed_is_listed_flat_as_direct_media_links_with_one_request(site: Site) -> None:
    listing = await listed(site.feed_url)

    assert listing["title"] == "The channel"
    assert [entry["url"] for entry in listing["entries"]] == [video.url for video in site.videos]
    assert listing["entries"][0]["title"] == "A plain video"
    assert listing["entries"][0]["duration"] == 5
    assert site.requests == {"/feed.xml": 1}


async def test_an_empty_feed_is_a_playlist_without_entries(site: Site) -> None:
    assert (await listed(site.empty_feed_url))["entries"] == []


async def test_a_feed_that_is_not_there_is_a_404(site: Site) -> None:
    with pytest.raises(yt_dlp.utils.DownloadError, match="HTTP Error 404: Not Found"):
        await listed(site.gone_feed_url)


async def test_a_flaky_feed_fails_two_attempts_and_then_works(site: Site) -> None:
    for _ in range(2):
        with pytest.raises(yt_dlp.utils.DownloadError, match="HTTP Error 500: Internal Server Error"):
            await listed(site.flaky_feed_url)

    assert len((await listed(site.flaky_feed_url))["entries"]) == 2


@pytest.mark.parametrize("behaviour", [Behaviour.PLAIN, Behaviour.SLOW])
async def test_a_video_that_is_there_is_downloaded_with_two_requests(
    site: Site, tmp_path: Path, behaviour: Behaviour
) -> None:
    video = the_video(site, behaviour)

    path = await downloaded(video, tmp_path)

    assert sha256(path) == video.sha256
    assert site.requests.total() == 2


async def test_a_cut_video_fails_once_and_is_then_resumed(site: Site, tmp_path: Path) -> None:
    video = the_video(site, Behaviour.CUT)

    with pytest.raises(yt_dlp.utils.DownloadError, match=r"\d+ bytes read, \d+ more expected"):
        await downloaded(video, tmp_path)
    part = (tmp_path / "cut.wav.part").stat().st_size
    path = await downloaded(video, tmp_path)

    assert sha256(path) == video.sha256
    assert part > 0
    assert [visit.range_header for visit in site.visits] == [None, None, None, f"bytes={part}-"]


async def test_a_cut_video_whose_part_is_lost_is_downloaded_anew(site: Site, tmp_path: Path) -> None:
    video = the_video(site, Behaviour.CUT)
    with pytest.raises(yt_dlp.utils.DownloadError):
        await downloaded(video, tmp_path / "one machine")

    path = await downloaded(video, tmp_path / "another machine")

    assert sha256(path) == video.sha256


async def test_a_flaky_video_fails_exactly_two_attempts(site: Site, tmp_path: Path) -> None:
    video = the_video(site, Behaviour.FLAKY)

    for _ in range(2):
        with pytest.raises(yt_dlp.utils.DownloadError, match="HTTP Error 503: Service Unavailable"):
            await downloaded(video, tmp_path)
    path = await downloaded(video, tmp_path)

    assert sha256(path) == video.sha256


async def test_a_gone_video_stays_gone(site: Site, tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(yt_dlp.utils.DownloadError, match="HTTP Error 410: Gone"):
            await downloaded(the_video(site, Behaviour.GONE), tmp_path)


async def listed(url: str) -> dict[str, Any]:
    return await asyncio.to_thread(_list, url)


async def downloaded(video: SiteVideo, folder: Path) -> Path:
    return await asyncio.to_thread(_download, video.url, folder)


def _list(url: str) -> dict[str, Any]:
    with yt_dlp.YoutubeDL({**_options(), "extract_flat": True}) as ydl:
        listing: dict[str, Any] = ydl.extract_info(url, process=False)
        return {**listing, "entries": list(listing["entries"])}


def _download(url: str, folder: Path) -> Path:
    options = {**_options(), "outtmpl": str(folder / "%(id)s.%(ext)s"), "continuedl": True, "noprogress": True}
    with yt_dlp.YoutubeDL(options) as ydl:
        return Path(ydl.extract_info(url)["requested_downloads"][0]["filepath"])


def _options() -> dict[str, Any]:
    return {
        "logger": Silence(),
        "color": "never",
        "retries": 0,
        "extractor_retries": 0,
        "fragment_retries": 0,
        # A proxy in the environment of whoever runs this must not see loopback traffic.
        "proxy": "",
    }


def the_video(site: Site, behaviour: Behaviour) -> SiteVideo:
    return next(video for video in site.videos if video.behaviour == behaviour)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The stand-in for YouTube, seen through the real yt-dlp."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

import pytest
import yt_dlp

from standins.youtube import YoutubeStandin, youtube_standin

PLAYLIST = "PLstandin-0123456789"
UPLOADS = "UUstandin-channel-012345"

QUIETLY = {
    "color": "never",
    "retries": 0,
    "extractor_retries": 0,
    "extract_flat": True,
    "extractor_args": {"youtube": {"raise_incomplete_data": ["true"]}},
}


class Warnings:
    """A logger of yt-dlp's that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def error(self, message: str) -> None: ...


@pytest.fixture
def youtube() -> Iterator[YoutubeStandin]:
    with youtube_standin() as running:
        yield running


@pytest.mark.parametrize("list_id", [PLAYLIST, UPLOADS])
def test_a_playlist_is_listed_in_order_with_one_request_a_page_and_one_for_hidden_videos(
    youtube: YoutubeStandin, list_id: str
) -> None:
    playlist = youtube.add_playlist(list_id, 250, title="A long list")
    log = Warnings()

    with a_lister(youtube, log) as ydl:
        listing = listed(ydl, list_id)
        entries = list(listing["entries"])

    assert [entry["id"] for entry in entries] == playlist.video_ids
    assert entries[0]["url"] == f"https://www.youtube.com/watch?v={playlist.video_id(0)}"
    assert entries[0]["title"] == "Video 1 of A long list"
    assert entries[0]["duration"] == 60
    assert (listing["title"], listing["playlist_count"]) == ("A long list", 250)
    assert listing["channel_id"] == entries[0]["channel_id"] == "UCstandin-channel-012345"
    assert [(request.method, request.page) for request in youtube.requests] == [
        ("GET", 0),
        ("POST", 0),
        ("POST", 1),
        ("POST", 2),
    ]
    assert log.warnings == []


def test_pages_are_asked_for_only_when_their_entries_are(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 10_000)

    with a_lister(youtube) as ydl:
        entries = listed(ydl, PLAYLIST)["entries"]
        first = list(islice(entries, 100))
        after_100 = len(youtube.requests)
        next(entries)
        after_101 = len(youtube.requests)

    assert len(first) == 100
    assert (after_100, after_101) == (2, 3)


def test_held_pages_come_when_they_are_released(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 201)
    gate = youtube.hold(PLAYLIST)
    seen: list[str] = []
    lister = threading.Thread(target=list_into, args=(seen, youtube))

    lister.start()
    assert gate.wait_until_asked(1)
    while_the_first_is_held = len(seen)
    gate.release()
    assert gate.wait_until_asked(2)
    goes_on_by_itself = gate.wait_until_asked(3, timeout_seconds=0.3)
    while_the_second_is_held = len(seen)
    gate.open()
    lister.join(timeout=20)

    assert not goes_on_by_itself
    assert (while_the_first_is_held, while_the_second_is_held, len(seen)) == (100, 200, 201)


def list_into(seen: list[str], youtube: YoutubeStandin) -> None:
    with a_lister(youtube) as ydl:
        for entry in listed(ydl, PLAYLIST)["entries"]:
            seen.append(entry["id"])  # noqa: PERF401 - the test looks while the list grows


def test_an_empty_playlist_has_no_entries_and_says_so(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 0)

    with a_lister(youtube) as ydl:
        listing = listed(ydl, PLAYLIST)
        assert list(listing["entries"]) == []

    assert listing["playlist_count"] == 0


def test_a_playlist_that_was_never_added_does_not_exist(youtube: YoutubeStandin) -> None:
    with (
        a_lister(youtube) as ydl,
        pytest.raises(yt_dlp.utils.DownloadError, match=r"YouTube said: The playlist does not exist\."),
    ):
        listed(ydl, PLAYLIST)


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR])
def test_a_page_that_fails_ends_the_listing_with_an_error_once(youtube: YoutubeStandin, status: HTTPStatus) -> None:
    youtube.add_playlist(PLAYLIST, 101)
    youtube.fail(PLAYLIST, 1, status)

    with a_lister(youtube) as ydl:
        # While entries are drawn, yt-dlp's own error arrives bare, not as a DownloadError.
        with pytest.raises(yt_dlp.utils.ExtractorError, match=f"HTTP Error {status.value}") as failure:
            list(listed(ydl, PLAYLIST)["entries"])
        again = list(listed(ydl, PLAYLIST)["entries"])

    assert failure.value.cause.status == status
    assert len(again) == 101


def test_a_web_page_that_fails_is_made_up_for_through_the_api(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 3)
    youtube.fail(PLAYLIST, 0, HTTPStatus.INTERNAL_SERVER_ERROR)

    with a_lister(youtube) as ydl:
        entries = list(listed(ydl, PLAYLIST)["entries"])

    assert len(entries) == 3
    assert [request.path for request in youtube.requests] == [
        "/playlist",
        "/youtubei/v1/navigation/resolve_url",
        "/youtubei/v1/browse",
        "/youtubei/v1/browse",
    ]


def test_a_rate_limit_on_the_web_page_and_on_the_api_is_an_error(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 250)
    youtube.fail(PLAYLIST, 0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.TOO_MANY_REQUESTS)

    with a_lister(youtube) as ydl, pytest.raises(yt_dlp.utils.DownloadError) as failure:
        listed(ydl, PLAYLIST)

    assert failure.value.exc_info[1].status == HTTPStatus.TOO_MANY_REQUESTS


def test_a_caller_that_checks_certificates_needs_the_environment_and_no_certifi(
    youtube: YoutubeStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    youtube.add_playlist(PLAYLIST, 3)
    for name, value in youtube.environment.items():
        monkeypatch.setenv(name, value)

    with yt_dlp.YoutubeDL({**QUIETLY, "compat_opts": {"no-certifi"}, "logger": Warnings()}) as ydl:
        assert len(list(listed(ydl, PLAYLIST)["entries"])) == 3


def test_a_caller_that_does_not_trust_the_certificate_is_told(youtube: YoutubeStandin) -> None:
    youtube.add_playlist(PLAYLIST, 3)

    with (
        yt_dlp.YoutubeDL({**QUIETLY, "proxy": youtube.proxy_url, "logger": Warnings()}) as ydl,
        pytest.raises(yt_dlp.utils.DownloadError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        listed(ydl, PLAYLIST)

    assert youtube.requests == []


def test_a_host_that_is_not_youtube_is_refused_and_remembered(youtube: YoutubeStandin) -> None:
    connection = http.client.HTTPConnection(youtube.proxy_url.removeprefix("http://"), timeout=10)
    connection.set_tunnel("elsewhere.invalid", 443)

    with contextlib.closing(connection), pytest.raises(OSError, match="403"):
        connection.connect()

    assert youtube.refused_hosts == ["elsewhere.invalid"]


def test_the_certificate_is_gone_with_the_stand_in() -> None:
    with youtube_standin() as youtube:
        ca_file = youtube.ca_file
        assert ca_file.read_text().startswith("-----BEGIN CERTIFICATE-----")

    assert not ca_file.exists()


def a_lister(youtube: YoutubeStandin, log: Warnings | None = None) -> Any:
    return yt_dlp.YoutubeDL({**QUIETLY, **youtube.options, "logger": log or Warnings()})


def listed(ydl: Any, list_id: str) -> dict[str, Any]:
    url = f"https://www.youtube.com/playlist?list={list_id}"
    listing: dict[str, Any] = ydl.extract_info(url, process=False)
    return listing

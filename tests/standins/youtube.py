"""A stand-in for www.youtube.com, good for listing playlists and fetching videos with the real, unmodified yt-dlp.

It is a `tls_site`: proxy and site in one. A caller reaches it with yt-dlp's options `YoutubeStandin.options`, or, in
another process, with `YoutubeStandin.environment` and the yt-dlp option `compat_opts={"no-certifi"}` (with certifi,
yt-dlp does not look at `SSL_CERT_FILE`).
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from standins import youtube_pages as pages
from standins.tls_site import Answer, TlsSite, Visit, tls_site
from standins.youtube_pages import Playlist
from standins.youtube_videos import EMBED_PAGE, MEDIA, MEDIA_PATH, SIGN_OUT, Video, player_response, video_page

HOSTS = frozenset({"www.youtube.com", "youtube.com", "m.youtube.com", "music.youtube.com"})
_PATIENCE_SECONDS = 60
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class YoutubeRequest:
    """One request for a page of a list. Page 0 is asked for twice: the second time is for its hidden videos.

    Of a video it is its page, its player's answer, or its media.
    """

    method: str
    path: str
    list_id: str | None = None
    page: int | None = None
    video_id: str | None = None


class PageGate:
    """Holds back a playlist's continuation pages, as a slow listing would."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._allowed = 0
        self._asked = 0
        self._is_open = False

    def release(self, pages: int = 1) -> None:
        """Let so many more pages through."""
        with self._changed:
            self._allowed += pages
            self._changed.notify_all()

    def open(self) -> None:
        """Let all pages through from now on."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def wait_until_asked(self, pages: int = 1, timeout_seconds: float = 10) -> bool:
        """Whether so many pages have been asked for, in all, within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._asked >= pages, timeout_seconds)

    def pass_through(self) -> None:
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_open or self._allowed > 0, _PATIENCE_SECONDS)
            self._allowed -= 1


class YoutubeStandin:
    """What a test sets up and looks at. Made by `youtube_standin`."""

    def __init__(self, site: TlsSite) -> None:
        self.proxy_url = site.proxy_url
        self.ca_file = site.ca_file
        self.refused_hosts = site.refused_hosts
        self.requests: list[YoutubeRequest] = []
        self._playlists: dict[str, Playlist] = {}
        self._gates: dict[str, PageGate] = {}
        self._failures: dict[tuple[str, int], list[HTTPStatus]] = {}
        self._videos: dict[str, Video] = {}
        self._refusals: dict[str, HTTPStatus] = {}

    @property
    def options(self) -> dict[str, Any]:
        """What yt-dlp must be told to come here."""
        return {"proxy": self.proxy_url, "nocheckcertificate": True}

    @property
    def environment(self) -> dict[str, str]:
        """What another process's environment must hold, if its yt-dlp runs with `no-certifi`."""
        # Both spellings: the lower-case one wins where a machine has it set.
        return {
            "HTTPS_PROXY": self.proxy_url,
            "https_proxy": self.proxy_url,
            "SSL_CERT_FILE": str(self.ca_file),
        }

    def add_playlist(self, list_id: str, count: int, title: str = "A playlist") -> Playlist:
        """Any id that yt-dlp takes: `PL...`, or `UU...` for a channel's uploads. Others do not exist."""
        playlist = self._playlists[list_id] = Playlist(list_id, count, title)
        return playlist

    def add_video(self, video: Video) -> str:
        """Put a video up, or change it; its address. Others are unavailable."""
        self._videos[video.video_id] = video
        return f"https://www.youtube.com/watch?v={video.video_id}"

    def refuse_player(self, video_id: str, status: HTTPStatus) -> None:
        """Answer players that ask for this video with an error from now on, and show its page all the same."""
        self._refusals[video_id] = status

    def hold(self, list_id: str) -> PageGate:
        """From now on each continuation page of this playlist waits for the gate."""
        gate = self._gates[list_id] = PageGate()
        return gate

    def fail(self, list_id: str, page: int, *statuses: HTTPStatus) -> None:
        """Answer the next requests for this page with errors, one after another.

        Page 0 is asked for as a web page and, when that failed, twice more through the API.
        """
        self._failures.setdefault((list_id, page), []).extend(statuses)

    def answer(self, visit: Visit) -> Answer:
        """Speak as www.youtube.com."""
        target = urlsplit(visit.target)
        if visit.method == "POST":
            return self._api(target.path, json.loads(visit.body))
        match target.path, parse_qs(target.query):
            case "/playlist", {"list": [list_id]}:
                return self._web_page(list_id)
            case "/watch", {"v": [video_id]}:
                return self._video_page(target.path, video_id)
            case path, _ if path.startswith("/embed/"):
                self.requests.append(YoutubeRequest("GET", path))
                return _html(EMBED_PAGE)
            case path, {"v": [video_id]} if path == MEDIA_PATH:
                self.requests.append(YoutubeRequest("GET", path, video_id=video_id))
                return Answer(HTTPStatus.OK, "video/mp4", MEDIA)
            case _:
                return self._not_played("GET", target.path)

    def close(self) -> None:
        for gate in self._gates.values():
            gate.open()

    def _api(self, path: str, query: dict[str, Any]) -> Answer:
        match path:
            case "/youtubei/v1/browse":
                return self._browse(path, query)
            case "/youtubei/v1/navigation/resolve_url":
                return self._resolve_url(path, query["url"])
            case "/youtubei/v1/player":
                return self._player(path, query["videoId"])
            case _:
                return self._not_played("POST", path)

    def _web_page(self, list_id: str) -> Answer:
        if status := self._asked("GET", "/playlist", list_id, page=0):
            return _html("<html><body>an error page</body></html>", status)
        return _html(pages.watch_page(self._first_page(list_id)))

    def _resolve_url(self, path: str, url: str) -> Answer:
        (list_id,) = parse_qs(urlsplit(url).query)["list"]
        if status := self._asked("POST", path, list_id, page=0):
            return _api_error(status)
        return _json(pages.resolved(list_id))

    def _browse(self, path: str, query: dict[str, Any]) -> Answer:
        if "continuation" in query:
            list_id, page = pages.parse_continuation_token(query["continuation"])
        else:
            list_id, page = query["browseId"].removeprefix("VL"), 0
        if status := self._asked("POST", path, list_id, page):
            return _api_error(status)
        if page == 0:
            return _json(self._first_page(list_id))
        return _json(pages.continuation_page(self._playlists[list_id], page))

    def _video_page(self, path: str, video_id: str) -> Answer:
        self.requests.append(YoutubeRequest("GET", path, video_id=video_id))
        video = self._videos.get(video_id)
        headers = {"Set-Cookie": SIGN_OUT} if video and video.ends_session else {}
        return Answer(HTTPStatus.OK, _HTML, video_page(video), headers)

    def _player(self, path: str, video_id: str) -> Answer:
        self.requests.append(YoutubeRequest("POST", path, video_id=video_id))
        if status := self._refusals.get(video_id):
            return _api_error(status)
        unavailable = Video(video_id, status="ERROR", reason="Video unavailable")
        return _json(player_response(self._videos.get(video_id, unavailable)))

    def _not_played(self, method: str, path: str) -> Answer:
        self.requests.append(YoutubeRequest(method, path))
        return _html("<html><body>not played here</body></html>", HTTPStatus.NOT_FOUND)

    def _asked(self, method: str, path: str, list_id: str, page: int) -> HTTPStatus | None:
        """Remember the request, hold it where a test wants that, and say with what it fails, if it does."""
        self.requests.append(YoutubeRequest(method, path, list_id, page))
        if page > 0 and (gate := self._gates.get(list_id)):
            gate.pass_through()
        pending = self._failures.get((list_id, page))
        return pending.pop(0) if pending else None

    def _first_page(self, list_id: str) -> pages.Json:
        playlist = self._playlists.get(list_id)
        return pages.missing_playlist() if playlist is None else pages.first_page(playlist)


@contextlib.contextmanager
def youtube_standin() -> Iterator[YoutubeStandin]:
    """Run a stand-in on a free loopback port for as long as the context lasts."""
    with tls_site(HOSTS) as site:
        youtube = YoutubeStandin(site)
        site.handler = youtube.answer
        try:
            yield youtube
        finally:
            youtube.close()


def _html(page: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, _HTML, page)


def _json(answer: pages.Json, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, "application/json", json.dumps(answer))


def _api_error(status: HTTPStatus) -> Answer:
    return _json(pages.error(status.value, status.phrase), status)

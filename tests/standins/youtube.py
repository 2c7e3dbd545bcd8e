"""A stand-in for www.youtube.com: channels, playlists and videos for the real, unmodified yt-dlp.

It is a `tls_site`: proxy and site in one. A caller reaches it with yt-dlp's options `YoutubeStandin.options`, or, in
another process, with `YoutubeStandin.environment` and the yt-dlp option `compat_opts={"no-certifi"}` (with certifi,
yt-dlp does not look at `SSL_CERT_FILE`).
"""

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import repeat
from typing import Any
from urllib.parse import parse_qs, urlsplit

from standins import youtube_pages as pages
from standins.tls_site import Answer, TlsSite, Visit, tls_site
from standins.youtube_channels import FEED_SIZE, PAGE_SIZES, Channel, feed, tab_continuation, tab_page
from standins.youtube_media import PICTURE_HOST, MediaDesk, owner
from standins.youtube_pages import NOTHING_HIDDEN, Playlist
from standins.youtube_videos import EMBED_PAGE, INITIAL_DATA, SIGN_OUT, Video, player_response, video_page

HOSTS = frozenset({"www.youtube.com", "youtube.com", "m.youtube.com", "music.youtube.com", PICTURE_HOST})
_PATIENCE_SECONDS = 60
_HTML = "text/html; charset=utf-8"
_WITH_HIDDEN = "wgYCCAA="


@dataclass(frozen=True, slots=True)
class YoutubeRequest:
    """One request for a page of a list. Page 0 is asked for twice: the second time is for its hidden videos.

    Of a channel's tab, `list_id` is the channel's id, a slash and the tab. Of a video it is its page, its player's
    answer, or its media.
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

    def wait_until_asked(self, pages: int = 1, timeout_seconds: float = 60) -> bool:
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
        self._channels: dict[str, Channel] = {}
        self._gates: dict[str, PageGate] = {}
        self._failures: dict[tuple[str, int], list[HTTPStatus]] = {}
        self._videos: dict[str, Video] = {}
        self._media = MediaDesk()
        self._refusals: dict[str, Iterator[HTTPStatus]] = {}

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

    def add_playlist(
        self,
        list_id: str,
        count: int,
        title: str = "A playlist",
        *,
        hidden: Mapping[int, str] = NOTHING_HIDDEN,
        breaks_off_after: int = 0,
    ) -> Playlist:
        """Any id that yt-dlp takes: `PL...`, or `UU...` for a channel's uploads. Others do not exist."""
        playlist = Playlist(list_id, count, title, hidden, breaks_off_after=breaks_off_after)
        self._playlists[list_id] = playlist
        return playlist

    def add_channel(self, channel: Channel) -> str:
        """Put a channel up with its tabs and lists, or change it; the address of its first name."""
        self._channels |= dict.fromkeys(channel.paths, channel)
        self._playlists |= {playlist.list_id: playlist for playlist in channel.lists}
        return f"https://www.youtube.com/{channel.paths[-1]}"

    def remove_playlist(self, list_id: str) -> None:
        """Take a list away, such as one of a channel's."""
        del self._playlists[list_id]

    def add_video(self, video: Video) -> str:
        """Put a video up, or change it; its address. Others are unavailable."""
        self._videos[video.video_id] = video
        return f"https://www.youtube.com/watch?v={video.video_id}"

    def refuse_player(self, video_id: str, status: HTTPStatus, times: int = sys.maxsize) -> None:
        """Answer players that ask for this video with an error from now on, and show its page all the same."""
        self._refusals[video_id] = repeat(status, times)

    def hold(self, list_id: str) -> PageGate:
        """From now on each continuation page of this playlist waits for the gate."""
        gate = self._gates[list_id] = PageGate()
        return gate

    def fail(self, list_id: str, page: int, *statuses: HTTPStatus) -> None:
        """Answer the next requests for this page with errors, one after another.

        Page 0 is asked for as a web page and, when that failed, twice more through the API.
        """
        self._failures.setdefault((list_id, page), []).extend(statuses)

    def answer(self, visit: Visit) -> Answer | None:  # noqa: PLR0911 - one for each kind of address
        """Speak as www.youtube.com."""
        if visit.host == "youtube.com":
            moved = {"Location": f"https://www.youtube.com{visit.target}"}
            return Answer(HTTPStatus.MOVED_PERMANENTLY, _HTML, "", moved)
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
            case path, query if owned := owner(visit.host, path, query):
                self.requests.append(YoutubeRequest("GET", path, video_id=owned))
                return self._media.answer(self._videos[owned].film, visit)
            case "/feeds/videos.xml", {"channel_id": [channel_id]}:
                return self._feed(target.path, f"UU{channel_id[2:]}")
            case path, _ if found := self._channel_tab(path):
                return self._tab_page(path, *found)
            case _:
                return self._not_played("GET", target.path)

    def close(self) -> None:
        self._media.close()
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
            case "/youtubei/v1/next":
                self.requests.append(YoutubeRequest("POST", path, video_id=query["videoId"]))
                return _json(INITIAL_DATA)
            case _:
                return self._not_played("POST", path)

    def _web_page(self, list_id: str) -> Answer:
        if status := self._asked("GET", "/playlist", list_id, page=0):
            return _html("<html><body>an error page</body></html>", status)
        return _html(pages.watch_page(self._first_page(list_id, shows_hidden=False)))

    def _channel_tab(self, path: str) -> tuple[str, str] | None:
        """The channel's own path and the tab that an address names; a bare one shows its home."""
        return next(
            (
                (own, path.removeprefix(f"/{own}").strip("/"))
                for own in self._channels
                if f"{path}/".startswith(f"/{own}/")
            ),
            None,
        )

    def _tab_page(self, path: str, own: str, tab: str) -> Answer:
        channel = self._channels[own]
        if status := self._asked("GET", path, f"{channel.channel_id}/{tab}", page=0):
            return _html("<html><body>an error page</body></html>", status)
        return _html(pages.watch_page(tab_page(channel, own, tab)))

    def _feed(self, path: str, list_id: str) -> Answer:
        playlist = self._playlists.get(list_id)
        if playlist is None:
            return self._not_played("GET", path)
        self.requests.append(YoutubeRequest("GET", path, list_id))
        return Answer(HTTPStatus.OK, "text/xml; charset=utf-8", feed(playlist.title, playlist.video_ids[:FEED_SIZE]))

    def _resolve_url(self, path: str, url: str) -> Answer:
        target = urlsplit(url)
        if found := self._channel_tab(target.path):
            list_id = browse_id = f"{self._channels[found[0]].channel_id}/{found[1]}"
        elif "list" in (query := parse_qs(target.query)):
            list_id = query["list"][0]
            browse_id = f"VL{list_id}"
        else:
            return self._not_played("POST", path)
        if status := self._asked("POST", path, list_id, page=0):
            return _api_error(status)
        return _json(pages.resolved(browse_id))

    def _browse(self, path: str, query: dict[str, Any]) -> Answer:
        if "continuation" in query:
            list_id, page = pages.parse_continuation_token(query["continuation"])
        else:
            list_id, page = query["browseId"].removeprefix("VL"), 0
        if status := self._asked("POST", path, list_id, page):
            return _api_error(status)
        owner, _, tab = list_id.partition("/")
        if tab in PAGE_SIZES:
            channel, own = self._channels[f"channel/{owner}"], f"channel/{owner}"
            return _json(tab_continuation(channel, tab, page) if page else tab_page(channel, own, tab))
        if page == 0:
            return _json(self._first_page(list_id, shows_hidden=query.get("params") == _WITH_HIDDEN))
        return _json(pages.continuation_page(self._playlists[list_id], page))

    def _video_page(self, path: str, video_id: str) -> Answer:
        self.requests.append(YoutubeRequest("GET", path, video_id=video_id))
        video = self._videos.get(video_id)
        headers = {"Set-Cookie": SIGN_OUT} if video and video.ends_session else {}
        return Answer(HTTPStatus.OK, _HTML, video_page(video), headers)

    def _player(self, path: str, video_id: str) -> Answer:
        self.requests.append(YoutubeRequest("POST", path, video_id=video_id))
        if status := next(self._refusals.get(video_id, iter(())), None):
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

    def _first_page(self, list_id: str, *, shows_hidden: bool) -> pages.Json:
        playlist = self._playlists.get(list_id)
        return pages.missing_playlist() if playlist is None else pages.first_page(playlist, shows_hidden=shows_hidden)


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

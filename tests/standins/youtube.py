"""A stand-in for www.youtube.com, good for listing playlists and fetching videos with the real, unmodified yt-dlp.

One loopback port plays both the proxy and the site: every CONNECT to one of YouTube's hosts is answered here, with
a certificate of a throw-away authority; every other host is refused and remembered. A caller reaches it with
yt-dlp's options `YoutubeStandin.options`, or, in another process, with `YoutubeStandin.environment` and the yt-dlp
option `compat_opts={"no-certifi"}` (with certifi, yt-dlp does not look at `SSL_CERT_FILE`).
"""

import contextlib
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

from standins import youtube_pages as pages
from standins.youtube_pages import Playlist
from standins.youtube_videos import EMBED_PAGE, MEDIA, MEDIA_PATH, SIGN_OUT, Video, player_response, video_page

HOSTS = frozenset({"www.youtube.com", "youtube.com", "m.youtube.com", "music.youtube.com"})
_PATIENCE_SECONDS = 60
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


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

    def __init__(self, proxy_url: str, ca_file: Path) -> None:
        self.proxy_url = proxy_url
        self.ca_file = ca_file
        self.requests: list[YoutubeRequest] = []
        self.refused_hosts: list[str] = []
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

    def web_page(self, list_id: str) -> tuple[HTTPStatus, str]:
        if status := self._asked("GET", "/playlist", list_id, page=0):
            return status, "<html><body>an error page</body></html>"
        return HTTPStatus.OK, pages.watch_page(self._first_page(list_id))

    def resolve_url(self, path: str, url: str) -> tuple[HTTPStatus, pages.Json]:
        (list_id,) = parse_qs(urlsplit(url).query)["list"]
        if status := self._asked("POST", path, list_id, page=0):
            return status, pages.error(status.value, status.phrase)
        return HTTPStatus.OK, pages.resolved(list_id)

    def browse(self, path: str, query: dict[str, Any]) -> tuple[HTTPStatus, pages.Json]:
        if "continuation" in query:
            list_id, page = pages.parse_continuation_token(query["continuation"])
        else:
            list_id, page = query["browseId"].removeprefix("VL"), 0
        if status := self._asked("POST", path, list_id, page):
            return status, pages.error(status.value, status.phrase)
        if page == 0:
            return HTTPStatus.OK, self._first_page(list_id)
        return HTTPStatus.OK, pages.continuation_page(self._playlists[list_id], page)

    def video_page(self, path: str, video_id: str) -> tuple[str, dict[str, str]]:
        self.requests.append(YoutubeRequest("GET", path, video_id=video_id))
        video = self._videos.get(video_id)
        return video_page(video), {"Set-Cookie": SIGN_OUT} if video and video.ends_session else {}

    def player(self, path: str, video_id: str) -> tuple[HTTPStatus, pages.Json]:
        self.requests.append(YoutubeRequest("POST", path, video_id=video_id))
        if status := self._refusals.get(video_id):
            return status, pages.error(status.value, status.phrase)
        unavailable = Video(video_id, status="ERROR", reason="Video unavailable")
        return HTTPStatus.OK, player_response(self._videos.get(video_id, unavailable))

    def close(self) -> None:
        for gate in self._gates.values():
            gate.open()

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
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*sorted(HOSTS)).configure_cert(tls)
    with tempfile.TemporaryDirectory(prefix="youtube-standin-") as folder:
        ca_file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(str(ca_file))
        with _Server(tls, ca_file) as server:
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            serving.start()
            try:
                yield server.youtube
            finally:
                server.youtube.close()
                server.shutdown()
                serving.join()
                server.hang_up()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, tls: ssl.SSLContext, ca_file: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.tls = tls
        self.youtube = YoutubeStandin(f"http://127.0.0.1:{self.server_port}", ca_file)
        self._tunnels: set[ssl.SSLSocket] = set()

    @contextlib.contextmanager
    def tunnel(self, connection: socket.socket) -> Iterator[ssl.SSLSocket]:
        with self.tls.wrap_socket(connection, server_side=True) as encrypted:
            self._tunnels.add(encrypted)
            try:
                yield encrypted
            finally:
                self._tunnels.discard(encrypted)

    def hang_up(self) -> None:
        """End kept-alive connections, whose threads would otherwise wait for their visitors."""
        for encrypted in list(self._tunnels):
            with contextlib.suppress(OSError):
                encrypted.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_SECONDS

    def log_message(self, *arguments: Any) -> None:
        """Be quiet: a test looks at what was asked, not at a log."""

    def reply(
        self, status: HTTPStatus, content_type: str, body: str | bytes, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        encoded = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(encoded)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(encoded)


class _Proxy(_Handler):
    """Takes CONNECT, and answers in the name of whom it was asked to connect to."""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        self.close_connection = True
        if host not in HOSTS:
            self.server.youtube.refused_hosts.append(host)
            self.reply(HTTPStatus.FORBIDDEN, "text/plain", "only YouTube's hosts are played here\n")
            return
        self.send_response(HTTPStatus.OK, "Connection established")
        self.end_headers()
        # A visitor who mistrusts the certificate, or leaves, is the visitor's affair.
        with contextlib.suppress(OSError), self.server.tunnel(self.connection) as encrypted:
            _Youtube(encrypted, self.client_address, self.server)


class _Youtube(_Handler):
    """Speaks as www.youtube.com, inside the tunnel."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        match target.path, parse_qs(target.query):
            case "/playlist", {"list": [list_id]}:
                status, page = self.server.youtube.web_page(list_id)
                self.reply(status, "text/html; charset=utf-8", page)
            case "/watch", {"v": [video_id]}:
                page, headers = self.server.youtube.video_page(target.path, video_id)
                self.reply(HTTPStatus.OK, "text/html; charset=utf-8", page, headers)
            case path, _ if path.startswith("/embed/"):
                self.server.youtube.requests.append(YoutubeRequest("GET", path))
                self.reply(HTTPStatus.OK, "text/html; charset=utf-8", EMBED_PAGE)
            case path, {"v": [video_id]} if path == MEDIA_PATH:
                self.server.youtube.requests.append(YoutubeRequest("GET", path, video_id=video_id))
                self.reply(HTTPStatus.OK, "video/mp4", MEDIA)
            case _:
                self._not_played(target.path)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        match path:
            case "/youtubei/v1/browse":
                status, answer = self.server.youtube.browse(path, json.loads(body))
            case "/youtubei/v1/navigation/resolve_url":
                status, answer = self.server.youtube.resolve_url(path, json.loads(body)["url"])
            case "/youtubei/v1/player":
                status, answer = self.server.youtube.player(path, json.loads(body)["videoId"])
            case _:
                self._not_played(path)
                return
        self.reply(status, "application/json", json.dumps(answer))

    def _not_played(self, path: str) -> None:
        self.server.youtube.requests.append(YoutubeRequest(self.command, path))
        self.reply(HTTPStatus.NOT_FOUND, "text/html", "<html><body>not played here</body></html>")

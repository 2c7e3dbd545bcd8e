"""A small site on loopback whose addresses misbehave in the ways that real ones do, and a desk at which to order."""

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from standins.tls_site import Answer, TlsSite, Visit, tls_site
from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_videos import Video
from tubewarren.failures import Failure
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import FetchOrder

if TYPE_CHECKING:
    from tubewarren.youtube.job import Progress

MEDIA = bytes(range(256)) * 1200
CUT_AT = 100_000


@dataclass
class Site:
    base: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"{self.base}/{path}"

    @property
    def host(self) -> str:
        return self.base.removeprefix("http://")

    def ranges(self, path: str) -> list[str | None]:
        return [wanted for asked, wanted in self.requests if asked == f"/{path}"]


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    state = Site()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": state}))
    state.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    state.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """Clients that are killed break their connections: that is the test."""


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.site.requests.append((self.path, self.headers["Range"]))
        kind = self.path.split("/")[1].partition(".")[0]
        getattr(self, f"serve_{kind.partition('-')[0]}", self.serve_missing)()

    def do_HEAD(self) -> None:
        self._head(200, "video/mp4", len(MEDIA))

    def log_message(self, *args: Any) -> None:
        del args

    def serve_ok(self) -> None:
        self._media(MEDIA)

    def serve_empty(self) -> None:
        self._media(b"")

    def serve_cut(self) -> None:
        """The first transfer of the media ends early; one with a range is served."""
        self._media(MEDIA, cut=None if self.headers["Range"] else CUT_AT)

    def serve_wall(self) -> None:
        """Every transfer ends at the same byte."""
        start = self._start()
        self._media(MEDIA, cut=max(CUT_AT - start, 0))

    def serve_unrangeable(self) -> None:
        """The page is there, and the media is not to be had from any byte on."""
        if len(self.site.ranges(self.path.removeprefix("/"))) == 1:
            self._media(MEDIA)
        else:
            self._text(416, "text/plain", "no such range")

    def serve_stall(self) -> None:
        self._media(MEDIA, cut=CUT_AT, stall=True)

    def serve_drip(self) -> None:
        """Always a little more, and never the end."""
        self._head(200, "video/mp4", len(MEDIA))
        while not self.site.closing.is_set():
            if not self._write(b"x" * 2000):
                return
            time.sleep(0.05)

    def serve_missing(self) -> None:
        self._text(404, "text/plain", "nothing here")

    def serve_error(self) -> None:
        self._text(500, "text/plain", "broken")

    def serve_busy(self) -> None:
        self._text(429, "text/plain", "too many")

    def serve_page(self) -> None:
        self._text(200, "text/html", "<html><title>no video</title></html>")

    def serve_feed(self) -> None:
        """feed-12.rss: twelve entries."""
        count = int(self.path.rpartition("-")[2].removesuffix(".rss"))
        self._feed([(f"clip {number}", self.site.url(f"ok-{number}.mp4")) for number in range(count)])

    def serve_mixed(self) -> None:
        self._feed(
            [
                ("one", self.site.url("ok-1.mp4")),
                ("again", self.site.url("ok-1.mp4?utm_source=x")),
                ("a file", "file:///etc/passwd"),
                ("within", "http://169.254.169.254/latest"),
                ("[Private video]", self.site.url("ok-2.mp4")),
            ]
        )

    def _feed(self, items: list[tuple[str, str]]) -> None:
        body = "".join(
            f"<item><title>{title}</title><itunes:duration>12</itunes:duration>"
            f'<enclosure url="{url}" type="video/mp4"/></item>'
            for title, url in items
        )
        self._text(
            200,
            "application/rss+xml",
            '<?xml version="1.0"?><rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
            f"<channel><title>A feed</title>{body}</channel></rss>",
        )

    def _media(self, data: bytes, *, cut: int | None = None, stall: bool = False) -> None:
        start = self._start()
        body = data[start:]
        self._head(206 if start else 200, "video/mp4", len(body), start=start, whole=len(data))
        self._write(body[:cut])
        if stall:
            self.site.closing.wait()
        if cut is not None:
            self.close_connection = True

    def _start(self) -> int:
        return int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").split("-")[0])

    def _text(self, status: int, kind: str, text: str) -> None:
        self._head(status, kind, len(text.encode()))
        self._write(text.encode())

    def _head(self, status: int, kind: str, length: int, *, start: int = 0, whole: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.end_headers()

    def _write(self, data: bytes) -> bool:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.close_connection = True
            return False
        return True


@pytest.fixture(scope="session")
def media() -> bytes:
    return MEDIA


ONE_PLAYER = {"youtube": {"player_client": ["visionos"]}}
"""Which players yt-dlp asks otherwise depends on what is installed."""


class Desk:
    """Orders videos from the stand-in for YouTube."""

    def __init__(self, pool: ChildPool, youtube: YoutubeStandin, folder: Path) -> None:
        self.pool = pool
        self.youtube = youtube
        self.folder = folder
        self.heard: list[Progress] = []

    async def fetch(self, video: Video, *, options: dict[str, Any] | None = None, **more: Any) -> tuple[Path, ...]:
        """Have a video fetched; the requests and reports that are remembered are those of the last one."""
        self.heard.clear()
        self.youtube.requests.clear()
        order = FetchOrder(
            id=video.video_id,
            url=self.youtube.add_video(video),
            folder=self.folder,
            options={**self.youtube.options, "extractor_args": ONE_PLAYER, **(options or {})},
            **more,
        )
        return (await self.pool.fetch(order, self.heard.append)).files

    async def failure(self, video: Video, **more: Any) -> Failure:
        with pytest.raises(YoutubeFailedError) as raised:
            await self.fetch(video, **more)
        return raised.value.failure

    @property
    def names(self) -> list[str]:
        """What is in the folder, at any depth."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def youtube() -> Iterator[YoutubeStandin]:
    with youtube_standin() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_child() -> AsyncIterator[ChildPool]:
    async with ChildPool(1) as pool:
        yield pool


@pytest.fixture
def desk(one_child: ChildPool, youtube: YoutubeStandin, tmp_path: Path) -> Desk:
    return Desk(one_child, youtube, tmp_path)


@pytest.fixture
def acast() -> Iterator[TlsSite]:
    """A site for podcasts that yt-dlp knows by name: it tells of all episodes of a show at once."""
    with tls_site({"feeder.acast.com"}) as site:
        site.handler = _show
        yield site


def _show(visit: Visit) -> Answer:
    assert visit.target == "/api/v1/shows/a-show"
    files = [f"https://{name}.mp3" for name in ("media.example/one", "media.example/two", "elsewhere.example/three")]
    episodes = [{"id": name, "title": f"On {name}", "url": name, "duration": 61} for name in files]
    return Answer(HTTPStatus.OK, "application/json", json.dumps({"id": "1", "title": "A show", "episodes": episodes}))

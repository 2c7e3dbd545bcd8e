"""One video after the other in one process: they share connections, and nothing that could tell one from the other."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tubewarren.youtube.fetch import fetch
from tubewarren.youtube.job import Task
from tubewarren.youtube.kept import Kept


class CookieSite(ThreadingHTTPServer):
    """Gives out a cookie with each file, and remembers over which connection each was asked for, with what cookies."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def connections(self, *names: str) -> list[set[int]]:
        return [{port for path, port, _ in self.seen if path == f"/{name}.mp4"} for name in names]

    def cookies(self, name: str) -> set[str | None]:
        return {cookie for path, _, cookie in self.seen if path == f"/{name}.mp4"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CookieSite

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.client_address[1], self.headers["Cookie"]))
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", "1000")
        self.send_header("Set-Cookie", f"from={self.path[1:]}")
        self.end_headers()
        self.wfile.write(bytes(1000))

    def log_message(self, *args: Any) -> None:
        del args


@pytest.fixture
def site() -> Iterator[CookieSite]:
    with CookieSite() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield site
        site.shutdown()
        thread.join()


def download(site: CookieSite, folder: Path, kept: Kept, name: str, **options: Any) -> None:
    (folder / name).mkdir()
    task = Task(id=name, url=f"http://127.0.0.1:{site.server_port}/{name}.mp4", options=options, kept=kept)
    fetch(task, {}, folder / name)


def test_two_videos_share_a_connection_and_no_cookie(site: CookieSite, tmp_path: Path) -> None:
    kept = Kept()

    download(site, tmp_path, kept, "one")
    download(site, tmp_path, kept, "two")

    first, second = site.connections("one", "two")
    assert first & second
    assert "from=one.mp4" in site.cookies("one")
    assert site.cookies("two") == {None, "from=two.mp4"}


def test_who_asks_in_another_way_does_so_over_a_connection_of_its_own(site: CookieSite, tmp_path: Path) -> None:
    kept = Kept()

    download(site, tmp_path, kept, "one")
    download(site, tmp_path, kept, "two", http_headers={"Accept-Language": "de"})

    first, second = site.connections("one", "two")
    assert not first & second

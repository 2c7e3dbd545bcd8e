"""Who the real yt-dlp is to the site: what a proxy and the site see of it."""

import base64
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from standins.tls_site import Answer, Visit, tls_site
from standins.youtube import HOSTS, YoutubeStandin
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind
from tubewarren.settings.model import IdentitySettings
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.identity import Identity, open_identity
from tubewarren.youtube.nursery import Nursery
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import FetchOrder, ListOrder

ID = "identity-01"
SIGNED_IN = (
    "# Netscape HTTP Cookie File\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\tsecret-login\n"
    ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\tsecret-sapisid\n"
)
PASSWORD = "pass-word"
# A player that takes cookies, and that asks the stand-in for nothing more than a player's answer.
ANY_CERTIFICATE = {"nocheckcertificate": True, "extractor_args": {"youtube": {"player_client": ["tv"]}}}


@dataclass
class Door:
    """A proxy before the stand-in that lets nobody through without a password, and remembers who came."""

    address: str
    callers: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    @property
    def proxy(self) -> str:
        return f"http://me:{PASSWORD}@{self.address}"


@dataclass
class Scene:
    youtube: YoutubeStandin
    door: Door
    visits: list[Visit]

    def cookies(self) -> set[str]:
        return {visit.headers.get("cookie", "") for visit in self.visits}


@pytest.fixture
def scene() -> Iterator[Scene]:
    with tls_site(HOSTS) as site:
        youtube, visits = YoutubeStandin(site), list[Visit]()

        def answer(visit: Visit) -> Answer | None:
            visits.append(visit)
            return youtube.answer(visit)

        site.handler = answer
        with door_before(site.proxy_url) as door:
            yield Scene(youtube, door, visits)
        youtube.close()


@contextmanager
def door_before(proxy_url: str) -> Iterator[Door]:
    behind = urlsplit(proxy_url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        door = Door(f"127.0.0.1:{listening.getsockname()[1]}")
        serving = threading.Thread(target=_serve, args=(listening, door, (behind.hostname, behind.port)))
        serving.start()
        try:
            yield door
        finally:
            # On this system a thread that waits in accept wakes up of nothing else.
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listening: socket.socket, door: Door, behind: Any) -> None:
    open_ends: list[socket.socket] = []
    with suppress(OSError):
        while True:
            caller, (host, _) = listening.accept()
            open_ends.append(caller)
            door.callers.append(host)
            threading.Thread(target=_let_in, args=(caller, door, behind, open_ends), daemon=True).start()
    for end in open_ends:
        end.close()


def _let_in(caller: socket.socket, door: Door, behind: Any, open_ends: list[socket.socket]) -> None:
    head = b""
    while b"\r\n\r\n" not in head and (chunk := caller.recv(4096)):
        head += chunk
    expected = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    login = next((line for line in head.decode().split("\r\n") if line.lower().startswith("proxy-authorization:")), "")
    door.logins.append(login)
    if expected not in login:
        caller.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        caller.close()
        return
    inside = socket.create_connection(behind)
    open_ends.append(inside)
    inside.sendall(head)
    threading.Thread(target=_pass_on, args=(inside, caller), daemon=True).start()
    _pass_on(caller, inside)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


async def fetch(identity: Identity, url: str, folder: Path) -> None:
    async with ChildPool(1) as pool, identity.wearing(ANY_CERTIFICATE, counts=True) as options:
        await pool.fetch(FetchOrder(id=ID, url=url, folder=folder, options=options))


def settings(**given: Any) -> IdentitySettings:
    return IdentitySettings.model_validate(given)


@asynccontextmanager
async def identity_of(chosen: IdentitySettings, use: str = "downloader") -> AsyncIterator[Identity]:
    async with Nursery() as nursery, open_identity(chosen, "home", use, nursery) as identity:
        yield identity


async def test_a_download_goes_through_the_proxy_with_its_password_from_the_address_that_was_chosen(
    scene: Scene, tmp_path: Path
) -> None:
    url = scene.youtube.add_video(Video(ID))
    chosen = settings(proxy=scene.door.proxy, source_address="127.0.0.2")

    async with identity_of(chosen) as identity:
        await fetch(identity, url, tmp_path / "video")

    assert set(scene.door.callers) == {"127.0.0.2"}
    assert all(scene.door.logins)
    assert scene.visits
    assert list((tmp_path / "video").glob("*.mp4"))


async def test_a_proxy_that_refuses_the_password_is_not_told_of_with_it(scene: Scene, tmp_path: Path) -> None:
    url = scene.youtube.add_video(Video(ID))
    wrong = settings(proxy=scene.door.proxy.replace(PASSWORD, "other-word"))

    async with identity_of(wrong) as identity:
        with pytest.raises(YoutubeFailedError) as raised:
            await fetch(identity, url, tmp_path / "video")

    assert scene.visits == []
    assert "407" in raised.value.failure.detail
    assert "other-word" not in repr(raised.value.failure)


async def test_a_listing_has_the_cookies_of_the_jar_and_goes_by_the_same_door(scene: Scene, tmp_path: Path) -> None:
    scene.youtube.add_playlist("PLidentity", 3)
    order = ListOrder(url="https://www.youtube.com/playlist?list=PLidentity")
    (tmp_path / "alice.txt").write_text(SIGNED_IN)
    chosen = settings(proxy=scene.door.proxy, cookies=tmp_path)

    async with (
        identity_of(chosen, "source-expander") as identity,
        ChildPool(1) as pool,
        identity.wearing(ANY_CERTIFICATE) as options,
        aclosing(pool.pages(order.model_copy(update={"options": options}))) as pages,
    ):
        listed = [entry async for page in pages for entry in page.entries]

    assert len(listed) == 3
    assert all("LOGIN_INFO=secret-login" in cookies for cookies in scene.cookies())
    assert scene.door.logins


async def test_a_session_that_lives_stays_in_its_jar_and_nothing_of_it_beside_the_video(
    scene: Scene, tmp_path: Path
) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "alice.txt").write_text(SIGNED_IN)
    url = scene.youtube.add_video(Video(ID))

    async with identity_of(settings(proxy=scene.door.proxy, cookies=jars)) as identity:
        await fetch(identity, url, tmp_path / "video")
        fit = await identity.why_unfit()

    assert fit == ""
    assert any("LOGIN_INFO=secret-login" in cookies for cookies in scene.cookies())
    assert "secret-login" in (jars / "alice.txt").read_text()
    left = b"".join(path.read_bytes() for path in (tmp_path / "video").rglob("*") if path.is_file())
    assert not any(secret in left for secret in (b"secret-", PASSWORD.encode()))


async def test_an_account_that_the_site_signs_out_in_the_middle_of_a_download_that_goes_well_retires_its_jar(
    scene: Scene, tmp_path: Path
) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    (jars / "alice.txt").write_text(SIGNED_IN)
    url = scene.youtube.add_video(Video(ID, ends_session=True))

    async with identity_of(settings(proxy=scene.door.proxy, cookies=jars)) as identity:
        await fetch(identity, url, tmp_path / "video")

        assert "Cookie jar alice is dead" in await identity.why_unfit()
        scene.visits.clear()
        with pytest.raises(YoutubeFailedError) as raised:
            await fetch(identity, url, tmp_path / "again")

    assert raised.value.failure.kind is FailureKind.UNFIT
    assert scene.visits == []


@pytest.mark.skipif(find_spec("curl_cffi") is None, reason="curl_cffi is an extra")
async def test_yt_dlp_passes_for_the_browser_that_was_chosen(scene: Scene, tmp_path: Path) -> None:
    url = scene.youtube.add_video(Video(ID))

    async with identity_of(settings(proxy=scene.door.proxy, impersonate="safari")) as identity:
        assert await identity.why_unfit() == ""
        await fetch(identity, url, tmp_path / "video")

    browsers = {visit.headers["user-agent"] for visit in scene.visits if visit.target.startswith(("/watch", "/video"))}
    assert browsers
    assert all("Version/" in browser and "Safari/" in browser for browser in browsers)


async def test_a_browser_that_cannot_be_passed_for_stops_the_worker_from_the_start() -> None:
    async with identity_of(settings(impersonate="netscape")) as identity:
        assert "netscape" in await identity.why_unfit()

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from itertools import count
from xml.etree import ElementTree as ET

import pytest

from tubewarren_services.demo.catalogue import Behaviour, Catalogue, CataloguedVideo, demo_catalogue
from tubewarren_services.demo.exchange import Reply, Request
from tubewarren_services.demo.site import Site, main, serve_site


def a_site(*behaviours: Behaviour) -> Site:
    return Site(a_catalogue(*behaviours), "http://site.invalid")


def a_catalogue(*behaviours: Behaviour, seconds: float = 1) -> Catalogue:
    videos = tuple(
        CataloguedVideo(behaviour.value, f"A {behaviour.value} video", timedelta(seconds=seconds), behaviour)
        for behaviour in behaviours
    )
    return Catalogue(videos, ())


def ask(site: Site, slug: str, range_header: str | None = None, method: str = "GET") -> Reply:
    headers = {} if range_header is None else {"range": range_header}
    return site.answer(Request(method, f"/media/{slug}.wav", headers))


def statuses(replies: Sequence[Reply]) -> list[int]:
    return [reply.status.value for reply in replies]


def test_a_plain_video_is_served_whole_with_what_a_download_needs_to_know() -> None:
    site = a_site(Behaviour.PLAIN)

    reply = ask(site, "plain")

    (video,) = site.videos
    assert reply.status == HTTPStatus.OK
    assert hashlib.sha256(reply.body).hexdigest() == video.sha256
    assert len(reply.body) == video.size_bytes
    assert reply.headers["Content-Type"] == "audio/wav"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert {"ETag", "Last-Modified"} <= reply.headers.keys()


def test_a_range_is_served_as_a_part() -> None:
    site = a_site(Behaviour.PLAIN)
    whole = ask(site, "plain").body

    reply = ask(site, "plain", "bytes=100-")

    assert reply.status == HTTPStatus.PARTIAL_CONTENT
    assert reply.headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert reply.body == whole[100:]


def test_a_range_after_the_end_is_not_satisfiable() -> None:
    site = a_site(Behaviour.PLAIN)
    (video,) = site.videos

    reply = ask(site, "plain", f"bytes={video.size_bytes}-")

    assert reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert reply.headers["Content-Range"] == f"bytes */{video.size_bytes}"


def test_head_announces_a_video_without_sending_it() -> None:
    site = a_site(Behaviour.PLAIN)

    reply = ask(site, "plain", method="HEAD")

    assert f"Content-Length: {site.videos[0].size_bytes}".encode() in reply.head
    assert reply.sent_bytes == 0


def test_head_uses_up_no_misbehaviour() -> None:
    site = a_site(Behaviour.FLAKY)

    heads = [ask(site, "flaky", method="HEAD") for _ in range(3)]

    assert statuses(heads) == [503, 503, 503]
    assert statuses([ask(site, "flaky") for _ in range(3)]) == [503, 503, 200]


def test_a_flaky_video_is_refused_twice() -> None:
    site = a_site(Behaviour.FLAKY)

    assert statuses([ask(site, "flaky") for _ in range(4)]) == [503, 503, 200, 200]


def test_a_gone_video_is_gone_for_good() -> None:
    site = a_site(Behaviour.GONE)

    assert statuses([ask(site, "gone") for _ in range(4)]) == [410, 410, 410, 410]


def test_a_cut_video_breaks_off_until_it_was_looked_at_and_downloaded_once() -> None:
    site = a_site(Behaviour.CUT)
    half = site.videos[0].size_bytes // 2

    replies = [ask(site, "cut") for _ in range(3)]

    assert [reply.sent_bytes for reply in replies] == [half, half, None]


def test_a_cut_video_goes_on_from_a_range_to_its_end() -> None:
    site = a_site(Behaviour.CUT)

    reply = ask(site, "cut", "bytes=1000-")

    assert reply.sent_bytes is None
    assert len(reply.body) == site.videos[0].size_bytes - 1000


@pytest.mark.parametrize("path", ["/gone.xml", "/", "/media/nothing.wav", "/../etc/passwd"])
def test_what_is_not_in_the_catalogue_is_not_found(path: str) -> None:
    reply = a_site().answer(Request("GET", path))

    assert reply.status == HTTPStatus.NOT_FOUND


def test_nothing_but_reading_is_allowed() -> None:
    reply = ask(a_site(Behaviour.PLAIN), "plain", method="DELETE")

    assert reply.status == HTTPStatus.METHOD_NOT_ALLOWED


def test_requests_are_counted_by_path() -> None:
    site = a_site(Behaviour.PLAIN)
    ask(site, "plain")
    ask(site, "plain", method="HEAD")
    ask(site, "other")

    assert site.requests == {"/media/plain.wav": 2, "/media/other.wav": 1}


def test_every_behaviour_of_the_demo_ends_as_the_catalogue_says() -> None:
    site = Site(demo_catalogue(), "http://site.invalid")

    assert {video.slug for video in site.videos if video.expected == "dead"} == {"lantern"}
    assert {video.behaviour for video in site.videos} == set(Behaviour)
    assert all(200_000 <= video.size_bytes <= 3_000_000 for video in site.videos)


def test_two_feeds_share_videos_and_the_second_has_one_of_its_own() -> None:
    site = Site(demo_catalogue(), "http://site.invalid")

    main_feed, second = listed(site, "/feed.xml"), listed(site, "/flaky.xml")

    assert len(main_feed) == 8
    assert len(second & main_feed) == 2
    assert len(second - main_feed) == 1
    assert main_feed | second == {video.url for video in site.videos}


def listed(site: Site, path: str) -> set[str]:
    replies = (site.answer(Request("GET", path)) for _ in count())
    feed = next(reply for reply in replies if reply.status == HTTPStatus.OK)
    return {item.attrib["url"] for item in ET.fromstring(feed.body).iter("enclosure")}


def test_the_second_feed_fails_twice() -> None:
    site = Site(demo_catalogue(), "http://site.invalid")

    replies = [site.answer(Request("GET", "/flaky.xml")) for _ in range(3)]

    assert statuses(replies) == [500, 500, 200]


async def test_a_reply_that_is_cut_ends_with_the_connection() -> None:
    async with serve_site(a_catalogue(Behaviour.CUT)) as site:
        received = await fetch(site, "/media/cut.wav")

        head, _, body = received.partition(b"\r\n\r\n")
        assert f"Content-Length: {site.videos[0].size_bytes}".encode() in head
        assert len(body) == site.videos[0].size_bytes // 2


async def test_a_slow_video_takes_the_time_that_its_rate_says() -> None:
    slow = CataloguedVideo("slow", "Slow", timedelta(seconds=1), Behaviour.SLOW, bytes_per_second=147_000)
    started = asyncio.get_running_loop().time()

    async with serve_site(Catalogue((slow,), ())) as site:
        received = await fetch(site, "/media/slow.wav")

    assert len(received) > 44_100
    assert asyncio.get_running_loop().time() - started >= 0.25


async def test_what_is_not_http_is_answered_with_400() -> None:
    async with serve_site(a_catalogue()) as site:
        assert (await converse(site, b"hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_the_end_of_a_site_cuts_off_who_is_still_there() -> None:
    slow = CataloguedVideo("slow", "Slow", timedelta(seconds=60), Behaviour.SLOW, bytes_per_second=1_000)
    async with serve_site(Catalogue((slow,), ())) as site:
        reader, writer = await open_connection(site)
        writer.write(b"GET /media/slow.wav HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

    with contextlib.suppress(ConnectionError):
        assert len(await asyncio.wait_for(reader.read(), timeout=30)) < site.videos[0].size_bytes
    writer.close()


async def test_a_site_served_until_cancelled_says_when_it_is_ready() -> None:
    ready: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(main(ready=ready.set_result))

    site = await asyncio.wait_for(ready, timeout=30)
    feed = await fetch(site, "/feed.xml")
    serving.cancel()

    assert feed.startswith(b"HTTP/1.1 200 ")
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(ConnectionRefusedError):
        await open_connection(site)


async def test_a_taken_port_is_an_error_at_once() -> None:
    async with serve_site(a_catalogue()) as site:
        port = int(site.url.rpartition(":")[2])

        with pytest.raises(OSError, match="address already in use"):
            async with serve_site(a_catalogue(), port):
                pass


async def fetch(site: Site, path: str) -> bytes:
    return await converse(site, f"GET {path} HTTP/1.1\r\nHost: site\r\n\r\n".encode())


async def converse(site: Site, sent: bytes) -> bytes:
    reader, writer = await open_connection(site)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), timeout=30)
    writer.close()
    return received


async def open_connection(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = site.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def test_visitors_may_know_it_by_a_name() -> None:
    async with serve_site(demo_catalogue(), name="demo-site") as site:
        assert site.url.startswith("http://demo-site:")
        assert site.feed_url.startswith(site.url)

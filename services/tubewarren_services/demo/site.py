"""The demo's media site: serves a catalogue on loopback, each video with its own behaviour."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from tubewarren_services.demo.catalogue import (
    EMPTY_FEED,
    FLAKY_FEED,
    GONE_FEED,
    MAIN_FEED,
    Behaviour,
    Catalogue,
    CataloguedFeed,
    Expected,
    demo_catalogue,
)
from tubewarren_services.demo.exchange import Reply, Request, UnreadableRequestError, parse_request
from tubewarren_services.demo.feed import FeedItem, rss
from tubewarren_services.demo.media import melody
from tubewarren_services.demo.treatment import MEDIA_TYPE, Offer, Visit, media_reply, refusal

LOOPBACK = "127.0.0.1"

_REQUEST_TIMEOUT = timedelta(seconds=30)
_TRICKLES_PER_SECOND = 10


@dataclass(frozen=True, slots=True)
class SiteVideo:
    """A video as a running site serves it.

    Attributes:
        slug: its name; yt-dlp takes it for the video's id.
        url: where it is.
        sha256: of the whole file, in hexadecimal.
        size_bytes: of the whole file.
        behaviour: how the site treats those who ask for it.
        expected: how it ends in a system that works.
    """

    slug: str
    url: str
    sha256: str
    size_bytes: int
    behaviour: Behaviour
    expected: Expected


class Site:
    """A media site; what it remembers of its visitors ends with it.

    Attributes:
        url: where it is reached, without a slash at the end.
        visits: every request that was answered, in order.
    """

    def __init__(self, catalogue: Catalogue, url: str) -> None:
        """Make the sound of every video in the catalogue."""
        self.url = url
        self.visits: list[Visit] = []
        offers = (Offer.of(plan, melody(plan.slug, plan.duration)) for plan in catalogue.videos)
        self._offers = {f"/media/{offer.plan.slug}.wav": offer for offer in offers}
        self._feeds = {feed.path: feed for feed in catalogue.feeds}

    @property
    def feed_url(self) -> str:
        """The feed that lists most videos."""
        return self.url + MAIN_FEED

    @property
    def flaky_feed_url(self) -> str:
        """A smaller feed that shares videos with the first one, and fails before it works."""
        return self.url + FLAKY_FEED

    @property
    def empty_feed_url(self) -> str:
        """A valid feed that lists nothing."""
        return self.url + EMPTY_FEED

    @property
    def gone_feed_url(self) -> str:
        """Where no feed is."""
        return self.url + GONE_FEED

    @property
    def videos(self) -> tuple[SiteVideo, ...]:
        """Every video that the site serves, in the catalogue's order."""
        return tuple(self._video(path, offer) for path, offer in self._offers.items())

    @property
    def requests(self) -> Counter[str]:
        """How many requests each path has had, of any method."""
        return Counter(visit.path for visit in self.visits)

    def answer(self, request: Request) -> Reply:
        """Decide what this visitor gets, and remember the visit. A HEAD request uses up no misbehaviour."""
        earlier = [visit for visit in self.visits if visit.path == request.path and visit.method == "GET"]
        reply = self._decide(request, earlier)
        self.visits.append(Visit(request.method, request.path, request.range_header, reply.status))
        return replace(reply, sent_bytes=0) if request.method == "HEAD" else reply

    def _decide(self, request: Request, earlier: Sequence[Visit]) -> Reply:
        if request.method not in {"GET", "HEAD"}:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
        if feed := self._feeds.get(request.path):
            return self._feed_reply(feed, earlier)
        if offer := self._offers.get(request.path):
            return media_reply(offer, request, earlier)
        return refusal(HTTPStatus.NOT_FOUND)

    def _feed_reply(self, feed: CataloguedFeed, earlier: Sequence[Visit]) -> Reply:
        if len(earlier) < feed.failures:
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR)
        listed = {offer.plan.slug: self._feed_item(path, offer) for path, offer in self._offers.items()}
        headers = {"Content-Type": "application/rss+xml; charset=utf-8"}
        return Reply(HTTPStatus.OK, headers, rss(feed.title, self.url, (listed[slug] for slug in feed.slugs)))

    def _feed_item(self, path: str, offer: Offer) -> FeedItem:
        return FeedItem(offer.plan.title, self.url + path, len(offer.sound), offer.plan.duration, MEDIA_TYPE)

    def _video(self, path: str, offer: Offer) -> SiteVideo:
        return SiteVideo(
            slug=offer.plan.slug,
            url=self.url + path,
            sha256=offer.sha256,
            size_bytes=len(offer.sound),
            behaviour=offer.plan.behaviour,
            expected=offer.plan.behaviour.expected,
        )


@contextlib.asynccontextmanager
async def serve_site(catalogue: Catalogue, port: int = 0, host: str = LOOPBACK, name: str = "") -> AsyncIterator[Site]:
    """Serve a catalogue for as long as the context lasts; visitors still there at its end are cut off.

    Args:
        catalogue: what to serve.
        port: 0 takes any free one; `Site.url` tells which.
        host: the address to listen on.
        name: the host by which visitors reach it; by default the address.

    Raises:
        OSError: the address is taken or not ours; choose another port.
    """
    conversations: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_converse(site, reader, writer))
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_server(welcome, host, port, start_serving=False)
    # The port is known only now, and the feeds name it.
    site = Site(catalogue, f"http://{name or host}:{server.sockets[0].getsockname()[1]}")
    await server.start_serving()
    try:
        yield site
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await server.wait_closed()


async def main(port: int = 0, host: str = LOOPBACK, *, ready: Callable[[Site], None]) -> None:
    """Serve the demo's catalogue until cancelled; `ready` is told once visitors can come.

    Raises:
        OSError: the address is taken or not ours; choose another port.
    """
    async with serve_site(demo_catalogue(), port, host) as site:
        ready(site)
        await asyncio.Event().wait()


async def _converse(site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A visitor who leaves early is everyday life here: yt-dlp does so once for every video.
    left_early = (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
    try:
        with contextlib.suppress(*left_early):
            await _send(await _reply(site, reader), writer)
            writer.close()
            await writer.wait_closed()
    finally:
        writer.transport.abort()


async def _reply(site: Site, reader: asyncio.StreamReader) -> Reply:
    async with asyncio.timeout(_REQUEST_TIMEOUT.total_seconds()):
        head = await reader.readuntil(b"\r\n\r\n")
    try:
        return site.answer(parse_request(head))
    except UnreadableRequestError:
        return refusal(HTTPStatus.BAD_REQUEST)


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> None:
    writer.write(reply.head)
    body = memoryview(reply.body)[: reply.sent_bytes]
    if reply.bytes_per_second is None:
        writer.write(body)
        await writer.drain()
        return
    step = max(1, reply.bytes_per_second // _TRICKLES_PER_SECOND)
    for start in range(0, len(body), step):
        writer.write(body[start : start + step])
        await writer.drain()
        await asyncio.sleep(1 / _TRICKLES_PER_SECOND)

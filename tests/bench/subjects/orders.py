"""The messages of the bench, the same for every subject: orders of ours to download a video."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import ListedVideo, VideoClaimed, VideosQueued
from tubewarren.topology import route, topology

PAGE: Final = 100
"""Orders that the source-expander gives at once."""
_SOURCE: Final = "4711"
_COLUMNS: Final = {"Name": "A source of the bench", "Folder": "bench"}


def orders(count: int, prefix: str = "b") -> Iterator[DownloadVideo]:
    """So many orders, as the source-expander gives them."""
    for number in range(count):
        video_id = f"{prefix}{number:0{11 - len(prefix)}}"
        yield DownloadVideo(
            video_id=video_id,
            url=f"https://www.youtube.com/watch?v={video_id}",
            source_id=_SOURCE,
            title=f"A video of the bench, number {number} of {count}",
            duration_seconds=213.0,
            columns=_COLUMNS,
        )


def event_of(order: DownloadVideo) -> VideoClaimed:
    """What is told of an order before its ack."""
    return VideoClaimed(
        at=datetime.now(UTC), source_id=order.source_id, video_id=order.video_id, worker="bench", egress="", attempt=1
    )


def pages(count: int) -> Iterator[list[DownloadVideo]]:
    """Orders by the page."""
    every = orders(count)
    while page := list(islice(every, PAGE)):
        yield page


def listing_of(page: Iterable[DownloadVideo]) -> VideosQueued:
    """What is told of a page before its orders are given."""
    videos = (
        ListedVideo(video_id=each.video_id, url=each.url, title=each.title, duration_seconds=each.duration_seconds)
        for each in page
    )
    return VideosQueued(at=datetime.now(UTC), source_id=_SOURCE, videos=tuple(videos))


def plain_queue() -> str:
    """The one queue that all of the orders come into."""
    ways = {route(order) for order in orders(1)}
    (found,) = (each for each in topology().queues if not ways.isdisjoint(each.bindings))
    return found.name

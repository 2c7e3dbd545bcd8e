"""A channel-like RSS feed, in the shape that podcasts use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from xml.sax.saxutils import escape, quoteattr

_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One video in a feed.

    Attributes:
        title: for people.
        url: of the media itself.
        size_bytes: of the media.
        duration: how long it plays.
        media_type: as in `Content-Type`.
    """

    title: str
    url: str
    size_bytes: int
    duration: timedelta
    media_type: str


def rss(title: str, link: str, items: Iterable[FeedItem]) -> bytes:
    """An RSS 2.0 document.

    Items have no `guid`: yt-dlp would hide it in the fragment of every address that it lists.
    """
    listed = "".join(_item(item) for item in items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<rss version="2.0" xmlns:itunes={quoteattr(_ITUNES)}><channel>\n'
        f"<title>{escape(title)}</title><link>{escape(link)}</link>"
        f"<description>{escape(title)}</description>\n{listed}</channel></rss>\n"
    ).encode()


def _item(item: FeedItem) -> str:
    return (
        f"<item><title>{escape(item.title)}</title><link>{escape(item.url)}</link>"
        f'<enclosure url={quoteattr(item.url)} length="{item.size_bytes}" type={quoteattr(item.media_type)}/>'
        f"<itunes:duration>{round(item.duration.total_seconds())}</itunes:duration></item>\n"
    )

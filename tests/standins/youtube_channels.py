"""What YouTube's pages say about a channel and its tabs, as far as yt-dlp's listing reads it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from standins.youtube_pages import Json, Playlist, continuation_item

Tab = Literal["videos", "shorts", "streams"]

PAGE_SIZES: Mapping[str, int] = {"videos": 30, "shorts": 48, "streams": 30}
FEED_SIZE = 15

_TITLES = {"videos": "Videos", "shorts": "Shorts", "streams": "Live"}
_PREFIXES = {"videos": "UULF", "shorts": "UUSH", "streams": "UULV"}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; a tab without entries is not there.

    Attributes:
        channel_id: `UC...`, 24 characters.
        names: further paths that lead here: `@handle`, `c/name`, `user/name`.
        hidden: private videos, which only the list of all uploads knows of.
        live: the id of the stream that runs now.
        alert: what YouTube says instead of showing it: terminated, deleted.
        moved_to: the path of the channel that visitors of this one are sent to.
    """

    channel_id: str = "UCstandin-channel-012345"
    names: tuple[str, ...] = ("@standin",)
    title: str = "The stand-in's channel"
    videos: int = 0
    shorts: int = 0
    streams: int = 0
    hidden: int = 0
    live: str = ""
    alert: str = ""
    moved_to: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return (f"channel/{self.channel_id}", *self.names)

    @property
    def counts(self) -> dict[str, int]:
        """Entries by tab, of those that are there."""
        counts = {"videos": self.videos, "shorts": self.shorts, "streams": self.streams}
        return {tab: count for tab, count in counts.items() if count}

    @property
    def uploads_id(self) -> str:
        return f"UU{self.channel_id[2:]}"

    def list_id(self, tab: str) -> str:
        return f"{_PREFIXES[tab]}{self.channel_id[2:]}"

    def playlist(self, tab: str) -> Playlist:
        """The list that YouTube keeps of a tab."""
        return Playlist(self.list_id(tab), self.counts[tab], f"{_TITLES[tab]} of {self.title}")

    def video_ids(self, tab: str) -> list[str]:
        return self.playlist(tab).video_ids if tab in self.counts else []

    @property
    def lists(self) -> list[Playlist]:
        """The lists that YouTube keeps of a channel: one of all uploads, and one of each tab."""
        tabs = [self.playlist(tab) for tab in self.counts]
        hidden = Playlist(f"hidden-of-{self.channel_id}", self.hidden, "").video_ids
        ids = tuple(video_id for each in tabs for video_id in each.video_ids) + tuple(hidden)
        if not ids:
            return []
        titles = dict.fromkeys(range(len(ids) - self.hidden, len(ids)), "[Private video]")
        return [Playlist(self.uploads_id, len(ids), f"Uploads from {self.title}", titles, ids), *tabs]


def tab_page(channel: Channel, path: str, tab: str) -> Json:
    """The initial data of a tab's page; of the channel's home, where there is no such tab.

    Args:
        path: by which the channel was reached, without the tab.
    """
    if channel.alert:
        alert = {"alertRenderer": {"type": "ERROR", "text": {"simpleText": channel.alert}}}
        return {"contents": {"twoColumnBrowseResultsRenderer": {"tabs": []}}, "alerts": [alert]}
    if channel.moved_to:
        moved = {"endpoint": {"commandMetadata": {"webCommandMetadata": {"url": f"/{channel.moved_to}"}}}}
        return {"onResponseReceivedActions": [{"navigateAction": moved}]}
    if tab == "live" and channel.live:
        return {"currentVideoEndpoint": {"watchEndpoint": {"videoId": channel.live}}}
    selected = tab if tab in channel.counts else "featured"
    tabs = [_tab(channel, path, each, is_selected=each == selected) for each in ("featured", *channel.counts)]
    return {
        "contents": {"twoColumnBrowseResultsRenderer": {"tabs": tabs}},
        "metadata": {"channelMetadataRenderer": _metadata(channel)},
    }


def tab_continuation(channel: Channel, tab: str, page: int) -> Json:
    appended = {"continuationItems": _tab_items(channel, tab, page)}
    return {"onResponseReceivedActions": [{"appendContinuationItemsAction": appended}]}


def feed(title: str, video_ids: list[str]) -> str:
    """The Atom feed of a channel or a playlist: its newest videos."""
    entries = "".join(
        f"<entry><id>yt:video:{video_id}</id><yt:videoId>{video_id}</yt:videoId><title>Video {video_id}</title>"
        f'<link rel="alternate" href="https://www.youtube.com/watch?v={video_id}"/>'
        "<published>2026-11-01T12:00:00+00:00</published></entry>"
        for video_id in video_ids[:FEED_SIZE]
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{escape(title)}</title>{entries}</feed>"
    )


def _tab(channel: Channel, path: str, tab: str, *, is_selected: bool) -> Json:
    url = {"commandMetadata": {"webCommandMetadata": {"url": f"/{path}/{tab}"}}}
    renderer: Json = {"title": _TITLES.get(tab, "Home"), "endpoint": url}
    if is_selected:
        items = [] if tab == "featured" else _tab_items(channel, tab, page=0)
        renderer |= {"selected": True, "content": {"richGridRenderer": {"contents": items}}}
    return {"tabRenderer": renderer}


def _metadata(channel: Channel) -> Json:
    metadata: Json = {"title": channel.title, "externalId": channel.channel_id, "description": "It plays a channel."}
    handles = [name for name in channel.names if name.startswith("@")]
    return metadata | {"ownerUrls": [f"https://www.youtube.com/{handle}" for handle in handles]}


def _tab_items(channel: Channel, tab: str, page: int) -> list[Json]:
    size, playlist = PAGE_SIZES[tab], channel.playlist(tab)
    end = min(playlist.count, (page + 1) * size)
    item = _short if tab == "shorts" else _lockup
    items: list[Json] = [{"richItemRenderer": {"content": item(playlist, index)}} for index in range(page * size, end)]
    if end < playlist.count:
        items.append(continuation_item(f"{channel.channel_id}/{tab}/{page + 1}"))
    return items


def _lockup(playlist: Playlist, index: int) -> Json:
    seconds = 60 + index % 600
    badge = {"thumbnailBadgeViewModel": {"text": f"{seconds // 60}:{seconds % 60:02}"}}
    overlay = {"thumbnailOverlayBadgeViewModel": {"thumbnailBadges": [badge]}}
    metadata = {"lockupMetadataViewModel": {"title": {"content": playlist.title_of(index)}}}
    return {
        "lockupViewModel": {
            "contentId": playlist.video_id(index),
            "contentType": "LOCKUP_CONTENT_TYPE_VIDEO",
            "contentImage": {"thumbnailViewModel": {"overlays": [overlay]}},
            "metadata": metadata,
        }
    }


def _short(playlist: Playlist, index: int) -> Json:
    video_id = playlist.video_id(index)
    return {
        "shortsLockupViewModel": {
            "entityId": f"shorts-shelf-item-{video_id}",
            "onTap": {"innertubeCommand": {"reelWatchEndpoint": {"videoId": video_id}}},
            "overlayMetadata": {"primaryText": {"content": playlist.title_of(index)}},
        }
    }

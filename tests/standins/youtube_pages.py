"""What YouTube's pages say about a playlist, as far as yt-dlp's listing reads it. Pure."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

PAGE_SIZE = 100
CHANNEL_ID = "UCstandin-channel-012345"
CHANNEL_NAME = "The stand-in's channel"

NOTHING_HIDDEN: Mapping[int, str] = MappingProxyType({})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Playlist:
    """A list.

    Attributes:
        hidden: the entries that are shown only to those who ask for hidden ones, with the words instead of a title.
        ids: of its videos, where they are those of other lists.
        breaks_off_after: so many pages, though more entries are counted; 0 for a list that is whole.
    """

    list_id: str
    count: int
    title: str
    hidden: Mapping[int, str] = field(default_factory=lambda: NOTHING_HIDDEN)
    ids: tuple[str, ...] = ()
    breaks_off_after: int = 0

    @property
    def pages(self) -> int:
        """An empty playlist has one page, too."""
        return max(1, -(-self.count // PAGE_SIZE))

    def video_id(self, index: int) -> str:
        if self.ids:
            return self.ids[index]
        digest = hashlib.sha256(f"{self.list_id}/{index}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode()[:11]

    @property
    def video_ids(self) -> list[str]:
        return [self.video_id(index) for index in range(self.count)]

    def title_of(self, index: int) -> str:
        return self.hidden.get(index) or f"Video {index + 1} of {self.title}"


def continuation_token(list_id: str, page: int) -> str:
    return f"{list_id}/{page}"


def parse_continuation_token(token: str) -> tuple[str, int]:
    list_id, _, page = token.rpartition("/")
    return list_id, int(page)


def watch_page(initial_data: Json) -> str:
    """The HTML around what YouTube calls the initial data."""
    return (
        "<!DOCTYPE html><html><head><title>YouTube</title>"
        '<script>ytcfg.set({"INNERTUBE_CONTEXT_CLIENT_NAME": 1, "VISITOR_DATA": "standin"});</script></head>'
        f"<body><script>var ytInitialData = {json.dumps(initial_data)};</script></body></html>"
    )


def first_page(playlist: Playlist, *, shows_hidden: bool = True) -> Json:
    """The first entries; hidden ones only to those who ask for them, though they are always counted."""
    contents = _page_items(playlist, page=0, shows_hidden=shows_hidden)
    items = {"playlistVideoListRenderer": {"playlistId": playlist.list_id, "contents": contents}}
    section = {"itemSectionRenderer": {"contents": [items]}}
    tab = {"selected": True, "content": {"sectionListRenderer": {"contents": [section]}}}
    return {
        "contents": {"twoColumnBrowseResultsRenderer": {"tabs": [{"tabRenderer": tab}]}},
        "metadata": {"playlistMetadataRenderer": {"title": playlist.title}},
        "sidebar": {"playlistSidebarRenderer": {"items": [_sidebar(playlist), _sidebar_owner()]}},
    }


def continuation_page(playlist: Playlist, page: int) -> Json:
    appended = {"continuationItems": _page_items(playlist, page), "targetId": playlist.list_id}
    return {"onResponseReceivedActions": [{"appendContinuationItemsAction": appended}]}


def missing_playlist() -> Json:
    alert = {"type": "ERROR", "text": {"runs": [{"text": "The playlist does not exist."}]}}
    return {"contents": {"twoColumnBrowseResultsRenderer": {"tabs": []}}, "alerts": [{"alertRenderer": alert}]}


def resolved(browse_id: str) -> Json:
    return {"endpoint": {"browseEndpoint": {"browseId": browse_id}}}


def error(status: int, message: str) -> Json:
    return {"error": {"code": status, "message": message}}


def continuation_item(token: str) -> Json:
    command = {"token": token, "request": "CONTINUATION_REQUEST_TYPE_BROWSE"}
    return {"continuationItemRenderer": {"continuationEndpoint": {"continuationCommand": command}}}


def _page_items(playlist: Playlist, page: int, *, shows_hidden: bool = True) -> list[Json]:
    indexes = range(page * PAGE_SIZE, min(playlist.count, (page + 1) * PAGE_SIZE))
    items = [_video(playlist, index) for index in indexes if shows_hidden or index not in playlist.hidden]
    if page + 1 < playlist.pages and page + 1 != playlist.breaks_off_after:
        items.append(continuation_item(continuation_token(playlist.list_id, page + 1)))
    return items


def _video(playlist: Playlist, index: int) -> Json:
    seconds = 60 + index % 600
    return {
        "playlistVideoRenderer": {
            "videoId": playlist.video_id(index),
            "title": {"runs": [{"text": playlist.title_of(index)}]},
            "index": {"simpleText": str(index + 1)},
            "lengthSeconds": str(seconds),
            "lengthText": {"simpleText": f"{seconds // 60}:{seconds % 60:02}"},
            "shortBylineText": {"runs": [_owner_run()]},
            "videoInfo": {"runs": [{"text": "1.2K views"}, {"text": " • "}, {"text": "2 years ago"}]},
            "isPlayable": index not in playlist.hidden,
        }
    }


def _sidebar(playlist: Playlist) -> Json:
    stats = [{"runs": [{"text": str(playlist.count)}, {"text": " videos"}]}, {"simpleText": "1,234 views"}]
    return {"playlistSidebarPrimaryInfoRenderer": {"stats": stats}}


def _sidebar_owner() -> Json:
    owner = {"videoOwnerRenderer": {"title": {"runs": [_owner_run()]}}}
    return {"playlistSidebarSecondaryInfoRenderer": {"videoOwner": owner}}


def _owner_run() -> Json:
    endpoint = {"browseId": CHANNEL_ID, "canonicalBaseUrl": "/@standin"}
    return {"text": CHANNEL_NAME, "navigationEndpoint": {"browseEndpoint": endpoint}}

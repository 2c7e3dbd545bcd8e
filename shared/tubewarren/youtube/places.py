"""Places on YouTube: whether an address leads to a video, a playlist, a channel, or what cannot be listed. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote

TABS: Final = ("videos", "shorts", "streams")
"""The tabs of a channel that hold its own videos, which together are what a bare channel address lists."""

SHORT_HOST: Final = "youtu.be"
"""Where the path is a video's id."""

_SITE = "https://www.youtube.com"
_MUSIC_HOST = "music.youtube.com"
_VIDEO_ID = re.compile(r"[0-9A-Za-z_-]{11}")
_CHANNEL_ID = re.compile(r"UC[0-9A-Za-z_-]{22}")
_TAB_PREFIXES: Final = {"videos": "UULF", "shorts": "UUSH", "streams": "UULV"}
_UPLOADS = re.compile(r"(UU|UULF|UUSH|UULV)([0-9A-Za-z_-]{22})")
# RDCLAK are playlists that the editors of YouTube Music made, with an end and the same for everybody.
_MIX = re.compile(r"(?!RDCLAK5uy_)RD.*|UL.*")
_VIDEO_PATHS = frozenset({"watch", "watch_popup", "shorts", "embed", "live", "v", "e"})
# As long as an id, and none.
_NO_VIDEO_IDS = frozenset({"videoseries", "live_stream"})
_CHANNEL_PATHS = frozenset({"channel", "c", "user"})
_OTHER_TABS = frozenset({"", "featured", "live", "playlists", "podcasts", "releases", "courses", "membership"})
# What else stands where an old channel may have its bare name.
# fmt: off
_NO_CHANNEL_NAMES = frozenset(
    {
        "about", "attribution_link", "browse", "courses", "embed", "explore", "feeds", "get_video_info",
        "iframe_api", "index", "kids", "live", "logout", "movies", "music", "oembed", "oops", "playables",
        "redirect", "s", "shared", "shorts", "signin", "storefront", "t", "trending", "upload", "v", "watch",
    }
)
# fmt: on
_LONGEST_CHANNEL_PATH = 2

_ASK_FOR_SOURCE = "write the address of a channel, a playlist or a video"
_MIX_REFUSED = (
    "this is a mix, which YouTube makes up anew for everyone who looks and which has no end; write the address of a "
    "playlist, or of the video alone"
)
_SEARCH_REFUSED = (
    "this is a search, which finds something else every time and has no end; write the addresses of the channels, "
    "playlists or videos that you want of it"
)
_PERSONAL_REFUSED = (
    "this is seen by whoever is signed in, and by each one differently; put the videos into a playlist of your own, "
    "public or unlisted, and write its address"
)
_CLIP_REFUSED = "this is a clip, a part of a video; write the address of the video"
_NO_VIDEOS_REFUSED = "this part of a channel holds no videos of its own; write the address of the channel"
_NO_SOURCE_REFUSED = f"this page of YouTube is no source; {_ASK_FOR_SOURCE}"

_REFUSED_LISTS: Final = dict.fromkeys(("WL", "LL", "LM", "HL"), _PERSONAL_REFUSED)
_REFUSED_PATHS: Final = {
    "": f"this is the front page of YouTube; {_ASK_FOR_SOURCE}",
    "results": _SEARCH_REFUSED,
    "search": _SEARCH_REFUSED,
    "hashtag": _SEARCH_REFUSED,
    "source": _SEARCH_REFUSED,
    "feed": _PERSONAL_REFUSED,
    "clip": _CLIP_REFUSED,
    "post": _NO_SOURCE_REFUSED,
    "gaming": _NO_SOURCE_REFUSED,
    "premium": _NO_SOURCE_REFUSED,
    "account": _NO_SOURCE_REFUSED,
}
_REFUSED_TABS: Final = {
    **dict.fromkeys(("community", "posts", "about", "store", "channels", "discussion"), _NO_VIDEOS_REFUSED),
    "search": _SEARCH_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """What an address leads to.

    Attributes:
        url: the one spelling for the many ways to it; empty where there is none.
        tab: of a channel, as the address names it; empty for a bare channel, and for everything else.
        refusal: why nothing can be listed there, and what to do; empty where something can.
    """

    kind: Literal["video", "playlist", "channel", "other"]
    url: str = ""
    tab: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Uploads:
    """A list that YouTube keeps of what a channel uploaded; without a tab it holds everything."""

    channel_id: str
    tab: str = ""


def place_at(parts: SplitResult) -> Place | None:  # noqa: PLR0911 - one for each kind of address
    """What an address on one of YouTube's hosts leads to, as far as it tells; nothing when it does not."""
    query = dict(parse_qsl(parts.query))
    host, steps = (
        (parts.hostname or "").lower(),
        [step for each in parts.path.split("/") if (step := unquote(each).strip())],
    )
    first = steps[0] if steps else ""
    if host == SHORT_HOST:
        return _video(first) or _no_place()
    if first in _VIDEO_PATHS or (not steps and "v" in query):
        return _watched(query, "".join(steps[1:2]))
    match steps:
        case ["playlist", *_]:
            return _playlist(query.get("list", ""))
        case ["feeds", "videos.xml"]:
            return _fed(query)
        case ["browse", name, *_]:
            return _browsed(host, name)
        case _ if first in _REFUSED_PATHS:
            return Place("other", refusal=_REFUSED_PATHS[first])
        case _:
            return _channel(steps)


def tab_list(channel_id: str, tab: str) -> str:
    """The address of the list that YouTube keeps of a channel's tab; see `TABS`. Not every channel has it."""
    return f"{_SITE}/playlist?list={_TAB_PREFIXES[tab]}{channel_id.removeprefix('UC')}"


def feed_of(channel_id: str) -> str:
    """The address of the feed that tells a channel's newest 15 videos, whatever tab they are in."""
    return f"{_SITE}/feeds/videos.xml?channel_id={channel_id}"


def uploads_in(list_id: str) -> Uploads | None:
    """Whose uploads a list holds, when its id says that it is one that YouTube keeps of a channel."""
    found = _UPLOADS.fullmatch(list_id)
    if found is None:
        return None
    tabs = {prefix: tab for tab, prefix in _TAB_PREFIXES.items()}
    return Uploads(f"UC{found[2]}", tabs.get(found[1], ""))


def _no_place() -> Place:
    return Place("other", refusal=_NO_SOURCE_REFUSED)


def _watched(query: Mapping[str, str], step: str) -> Place | None:
    """A video wins over the list that it was watched in: whoever copies it from the browser means what they saw."""
    return _video(step) or _video(query.get("v", "")) or (_playlist(query["list"]) if query.get("list") else None)


def _video(video_id: str) -> Place | None:
    is_one = _VIDEO_ID.fullmatch(video_id) and video_id not in _NO_VIDEO_IDS
    return Place("video", f"{_SITE}/watch?v={video_id}") if is_one else None


def _playlist(list_id: str) -> Place:
    refusal = _REFUSED_LISTS.get(list_id) or (_MIX_REFUSED if _MIX.fullmatch(list_id) else "")
    url = f"{_SITE}/playlist?list={quote(list_id, safe='')}" if list_id else ""
    return Place("playlist", url, refusal=refusal or ("" if list_id else _NO_SOURCE_REFUSED))


def _fed(query: Mapping[str, str]) -> Place | None:
    """The channel or playlist behind a feed, which itself tells only of the newest 15 videos."""
    if "playlist_id" in query:
        return _playlist(query["playlist_id"])
    return _channel(["channel", query["channel_id"]]) if "channel_id" in query else None


def _browsed(host: str, name: str) -> Place | None:
    """What YouTube Music calls by other names."""
    if _CHANNEL_ID.fullmatch(name):
        return _channel(["channel", name])
    if name.startswith("VL"):
        return _playlist(name.removeprefix("VL"))
    # Only there does an album lead to its list.
    return Place("other", f"https://{_MUSIC_HOST}/browse/{quote(name, safe='')}") if host == _MUSIC_HOST else None


def _channel(steps: Sequence[str]) -> Place | None:
    width = _LONGEST_CHANNEL_PATH if steps[0] in _CHANNEL_PATHS else 1
    tab = "".join(steps[width : width + 1]).lower()
    if len(steps) < width:
        return _no_place()
    if width == 1 and not steps[0].startswith("@") and not _may_be_channel(steps[0], tab):
        return None
    # Handles are one and the same in any case; channel ids are not.
    name = [steps[0].lower()] if steps[0].startswith("@") else list(steps[:width])
    tab = "" if tab == "featured" else tab
    path = "/".join(quote(step, safe="@:!$&'()*+,;=~") for step in [*name, *([tab] if tab else [])])
    return Place("channel", f"{_SITE}/{path}", tab, refusal=_REFUSED_TABS.get(tab, ""))


def _may_be_channel(name: str, tab: str) -> bool:
    """Old channels have a bare name at the top, among other things of YouTube's."""
    return name not in _NO_CHANNEL_NAMES and tab in {*_OTHER_TABS, *TABS, *_REFUSED_TABS}

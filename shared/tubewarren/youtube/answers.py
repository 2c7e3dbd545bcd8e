"""Answers of yt-dlp about lists and their entries, and what they mean to us. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.addresses import place_of
from tubewarren.youtube.places import TABS, uploads_in

Info = Mapping[str, Any]
"""What yt-dlp tells of one address or entry."""

TRAILER_ONLY = Failure(
    kind=FailureKind.GATED,
    reason="YouTube shows only a trailer: give this worker the cookies of an account that has paid for the video.",
    rule="trailer-only",
)
"""What it is when another video comes in place of the one that was asked for."""

_HIDDEN = {
    "[Private video]": "a private video",
    "[Deleted video]": "a deleted video",
    "[Unavailable video]": "an unavailable video",
}
_LISTS = frozenset({"playlist", "multi_video", "compat_list"})
_REFERENCES = frozenset({"url", "url_transparent"})


@dataclass(frozen=True, slots=True)
class Around:
    """The list that entries stand in, and what it says of them.

    Attributes:
        holds_one: whether its address is that of its one entry, too.
        tab: of a channel, as its address names it.
        channel_id: of the channel that is listed.
    """

    page_url: str = ""
    holds_one: bool = False
    tab: str = ""
    channel_id: str = ""

    @property
    def is_tab(self) -> bool:
        """Whether this is a tab of a known channel, and neither all of it nor a list that was kept of it."""
        place = place_of(self.page_url)
        return place is not None and place.kind == "channel" and place.tab in TABS and self.channel_id.startswith("UC")


NOWHERE = Around()


def around_of(info: Info, outer: Around) -> Around:
    """What a list says of its entries, where it stands in another list itself."""
    url, listed = str(info.get("webpage_url") or outer.page_url), info.get("entries")
    inherited = replace(outer, page_url=url, holds_one=isinstance(listed, list) and len(listed) == 1)
    if (place := place_of(url)) and place.kind == "channel":
        channel_id = str(info.get("channel_id") or outer.channel_id)
        return replace(inherited, tab=place.tab or outer.tab, channel_id=channel_id)
    if uploads := uploads_in(str(info.get("id"))):
        return replace(inherited, tab=uploads.tab or outer.tab, channel_id=uploads.channel_id)
    return inherited


def address_of(entry: Info, around: Around) -> str:
    """Where an entry can be had by itself; empty where it cannot."""
    if is_reference(entry):
        return plain(str(entry.get("url") or ""))
    # Some sites tell everything about each entry at once: then the file's address is all that it has.
    whole = "" if entry.get("formats") else entry.get("url")
    return plain(str(entry.get("webpage_url") or whole or (around.page_url if around.holds_one else "") or ""))


def is_list(info: Info) -> bool:
    """Whether this is a list that is told at once, as far as its entries go."""
    return _type(info) in _LISTS


def is_reference(info: Info) -> bool:
    """Whether this only names another address."""
    return _type(info) in _REFERENCES


def is_trailer(url: str, info: Info) -> bool:
    """Whether the answer to a video's address only names another video."""
    place = place_of(url)
    is_asked_for = place is not None and place.kind == "video"
    return is_asked_for and info.get("ie_key") == "Youtube" and str(info.get("id")) not in url


def hidden_as(title: str) -> str:
    """What kind of hidden entry has this title; empty for one that is not hidden."""
    return _HIDDEN.get(title, "")


def items(info: Info) -> Iterable[Any]:
    """The entries of a list, which may be a generator that makes requests."""
    entries = info.get("entries")
    return () if entries is None else iter(entries)


def announced(info: Info) -> int:
    """How many entries a list says that it has; 0 when it does not say."""
    count = info.get("playlist_count")
    return count if isinstance(count, int) else 0


def plain(url: str) -> str:
    """An address without what yt-dlp smuggles along for itself."""
    return url.partition("#__youtubedl_smuggle")[0]


def seconds(value: object) -> float | None:
    """A duration, if it is one."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _type(info: Info) -> str:
    return str(info.get("_type") or "video")

"""News: what tells that a list which was read before has nothing new, without reading all of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from yt_dlp.networking.exceptions import RequestError

from tubewarren.youtube.filters import EVERYTHING, Filter, against_entry
from tubewarren.youtube.places import feed_of
from tubewarren.youtube.wire import Entry

_VIDEO_IN_FEED: Final = re.compile(r"<yt:videoId>([0-9A-Za-z_-]{11})</yt:videoId>")
_ENOUGH_IN_A_ROW: Final = 20
"""Known videos, in a list that begins with the newest, behind which nothing new is to be expected: a page of a tab has
30, and now and then something old is pinned, or comes out of a premiere."""
_MOST_FEED_BYTES: Final = 1_000_000


@dataclass(slots=True)
class News:
    """What is known of a list, and how much of that was met in a row.

    Attributes:
        known: the keys of its videos.
        wanted: what is left out by it was never known, and says nothing.
        channel_id: the channel that it is; empty for what is none, or while that is unknown.
    """

    known: Collection[str]
    channel_id: str = ""
    wanted: Filter = EVERYTHING
    _in_a_row: int = field(default=0)

    def begin(self) -> None:
        """Another list begins, or goes on after one within it."""
        self._in_a_row = 0

    def meet(self, entry: Entry) -> None:
        """The next entry of a list that begins with the newest."""
        if entry.key in self.known:
            self._in_a_row += 1
        elif not against_entry(self.wanted, entry.title, entry.duration_seconds, entry.tab):
            self._in_a_row = 0

    @property
    def is_enough(self) -> bool:
        """Whether the rest of this list is known."""
        return self._in_a_row >= _ENOUGH_IN_A_ROW

    def is_none_in_feed(self, ydl: Any) -> bool:  # noqa: ANN401 - yt-dlp has no types
        """Whether the channel's feed, which costs one request, shows known videos only.

        The feed has the newest 15 of all tabs. One that cannot be had says nothing.
        """
        if not self.channel_id:
            return False
        try:
            with ydl.urlopen(feed_of(self.channel_id)) as answer:
                page = answer.read(_MOST_FEED_BYTES).decode("utf-8", "replace")
        except (RequestError, OSError):
            return False
        shown = _VIDEO_IN_FEED.findall(page)
        return bool(shown) and all(video_id in self.known for video_id in shown)

"""Listing: the videos of a source one by one, as its pages are read, in a process that may be killed.

How a channel is listed. One request shows its first page: which tabs it has, its id, and the newest videos. Where a tab
has more than its first page, the rest comes from the list that YouTube keeps of that tab (UULF, UUSH, UULV): it has 100
entries a page, where the tab has 30, and it announces how many there are, so that a truncated one is noticed. The one
list of all uploads (UU) would cost still less, but does not say what is a short and what was a stream. These lists are
not documented: where one is missing, broke off, or has nothing to do with its tab, the tab is read page by page.
"""

from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import yt_dlp

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.addresses import YOUTUBE_HOSTS, check_address, place_of, video_key
from tubewarren.youtube.answers import (
    NOWHERE,
    TRAILER_ONLY,
    Around,
    Info,
    address_of,
    announced,
    around_of,
    hidden_as,
    is_list,
    is_reference,
    is_trailer,
    items,
    plain,
    seconds,
)
from tubewarren.youtube.errors import AddressRefusedError, ProcessingFailedError
from tubewarren.youtube.failures import failure_of
from tubewarren.youtube.first_page import FrugalYoutubeDL, first_page
from tubewarren.youtube.job import Options
from tubewarren.youtube.news import News
from tubewarren.youtube.options import merged
from tubewarren.youtube.places import tab_list
from tubewarren.youtube.rules import NO_USER_RULES, UserRules
from tubewarren.youtube.wire import Entry
from tubewarren.youtube.ytdlp_log import CapturingLogger

_MOST_REDIRECTS = 8
_DEEPEST_NESTING = 4
_LONGEST_TITLE = 500
# Extractors whose result is always a list, though they do not say so.
_LIST_EXTRACTORS = frozenset({"YoutubeTab", "YoutubePlaylist"})
# What says nothing about a list, but about us and the moment.
_NOT_OF_THE_LIST = frozenset({FailureKind.BLOCKED, FailureKind.TRANSIENT, FailureKind.UNFIT})
# Otherwise yt-dlp asks for the first page of every tab of a channel before it gives the first video.
_TABS_ONE_BY_ONE = {"playlist_items": "0"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that cannot be ordered, and why."""

    reason: str


def list_entries(
    url: str,
    options: Options,
    allowed_hosts: Collection[str] = YOUTUBE_HOSTS,
    rules: UserRules = NO_USER_RULES,
    news: News | None = None,
) -> Iterator[Entry | LeftOut]:
    """The videos of a source, each once, in its order, read from the site as they are asked for.

    A channel lists its videos, then its streams, then its shorts. Nested lists are walked; a single video lists itself.

    Args:
        url: of the source.
        options: of yt-dlp.
        allowed_hosts: as in `check_address`.
        rules: what a person adds to the rules that say what a failure means.
        news: when only what is new is wanted: the lists of a channel, which begin with the newest, are left where
            nothing new is to be expected. All other lists are read to their end.

    Raises:
        ProcessingFailedError: classified; in the middle too, so what came before is not the whole. An empty list is
            an error, and so is one that is shorter than the site announced.
    """
    log = CapturingLogger()
    try:
        with FrugalYoutubeDL(merged(options, {"logger": log, "noplaylist": False, **_TABS_ONE_BY_ONE})) as ydl:
            if news and news.is_none_in_feed(ydl):
                return
            walk = _Walk(ydl, allowed_hosts, news)
            yield from walk.source(_canonical(check_address(url, allowed_hosts)))
            walk.end()
    except GeneratorExit:
        raise
    except Exception as error:
        raise ProcessingFailedError(failure_of(error, log.warnings, rules)) from error


@dataclass(slots=True)
class _Walk:
    ydl: Any
    allowed_hosts: Collection[str]
    news: News | None = None
    keys: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    left_out: int = 0
    repeated: int = 0

    def source(
        self, url: str, extractor: str | None = None, depth: int = 0, outer: Around = NOWHERE
    ) -> Iterator[Entry | LeftOut]:
        info = self._resolve(url, extractor)
        if is_list(info):
            yield from self._list(info, depth, outer)
        else:
            yield from self._video(info, around_of(info, outer))

    def end(self) -> None:
        if not self.keys and not self.left_out:
            raise _failed(
                FailureKind.BAD_INPUT,
                "list-empty",
                "There is nothing in this list: check the address, or come back later.",
            )
        if not self.keys:
            reason = f"None of the {self.left_out} entries of this list can be worked on: hidden, or not allowed."
            raise _failed(FailureKind.GONE, "list-hidden", reason)

    def _resolve(self, url: str, extractor: str | None) -> dict[str, Any]:
        for _ in range(_MOST_REDIRECTS):
            info = self.ydl.extract_info(url, download=False, process=False, ie_key=extractor)
            if not info:
                raise _failed(
                    FailureKind.UNKNOWN, "no-result", "yt-dlp read this address without an error and without a result."
                )
            if not is_reference(info):
                return dict(info)
            if is_trailer(url, info):
                raise ProcessingFailedError(TRAILER_ONLY)
            url = check_address(plain(info["url"]), self.allowed_hosts)
            extractor = info.get("ie_key")
        raise _failed(FailureKind.BAD_INPUT, "endless-redirect", "This address leads from one to the next without end.")

    def _list(self, info: Info, depth: int, outer: Around) -> Iterator[Entry | LeftOut]:
        around = around_of(info, outer)
        self._begin_list()
        if around.is_tab:
            yield from self._tab(info, depth, around)
        else:
            yield from self._entries(info, depth, around)
        self._begin_list()

    def _tab(self, info: Info, depth: int, around: Around) -> Iterator[Entry | LeftOut]:
        page = _Page(first_page(self.ydl, items(info)))
        for entry in page:
            yield from self._item(entry, depth, around)
        if page.was_all or self._knows_the_rest(around):
            return
        before, rest = self.repeated, self._kept_list(around)
        if rest is not None:
            seen = yield from self._drawn(rest, depth, around)
            # A list without anything of the tab's first page is not this tab's.
            if seen >= announced(rest) and self.repeated > before:
                return
        yield from self._entries(self._resolve(around.page_url, "YoutubeTab"), depth, around)

    def _kept_list(self, around: Around) -> dict[str, Any] | None:
        """The list that YouTube keeps of a tab, if there is one."""
        try:
            return self._resolve(tab_list(around.channel_id, around.tab), "YoutubeTab")
        except yt_dlp.utils.DownloadError as error:
            if failure_of(error).kind in _NOT_OF_THE_LIST:
                raise
            return None

    def _entries(self, info: Info, depth: int, around: Around) -> Iterator[Entry | LeftOut]:
        seen = yield from self._drawn(info, depth, around)
        if seen < announced(info):
            reason = f"The list broke off after {seen} of {announced(info)} entries."
            raise _failed(FailureKind.TRANSIENT, "list-broke-off", reason)

    def _drawn(self, info: Info, depth: int, around: Around) -> Generator[Entry | LeftOut, None, int]:
        """How many entries it had; as many as it announced when the rest of it is known."""
        seen = 0
        for entry in items(info):
            seen += 1
            yield from self._item(entry, depth, around)
            if self._knows_the_rest(around):
                return max(seen, announced(info))
        return seen

    def _begin_list(self) -> None:
        if self.news is not None:
            self.news.begin()

    def _knows_the_rest(self, around: Around) -> bool:
        """Only a channel's own lists begin with the newest."""
        return self.news is not None and bool(around.channel_id) and self.news.is_enough

    def _item(self, entry: Info | None, depth: int, around: Around) -> Iterator[Entry | LeftOut]:
        if not entry:
            yield self._leave_out("an entry without a word about it")
        elif is_list(entry):
            yield from self._nested(entry, None, depth, around)
        elif is_reference(entry) and self._is_list(entry):
            yield from self._nested(entry, entry["url"], depth, around)
        else:
            yield from self._video(entry, around)

    def _nested(self, entry: Info, url: str | None, depth: int, around: Around) -> Iterator[Entry | LeftOut]:
        if depth >= _DEEPEST_NESTING:
            yield self._leave_out(f"a list nested too deep: {entry.get('title') or url}")
        elif url is None:
            yield from self._list(entry, depth + 1, around)
        elif url not in self.lists:
            # Tabs of one channel share its id, so only the address tells two lists apart.
            self.lists.add(url)
            try:
                url = check_address(plain(url), self.allowed_hosts)
            except AddressRefusedError as error:
                yield self._leave_out(f"{url}: {error.failure.reason}")
            else:
                yield from self.source(url, entry.get("ie_key"), depth + 1, around)

    def _is_list(self, entry: Info) -> bool:
        extractor = entry.get("ie_key")
        if not extractor:
            return False
        if extractor in _LIST_EXTRACTORS:
            return True
        return self.ydl.get_info_extractor(extractor).is_single_video(entry["url"]) is False

    def _video(self, entry: Info, around: Around) -> Iterator[Entry | LeftOut]:
        title = str(entry.get("title") or "")
        raw = address_of(entry, around)
        if hidden := hidden_as(title):
            yield self._leave_out(f"{hidden} ({entry.get('id') or raw})")
            return
        if not raw:
            yield self._leave_out(f"an entry without an address of its own: {title or entry.get('id')}")
            return
        try:
            url = check_address(raw, self.allowed_hosts)
        except AddressRefusedError as error:
            yield self._leave_out(f"{raw[:200]}: {error.failure.reason}")
            return
        key = video_key(str(entry.get("ie_key") or entry.get("extractor_key") or ""), str(entry.get("id") or ""), url)
        if key in self.keys:
            self.repeated += 1
            return
        self.keys.add(key)
        found = Entry(
            key=key,
            url=url,
            title=title[:_LONGEST_TITLE],
            duration_seconds=seconds(entry.get("duration")),
            tab=around.tab,
            channel_id=around.channel_id,
        )
        if self.news:
            self.news.meet(found)
        yield found

    def _leave_out(self, reason: str) -> LeftOut:
        self.left_out += 1
        return LeftOut(reason)


class _Page:
    """Runs through a first page, and knows afterwards whether it was all."""

    def __init__(self, entries: Generator[Any, None, bool]) -> None:
        self._entries = entries
        self.was_all = False

    def __iter__(self) -> Iterator[Any]:
        self.was_all = yield from self._entries


def _canonical(url: str) -> str:
    """An address that leads where the person meant: a feed to all of its channel, and not only to the newest."""
    place = place_of(url)
    return place.url if place and place.url else url


def _failed(kind: FailureKind, rule: str, reason: str) -> ProcessingFailedError:
    return ProcessingFailedError(Failure(kind=kind, reason=reason, rule=rule))

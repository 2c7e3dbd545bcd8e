"""Listing: the videos of a source one by one, as its pages are read, in a process that may be killed."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yt_dlp

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.addresses import YOUTUBE_HOSTS, check_address, video_key
from tubewarren.youtube.errors import AddressRefusedError, ProcessingFailedError
from tubewarren.youtube.failures import failure_of
from tubewarren.youtube.job import Options
from tubewarren.youtube.options import merged
from tubewarren.youtube.rules import NO_USER_RULES, UserRules
from tubewarren.youtube.wire import Entry
from tubewarren.youtube.ytdlp_log import CapturingLogger

_MOST_REDIRECTS = 8
_DEEPEST_NESTING = 4
_LONGEST_TITLE = 500
_HIDDEN = {
    "[Private video]": "a private video",
    "[Deleted video]": "a deleted video",
    "[Unavailable video]": "an unavailable video",
}
_LISTS = frozenset({"playlist", "multi_video", "compat_list"})
_REFERENCES = frozenset({"url", "url_transparent"})
# Extractors whose result is always a list, though they do not say so.
_LIST_EXTRACTORS = frozenset({"YoutubeTab", "YoutubePlaylist"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that cannot be ordered, and why."""

    reason: str


def list_entries(
    url: str, options: Options, allowed_hosts: Collection[str] = YOUTUBE_HOSTS, rules: UserRules = NO_USER_RULES
) -> Iterator[Entry | LeftOut]:
    """The videos of a source, each once, in its order, read from the site as they are asked for.

    Nested lists are walked; a single video lists itself.

    Raises:
        ProcessingFailedError: classified; in the middle too, so what came before is not the whole. An empty list is
            an error, and so is one that is shorter than the site announced.
    """
    log = CapturingLogger()
    try:
        with yt_dlp.YoutubeDL(merged(options, {"logger": log, "noplaylist": False})) as ydl:
            walk = _Walk(ydl, allowed_hosts)
            yield from walk.source(check_address(url, allowed_hosts))
            walk.end()
    except GeneratorExit:
        raise
    except Exception as error:
        raise ProcessingFailedError(failure_of(error, log.warnings, rules)) from error


@dataclass(slots=True)
class _Walk:
    ydl: Any
    allowed_hosts: Collection[str]
    keys: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    left_out: int = 0

    def source(self, url: str, extractor: str | None = None, depth: int = 0) -> Iterator[Entry | LeftOut]:
        info = self._resolve(url, extractor)
        if _type(info) in _LISTS:
            yield from self._list(info, depth)
        else:
            yield from self._video(info, info)

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
            if _type(info) not in _REFERENCES:
                return dict(info)
            url = check_address(_plain(info["url"]), self.allowed_hosts)
            extractor = info.get("ie_key")
        raise _failed(FailureKind.BAD_INPUT, "endless-redirect", "This address leads from one to the next without end.")

    def _list(self, info: Mapping[str, Any], depth: int) -> Iterator[Entry | LeftOut]:
        seen = 0
        for entry in _items(info.get("entries")):
            seen += 1
            if entry:
                yield from self._item(entry, info, depth)
            else:
                yield self._leave_out("an entry without a word about it")
        announced = info.get("playlist_count")
        if isinstance(announced, int) and seen < announced:
            reason = f"The list broke off after {seen} of {announced} entries: it is read again."
            raise _failed(FailureKind.TRANSIENT, "list-broke-off", reason)

    def _item(self, entry: Mapping[str, Any], around: Mapping[str, Any], depth: int) -> Iterator[Entry | LeftOut]:
        if _type(entry) in _LISTS:
            yield from self._nested(entry, None, depth)
        elif _type(entry) in _REFERENCES and self._is_list(entry):
            yield from self._nested(entry, entry["url"], depth)
        else:
            yield from self._video(entry, around)

    def _nested(self, entry: Mapping[str, Any], url: str | None, depth: int) -> Iterator[Entry | LeftOut]:
        if depth >= _DEEPEST_NESTING:
            yield self._leave_out(f"a list nested too deep: {entry.get('title') or url}")
        elif url is None:
            yield from self._list(entry, depth + 1)
        elif url not in self.lists:
            # Tabs of one channel share its id, so only the address tells two lists apart.
            self.lists.add(url)
            try:
                url = check_address(_plain(url), self.allowed_hosts)
            except AddressRefusedError as error:
                yield self._leave_out(f"{url}: {error.failure.reason}")
            else:
                yield from self.source(url, entry.get("ie_key"), depth + 1)

    def _is_list(self, entry: Mapping[str, Any]) -> bool:
        extractor = entry.get("ie_key")
        if not extractor:
            return False
        if extractor in _LIST_EXTRACTORS:
            return True
        return self.ydl.get_info_extractor(extractor).is_single_video(entry["url"]) is False

    def _video(self, entry: Mapping[str, Any], around: Mapping[str, Any]) -> Iterator[Entry | LeftOut]:
        title = str(entry.get("title") or "")
        if title in _HIDDEN:
            yield self._leave_out(f"{_HIDDEN[title]} ({entry.get('id')})")
            return
        raw = entry.get("url") if _type(entry) in _REFERENCES else entry.get("webpage_url") or around.get("webpage_url")
        try:
            url = check_address(_plain(str(raw or "")), self.allowed_hosts)
        except AddressRefusedError as error:
            yield self._leave_out(f"{str(raw)[:200]}: {error.failure.reason}")
            return
        key = video_key(str(entry.get("ie_key") or entry.get("extractor_key") or ""), str(entry.get("id") or ""), url)
        if key not in self.keys:
            self.keys.add(key)
            yield Entry(
                key=key, url=url, title=title[:_LONGEST_TITLE], duration_seconds=_seconds(entry.get("duration"))
            )

    def _leave_out(self, reason: str) -> LeftOut:
        self.left_out += 1
        return LeftOut(reason)


def _items(entries: Any) -> Iterable[Any]:  # noqa: ANN401 - a list, a generator, or a list that reads pages on demand
    return () if entries is None else iter(entries)


def _type(info: Mapping[str, Any]) -> str:
    return str(info.get("_type") or "video")


def _plain(url: str) -> str:
    """Without what yt-dlp smuggles along for itself."""
    return url.partition("#__youtubedl_smuggle")[0]


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - yt-dlp's word
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _failed(kind: FailureKind, rule: str, reason: str) -> ProcessingFailedError:
    return ProcessingFailedError(Failure(kind=kind, reason=reason, rule=rule))

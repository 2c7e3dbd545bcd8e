"""Filters: which videos of a source are wanted, and what is against one; how a person says it: `filter_text`.

Two looks decide. A list tells title, length, tab and place, so what does not fit is not even ordered. Only a video's
own page tells when it was uploaded and whether it was live, so those are looked at before the download. What a look
does not tell is left to the next one, and what not even the page tells does not fit.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tubewarren.failures import Failure, FailureKind

LEFT_OUT: Final = "Left out by the filter: "
"""How the reason begins when a video is."""
FILTERED: Final = "filtered"
"""The rule by which a video is left out when its page is seen."""

TAB_WORDS: Final = {"videos": "videos", "shorts": "shorts", "streams": "streams", "live": "streams"}
"""What a person may call the tabs of a channel."""
_LIVE: Final = frozenset({"is_live", "was_live", "post_live"})


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted of a source; without any condition, all of it.

    Attributes:
        newest: only so many, the first that fit in the order of the list.
        dates: uploaded from the first to the last of these days, as the site dates it; None where there is no bound.
        lengths: lasting between these; None where there is no bound.
        titles: at least one of these is in the title, in any case; `*` stands for anything.
        not_titles: none of these is.
        tabs: of a channel only these; what is in no tab is wanted anyway.
        without: `live` for live streams and their recordings, `shorts`.
        a_day: so many are worked on each day.
    """

    newest: int | None = None
    dates: tuple[date | None, date | None] = (None, None)
    lengths: tuple[timedelta | None, timedelta | None] = (None, None)
    titles: tuple[str, ...] = ()
    not_titles: tuple[str, ...] = ()
    tabs: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    a_day: int | None = None

    def overruled_by(self, other: "Filter") -> "Filter":
        """Both together; where both have a condition of one kind, that of the other one."""
        said = {each.name: getattr(other, each.name) for each in fields(other)}
        return replace(self, **{name: value for name, value in said.items() if value != getattr(EVERYTHING, name)})


EVERYTHING: Final = Filter()


def against_entry(wanted: Filter, title: str, duration_seconds: float | None, tab: str) -> str:
    """What is against an entry of a list, such as `shorter than 1m`; empty when nothing is, as far as a list tells."""
    if tab and ((wanted.tabs and tab not in wanted.tabs) or tab in _tabs_without(wanted)):
        return f"in the tab {tab}"
    return (title and _against_title(wanted, title)) or _against_length(wanted, duration_seconds)


def against_page(wanted: Filter, info: Mapping[str, object], *, is_complete: bool, knows_title: bool = False) -> str:
    """What is against a video by what yt-dlp read of its page; empty when nothing is.

    Args:
        wanted: the filter.
        info: in yt-dlp's names.
        is_complete: nothing more will be known, so what is not told does not fit.
        knows_title: the list told the title, and what it told counts: a page may say it in another language.
    """
    if "live" in wanted.without and info.get("live_status") in _LIVE:
        return "of a live stream"
    if not knows_title and (title := str(info.get("title") or "")) and (reason := _against_title(wanted, title)):
        return reason
    if info.get("live_status") == "is_upcoming":  # it is looked at again when it has begun
        return ""
    uploaded, duration = _day_of(info.get("upload_date")), info.get("duration")
    length = float(duration) if isinstance(duration, int | float) else None
    if is_complete and uploaded is None and any(wanted.dates):
        return "of which nobody tells the day of its upload"
    # A stream that runs has no length yet.
    if is_complete and length is None and any(wanted.lengths) and info.get("live_status") != "is_live":
        return "of which nobody tells the length"
    return _against_day(wanted, uploaded) or _against_length(wanted, length)


def plain(text: str) -> str:
    """Without what does not tell titles apart for a person: case, forms of letters, blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def filtered(reason: str) -> Failure:
    """What it is when something is against a video: no fault of anybody's."""
    return Failure(kind=FailureKind.FILTERED, reason=f"{LEFT_OUT}{reason}.", rule=FILTERED)


@dataclass(slots=True)
class Sieve:
    """A filter at work on one list, entry by entry.

    Attributes:
        begins: the first of the days over which the videos are spread.
        taken: how many fitted and were not known before.
        known: how many fitted and were.
        dropped: how many did not fit, by what was against them.
    """

    wanted: Filter
    begins: datetime
    taken: int = 0
    known: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def is_full(self) -> bool:
        """Nothing more is wanted, whatever comes."""
        return self.wanted.newest is not None and self.taken + self.known >= self.wanted.newest

    def take(self, title: str, duration_seconds: float | None, tab: str, *, is_known: bool = False) -> bool:
        """Whether the next entry of the list is to be ordered.

        One that is known was ordered before: it is among the newest, but takes no place on any day.
        """
        if self.is_full:
            return False
        against = against_entry(self.wanted, title, duration_seconds, tab)
        if is_known:
            self.known += not against
            return False
        if against:
            self.dropped[against] += 1
        else:
            self.taken += 1
        return not against

    @property
    def not_before(self) -> datetime | None:
        """When the entry that was taken last may start; None for at once."""
        if self.wanted.a_day is None or self.taken <= self.wanted.a_day:
            return None
        return self.begins + timedelta(days=(self.taken - 1) // self.wanted.a_day)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped and why, most first, and how long the rest takes; a few words each."""
        told = tuple(f"{number} {against}" for against, number in self.dropped.most_common())
        last = self.not_before
        if last is None:
            return told
        return (*told, f"{self.wanted.a_day} a day: the last starts on {last.astimezone(UTC):%Y-%m-%d}")


def _tabs_without(wanted: Filter) -> frozenset[str]:
    return frozenset(TAB_WORDS[word] for word in wanted.without)


def _against_title(wanted: Filter, title: str) -> str:
    simple = plain(title)
    if wanted.titles and not any(_is_in(pattern, simple) for pattern in wanted.titles):
        return f"whose title does not match {_spelled(wanted.titles)}"
    if any(_is_in(pattern, simple) for pattern in wanted.not_titles):
        return f"whose title matches {_spelled(wanted.not_titles)}"
    return ""


def _is_in(pattern: str, title: str) -> bool:
    """Whether the pieces between the stars come one after the other; never slow, whatever a person writes."""
    at = 0
    for piece in pattern.split("*"):
        found = title.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _spelled(patterns: tuple[str, ...]) -> str:
    return "'" + " | ".join(patterns) + "'"


def _against_length(wanted: Filter, seconds: float | None) -> str:
    shortest, longest = wanted.lengths
    if seconds is not None and shortest is not None and seconds < shortest.total_seconds():
        return f"shorter than {_span(shortest)}"
    if seconds is not None and longest is not None and seconds > longest.total_seconds():
        return f"longer than {_span(longest)}"
    return ""


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(span.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    spelled = "".join(f"{number:g}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number)
    return spelled or "0s"


def _against_day(wanted: Filter, uploaded: date | None) -> str:
    first, last = wanted.dates
    if uploaded is not None and first is not None and uploaded < first:
        return f"uploaded before {first}"
    if uploaded is not None and last is not None and uploaded > last:
        return f"uploaded after {last}"
    return ""


def _day_of(value: object) -> date | None:
    try:
        return datetime.strptime(str(value), "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None

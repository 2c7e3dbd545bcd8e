"""What a person writes to say which videos of a source are wanted, as it fits into one cell."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import FilterRefusedError
from tubewarren.youtube.filters import TAB_WORDS, Filter, plain

FORMS: Final = (
    "newest 50",
    "2024-01-01..",
    "1m..2h",
    "title ~ episode",
    "title !~ trailer",
    "tabs videos shorts",
    "no live",
    "no shorts",
    "5 a day",
)
"""One example of all that can be written, with commas between."""

_DAY = r"\d{4}(?:-\d{1,2}(?:-\d{1,2})?)?"
_LENGTH = r"(?:\d+(?:\.\d+)?\s*[hms]\s*)+"
_UNITS: Final = {"h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}


def read_filter(text: str) -> Filter:
    """Read what a person wrote.

    Raises:
        FilterRefusedError: a part of it is no condition, or says what another one says.
    """
    found: dict[str, object] = {}
    for part in _parts(text):
        name, value = _condition(part)
        if name == "without":
            value = frozenset({value, *found.pop(name, ())})  # type: ignore[misc] # what stands under this name is a set
        if name in found:
            raise _refused(f"{part!r} says once more what another part of the filter says: write one of the two.")
        found[name] = value
    wanted = Filter(**found)  # type: ignore[arg-type] # each value comes from the reader of its name
    if wanted.newest and wanted.dates[1]:
        raise _refused("A list does not tell dates, so the newest before a day cannot be found: write one of the two.")
    return wanted


def _parts(text: str) -> Iterator[str]:
    """What stands between commas; a comma within quotation marks is none."""
    if text.count('"') % 2:
        raise _refused(f'A quotation mark (") of the filter has no other one: {text!r}.')
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        if stripped := part.strip():
            yield stripped


def _condition(part: str) -> tuple[str, object]:
    for shape, name, read in _CONDITIONS:
        if said := re.fullmatch(shape, part, re.IGNORECASE):
            return name, read(*said.groups())
    raise _refused(f"The filter has {part!r}; what can be written is: {', '.join(FORMS)}.")


def _count(text: str) -> int:
    number = int(text)
    if not 0 < number < 10**9:
        raise _refused(f"A filter for {text} videos makes no sense: write 1 or more.")
    return number


def _dates(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    bounds = (_day(first, is_end=False) if first else None, _day(last, is_end=True) if last else None)
    if bounds[0] and bounds[1] and bounds[0] > bounds[1]:
        raise _turned(first, last)
    return bounds


def _day(text: str, *, is_end: bool) -> date:
    year, month, day = (*(int(part) for part in text.split("-")), 0, 0)[:3]
    try:
        if not month:
            return date(year, 12, 31) if is_end else date(year, 1, 1)
        return date(year, month, day or (monthrange(year, month)[1] if is_end else 1))
    except ValueError as error:
        raise _refused(f"There is no day {text}: write it like 2024-01-31.") from error


def _lengths(shortest: str | None, longest: str | None) -> tuple[timedelta | None, timedelta | None]:
    bounds = (_length(shortest) if shortest else None, _length(longest) if longest else None)
    if bounds[0] and bounds[1] and bounds[0] > bounds[1]:
        raise _turned(shortest, longest)
    return bounds


def _length(text: str) -> timedelta:
    try:
        parts = re.findall(r"([\d.]+)\s*([hms])", text.lower())
        return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError as error:
        raise _refused(f"Nothing lasts for {text.strip()}: write a length like 90s, 5m or 1h30m.") from error


def _patterns(text: str) -> tuple[str, ...]:
    patterns = tuple(simple for each in text.split("|") if (simple := plain(each.replace('"', ""))).strip("* "))
    if not patterns:
        raise _refused("The filter asks for a title, and not for which: write one or more words of it.")
    return patterns


def _tabs(text: str) -> frozenset[str]:
    words = text.lower().split()
    if strange := [word for word in words if word not in TAB_WORDS]:
        raise _refused(f"A channel has no tab {strange[0]!r} that can be asked for; there are videos, shorts, streams.")
    return frozenset(TAB_WORDS[word] for word in words)


_CONDITIONS: Final[tuple[tuple[str, str, Callable[..., object]], ...]] = (
    (r"newest\s+(\d+)", "newest", _count),
    (r"(\d+)\s*(?:a|per|/)\s*day", "a_day", _count),
    (rf"({_DAY})\s*\.\.\s*({_DAY})?", "dates", _dates),
    (rf"()\.\.\s*({_DAY})", "dates", _dates),
    (rf"({_LENGTH})\.\.\s*({_LENGTH})?", "lengths", _lengths),
    (rf"()\.\.\s*({_LENGTH})", "lengths", _lengths),
    (r"title\s*~(.*)", "titles", _patterns),
    (r"title\s*!~(.*)", "not_titles", _patterns),
    (r"tabs?\s+(.+)", "tabs", _tabs),
    (r"no\s+(live|shorts)", "without", str.lower),
)


def _turned(first: str | None, last: str | None) -> FilterRefusedError:
    return _refused(f"{first}..{last} ends before it begins: write the smaller one first.")


def _refused(reason: str) -> FilterRefusedError:
    return FilterRefusedError(Failure(kind=FailureKind.BAD_INPUT, reason=reason, rule="filter-refused"))

"""Release: when what is not there yet will be, from what the site says of it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tubewarren.failures import Failure, FailureKind

_AWAITED = re.compile(r"(?:premieres?|begins?|starts?|available|live) (?:in|after) ([^.;!]+)")
_LENGTH = re.compile(r"(\d{1,6}|an?|one) (second|minute|hour|day|week|month|year)s?\b")
_MOMENT = re.compile(r"\b(?:moments?|shortly|soon)\b")
_A_MOMENT = timedelta(minutes=2)
_LENGTHS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}


def scheduled(info: Mapping[str, Any]) -> datetime | None:
    """The time in yt-dlp's own fields."""
    stamp = info.get("release_timestamp")
    if not isinstance(stamp, int | float) or isinstance(stamp, bool):
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def dated(failure: Failure, now: datetime) -> Failure:
    """A failure that waits for something, with the time that its own words tell, if they do."""
    if failure.kind is not FailureKind.NOT_YET or failure.release_at is not None:
        return failure
    return failure.model_copy(update={"release_at": announced(failure.detail, now)})


def announced(words: str, now: datetime) -> datetime | None:
    """The time in words such as `Premieres in 3 hours`, `will begin in 20 minutes` or `in a few moments`."""
    found = _AWAITED.search(words.lower())
    if found is None:
        return None
    lengths = _LENGTH.findall(found[1])
    if not lengths:
        return now + _A_MOMENT if _MOMENT.search(found[1]) else None
    try:
        return now + sum((_LENGTHS[unit] * _number(number) for number, unit in lengths), timedelta())
    except OverflowError:
        return None


def _number(word: str) -> int:
    return int(word) if word.isdigit() else 1

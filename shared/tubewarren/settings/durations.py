"""Durations as a person writes them: `30s`, `5m`, `2h`, `1.5h`, `1d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_SHAPE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: object) -> timedelta:
    """Read a duration; a bare number is seconds.

    Raises:
        ValueError: it is none, or not longer than nothing.
    """
    try:
        span = _read(value)
    except (ValueError, OverflowError):
        span = None
    if span is None or span <= timedelta(0):
        raise ValueError(f"{value!r} is not a duration; write a number and ms, s, m, h or d, such as 30s or 5m")
    return span


def spell_duration(span: timedelta) -> str:
    """A duration in the largest unit in which it comes out even, exact to the microsecond."""
    for symbol, unit in reversed(_UNITS.items()):
        if span >= unit and not span % unit:
            return f"{span // unit}{symbol}"
    whole, rest = divmod(span // timedelta(microseconds=1), 1000)
    return f"{whole}.{rest:03d}ms"


def _read(value: object) -> timedelta | None:
    match value:
        case timedelta():
            return value
        case bool():
            return None
        case int() | float():
            return timedelta(seconds=value)
        case str() if shape := _SHAPE.fullmatch(value.strip()):
            return float(shape[1]) * _UNITS[shape[2]]
        case str() if value.strip().replace(".", "", 1).isdigit():
            return timedelta(seconds=float(value))
        case _:
            return None


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(spell_duration)]

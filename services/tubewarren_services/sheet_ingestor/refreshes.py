"""Refreshes: when a source that was listed is looked through for what is new. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.messages.commands import RefreshKind
from tubewarren.settings.durations import parse_duration

_OFTEN_ENOUGH: Final = timedelta(minutes=5)
_WHOLE_EVERY: Final = timedelta(days=7)
"""A look for news alone does not show what is gone."""
_BY_ITSELF_FIRST: Final = timedelta(hours=6)
_BY_ITSELF_SHORTEST: Final = timedelta(hours=1)
_BY_ITSELF_LONGEST: Final = timedelta(days=7)
_SOONER, _LATER = 0.5, 1.5
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a source is looked through.

    Attributes:
        every: None for as often as it publishes.
    """

    every: timedelta | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """What is known of one source that is looked through again and again.

    Attributes:
        next_at: when it is due.
        every: how long it waits after that.
        whole_at: when it was last listed to its end; None when nobody knows.
    """

    next_at: datetime
    every: timedelta
    whole_at: datetime | None = None

    def kind(self, now: datetime) -> RefreshKind:
        """What is asked of it now."""
        return "all" if self.whole_at is None or now - self.whole_at >= _WHOLE_EVERY else "news"


def rhythm_of(text: str) -> Rhythm | None:
    """What a cell of the column Refresh asks for; None when it is empty.

    Raises:
        ValueError: in words, what is wrong with it.
    """
    words = text.strip().casefold()
    if words in {"", "no"}:
        return None
    if words == "auto":
        return Rhythm(None)
    try:
        every = parse_duration(words)
    except ValueError:
        raise ValueError(f"Refresh is {text!r}: write how often, such as 6h or 1d, or auto.") from None
    if every < _OFTEN_ENOUGH:
        raise ValueError(f"Refresh is {text!r}: {_OFTEN_ENOUGH // timedelta(minutes=1)}m is the shortest.")
    return Rhythm(every)


def made(source_id: str, rhythm: Rhythm, now: datetime) -> Appointment:
    """The first appointment. Those of many sources that are made at once are spread over all of their time."""
    every = rhythm.every or _BY_ITSELF_FIRST
    return Appointment(now + every * (_SPREAD + (1 - _SPREAD) * _share(source_id)), every)


def kept(known: Appointment, rhythm: Rhythm, now: datetime, chance: float) -> Appointment:
    """The appointment after one that was kept now; `chance` from 0 to 1 takes some a little later."""
    every = rhythm.every or known.every
    return replace(known, next_at=now + every * (1 + _SPREAD * chance), every=every)


def changed(known: Appointment, rhythm: Rhythm, now: datetime) -> Appointment:
    """The appointment after a person has written another rhythm."""
    if rhythm.every is None or rhythm.every == known.every:
        return known
    return replace(known, next_at=min(known.next_at, now + rhythm.every), every=rhythm.every)


def learned(known: Appointment, rhythm: Rhythm, *, fresh: int) -> Appointment:
    """What a look says: one that publishes is looked at more often, when that is left to us."""
    if rhythm.every is not None:
        return known
    every = min(max(known.every * (_SOONER if fresh else _LATER), _BY_ITSELF_SHORTEST), _BY_ITSELF_LONGEST)
    return replace(known, next_at=known.next_at + (every - known.every), every=every)


def due(appointments: Mapping[str, Appointment], now: datetime, most: int) -> tuple[str, ...]:
    """The sources that are to be looked through now, those that wait longest first, and no more than so many."""
    waiting = sorted((each.next_at, source_id) for source_id, each in appointments.items() if each.next_at <= now)
    return tuple(source_id for _, source_id in waiting[: max(0, most)])


def _share(source_id: str) -> float:
    """Of a whole; the same for a source each time, and evenly spread over all sources."""
    digest = hashlib.sha256(source_id.encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32

"""The board: what is the matter, what a person has been told of it, and when the next message is due. All pure.

Nothing is told that ended before it could be. What was told is told again when it is over, once it has been over for a
while; whatever comes and goes must stay away for longer each time before that is believed.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.settings.alarms import AlarmSettings
from tubewarren_services.heartbeat_monitor.alarms.alarm import HAPPENINGS, Alarm, Kind

_CALM: Final = 10
"""What is over must stay so for so many times as long as new things are gathered."""
_LONGEST_CALM: Final = timedelta(hours=6)
_MOST_DOUBLINGS: Final = 20
_REMEMBERED_FOR: Final = timedelta(days=1)
"""What comes back within this time after it was over has come and gone before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on the board.

    Attributes:
        since: when it began or ended, whichever was last.
        told_at: when a person was told of it last; None when nothing was said, or that it is over.
        returns: how often it came back after it was told to be over.
    """

    alarm: Alarm
    since: datetime
    stands: bool = True
    told_at: datetime | None = None
    returns: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    """All that is known, and when the last message was made."""

    entries: tuple[Entry, ...] = ()
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What belongs into one message.

    Attributes:
        begun: what is new.
        still: what was told before and goes on; only when it is time to say so again.
        over: what is over.
    """

    begun: tuple[Alarm, ...] = ()
    still: tuple[Alarm, ...] = ()
    over: tuple[Alarm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.still or self.over)


def observe(board: Board, standing: Iterable[Alarm], now: datetime) -> Board:
    """Take in all that is the matter now; what is not in it has ended, or never was."""
    alarms = {alarm.key: alarm for alarm in standing}
    known = {entry.alarm.key for entry in board.entries}
    kept = (_seen(entry, alarms.get(entry.alarm.key), now) for entry in board.entries)
    fresh = (Entry(alarm, now) for key, alarm in alarms.items() if key not in known)
    return replace(board, entries=(*(entry for entry in kept if entry), *fresh))


def without(board: Board, keys: Collection[tuple[Kind, str]]) -> Board:
    """Forget these: nobody can tell any more whether they are over."""
    return replace(board, entries=tuple(entry for entry in board.entries if entry.alarm.key not in keys))


def digest_of(board: Board, now: datetime, limits: AlarmSettings) -> tuple[Board, Digest]:
    """The message that is due, with the board as it is once that is on its way; it is empty when none is."""
    if board.sent_at is not None and _age(board.sent_at, now) < limits.pause:
        return board, Digest()
    digest = _digest(board.entries, now, limits)
    if not digest:
        return board, digest
    return Board(tuple(_told(board.entries, digest, now)), now), digest


def _seen(entry: Entry, alarm: Alarm | None, now: datetime) -> Entry | None:
    if alarm is not None:
        if entry.stands:
            return replace(entry, alarm=alarm)
        has_returned = entry.told_at is None
        return replace(entry, alarm=alarm, since=now, stands=True, returns=entry.returns + has_returned)
    if not entry.stands:
        is_forgotten = entry.told_at is None and _age(entry.since, now) >= _REMEMBERED_FOR
        return None if is_forgotten else entry
    if entry.told_at is None and not entry.returns:
        return None
    return replace(entry, since=now, stands=False)


def _digest(entries: tuple[Entry, ...], now: datetime, limits: AlarmSettings) -> Digest:
    begun = [entry for entry in entries if entry.stands and entry.told_at is None]
    told = [(entry, entry.told_at) for entry in entries if entry.stands and entry.told_at is not None]
    over = [entry for entry in entries if _is_over(entry, now, limits)]
    is_gathered = any(_age(entry.since, now) >= limits.gather for entry in begun)
    # All of them when one is due, or else they would come one by one from then on.
    is_time = any(_age(told_at, now) >= limits.repeat for _, told_at in told)
    if not (is_gathered or is_time or over):
        return Digest()
    return Digest(
        tuple(entry.alarm for entry in begun),
        tuple(entry.alarm for entry, _ in told) if is_time else (),
        tuple(entry.alarm for entry in over),
    )


def _is_over(entry: Entry, now: datetime, limits: AlarmSettings) -> bool:
    if entry.stands or entry.told_at is None:
        return False
    calm = limits.gather * _CALM * (1 << min(entry.returns, _MOST_DOUBLINGS))
    return _age(entry.since, now) >= min(calm, max(_LONGEST_CALM, limits.gather * _CALM))


def _told(entries: tuple[Entry, ...], digest: Digest, now: datetime) -> Iterator[Entry]:
    saying = {alarm.key for alarm in (*digest.begun, *digest.still)}
    ending = {alarm.key for alarm in digest.over}
    for entry in entries:
        if entry.alarm.key in ending:
            yield replace(entry, since=now, told_at=None)
        elif entry.alarm.key not in saying:
            yield entry
        elif entry.alarm.kind not in HAPPENINGS:
            yield replace(entry, told_at=now)


def _age(since: datetime, now: datetime) -> timedelta:
    """Also after the clock was set back, which must not hold up anything for long."""
    return abs(now - since)

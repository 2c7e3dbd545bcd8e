"""What a worker claims next from lanes: decided from what it has in hand and what it has seen. Pure.

Work waits in lanes, best first. A worker has so many hands. While there is a backlog it takes from one lane alone, the
best that is not empty; it looks for that one, and a look serves for a second, or for five while all hands stay full.
While there is none, it takes from every lane, so that nobody looks and nothing waits, until its hands are full.

It takes through taps: a tap is a consumer that lets so many claims through at a time, and the next when one is settled.
A tap that gives nothing more stays open with what came through it, unless another lane is better: when a node of the
broker is lost, the claims of open consumers are somebody else's at once, those of closed ones when the node is back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

LINGER: Final = 0.05
"""Seconds that what gives more than full hands can take stays open, for one that is free again in no time."""
_SERVES: Final = 1.0
"""Seconds for which what was seen is taken for true."""
_SERVES_THE_BUSY: Final = 5.0
"""The same while all hands are full and none gets free."""
_DRY: Final = 0.02
"""Seconds after which a tap that gives nothing, to a free hand, looks like one of an empty lane."""
_TRIES: Final = 3
"""Looks at a lane that is not empty and gives nothing, before the others are taken from as well."""


@dataclass(slots=True, eq=False)
class Tap:
    """A consumer.

    Attributes:
        size: how many claims it lets through at a time.
        held: those that are not settled yet.
        is_open: whether more come; those that came stay when it is closed.
        tag: the consumer's name, as soon as it has one.
        gave_too_much: what is given back would come through it again.
    """

    lane: str
    size: int
    held: int = 0
    is_open: bool = True
    tag: str = ""
    gave_too_much: bool = False

    @property
    def gives(self) -> int:
        """How many more claims may come through it now."""
        return self.size - self.held if self.is_open else 0


@dataclass(frozen=True, slots=True)
class Look:
    """Find the best lane that is not empty."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a tap."""

    lane: str
    size: int


@dataclass(frozen=True, slots=True)
class Close:
    """Close a tap."""

    tap: Tap


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds, or until something happens."""

    seconds: float | None = None


Step = Look | Open | Close | Wait


@dataclass(slots=True)
class Claims:
    """What a worker has in hand, and where it takes more from.

    Attributes:
        lanes: best first.
        most: the hands.
        taken: those that are full.
        aim: the lanes to take from: one, or all; none when that is to be found out.
    """

    lanes: Sequence[str]
    most: int
    taken: int = 0
    taps: list[Tap] = field(default_factory=list)
    aim: tuple[str, ...] = ()
    _aimed_at: float = 0.0
    _moved_at: float = 0.0
    _full_since: float = 0.0
    _was_full: bool = False
    _has_flowed: bool = False
    _fruitless: int = 0

    @property
    def free(self) -> int:
        """Hands that are free."""
        return self.most - self.taken

    def take(self, tap: Tap, now: float) -> bool:
        """Something came through a tap; whether a hand was free for it."""
        tap.held += 1
        self._moved_at, self._fruitless = now, 0
        if not self.free:
            tap.gave_too_much = True
            return False
        self.taken += 1
        if not self.free:
            self._full_since, self._was_full = now, True
        return True

    def settle(self, tap: Tap, now: float, *, passes_on: bool = False) -> None:
        """A claim is settled, and its hand free, or at once full with what was kept."""
        tap.held -= 1
        self.taken -= not passes_on
        self._moved_at, self._has_flowed = now, True
        self.forget_closed()

    def give_back(self, tap: Tap) -> None:
        """A claim for which there was no hand is somebody else's again."""
        tap.held -= 1
        self.forget_closed()

    def forget_closed(self) -> None:
        """Closed taps without claims are no more."""
        if any(not tap.is_open and not tap.held for tap in self.taps):
            self.taps = [tap for tap in self.taps if tap.is_open or tap.held]

    def aim_at(self, found: str | None, now: float) -> None:
        """Take from the lane that was found or, when all are empty, from whatever fills first."""
        gives_nothing = self._fruitless >= _TRIES
        self.aim = tuple(self.lanes) if found is None or gives_nothing else (found,)
        self._aimed_at = now
        self._was_full = not self.free
        self._has_flowed = False

    def is_urgent(self, tap: Tap) -> bool:
        """Whether what has just happened at a tap may change what is to be done before the next look."""
        if not self.aim:
            return self.free > 0
        if self._is_backlog:
            return not tap.is_open
        return not self.free or any(each.is_open and each.gives <= 0 for each in self.taps)

    def next_step(self, now: float) -> Step:
        """What to do now."""
        if self.aim and self._is_over(now):
            self.aim = ()
        if not self.aim and self.free:
            return Look()
        if (tap := self._surplus()) is not None:
            return Close(tap)
        if not self.aim:
            return Wait()
        if self._is_backlog:
            return self._in_backlog(now)
        return self._in_calm(now)

    def _is_over(self, now: float) -> bool:
        """Whether hands are full and stay so: what is the best lane will be found out when one is free."""
        return not self.free and not self._is_backlog and now - self._full_since >= LINGER

    def _surplus(self) -> Tap | None:
        """A tap that gives what is not wanted now."""
        for tap in self.taps:
            if tap.is_open and (tap.lane not in self.aim if self.aim else tap.gives > 0 or tap.gave_too_much):
                return tap
        if self._is_backlog and self._gives(self.aim[0]) > self.free:
            return max(self._open(self.aim), key=lambda tap: tap.gives)
        return None

    def _in_backlog(self, now: float) -> Step:
        (lane,) = self.aim
        if self._is_old(now):
            return Look()
        until = self._aimed_at + self._serves
        if self.free:
            if self._gives(lane) <= 0:
                return Open(lane, self.free)
            dry_at = max(self._moved_at, self._aimed_at) + _DRY
            if now >= dry_at:
                self._fruitless += 1
                return Look()
            until = min(until, dry_at)
        return Wait(until - now)

    def _in_calm(self, now: float) -> Step:
        if not self.free:
            return Wait(self._full_since + LINGER - now)
        uncovered = next((lane for lane in self.lanes if self._gives(lane) <= 0), None)
        if uncovered is not None:
            return Open(uncovered, 1)
        if not self._was_full:
            return Wait()
        return Look() if self._is_old(now) else Wait(self._aimed_at + self._serves - now)

    @property
    def _is_backlog(self) -> bool:
        return len(self.aim) == 1

    @property
    def _serves(self) -> float:
        """How long the last look serves."""
        return _SERVES if self.free or self._has_flowed else _SERVES_THE_BUSY

    def _is_old(self, now: float) -> bool:
        return now - self._aimed_at >= self._serves

    def _gives(self, lane: str) -> int:
        return sum(tap.gives for tap in self._open((lane,)))

    def _open(self, lanes: Iterable[str]) -> Iterator[Tap]:
        return (tap for tap in self.taps if tap.is_open and tap.lane in lanes)

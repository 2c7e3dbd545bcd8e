"""The breaker of one stage: when the same trouble meets several workers on many videos, it is not the videos.

Then nothing of the stage starts but one canary at growing intervals, and what the trouble cost is given back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.settings.model import BreakerSettings

CANARY_PATIENCE: Final = timedelta(minutes=15)
_GROWTH: Final = 2
_MOST_REFUNDS: Final = 100_000
"""More than this is forgotten, oldest first: such works are charged one attempt too many."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One charged failure of a kind that may be everybody's."""

    at: datetime
    worker: str
    work: str
    attempt: int
    signature: str
    is_buried: bool = False
    """It was the last attempt that the work had."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one stage.

    Attributes:
        strikes: the failures since the last success, within the window.
        signature: the trouble that opened it; empty while it is closed.
        next_canary: when one piece of work may try.
        canary: the one that tries; empty while none does.
        refunds: by work, the attempts that are not to be charged.
        buried: works that were given up for this trouble; they are sent back when it is over.
    """

    strikes: tuple[Strike, ...] = ()
    signature: str = ""
    since: datetime | None = None
    next_canary: datetime | None = None
    canaries: int = 0
    canary: str = ""
    canary_at: datetime | None = None
    refunds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    buried: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the stage rests."""
        return bool(self.signature)


def struck(breaker: Breaker, strike: Strike, workers: int, limits: BreakerSettings) -> Breaker:
    """Take in a failure.

    Args:
        breaker: as it was.
        strike: the failure.
        workers: how many work at this stage; the trouble must have met several, or all where there are fewer.
        limits: when to open.
    """
    if breaker.is_open:
        return _struck_while_open(breaker, strike, limits)
    breaker = charged(breaker, strike.work)
    recent = (*breaker.strikes, strike)
    recent = tuple(each for each in recent if timedelta(0) <= strike.at - each.at <= limits.within)[-_MOST_REFUNDS:]
    alike = [each for each in recent if each.signature == strike.signature]
    is_everywhere = len({each.work for each in alike}) >= limits.videos and len({each.worker for each in alike}) >= min(
        limits.workers, max(workers, 1)
    )
    if not is_everywhere:
        return replace(breaker, strikes=recent)
    opened = replace(
        breaker,
        strikes=(),
        signature=strike.signature,
        since=strike.at,
        next_canary=strike.at + limits.first_canary,
        canaries=0,
        canary="",
    )
    for each in alike:
        opened = _refund(opened, each)
    return opened


def _struck_while_open(breaker: Breaker, strike: Strike, limits: BreakerSettings) -> Breaker:
    if strike.signature != breaker.signature:
        return answered(breaker, strike.work)
    breaker = _refund(breaker, strike)
    if strike.work != breaker.canary:
        return breaker
    canaries = breaker.canaries + 1
    pause = limits.first_canary * min(_GROWTH ** min(canaries, 100), limits.longest_canary / limits.first_canary)
    return replace(breaker, canary="", canary_at=None, canaries=canaries, next_canary=strike.at + pause)


def answered(breaker: Breaker, work: str) -> Breaker:
    """Something ended otherwise. While open, only the canary decides; what ran before the trouble proves nothing."""
    breaker = charged(breaker, work)
    if not breaker.is_open:
        return replace(breaker, strikes=()) if breaker.strikes else breaker
    if work != breaker.canary:
        return breaker
    return Breaker(refunds=breaker.refunds, buried=breaker.buried)


def undecided(breaker: Breaker, work: str) -> Breaker:
    """The canary found out nothing; the next start is the next canary."""
    return replace(breaker, canary="", canary_at=None) if breaker.is_open and breaker.canary == work else breaker


def charged(breaker: Breaker, work: str) -> Breaker:
    """What was given back has been taken into account: the work came, and ended in its own way."""
    if work not in breaker.refunds:
        return breaker
    return replace(breaker, refunds={name: each for name, each in breaker.refunds.items() if name != work})


def next_turn(breaker: Breaker, work: str, now: datetime) -> datetime | None:
    """When to ask again; None when this one may start, as the canary while the breaker is open."""
    if not breaker.is_open or breaker.next_canary is None:
        return None
    if now < breaker.next_canary:
        return breaker.next_canary
    if breaker.canary not in ("", work) and breaker.canary_at and abs(now - breaker.canary_at) < CANARY_PATIENCE:
        return breaker.canary_at + CANARY_PATIENCE
    return None


def start(breaker: Breaker, work: str, now: datetime) -> Breaker:
    """Note who the canary is."""
    return replace(breaker, canary=work, canary_at=now) if breaker.is_open else breaker


def refund_of(breaker: Breaker, work: str, attempt: int) -> int:
    """How many charged attempts of this work are given back, when it comes as its `attempt`-th."""
    given_back = breaker.refunds.get(work, ())
    # A number that does not follow the last charge was lowered already.
    return len(given_back) if given_back and attempt == given_back[-1] + 1 else 0


def _refund(breaker: Breaker, strike: Strike) -> Breaker:
    if strike.is_buried:
        # What a redrive sends back begins anew anyway.
        return replace(breaker, buried=(*breaker.buried, strike.work)[-_MOST_REFUNDS:])
    before = breaker.refunds.get(strike.work, ())
    # One that was given back came again with a lower number: its story begins anew.
    given_back = (*before, strike.attempt) if before and strike.attempt == before[-1] + 1 else (strike.attempt,)
    kept = dict(charged(breaker, strike.work).refunds)
    while len(kept) >= _MOST_REFUNDS:
        del kept[next(iter(kept))]
    return replace(breaker, refunds=kept | {strike.work: given_back})

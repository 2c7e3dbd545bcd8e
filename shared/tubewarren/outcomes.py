"""What a handler may ask for; settlement decides what that means for the delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message


@dataclass(frozen=True, slots=True)
class Done:
    """The work is finished; `publish` goes out, confirmed, before the ack, and `reply` to whoever asked."""

    publish: tuple[Message, ...] = ()
    reply: Message | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It may heal: charge the attempt and come back later, or be buried when the ladder has no rung left."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Bury:
    """It will not heal: to the dead queue with it."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Refund:
    """Not the work's fault: come back after the shortest rung, or at once, and charge nothing."""

    failure: Failure
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Too early: come back at `until` and charge nothing."""

    failure: Failure
    until: datetime


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """One egress found the video unavailable: come back soon, uncharged, for another to look.

    Attributes:
        egress: who says so; written beside the message.
    """

    failure: Failure
    egress: str


@dataclass(frozen=True, slots=True)
class PassOn:
    """It may not start here now: nothing is charged and nobody is told.

    Attributes:
        to: back to its queue, to the shortest rung, or to where the work of paused sources is held.
    """

    to: Literal["queue", "rung", "held"] = "queue"


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A copy of this order was sent ahead of it and does the work, or did: nobody needs to hear of this one."""


Outcome = Done | Retry | Bury | Refund | Park | SecondOpinion | PassOn | Overtaken

_MARGIN = timedelta(minutes=2)
"""What is announced for noon is not there at noon sharp."""
_SOONEST = timedelta(minutes=15)
_LATEST = timedelta(hours=1)
_FARTHEST = timedelta(days=7)


def outcome_of(failure: Failure, now: datetime) -> Retry | Bury | Refund | Park:
    """The action that follows from a failure's class; when something is awaited, also from its time."""
    match failure.kind:
        case FailureKind.TRANSIENT | FailureKind.EXTRACTOR | FailureKind.POISON | FailureKind.UNKNOWN:
            return Retry(failure)
        case FailureKind.SUSPECT:
            # Several attempts, likely on several workers, stand for the second opinion.
            return Retry(failure)
        case FailureKind.BLOCKED | FailureKind.UNFIT:
            # At once for others: this worker claims nothing for a while.
            return Refund(failure, at_once=True)
        case FailureKind.NOT_YET:
            return Park(failure, _when_to_look(failure.release_at, now))
        case FailureKind.GATED | FailureKind.GONE | FailureKind.BAD_INPUT | FailureKind.CANCELLED:
            return Bury(failure)
        case FailureKind.FILTERED:
            # Of a video the downloader makes an end instead, of which nothing is left in a dead queue.
            return Bury(failure)
        case _:
            assert_never(failure.kind)


def _when_to_look(release_at: datetime | None, now: datetime) -> datetime:
    """Just after the release, and within a week in any case, as releases are moved.

    What is overdue is looked at again within the hour, the less often the longer it is overdue; so is what nobody
    knows the time of, after a quarter of an hour.
    """
    if release_at is None:
        return now + _SOONEST
    if release_at <= now:
        return now + min(max(now - release_at, _SOONEST), _LATEST)
    # Compared before anything is added: the farthest time that can be written down has no minute after it.
    return now + _FARTHEST if release_at - now >= _FARTHEST else release_at + _MARGIN

"""What a handler may ask for; settlement decides what that means for the delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

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


Outcome = Done | Retry | Bury | Refund | Park

_LOOK_AGAIN_AFTER = timedelta(hours=1)
"""For what is not ready yet and does not say when it will be."""


def outcome_of(failure: Failure, now: datetime) -> Outcome:
    """The action that follows from a failure's class, and from nothing else."""
    match failure.kind:
        case FailureKind.TRANSIENT | FailureKind.EXTRACTOR | FailureKind.POISON | FailureKind.UNKNOWN:
            return Retry(failure)
        case FailureKind.BLOCKED | FailureKind.UNFIT:
            return Refund(failure)
        case FailureKind.NOT_YET:
            return Park(failure, now + _LOOK_AGAIN_AFTER)
        case FailureKind.GATED | FailureKind.GONE | FailureKind.BAD_INPUT:
            return Bury(failure)
        case _:
            assert_never(failure.kind)

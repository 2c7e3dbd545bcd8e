"""What a handler may ask for; settlement decides what that means for the delivery."""

from dataclasses import dataclass
from datetime import datetime

from tubewarren.failures import Failure
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

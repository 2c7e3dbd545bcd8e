"""Permits: how a worker asks whether it may start, and how a person holds work back, ends it or brings it back.

The heartbeat-monitor answers, because it alone sees the whole fleet: which way to the internet is blocked, which stage
fails everywhere, what a person has paused, and how much of a budget that many workers share is left.
"""

from enum import StrEnum, unique
from operator import not_
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, Field

from tubewarren.messages.base import Command, Event

Stage = Literal["source-expander", "downloader"]
"""The services whose work needs a permit."""

PAUSED_IN_THE_LIST: Final = "Its row in the list says so."
"""The reason by which a pause is known to be the list's, which ends it as well, and not one of `svc pause`."""


@unique
class Scope(StrEnum):
    """What a person can hold back."""

    ALL = "all"
    STAGE = "stage"
    SOURCE = "source"
    WORKER = "worker"


def _is_none(value: object) -> bool:
    return value is None


class RequestPermit(Command):
    """Ask whether a worker may start one piece of work.

    Attributes:
        egress: the worker's way to the internet.
        work: what it would start; empty for one that only looks whether it may claim again.
        attempt: the number of the try.
        opinions: the egresses that found this video unavailable.
        at_work: the works that it has started and not ended; None of a worker that is too old to say.
        bumps_seen: the `bumps_until` of the newest answer that had one.
    """

    type: ClassVar[str] = "permit.request.v1"

    worker: str
    egress: str
    stage: Stage
    work: str = ""
    source_id: str = ""
    attempt: int = 1
    opinions: tuple[str, ...] = ()
    at_work: Annotated[tuple[str, ...] | None, Field(exclude_if=_is_none)] = None
    bumps_seen: Annotated[AwareDatetime | None, Field(exclude_if=_is_none)] = None


@unique
class Decision(StrEnum):
    """The answer to a request."""

    GRANTED = "granted"
    WAIT = "wait"
    """Nothing of this kind may start here before `until`."""
    ELSEWHERE = "elsewhere"
    """A worker on another egress should look at this one."""
    HELD = "held"
    """Its source is paused, or cancelled: see `cancelled`."""


class PermitAnswered(Event):
    """The answer to a request.

    Attributes:
        until: when to ask again, for a wait; None when only a person knows.
        valid_until: the worker need not ask again before; None for a permit that is good for one start.
        refunded: attempts of this work that were charged in error; its number goes down by so many.
        has_others: whether another egress is at work, which can give a second opinion.
        cancelled: what is held need not wait: a person wants its source no more. It came later, and who does not know
            it only holds the work.
        bumped: the sources of which orders may still come that were overtaken by their own copies, all of them; left
            out where the asker has seen them, by `bumps_until`.
    """

    type: ClassVar[str] = "permit.answered.v1"

    decision: Decision
    until: AwareDatetime | None = None
    reason: str = ""
    valid_until: AwareDatetime | None = None
    refunded: int = 0
    has_others: bool = False
    cancelled: Annotated[bool, Field(exclude_if=not_)] = False
    bumped: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    bumps_until: Annotated[AwareDatetime | None, Field(exclude_if=_is_none)] = None


class SetPause(Command):
    """Hold work back until further notice, or let it go on.

    Attributes:
        name: of the stage, source or worker; empty for all.
        paused: False lets it go on.
    """

    type: ClassVar[str] = "pause.set.v1"

    scope: Scope
    name: str = ""
    paused: bool = True
    reason: str = Field(default="", max_length=500)


class CancelSource(Command):
    """Start nothing more of a source, and give up what waits; or take it up again.

    Attributes:
        cancelled: False takes it up again; what was given up stays so until it is redriven.
    """

    type: ClassVar[str] = "source.cancel.v1"

    source_id: str
    cancelled: bool = True


class RedriveDead(Command):
    """Send what was given up of a source back to work.

    Attributes:
        video_ids: only the orders for these; without any, everything of the source, its own order included.
    """

    type: ClassVar[str] = "dead.redrive.v1"

    source_id: str
    video_ids: tuple[str, ...] = ()


class QueryGates(Command):
    """Ask what holds work back at present; answered with the event that tells of every change."""

    type: ClassVar[str] = "gates.query.v1"

"""Refresh: a source that was listed before, looked through for what is new. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tubewarren.messages import Event
from tubewarren.messages.commands import ExpandSource
from tubewarren.messages.events import SourceRefreshed, VideosUnlisted
from tubewarren.outcomes import Bury, Outcome, Retry

_TRIES = 3
"""A refresh that fails so often is given up: the next one comes by itself, and nothing is lost with this one."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was ordered of a source before.

    Attributes:
        videos: all of it.
        unlisted: those that its list had no more when it was last read to its end.
    """

    videos: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()


NOTHING_KNOWN = Known()


def is_given_up(outcome: Outcome, attempt: int) -> bool:
    """Whether a failed refresh is over; its source is as good as it was, and goes into no dead queue."""
    return isinstance(outcome, Bury) or (isinstance(outcome, Retry) and attempt >= _TRIES)


def findings(source: ExpandSource, told: SourceRefreshed, seen: Collection[str], known: Known) -> tuple[Event, ...]:
    """What is told at the end: what left the list or came back to it, and then how it went."""
    gone = known.videos - known.unlisted - frozenset(seen) if told.is_whole else frozenset()
    back = known.unlisted & frozenset(seen)
    if not gone and not back:
        return (told,)
    moved = VideosUnlisted(at=told.at, source_id=source.source_id, gone=tuple(sorted(gone)), back=tuple(sorted(back)))
    return (moved, told)


def failed(source: ExpandSource, reason: str, worker: str, egress: str, at: datetime) -> SourceRefreshed:
    """What is told of a refresh that is given up."""
    return SourceRefreshed(at=at, source_id=source.source_id, problem=reason, worker=worker, egress=egress)

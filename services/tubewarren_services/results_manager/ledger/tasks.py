"""Tasks: how far each video of each source is, and how its attempts ended."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final, Self

from tubewarren.endings import moment_of, names
from tubewarren.messages.events import Fate
from tubewarren_services.results_manager.ledger.records import LONG_AGO, Row, earliest, greater, latest
from tubewarren_services.results_manager.ledger.settled import Settled, endings_of, settled_of, settled_row


@unique
class TaskState(StrEnum):
    """How far a video is."""

    PENDING = "pending"
    """Listed, and not yet claimed by anyone."""
    IN_PROGRESS = "in-progress"
    WAITING = "waiting"
    """An attempt failed, and the video comes back."""
    DONE = "done"
    DEAD = "dead"
    """Given up; only a redrive claims it again."""
    FILTERED = "filtered"
    """Left out by its filter, as its page showed."""


FIRST_KEPT: Final = 3
NEWEST_KEPT: Final = 20
MOST_KEPT: Final = FIRST_KEPT + NEWEST_KEPT
"""Attempts that are remembered of one task; what is not charged may come any number of times."""

ENDED: Final = frozenset({TaskState.DONE, TaskState.DEAD, TaskState.FILTERED})
"""No further attempt comes by itself."""

# Being listed again says nothing about how far a video is, and done stays done; between those the newest counts.
_PRECEDENCE: Final = {
    TaskState.PENDING: 0,
    TaskState.IN_PROGRESS: 1,
    TaskState.WAITING: 1,
    TaskState.DEAD: 1,
    TaskState.FILTERED: 1,
    TaskState.DONE: 2,
}
# Of two events at the same moment: an end follows its claim.
_AT_ONCE: Final = {state: rank for rank, state in enumerate(TaskState)}


@dataclass(frozen=True, slots=True)
class Listing:
    """What the source's list says of a video.

    Attributes:
        at: None when known only from an order for it, which any listing overrules.
    """

    url: str = ""
    title: str = ""
    duration_seconds: float | None = None
    at: datetime | None = None

    def order(self) -> tuple[Any, ...]:
        """Newest first; the rest makes it total."""
        duration_seconds = -1.0 if self.duration_seconds is None else self.duration_seconds
        return (self.at or LONG_AGO, self.url, self.title, duration_seconds)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a video stands after one event."""

    state: TaskState
    at: datetime
    worker: str = ""
    attempt: int = 0
    next_at: datetime | None = None
    already_present: bool = False
    trace_id: str | None = None
    egress: str = ""

    def order(self) -> tuple[Any, ...]:
        """By precedence; who fetched a video comes before who found it there; then newest first."""
        return (
            _PRECEDENCE[self.state],
            not self.already_present,
            self.at,
            _AT_ONCE[self.state],
            self.attempt,
            self.worker,
            self.next_at or LONG_AGO,
            self.trace_id or "",
            self.egress,
        )


@dataclass(frozen=True, slots=True)
class Setback:
    """The last failure.

    Attributes:
        next_at: when the work comes back, where that is known.
    """

    kind: str
    reason: str
    at: datetime
    next_at: datetime | None = None

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, self.kind, self.reason, self.next_at or LONG_AGO)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whether a list that once had the video has it no more."""

    is_gone: bool
    at: datetime

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, self.is_gone)


@dataclass(frozen=True, slots=True)
class Task:
    """One video of one source.

    Attributes:
        queued_at: when it was first listed.
        claimed_at: when it was last claimed.
        settled: what a person did when it was dead, unless it went on since.
        endings: the ends that were heard of.
        bumped_at: of the newest copy of its order that was sent ahead.
    """

    video_id: str
    source_id: str
    standing: Standing
    listing: Listing = Listing()
    setback: Setback | None = None
    queued_at: datetime | None = None
    claimed_at: datetime | None = None
    settled: Settled | None = None
    endings: frozenset[str] = frozenset()
    origin: Origin | None = None
    bumped_at: datetime | None = None

    @property
    def state(self) -> TaskState:
        """How far it is, after all: what went back to work waits for it."""
        is_redriven = self.settled is not None and self.settled.fate is Fate.REDRIVEN
        return TaskState.WAITING if self.standing.state is TaskState.DEAD and is_redriven else self.standing.state

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.video_id, self.source_id)

    def merged(self, other: Self) -> Self:
        """What both together say, the other one being heard now."""
        said = other._told_after(self)
        standing = max(self.standing, said.standing, key=Standing.order)
        settled = greater(self.settled, said.settled, Settled.order)
        return type(self)(
            self.video_id,
            self.source_id,
            standing=standing,
            listing=max(self.listing, said.listing, key=Listing.order),
            setback=greater(self.setback, said.setback, Setback.order),
            queued_at=earliest(self.queued_at, said.queued_at),
            claimed_at=latest(self.claimed_at, said.claimed_at),
            settled=None if settled is None or _is_past(settled, standing) else settled,
            endings=names(*self.endings, *said.endings),
            origin=greater(self.origin, said.origin, Origin.order),
            bumped_at=latest(self.bumped_at, said.bumped_at),
        )

    def _told_after(self, known: Self) -> Self:
        """The news of an end, with a time that fits to what is known."""
        ending = next(iter(self.endings), "")
        heard = names(*known.endings)
        if not ending or ending in heard:
            return self
        newest = max(_decided_at(known.standing), known.settled.at if known.settled else LONG_AGO)
        if self.settled is not None:
            return replace(self, settled=replace(self.settled, at=moment_of(ending, self.settled.at, newest, heard)))
        standing = replace(self.standing, at=moment_of(ending, self.standing.at, newest, heard))
        return replace(self, standing=standing, setback=told_after(self.setback, known.setback, ending))

    def to_row(self) -> dict[str, Any]:
        """As the table has it, without what is counted there."""
        listing, standing, setback = self.listing, self.standing, self.setback
        return {
            "video_id": self.video_id,
            "source_id": self.source_id,
            "url": listing.url,
            "title": listing.title,
            "duration_seconds": listing.duration_seconds,
            "listed_at": listing.at,
            "state": self.state.value,
            "standing": standing.state.value,
            "state_at": standing.at,
            "worker": standing.worker,
            "attempt": standing.attempt,
            "next_at": standing.next_at,
            "already_present": standing.already_present,
            "trace_id": standing.trace_id,
            "egress": standing.egress,
            "failure_kind": setback and setback.kind,
            "failure_reason": setback and setback.reason,
            "failed_at": setback and setback.at,
            "queued_at": self.queued_at,
            "claimed_at": self.claimed_at,
            "unlisted": self.origin and self.origin.is_gone,
            "unlisted_at": self.origin and self.origin.at,
            "bumped_at": self.bumped_at,
            **settled_row(self.settled, names(*self.endings)),
        }

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        failed_at = row["failed_at"]
        return cls(
            row["video_id"],
            row["source_id"],
            standing=Standing(
                TaskState(row["standing"] or row["state"]),  # an older program told them not apart
                row["state_at"],
                row["worker"],
                row["attempt"],
                row["next_at"],
                row["already_present"],
                row["trace_id"],
                row["egress"],
            ),
            listing=Listing(row["url"], row["title"], row["duration_seconds"], row["listed_at"]),
            setback=failed_at and Setback(row["failure_kind"], row["failure_reason"], failed_at),
            queued_at=row["queued_at"],
            claimed_at=row["claimed_at"],
            settled=settled_of(row),
            endings=endings_of(row),
            origin=row["unlisted_at"] and Origin(row["unlisted"], row["unlisted_at"]),
            bumped_at=row["bumped_at"],
        )


def told_after(setback: Setback | None, known: Setback | None, ending: str) -> Setback | None:
    """A setback that an end brought, of which nobody heard before; newer than the one that is known."""
    if setback is None or known is None:
        return setback
    return replace(setback, at=moment_of(ending, setback.at, known.at, ()))


def _is_past(settled: Settled, standing: Standing) -> bool:
    """Whether it went on afterwards."""
    return standing.state is TaskState.DONE or settled.at < _decided_at(standing)


def _decided_at(standing: Standing) -> datetime:
    """Being listed decides nothing."""
    return LONG_AGO if standing.state is TaskState.PENDING else standing.at


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that ended; it never changes.

    Attributes:
        ending: `done`, or the verdict on its failure.
    """

    attempt_id: str
    source_id: str
    video_id: str
    attempt: int
    worker: str
    ending: str
    ended_at: datetime
    seconds: float | None = None
    failure_kind: str | None = None
    failure_reason: str | None = None
    failure_detail: str | None = None
    egress: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.attempt_id,)

    def merged(self, other: Self) -> Self:
        """The same attempt, told twice."""
        del other
        return self

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        return cls(**row)


def surplus(attempts: Iterable[tuple[datetime, str]]) -> list[str]:
    """Of all attempts at one task, by their end and their id, those that need not be kept.

    The first and the newest of what was kept before and of what is new are those of all there ever was, so neither
    the order of events nor their repetition decides what is kept.
    """
    ordered = [attempt_id for _, attempt_id in sorted(attempts)]
    return ordered[FIRST_KEPT:-NEWEST_KEPT]

"""Sources: what the person's list says, how far the listing is, and what follows for the whole."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final, Self

from tubewarren.endings import moment_of, names
from tubewarren.messages.events import Fate, SourceState
from tubewarren_services.results_manager.ledger.records import LONG_AGO, Row, greater, latest
from tubewarren_services.results_manager.ledger.settled import Settled, endings_of, settled_of, settled_row
from tubewarren_services.results_manager.ledger.tasks import Setback, told_after


@unique
class Phase(StrEnum):
    """How far the listing of a source is; of two at the same moment, the later one here counts."""

    ACCEPTED = "accepted"
    LISTING = "listing"
    LISTED = "listed"
    REFUSED = "refused"
    BURIED = "buried"


_AT_ONCE: Final = {phase: rank for rank, phase in enumerate(Phase)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the person's list says of a source.

    Attributes:
        columns: JSON with sorted keys.
        at: None when known only from an order for it.
    """

    url: str = ""
    columns: str = "{}"
    priority: int = 5
    at: datetime | None = None

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at or LONG_AGO, self.url, self.columns, self.priority)


@dataclass(frozen=True, slots=True)
class Course:
    """The phase that one event began or confirmed."""

    phase: Phase
    at: datetime

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, _AT_ONCE[self.phase])


@dataclass(frozen=True, slots=True)
class Expansion:
    """A listing that reached its end.

    Attributes:
        notes: JSON.
    """

    videos: int
    refused: int
    notes: str
    at: datetime

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, self.videos, self.refused, self.notes)


@dataclass(frozen=True, slots=True)
class Source:
    """One source.

    Attributes:
        settled: what a person did when its order was dead, unless it went on since.
        endings: the ends that were heard of.
        bumped_at: of the newest copy of its order that was sent ahead.
    """

    source_id: str
    course: Course
    entry: Entry = Entry()
    expansion: Expansion | None = None
    setback: Setback | None = None
    settled: Settled | None = None
    endings: frozenset[str] = frozenset()
    bumped_at: datetime | None = None

    @property
    def phase(self) -> Phase:
        """How far it is, after all: what went back to work is to be listed."""
        is_redriven = self.settled is not None and self.settled.fate is Fate.REDRIVEN
        return Phase.ACCEPTED if self.course.phase is Phase.BURIED and is_redriven else self.course.phase

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.source_id,)

    def merged(self, other: Self) -> Self:
        """What both together say, the other one being heard now."""
        said = other._told_after(self)
        course = max(self.course, said.course, key=Course.order)
        settled = greater(self.settled, said.settled, Settled.order)
        return type(self)(
            self.source_id,
            course=course,
            entry=max(self.entry, said.entry, key=Entry.order),
            expansion=greater(self.expansion, said.expansion, Expansion.order),
            setback=greater(self.setback, said.setback, Setback.order),
            settled=None if settled is None or settled.at < course.at else settled,
            endings=names(*self.endings, *said.endings),
            bumped_at=latest(self.bumped_at, said.bumped_at),
        )

    def _told_after(self, known: Self) -> Self:
        """The news of an end, with a time that fits to what is known."""
        ending = next(iter(self.endings), "")
        heard = names(*known.endings)
        if not ending or ending in heard:
            return self
        newest = max(known.course.at, known.settled.at if known.settled else LONG_AGO)
        if self.settled is not None:
            return replace(self, settled=replace(self.settled, at=moment_of(ending, self.settled.at, newest, heard)))
        expansion = self.expansion
        if expansion and known.expansion:
            expansion = replace(expansion, at=moment_of(ending, expansion.at, known.expansion.at, heard))
        return replace(
            self,
            course=replace(self.course, at=moment_of(ending, self.course.at, newest, heard)),
            expansion=expansion,
            setback=told_after(self.setback, known.setback, ending),
        )

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""
        expansion, setback = self.expansion, self.setback
        return {
            "source_id": self.source_id,
            "url": self.entry.url,
            "columns": self.entry.columns,
            "priority": self.entry.priority,
            "ordered_at": self.entry.at,
            "phase": self.phase.value,
            "course": self.course.phase.value,
            "phase_at": self.course.at,
            "expanded_videos": expansion and expansion.videos,
            "expanded_refused": expansion and expansion.refused,
            "expanded_notes": expansion and expansion.notes,
            "expanded_at": expansion and expansion.at,
            "failure_kind": setback and setback.kind,
            "failure_reason": setback and setback.reason,
            "failed_at": setback and setback.at,
            "next_at": setback and setback.next_at,
            "bumped_at": self.bumped_at,
            **settled_row(self.settled, names(*self.endings)),
        }

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        expanded_at, failed_at = row["expanded_at"], row["failed_at"]
        return cls(
            row["source_id"],
            course=Course(Phase(row["course"] or row["phase"]), row["phase_at"]),  # as in tasks
            entry=Entry(row["url"], row["columns"], row["priority"], row["ordered_at"]),
            expansion=expanded_at
            and Expansion(row["expanded_videos"], row["expanded_refused"], row["expanded_notes"], expanded_at),
            setback=failed_at and Setback(row["failure_kind"], row["failure_reason"], failed_at, row["next_at"]),
            settled=settled_of(row),
            endings=endings_of(row),
            bumped_at=row["bumped_at"],
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """The tasks of one source."""

    tasks: int = 0
    done: int = 0
    dead: int = 0
    filtered: int = 0

    @property
    def ended(self) -> int:
        """Those of which no further attempt comes by itself."""
        return self.done + self.dead + self.filtered


def finish_of(source: Source | None, counts: Counts, now: datetime) -> datetime | None:
    """When the last video will have ended, at the pace since the source was accepted; None while that is unknown."""
    ended, left = counts.ended, videos_of(source, counts) - counts.ended
    since = source.entry.at if source else None
    if not ended or left <= 0 or since is None or since >= now:
        return None
    return now + (now - since) * (left / ended)


def videos_of(source: Source | None, counts: Counts) -> int:
    """How many videos a source has: what its listing announced, unless more are known."""
    announced = source.expansion.videos if source and source.expansion else 0
    return max(counts.tasks, announced)


def state_of(source: Source | None, counts: Counts) -> SourceState:
    """How far a source is; one without a record, whose videos alone were ordered, is as far as they are."""
    phase = source.phase if source else Phase.LISTED
    if phase in (Phase.REFUSED, Phase.BURIED):
        return SourceState.ERROR
    if phase is not Phase.LISTED:
        return SourceState.IN_PROGRESS if counts.tasks else SourceState.PENDING
    videos = videos_of(source, counts)
    if not videos:  # never done with nothing
        return SourceState.ERROR
    # A page of the listing may arrive after the news of its end: count what was announced, not what is known.
    return SourceState.DONE if counts.ended >= videos else SourceState.IN_PROGRESS

"""Holdings: which storage holds which finished video, and whether it is selected there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tubewarren_services.results_manager.ledger.records import Row, greater


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of a video, as their worker announced them."""

    size_bytes: int
    sha256: str
    at: datetime
    already_present: bool

    def order(self) -> tuple[Any, ...]:
        """Who fetched it comes before who found it there; then newest first."""
        return (not self.already_present, self.at, self.size_bytes, self.sha256)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the last move put a video."""

    selected: bool
    at: datetime

    def order(self) -> tuple[Any, ...]:
        """Newest first; a select that first returns everything ends with what it selected."""
        return (self.at, self.selected)


@dataclass(frozen=True, slots=True)
class Holding:
    """One video in one storage."""

    video_id: str
    storage: str
    stored: Stored | None = None
    place: Place | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """As the table's."""
        return (self.video_id, self.storage)

    def merged(self, other: Self) -> Self:
        """What both together say."""
        return type(self)(
            self.video_id,
            self.storage,
            stored=greater(self.stored, other.stored, Stored.order),
            place=greater(self.place, other.place, Place.order),
        )

    def to_row(self) -> dict[str, Any]:
        """As the table has it."""
        stored, place = self.stored, self.place
        return {
            "video_id": self.video_id,
            "storage": self.storage,
            "size_bytes": stored and stored.size_bytes,
            "sha256": stored and stored.sha256,
            "finished_at": stored and stored.at,
            "already_present": stored and stored.already_present,
            "selected": place is not None and place.selected,
            "moved_at": place and place.at,
        }

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Back from the table."""
        finished_at, moved_at = row["finished_at"], row["moved_at"]
        return cls(
            row["video_id"],
            row["storage"],
            stored=finished_at and Stored(row["size_bytes"], row["sha256"], finished_at, row["already_present"]),
            place=moved_at and Place(row["selected"], moved_at),
        )

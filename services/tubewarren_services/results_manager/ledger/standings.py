"""Standings: what there is to bump of a source, and what tells whether an order was overtaken. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tubewarren.messages.bumps import Listing
from tubewarren_services.results_manager.ledger.sources import Phase, Source
from tubewarren_services.results_manager.ledger.tasks import ENDED, Task, TaskState

WAITING: Final = TaskState.PENDING.value
"""The state of what nobody has begun with."""
LATER: Final = "later"
"""Beside the states: nobody has begun with it because it is to start no earlier than at a certain time."""


@dataclass(frozen=True, slots=True)
class Standings:
    """How far a source is.

    Attributes:
        source: None when only its videos are known.
        videos: how many are in each state; those that are to start later are not among the waiting ones.
    """

    source: Source | None
    videos: Mapping[str, int]

    @property
    def listing(self) -> Listing:
        """What can be bumped of the source's own order; `BUMPED` when it waits in a queue."""
        match self.source.course.phase if self.source else Phase.LISTED:
            case Phase.ACCEPTED:
                return Listing.BUMPED
            case Phase.LISTING:
                return Listing.UNDER_WAY if _begun_at(self.source) else Listing.WAITING
            case Phase.BURIED if self.source and self.source.phase is Phase.ACCEPTED:
                # What went back to work is a new order.
                return Listing.WAITING
            case Phase.BURIED:
                return Listing.DEAD
            case Phase.LISTED | Phase.REFUSED:
                return Listing.NONE


def known_of_video(task: Task) -> dict[str, Any]:
    """What tells whether an order for a video was overtaken."""
    return {
        "bumped_at": task.bumped_at,
        "has_ended": task.state in ENDED,
        "begun_at": task.claimed_at if task.state is TaskState.IN_PROGRESS else None,
    }


def known_of_source(source: Source) -> dict[str, Any]:
    """What tells whether an order to list a source was overtaken; and which priority the list gives it, since when."""
    return {
        "priority": source.entry.priority,
        "listed_at": source.entry.at,
        "bumped_at": source.bumped_at,
        "has_ended": source.phase in (Phase.LISTED, Phase.REFUSED, Phase.BURIED),
        "begun_at": _begun_at(source),
    }


def _begun_at(source: Source | None) -> datetime | None:
    """When the newest page of a listing was told of that has not failed since."""
    if source is None or source.course.phase is not Phase.LISTING:
        return None
    has_failed = source.setback is not None and source.setback.at >= source.course.at
    return None if has_failed else source.course.at

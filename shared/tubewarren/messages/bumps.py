"""Bumps: how what waits of a source is moved ahead, or back.

A message in a queue can neither be changed nor taken out of its middle. So copies of the orders that wait are sent with
another priority, and each original is passed over when its turn comes.
"""

from enum import StrEnum, unique
from typing import ClassVar

from pydantic import AwareDatetime, Field

from tubewarren.messages.base import Command, Event


class PrioritiseSource(Command):
    """Write another priority into a source's row of the list; what waits of it is bumped by somebody else."""

    type: ClassVar[str] = "source.prioritise.v1"

    source_id: str
    priority: int = Field(ge=1, le=10)


class AnnounceBump(Command):
    """Let every worker know that orders of a source will come that were overtaken by copies of themselves."""

    type: ClassVar[str] = "bump.announce.v1"

    source_id: str


class BumpOrders(Command):
    """Send copies of what waits of a source, as if it had been ordered with this priority.

    Attributes:
        storage: whose results-manager does it; any of them could, one must.
        video_id: of this video alone, when given.
        keeps_places: the copies count as the first, second, third of their source, as a listing counts them; otherwise
            each is a first one, and comes as soon as its priority says.
        not_before: when all workers have heard of it; None when none need to.
        dry_run: only tell what would be sent.
    """

    type: ClassVar[str] = "orders.bump.v1"

    storage: str
    source_id: str
    video_id: str = ""
    priority: int = Field(default=1, ge=1, le=10)
    keeps_places: bool = False
    not_before: AwareDatetime | None = None
    dry_run: bool = False


class OrdersBumped(Event):
    """Copies of orders were sent, and overtake them; `at` is the `bumped_at` of the copies.

    Attributes:
        video_ids: what they order.
        is_listing: one orders the listing of the source.
    """

    type: ClassVar[str] = "orders.bumped.v1"

    source_id: str
    priority: int
    video_ids: tuple[str, ...] = ()
    is_listing: bool = False


@unique
class Listing(StrEnum):
    """What becomes of the order to list a source when it is bumped."""

    NONE = ""
    """There is none any more."""
    BUMPED = "bumped"
    UNDER_WAY = "under-way"
    """It stays as it is; what it finds from now on has the priority that the list gives its source."""
    WAITING = "waiting"
    """It comes back for its next attempt by itself; what it finds then is as with one that is under way."""
    DEAD = "dead"


class BumpAnswered(Event):
    """What was sent ahead of a source, or would be.

    Attributes:
        bumped: how many videos.
        left: how many videos stay as they are, by their state in the ledger; `later` are those that are to start no
            earlier than at a certain time.
    """

    type: ClassVar[str] = "bump.answered.v1"

    source_id: str
    video_id: str = ""
    listing: Listing = Listing.NONE
    bumped: int = 0
    left: dict[str, int] = Field(default_factory=dict)
    dry_run: bool = False

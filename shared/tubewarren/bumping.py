"""Bumping: which of several orders for the same work goes on, when copies of it were sent ahead. Pure.

Whatever happens, one of them goes on, because an order gives way to another only when that one exists for certain:

- An older order gives way to the newest copy, of which the ledger hears only once the broker has it; except when the
  older one was under way already, and comes back because its worker was lost.
- The newest copy gives way to an end: the video is there, was left out, or its order lies in the dead queue. While an
  older one is still under way, it waits.

What was ordered later than the copies, or brought back from the dead, is a new order, and none of this concerns it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo, ExpandSource

Order = DownloadVideo | ExpandSource

HEARD_AFTER: Final = timedelta(seconds=2)
"""The ledger has heard by then of what happened before."""
ANNOUNCED_FOR: Final = timedelta(seconds=6)
"""Every worker has heard by then of which sources it has to look orders up."""
_LONGEST_UNDER_WAY: Final = timedelta(hours=1)
"""Whoever was at it for so long has left without a word."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of the work that an order is for.

    Attributes:
        bumped_at: of the newest copy; None when there never was one.
        has_ended: well or badly.
        begun_at: when the attempt that is under way began; None when none is.
    """

    bumped_at: datetime | None = None
    has_ended: bool = False
    begun_at: datetime | None = None


LookUp = Callable[[Order], Awaitable[Known | None]]
"""Asks the ledger; None when it does not answer."""


class Turn(Enum):
    """What becomes of an order whose turn has come."""

    GOES_ON = auto()
    WAITS = auto()
    IS_OVER = auto()


def turn_of(delivery: Delivery, known: Known | None, now: datetime) -> Turn:
    """Whether an order goes on, by what is known of its work; without a ledger, each does."""
    order = delivery.message
    if known is None or known.bumped_at is None or delivery.is_redriven or not isinstance(order, Order):
        return Turn.GOES_ON
    ordered_at = order.bumped_at or delivery.ordered_at
    if ordered_at is None or ordered_at > known.bumped_at:
        return Turn.GOES_ON
    if known.has_ended:
        return Turn.IS_OVER
    # No copy begins earlier than that.
    is_older_under_way = known.begun_at is not None and known.begun_at < known.bumped_at + HEARD_AFTER
    if ordered_at < known.bumped_at:
        return Turn.GOES_ON if is_older_under_way else Turn.IS_OVER
    if is_older_under_way and known.begun_at is not None and now - known.begun_at < _LONGEST_UNDER_WAY:
        return Turn.WAITS
    return Turn.GOES_ON


def too_young(order: Order, now: datetime) -> timedelta:
    """How long a copy waits until the ledger has heard who began before it was sent; by our clock, so it is bounded."""
    age = now - order.bumped_at if order.bumped_at else HEARD_AFTER
    return HEARD_AFTER - age if timedelta(0) <= age < HEARD_AFTER else timedelta(0)

"""A message in hand, as a handler sees it: free of whatever brought it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tubewarren.messages import Message


@dataclass(frozen=True, slots=True)
class Death:
    """How a command came to the dead-letter exchange, by the broker's own account."""

    queue: str
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in hand, with what travelled beside its body.

    Attributes:
        attempt: which charged try this is; 1 is the first.
        is_redelivered: it was delivered before, to somebody who did not settle it.
        opinions: the egresses that found this video unavailable.
        trace: the W3C headers of the story that it belongs to.
        death: set on commands that come by way of the dead-letter exchange.
        due_since: when it came into its queue, to be handled at once.
        ordered_at: when it was first published, to a whole second; None when nobody says.
        is_redriven: a person, or a trouble that is over, brought it back from a dead queue.
    """

    message: Message
    message_id: str
    attempt: int = 1
    is_redelivered: bool = False
    not_before: datetime | None = None
    opinions: tuple[str, ...] = ()
    reply_to: str | None = None
    correlation_id: str | None = None
    trace: Mapping[str, str] = field(default_factory=dict)
    death: Death | None = None
    due_since: datetime | None = None
    ordered_at: datetime | None = None
    is_redriven: bool = False

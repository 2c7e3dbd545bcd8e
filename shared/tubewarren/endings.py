"""Endings: news after which none follows by itself, such as a burial, and when it is believed to have happened.

Otherwise the newest news counts, by its sender's clock. An end whose time is long past when it is heard for the first
time comes from a clock that is or was wrong, and no better news will follow: it counts as newer than all before it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from tubewarren.messages import Event

BY_THE_BROKER: Final = "death"
"""What the broker gave up: such an end has neither a name nor a time of its own, and ends whatever is known."""

_OUT_OF_TIME: Final = timedelta(hours=1)
"""What comes so much later than its time says, for the first time, comes from a clock that is or was wrong."""
_NAME: Final = 12
"""Characters that tell the few ends of one matter apart."""


def name_of(event: Event) -> str:
    """The name of the end that an event tells of; a repeat of the event has the same."""
    return event.message_id.hex[:_NAME]


def names(*endings: str) -> frozenset[str]:
    """Those that have a name of their own, and can be recognised when they are told again."""
    return frozenset(endings) - {"", BY_THE_BROKER}


def moment_of(ending: str, at: datetime, latest: datetime, heard: Collection[str]) -> datetime:
    """When something happened, in the order of what is known.

    Args:
        ending: the end's name; empty when it is none.
        at: the time that it says.
        latest: the newest that is known of the same matter.
        heard: the ends that were heard of before.
    """
    if not ending or ending in heard:
        return at
    just_after = latest + datetime.resolution
    if ending == BY_THE_BROKER:
        return max(at, just_after)
    return just_after if latest - at > _OUT_OF_TIME else at

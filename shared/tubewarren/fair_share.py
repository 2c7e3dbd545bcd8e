"""Fair share: how soon an order's turn comes, by its source's priority and its place within its source. Pure.

A source's first video comes as its priority says. Every tenfold number of videos costs a source one step: so the later
entries of a huge source yield to the first entries of a small one, and no source is shut out by another of its kind.
"""

from bisect import bisect_left
from typing import Final

from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource

RANKS: Final = range(1, 11)
"""1 is served first, and 10 last."""
_USUAL: Final = 5
_ENDS: Final = (1, 10, 100, 1_000)
"""The last place of each step: beyond the last of them, nothing more is lost."""


def rank(message: Message) -> int:
    """The rank of an order; what knows no priority has the usual one."""
    match message:
        case DownloadVideo():
            return min(message.priority + bisect_left(_ENDS, message.place), RANKS[-1])
        case ExpandSource():
            # What is new in a source that was listed before can wait for those of which nothing is known.
            return min(message.priority + bool(message.refresh), RANKS[-1])
        case _:
            return _USUAL


def is_ranked(kind: type[Message]) -> bool:
    """Whether messages of a type differ in rank."""
    return issubclass(kind, DownloadVideo | ExpandSource)

"""Which given-up orders go back to work."""

from dataclasses import dataclass

from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource


@dataclass(frozen=True, slots=True)
class Returning:
    """Those that shall.

    Attributes:
        works: those with these keys.
        sources: all of these sources, and their own.
    """

    works: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.works or self.sources)

    def __or__(self, other: "Returning") -> "Returning":
        return Returning(self.works | other.works, self.sources | other.sources)

    def __sub__(self, other: "Returning") -> "Returning":
        return Returning(self.works - other.works, self.sources - other.sources)

    def means(self, order: Message) -> bool:
        """Whether this one shall."""
        match order:
            case DownloadVideo() | ExpandSource():
                return order.key in self.works or order.source_id in self.sources
            case _:
                return False

"""The discrepancy: one thing in which the books differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Kind(StrEnum):
    """What is wrong."""

    QUEUE_MISSING = "queue-missing"
    BEHIND = "behind"
    """Events wait for the ledger or for the sheet, so that nothing can be said of it."""
    UNDIGESTED = "undigested"
    """Given-up messages that are neither a video nor a source."""
    LOST = "lost"
    """Unfinished, and in no queue and in nobody's hand."""
    NOT_IN_DEAD_QUEUE = "not-in-dead-queue"
    DEAD_LETTER_OF_LIVING = "dead-letter-of-living"
    NO_FILE = "no-file"
    DAMAGED = "damaged"
    STRAY_FILE = "stray-file"
    STRAY_STAGING = "stray-staging"
    STORED_TWICE = "stored-twice"
    COUNTS = "counts"
    CHARGED = "charged"
    TAB_UNREADABLE = "tab-unreadable"
    ROW_MISSING = "row-missing"
    ROW_DOUBLED = "row-doubled"
    ROW_STRAY = "row-stray"
    ROW_DIFFERS = "row-differs"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing in which the books differ.

    Attributes:
        concerns: whom, such as `video 12/abcdefghijk` (source and video) or `source 12`.
        remedy: what would mend it, mostly a command.
    """

    kind: Kind
    concerns: str
    what: str
    remedy: str


def lasting(first: Iterable[Discrepancy], second: Iterable[Discrepancy]) -> tuple[Discrepancy, ...]:
    """Those that two looks found in the very same words: what was different in between is on its way."""
    before = frozenset(first)
    return tuple(each for each in second if each in before)

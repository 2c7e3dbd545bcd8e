"""Decisions about rows: what the list asks for."""

from dataclasses import dataclass

from tubewarren.failures import Failure
from tubewarren.messages.events import Taken
from tubewarren_services.sheet_ingestor.entries import Entry
from tubewarren_services.sheet_ingestor.rows import ListRow


@dataclass(frozen=True, slots=True)
class Accept:
    """A source that is to be expanded.

    Attributes:
        is_another: its row had the address of another one before.
    """

    row: ListRow
    entry: Entry
    is_another: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """A row that cannot be worked on, with the reason."""

    row: ListRow
    failure: Failure


@dataclass(frozen=True, slots=True)
class Find:
    """A row that was at work before we came: nothing is to be done, and its wording is the one that counts."""

    row: ListRow
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Take:
    """Something that a person wrote into a row that is at work, or was.

    Attributes:
        entry: what the row orders now; None when it cannot be taken as it is written.
        is_moved: another priority stands there than before.
    """

    row: ListRow
    what: Taken
    entry: Entry | None = None
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What is wrong with a row whose source goes on all the same; empty when nothing is any more."""

    row: ListRow
    note: str


Decision = Accept | Refuse | Find | Take | Note

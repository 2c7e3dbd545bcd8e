"""The port: what ingestor and status-writer may ask of a sheet, whatever kind it is."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import TABS, Tab


class Edit(Protocol):
    """What a change wants written, beside whatever else it has to tell its caller."""

    @property
    def patch(self) -> Patch:
        """Against the table that the change was given."""


EditT = TypeVar("EditT", bound=Edit)


@dataclass(frozen=True, slots=True)
class Written(Generic[EditT]):
    """A tab after its change: the table as the edit made it, and that edit."""

    table: Table
    edit: EditT


class Workbook(Protocol):
    """A sheet with our tabs. Calls block: use them from a thread. A call may be repeated after any error."""

    def read(self, tabs: Collection[Tab]) -> Mapping[Tab, Table]:
        """Return these tabs as they are now.

        Raises:
            SheetUnavailableError: not now; later by itself, perhaps.
            TabUnreadableError: a person has to mend a tab.
        """

    def edit(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        """Read these tabs now, ask each change for its edit, and write what differs, in one go.

        A change is a pure function: when a person, or another writer of ours, was quicker it is asked again, with the
        newer table. Some kinds see that before they write, others right afterwards, and put back what they hit by
        mistake. All tabs are read before the first is written.

        What is returned is what our writing comes to. What others did meanwhile shows in the next reading.

        Raises:
            SheetUnavailableError: not now; some of it may be written, and the same call again does no harm.
            TabUnreadableError: a person has to mend its `tab`; call again without it to write the others.
        """

    def create_missing(self, tabs: Collection[Tab] = TABS) -> tuple[Tab, ...]:
        """Make those of the tabs that are not there, with their headers; say which. What is there stays as it is.

        Cheap when nothing is missing: ask before every use.

        Raises:
            SheetUnavailableError: not now.
        """

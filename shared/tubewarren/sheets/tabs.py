"""The tabs of the workbook as data: names, columns, keys, and which columns are whose.

Names, columns and status words are those of the older coordinator, so that an existing sheet can be used as it is;
our own columns come after.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.table import Table, doubled_names, missing_names

STATUS = "Status"
CLAIMED_BY = "ClaimedBy"
LAST_ERROR = "LastError"
PROGRESS = "Progress"


@unique
class StatusWord(StrEnum):
    """What stands in a Status cell; the last five are ours."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    ERROR = "error"
    ACTIVE = "active"
    FILTERED = "filtered"
    STALE = "stale"
    LOST = "lost"
    STOPPED = "stopped"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab.

    Attributes:
        columns: every column we know, in the order of a new tab; a person may move them and add others.
        key: the columns that tell rows apart; written once, with the row, and never changed.
        human: the columns that we fill only in a row of our own, and never touch afterwards.
        required: the columns without which the tab makes no sense.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    human: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def system(self) -> tuple[str, ...]:
        """The columns that the system owns and keeps equal to what it knows."""
        return tuple(name for name in self.columns if name not in self.key and name not in self.human)


# What a person says of a source besides its address, in the order of a line of sources.txt.
SOURCE_DETAILS = ("Name", "Gender", "Accent", "ContentType", "Type", "MultispeakerPercentage")
PRIORITY = "Priority"
PRESET = "Preset"
FILTER = "Filter"
REFRESH = "Refresh"
PAUSE = "Pause"
ACTION = "Action"

_ORDERS = (PRIORITY, PRESET, FILTER, REFRESH, PAUSE, ACTION)
_SOURCE_COLUMNS = (
    *("ID", "URL", "Status", "ClaimedBy", "ClaimedAt"),
    *SOURCE_DETAILS,
    *("RetryCount", LAST_ERROR),
)
_TASK_COLUMNS = (
    *("ID", "SourceID", "URL", "Status", "Duration"),
    *("ClaimedBy", "ClaimedAt", "RetryCount", LAST_ERROR),
)

SOURCES = Tab(
    name="Sources",
    columns=(*_SOURCE_COLUMNS, *_ORDERS, "Videos", "Done", "Failed", "Progress", "ETA"),
    key=("ID",),
    human=("URL", *SOURCE_DETAILS, *_ORDERS),
    required=("ID", "URL"),
)
VIDEO_TASKS = Tab(
    name="Video Tasks",
    columns=(*_TASK_COLUMNS, "Title", "Progress"),
    key=("ID", "SourceID"),
    human=("URL",),
    required=("ID", "SourceID"),
)
DEAD_LETTER_SOURCES = Tab(
    name="Dead-Letter Sources",
    columns=_SOURCE_COLUMNS,
    key=("ID",),
    human=("URL", *SOURCE_DETAILS),
    required=("ID",),
)
DEAD_LETTER_TASKS = Tab(
    name="Dead-Letter Tasks",
    columns=_TASK_COLUMNS,
    key=("ID", "SourceID"),
    human=("URL",),
    required=("ID", "SourceID"),
)
WORKERS = Tab(
    name="Workers",
    columns=("Hostname", "LastSeen", "Status", "Service", "Doing"),
    key=("Hostname",),
    human=(),
    required=("Hostname",),
)
SUMMARY = Tab(
    name="Summary",
    columns=("What", "Value", "Since", "Until", "Advice"),
    key=("What",),
    human=(),
    required=("What",),
)
TABS = (SOURCES, VIDEO_TASKS, DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS, WORKERS, SUMMARY)


def problems(tab: Tab, table: Table) -> tuple[str, ...]:
    """What keeps this table from being read as that tab, one sentence each with what to do; empty when fine."""
    missing = (
        f'The column "{name}" is missing: write {name} into the first row, above the cells that it names.'
        for name in missing_names(table, tab.required)
    )
    doubled = (
        f'More than one column is called "{name}": rename or remove all but one.' for name in doubled_names(table)
    )
    return (*missing, *doubled)


def ensure_readable(tab: Tab, table: Table) -> None:
    """Check that the table can be read as that tab.

    Raises:
        TabUnreadableError: a required column is missing, or a name stands above two columns.
    """
    if found := problems(tab, table):
        raise TabUnreadableError(tab.name, found)

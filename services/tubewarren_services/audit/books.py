"""What the audit compares: ledger, sheet, files and queues, as each was found at one moment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import Tab
from tubewarren.topology import Topology

Value = str | int | float | bool | None
Row = Mapping[str, Value]

OPEN: Final = frozenset({"pending", "in-progress", "waiting"})
"""The states of a task that has not ended."""
DEAD: Final = "dead"
"""The state of a task that was given up."""
BURIED: Final = "buried"
"""The phase of a source that was given up."""
PURGED: Final = "purged"
"""What a person dropped for ever after it was given up."""


def is_purged(row: Row) -> bool:
    """Whether a person dropped the order of this task or source, which was given up."""
    return row.get("fate") == PURGED and (row.get("state") == DEAD or row.get("phase") == BURIED)


@dataclass(frozen=True, slots=True)
class LedgerBook:
    """The ledger's rows, by topic."""

    sources: tuple[Row, ...] = ()
    tasks: tuple[Row, ...] = ()
    results: tuple[Row, ...] = ()
    attempts: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class SheetBook:
    """The workbook.

    Attributes:
        unreadable: by the name of a tab that is not among the tables, what is wrong and what to do.
        most_videos: rows that a tab of videos holds; of more only the running ones must be there.
    """

    tables: Mapping[Tab, Table]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    most_videos: int = sys.maxsize


@dataclass(frozen=True, slots=True)
class Result:
    """A folder named like a video, among the results or the selected ones.

    Attributes:
        sha256: of its main file, as its manifest says; empty when there is no manifest.
        problem: why it is no good result; empty when it is what its manifest says.
    """

    path: Path
    size_bytes: int = 0
    sha256: str = ""
    source_ids: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A folder in which a video is worked on, or was.

    Attributes:
        is_claimed: a process is at it.
    """

    path: Path
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class FileBook:
    """The store of this machine.

    Attributes:
        place: its results.
        results: by video.
        staging: by video.
    """

    storage: str
    place: Path
    results: Mapping[str, Result] = field(default_factory=dict)
    staging: Mapping[str, Leftover] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in a dead queue.

    Attributes:
        queue: where it was given up.
        source_id: empty when it does not name one, and so is `video_id`.
    """

    queue: str
    letter_id: str
    source_id: str = ""
    video_id: str = ""


@dataclass(frozen=True, slots=True)
class QueueBook:
    """The broker.

    Attributes:
        storage: whose results-manager it was that answered.
        depths: messages ready and consumers of each queue; None for one that is missing.
        in_hand: messages that workers hold, by work queue; a queue of which that is not known is left out.
    """

    topology: Topology
    storage: str
    depths: Mapping[str, tuple[int, int] | None]
    letters: tuple[Letter, ...] = ()
    in_hand: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything; None was not looked at."""

    ledger: LedgerBook
    sheet: SheetBook | None = None
    files: FileBook | None = None
    queues: QueueBook | None = None

"""Reading the list: all that blocks, in one place; call it from a thread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import structlog

from tubewarren.sheets.errors import SheetError
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.sources_file import parse_sources
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, VIDEO_TASKS
from tubewarren.sheets.workbook import Workbook
from tubewarren.youtube.addresses import canonical_url
from tubewarren_services.sheet_ingestor.actions import CarriedOut, cleared, prioritised
from tubewarren_services.sheet_ingestor.intake import Wish, take_in, told_of_doubled_ids
from tubewarren_services.sheet_ingestor.numbers import NumberFile
from tubewarren_services.sheet_ingestor.rows import ListRow, read_rows
from tubewarren_services.sheet_ingestor.videos import set_back_keys

Signature = tuple[int, int, int]
"""What tells one saved state of a file from another."""

_LOOKS_WITHOUT_VIDEOS: Final = 5
"""After so many the videos are looked for again; a file that is not there costs some patience each time."""
_MOST_ADDRESSES: Final = 20_000
"""Spellings that are remembered: a long list is looked at every few seconds."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class SourcesFile:
    """A text file of sources.

    Attributes:
        trouble: what is wrong with it, for a person.
    """

    path: Path | None
    trouble: str = ""
    _imported: Signature | None = None

    def changed(self) -> tuple[Signature | None, list[Wish]]:
        """What it asks for, when it is not as it was imported last, and how to know it again."""
        if self.path is None:
            return None, []
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            if signature == self._imported:
                return signature, []
            lines, bad_lines = parse_sources(self.path.read_bytes())
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}. Write it, or name another file."
            return None, []
        for bad in bad_lines:
            log.warning("bad line passed over", file=str(self.path), line=bad.number, reason=bad.reason)
        numbers = ", ".join(str(line.number) for line in bad_lines)
        self.trouble = f"{self.path}: bad lines passed over: {numbers}" if numbers else ""
        return signature, [Wish(line.url, line.columns) for line in lines]

    def imported(self, signature: Signature | None) -> None:
        """This state of it is in the list."""
        self._imported = signature


@dataclass(frozen=True, slots=True)
class Seen:
    """The list at one moment.

    Attributes:
        videos: the rows of Video Tasks that are set back; None when they could not be read.
        doubled: what a person should know of ids that stand in several rows.
    """

    rows: tuple[ListRow, ...]
    videos: Mapping[Key, Mapping[str, str]] | None
    doubled: str


@dataclass(slots=True)
class Reader:
    """The one that reads the list, and writes what a row needs of ours: its number, and an Action that is done."""

    workbook: Workbook
    numbers: NumberFile
    sources_file: SourcesFile
    _looks_without_videos: int = 0
    _canonical: Callable[[str], str] = field(default_factory=lambda: lru_cache(_MOST_ADDRESSES)(canonical_url))

    def look(self) -> Seen:
        """Bring the sources file into the list, give every row its number, and read it.

        Raises:
            SheetError: not now.
        """
        self.workbook.create_missing([SOURCES])
        signature, wishes = self.sources_file.changed()
        table, videos = self._read()
        table = self._taken_in(table, wishes)
        self.sources_file.imported(signature)
        rows = read_rows(table, self._canonical)
        # A number that a person gave is as much in use as one of ours.
        self.numbers.note(row.source_id for row in rows)
        return Seen(rows, None if videos is None else set_back_keys(videos), told_of_doubled_ids(table))

    def add(self, wish: Wish) -> None:
        """Put a source on the list.

        Raises:
            SheetError: not now.
        """
        self.workbook.create_missing([SOURCES])
        self._taken_in(self.workbook.read([SOURCES])[SOURCES], [wish])

    def prioritise(self, source_id: str, priority: int) -> None:
        """Write a priority into the row of a source; one that is not on the list has none.

        Raises:
            SheetError: not now.
        """
        self.workbook.edit({SOURCES: partial(prioritised, source_id, priority)})

    def show(self, carried_out: CarriedOut) -> None:
        """Show in the rows that ordered something that it was carried out.

        Raises:
            SheetError: not now.
        """
        self.workbook.edit({tab: partial(cleared, tab, carried_out) for tab in carried_out.tabs})

    def _read(self) -> tuple[Table, Table | None]:
        """Sources, and Video Tasks when it can be read: trouble there is the status-writer's, and stops no source."""
        if not self._looks_without_videos:
            try:
                tables = self.workbook.read([SOURCES, VIDEO_TASKS])
            except SheetError as error:
                log.debug("reading without the videos", problem=str(error))
                self._looks_without_videos = _LOOKS_WITHOUT_VIDEOS
            else:
                return tables[SOURCES], tables[VIDEO_TASKS]
        table = self.workbook.read([SOURCES])[SOURCES]
        self._looks_without_videos -= 1
        return table, None

    def _taken_in(self, table: Table, wishes: Sequence[Wish]) -> Table:
        """Sources, with the wishes in it and a number for each row; written only when that changes something."""
        change = partial(take_in, wishes=wishes, taken=(self.numbers.highest(),))
        if not change(table).patch:
            return table
        written = self.workbook.edit({SOURCES: change})[SOURCES]
        self.numbers.note(written.edit.ids)
        return written.table

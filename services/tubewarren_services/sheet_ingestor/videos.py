"""Videos that a person has set back in the tab Video Tasks: those that died return, the others are ordered anew."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.permits import RedriveDead
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.set_back import set_back_rows
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import LAST_ERROR, STATUS, VIDEO_TASKS, StatusWord, problems
from tubewarren.youtube.filters import LEFT_OUT
from tubewarren_services.sheet_ingestor.entries import Entry

_PURGED: Final = "purged"
"""How the row of a video begins its LastError whose order was dropped for ever."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """The videos of one source that shall be worked on once more.

    Attributes:
        keys: of their rows.
        dead: their orders lie in the dead queue.
        lost: they have none any more; one whose result is still there is recognised by the downloader.
    """

    source_id: str
    keys: frozenset[Key]
    dead: tuple[str, ...]
    lost: tuple[DownloadVideo, ...]

    @property
    def redrive(self) -> RedriveDead | None:
        """The order for those that died."""
        return RedriveDead(source_id=self.source_id, video_ids=self.dead) if self.dead else None


def set_back_keys(table: Table) -> dict[Key, Mapping[str, str]]:
    """The rows that a person has set back, by key; none in a tab that cannot be read."""
    if problems(VIDEO_TASKS, table) or STATUS not in table.names:
        return {}
    at = table.names.index(STATUS)
    waiting = [place for place, row in enumerate(table.rows) if row[at].strip().lower() == StatusWord.PENDING]
    records = (
        {name: cell.strip() for name, cell in zip(table.names, table.rows[place], strict=True)}
        for place in sorted(set_back_rows(table, waiting))
    )
    return {(record["ID"], record["SourceID"]): record for record in records if record["ID"] and record["SourceID"]}


def set_back_videos(
    rows: Mapping[Key, Mapping[str, str]], taken: Collection[Key], entry_of: Callable[[str], Entry | None]
) -> Iterator[SetBack]:
    """What to do about those that were not taken before, source by source.

    Args:
        rows: the rows that are set back.
        taken: those that were taken already, and still say so.
        entry_of: what the list says of a source.
    """
    by_source: dict[str, list[Mapping[str, str]]] = {}
    for key, record in rows.items():
        if key not in taken:
            by_source.setdefault(record["SourceID"], []).append(record)
    for source_id, records in by_source.items():
        dead = tuple(record["ID"] for record in records if _is_dead(record))
        lost = (record for record in records if not _is_dead(record) and record.get("URL"))
        yield SetBack(
            source_id,
            frozenset((record["ID"], source_id) for record in records),
            dead,
            tuple(_order(record, entry_of(source_id)) for record in lost),
        )


def _is_dead(record: Mapping[str, str]) -> bool:
    """Its Status does not say it any more; what is done has no error, and what was left out lies nowhere."""
    error = record.get(LAST_ERROR, "")
    return bool(error) and not error.startswith((_PURGED, LEFT_OUT))


def _order(record: Mapping[str, str], entry: Entry | None) -> DownloadVideo:
    entry = entry or Entry("")
    return DownloadVideo(
        video_id=record["ID"],
        url=record["URL"],
        source_id=record["SourceID"],
        title=record.get("Title", ""),
        duration_seconds=_seconds(record.get("Duration", "")),
        columns=dict(entry.columns),
        priority=entry.priority,
        preset=entry.preset,
    )


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None

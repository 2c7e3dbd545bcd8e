"""Which rows a record has, and what they show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from tubewarren.messages.events import Fate
from tubewarren.sheets.tabs import (
    DEAD_LETTER_SOURCES,
    DEAD_LETTER_TASKS,
    LAST_ERROR,
    SOURCES,
    STATUS,
    VIDEO_TASKS,
    WORKERS,
    StatusWord,
    Tab,
)
from tubewarren_services.status_writer.facts import Kind, Part, Record, Statement
from tubewarren_services.status_writer.handler import DEAD, FATE, GONE_SINCE, NOTE

TABS_OF: Mapping[Kind, tuple[Tab, ...]] = {
    Kind.SOURCE: (SOURCES, DEAD_LETTER_SOURCES),
    Kind.VIDEO: (VIDEO_TASKS, DEAD_LETTER_TASKS),
    Kind.WORKER: (WORKERS,),
    Kind.FLEET: (),
}
"""Where a subject may have rows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One row.

    Attributes:
        values: text by system column.
        seed: text by human column, for a row that has to be added.
        may_be_added: otherwise it is only kept right where it stands already.
    """

    values: Mapping[str, str]
    seed: Mapping[str, str] = field(default_factory=dict)
    may_be_added: bool = True


def rows_of(kind: Kind, record: Record) -> Mapping[Tab, Shown]:
    """The rows that a record has, by tab."""
    match kind:
        case Kind.SOURCE:
            return _of_a_source(record)
        case Kind.VIDEO:
            return _of_a_video(record)
        case Kind.WORKER:
            return _of_a_worker(record)
        case Kind.FLEET:  # has no row of its own: see the summary
            return {}
        case _:
            assert_never(kind)


def _of_a_source(record: Record) -> Mapping[Tab, Shown]:
    standing, progress = record.get(Part.STANDING), record.get(Part.PROGRESS)
    if standing is None and progress is None:
        return {}
    # Both say how far it is. The ledger hears whatever we hear and tells its conclusion afterwards: its word counts,
    # whatever the clocks of those say who list sources.
    values = {**(standing.values if standing else {}), **(progress.values if progress else {})}
    is_dead = bool(_says(standing, DEAD))
    fate = _fate(record) if is_dead else ""
    has_gone_on = fate == Fate.REDRIVEN and _says(progress, "Status") not in ("", StatusWord.ERROR)
    if is_dead and not has_gone_on:
        values["Status"] = StatusWord.ERROR.value
        values |= _settled(fate, _says(standing, LAST_ERROR))
    if Part.CLAIM in record:
        values |= _claim_values(StatusWord(values.get(STATUS, StatusWord.PENDING)), record)
    if Part.NOTE in record:
        values[LAST_ERROR] = _says(record[Part.NOTE], NOTE) or values.get(LAST_ERROR, "")
    # The ingestor writes these rows, so one that is not there is one that a person removed.
    rows = {SOURCES: _shown(SOURCES, values, may_be_added=False)}
    if is_dead and not fate:
        rows[DEAD_LETTER_SOURCES] = _shown(DEAD_LETTER_SOURCES, values, record.get(Part.ENTRY))
    return rows


def _of_a_video(record: Record) -> Mapping[Tab, Shown]:
    standing, entry = record.get(Part.STANDING), record.get(Part.ENTRY)
    if standing is None:
        return {}
    told = StatusWord(standing.values["Status"])
    fate = _fate(record) if told is StatusWord.ERROR else ""
    status = StatusWord.PENDING if fate == Fate.REDRIVEN else told
    values: dict[str, str] = dict(standing.values)
    values |= _entry_values(entry)
    values |= _claim_values(status, record)
    values[LAST_ERROR] = "" if status is StatusWord.DONE else _says(record.get(Part.SETBACK), LAST_ERROR)
    values |= _settled(fate, values[LAST_ERROR])
    values[LAST_ERROR] = values[LAST_ERROR] or _gone_from_its_list(record.get(Part.ORIGIN))
    values["Progress"] = _progress(status, standing, record)
    # What was never listed here was listed before our memory begins: its row is there, with the address in it.
    rows = {VIDEO_TASKS: _shown(VIDEO_TASKS, values, entry, may_be_added=entry is not None)}
    if status is StatusWord.ERROR and not fate:
        rows[DEAD_LETTER_TASKS] = _shown(DEAD_LETTER_TASKS, values, entry)
    return rows


def _of_a_worker(record: Record) -> Mapping[Tab, Shown]:
    standing = record.get(Part.STANDING)
    return {WORKERS: _shown(WORKERS, standing.values)} if standing else {}


def _fate(record: Record) -> str:
    """What a person did with what is dead; empty when it died again afterwards."""
    standing, fate = record.get(Part.STANDING), record.get(Part.FATE)
    return "" if fate is None or (standing and fate.order.at < standing.order.at) else _says(fate, FATE)


def _settled(fate: str, reason: str) -> dict[str, str]:
    """What the main row says of something dead that a person has dealt with."""
    match fate:
        case Fate.REDRIVEN:
            return {"Status": StatusWord.PENDING.value, "RetryCount": "0"}
        case Fate.PURGED:
            return {LAST_ERROR: f"purged: {reason}".removesuffix(": ")}
        case _:
            return {}


def _gone_from_its_list(origin: Statement | None) -> str:
    since = _says(origin, GONE_SINCE)
    return f"Not in its source any more, seen at {since}; what was fetched is kept." if since else ""


def _entry_values(entry: Statement | None) -> dict[str, str]:
    return {name: entry.values[name] for name in ("Title", "Duration")} if entry else {}


def _claim_values(status: StatusWord, record: Record) -> Mapping[str, str]:
    """Who has it, or had it last; nobody while it waits."""
    claim = record.get(Part.CLAIM)
    return claim.values if claim and status is not StatusWord.PENDING else {"ClaimedBy": "", "ClaimedAt": ""}


def _progress(status: StatusWord, standing: Statement, record: Record) -> str:
    """Only of what runs now, and not that of an earlier attempt."""
    progress = record.get(Part.PROGRESS)
    if status is not StatusWord.IN_PROGRESS or progress is None or progress.order.at < standing.order.at:
        return ""
    return _says(progress, "Progress")


def _says(statement: Statement | None, name: str) -> str:
    return statement.values.get(name, "") if statement else ""


def _shown(tab: Tab, values: Mapping[str, str], entry: Statement | None = None, *, may_be_added: bool = True) -> Shown:
    """Only what the tab has a column for."""
    seed = entry.values if entry else {}
    return Shown(
        {name: values[name] for name in tab.system if name in values},
        {name: seed[name] for name in tab.human if name in seed},
        may_be_added,
    )

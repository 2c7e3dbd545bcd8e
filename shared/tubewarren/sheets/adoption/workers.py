"""Workers of the older coordinator: those that are gone, and those that may be at work still."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tubewarren.sheets.adoption.findings import Adopted, Found, Kind, Terms
from tubewarren.sheets.adoption.pen import Pen, Record, cell, records_of, status_of
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import STATUS, StatusWord

_LONGEST_SILENCE: Final = timedelta(hours=1)


def at_work(table: Table, now: datetime) -> tuple[str, ...]:
    """The workers that may be at work: ours that did not say goodbye, and others that were seen lately."""
    return tuple(
        name
        for record in table.records()
        if (name := cell(record, "Hostname"))
        and status_of(record) == StatusWord.ACTIVE
        and (cell(record, "Service") or not _is_silent(record, now))
    )


def adopt_workers(table: Table, terms: Terms) -> Adopted:
    """Look through the tab Workers."""
    pen, found = Pen(table), []
    for position, record in records_of(table):
        # Rows with a Service are ours.
        is_theirs = status_of(record) == StatusWord.ACTIVE and not cell(record, "Service")
        if is_theirs and _is_silent(record, terms.now):
            found.append(Found(Kind.WORKER_LEFT, cell(record, "Hostname"), f"last seen {cell(record, 'LastSeen')}"))
            pen.write(position, {STATUS: StatusWord.LOST})
    return Adopted(pen.patch(), tuple(found))


def _is_silent(record: Record, now: datetime) -> bool:
    """Whether its LastSeen is long past; of a time that cannot be read nothing is known."""
    try:
        seen = datetime.fromisoformat(cell(record, "LastSeen"))
    except ValueError:
        return False
    # The older coordinator writes no zone.
    return now - (seen if seen.tzinfo else seen.replace(tzinfo=UTC)) > _LONGEST_SILENCE

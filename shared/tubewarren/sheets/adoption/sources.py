"""Sources of the older coordinator: those that a dead worker has claimed, those without ID, and doubled ones."""

from collections.abc import Collection
from typing import Final

from tubewarren.sheets.adoption.findings import Adopted, Found, Kind, Terms
from tubewarren.sheets.adoption.pen import Pen, Record, cell, claim_of, records_of, status_of
from tubewarren.sheets.ids import assign_ids
from tubewarren.sheets.patch import Patch, apply
from tubewarren.sheets.reconcile import rows_by_key
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import CLAIMED_BY, LAST_ERROR, SOURCES, STATUS, StatusWord
from tubewarren.youtube.addresses import canonical_url

_TOO_MANY: Final = "A row further up has the same"
"""How such a row begins its LastError, whoever says it."""


def adopt_sources(table: Table, videos: Table, terms: Terms) -> Adopted:
    """Look through the tab Sources; no ID is given that a row of the videos names."""
    doubles = _doubles(table)
    pen, found = Pen(table), []
    for position, record in records_of(table):
        kind = doubles.get(position)
        if kind and not (kind is Kind.SOURCE_TWICE_DIFFERING and _is_told(record)):
            found.append(Found(kind, _source(record)))
        if kind is Kind.SOURCE_TWICE:
            pen.remove(position)
            continue
        if kind is Kind.SOURCE_TWICE_DIFFERING and not _is_told(record):
            pen.write(position, {LAST_ERROR: _choose(cell(record, "ID"))})
        if kind is Kind.SOURCE_ID_TWICE:
            pen.write(position, {"ID": ""})
        elif cell(record, "URL") and not cell(record, "ID"):
            found.append(Found(Kind.SOURCE_WITHOUT_ID, _source(record)))
        is_ours = kind is None and terms.keeps(SOURCES, (cell(record, "ID"),))
        if status_of(record) == StatusWord.IN_PROGRESS and not is_ours:
            found.append(Found(Kind.SOURCE_LEFT, _source(record), claim_of(record)))
            pen.write(position, {STATUS: StatusWord.PENDING, CLAIMED_BY: "", "ClaimedAt": ""})
    taken = {*terms.taken_ids, *(cell(record, "SourceID") for record in videos.records())}
    return Adopted(_numbered(table, pen, taken), tuple(found))


def _numbered(table: Table, pen: Pen, taken: Collection[str]) -> Patch:
    """The patch, with an ID for each row that has none or loses the one that is another's."""
    # Rows that are removed keep their cells here, so that positions stay those of the table.
    blanked = apply(table, Patch(columns=pen.columns, cells=pen.cells))
    in_use = {*taken, *(row[table.names.index("ID")] for row in table.rows)}
    for position, cells in assign_ids(blanked, in_use).patch.cells.items():
        pen.write_at(position, cells)
    return pen.patch()


def _doubles(table: Table) -> dict[int, Kind]:
    """What is wrong with the later rows with an ID that an earlier one has, by position."""
    records = dict(records_of(table))
    rows = rows_by_key(SOURCES, table).values()
    return {at: _kind_of(records[at], records[first]) for first, *later in rows for at in later}


def _kind_of(later: Record, first: Record) -> Kind:
    url = cell(later, "URL")
    if url and canonical_url(url) != canonical_url(cell(first, "URL")):
        return Kind.SOURCE_ID_TWICE
    return Kind.SOURCE_TWICE if _adds_nothing(later, first) else Kind.SOURCE_TWICE_DIFFERING


def _adds_nothing(later: Record, first: Record) -> bool:
    """Whether a person has written nothing into the later row, in columns of theirs too, that the first one lacks."""
    ours = {*SOURCES.system, *SOURCES.key, "URL"}
    return all(
        not text.strip() or text.strip() == cell(first, name) for name, text in later.items() if name not in ours
    )


def _is_told(record: Record) -> bool:
    return cell(record, LAST_ERROR).startswith(_TOO_MANY)


def _choose(source_id: str) -> str:
    return (
        f"{_TOO_MANY} ID {source_id} and the same source, described otherwise: bring into one row what is right, and "
        "remove the other."
    )


def _source(record: Record) -> str:
    source_id = cell(record, "ID")
    return f"source {source_id} {cell(record, 'URL')}" if source_id else f"source {cell(record, 'URL')}"

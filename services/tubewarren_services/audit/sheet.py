"""Whether the sheet says of every source and every video what the ledger says."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tubewarren.sheets.reconcile import Key, rows_by_key, spelled
from tubewarren.sheets.table import Table, is_blank
from tubewarren.sheets.tabs import (
    DEAD_LETTER_SOURCES,
    DEAD_LETTER_TASKS,
    SOURCES,
    VIDEO_TASKS,
    StatusWord,
    Tab,
)
from tubewarren_services.audit.books import BURIED, DEAD, LedgerBook, Row, SheetBook, is_purged
from tubewarren_services.audit.discrepancy import Discrepancy, Kind

_TASK_WORDS: Final[Mapping[str, str]] = {
    "pending": StatusWord.PENDING,
    "waiting": StatusWord.PENDING,
    "in-progress": StatusWord.IN_PROGRESS,
    "done": StatusWord.DONE,
    "dead": StatusWord.ERROR,
    "filtered": StatusWord.FILTERED,
}
"""A video's state in the ledger, and the word for it in the sheet."""
_MAY_BE_FULL: Final = (VIDEO_TASKS, DEAD_LETTER_TASKS)
_HEALS: Final = "svc run status-writer, which puts it right within seconds"
_NO_ROW_WITHOUT: Final = {SOURCES: "ID and URL", VIDEO_TASKS: "ID and SourceID"}

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The rows that a tab must have, by key, with as much of them as is compared."""

    tab: Tab
    rows: Mapping[Key, Cells]


def sheet_discrepancies(ledger: LedgerBook, sheet: SheetBook) -> Iterator[Discrepancy]:
    """Each row that is missing, doubled, strange or other than the ledger's."""
    for name, problem in sorted(sheet.unreadable.items()):
        yield Discrepancy(Kind.TAB_UNREADABLE, f"tab {name}", problem, "mend the tab as it says there")
    for wanted in _wanted(ledger):
        if wanted.tab in sheet.tables:
            yield from _of_a_tab(wanted, sheet.tables[wanted.tab], sheet.most_videos)
    if SOURCES in sheet.tables:
        yield from _not_taken_in(sheet.tables[SOURCES])


def _wanted(ledger: LedgerBook) -> tuple[_Wanted, ...]:
    sources = {spelled((str(row["source_id"]),)): _source_cells(row) for row in ledger.sources}
    buried = {
        spelled((str(row["source_id"]),)): _ERROR
        for row in ledger.sources
        if row["phase"] == BURIED and not is_purged(row)
    }
    tasks = {_task_key(row): _task_cells(row) for row in ledger.tasks}
    dead = {_task_key(row): _ERROR for row in ledger.tasks if row["state"] == DEAD and not is_purged(row)}
    return (
        _Wanted(SOURCES, sources),
        _Wanted(VIDEO_TASKS, tasks),
        _Wanted(DEAD_LETTER_SOURCES, buried),
        _Wanted(DEAD_LETTER_TASKS, dead),
    )


_ERROR: Final[Cells] = {"Status": StatusWord.ERROR}


def _source_cells(row: Row) -> Cells:
    counts = {"Videos": row["videos"], "Done": row["done"], "Failed": row["failed"]}
    # Of a source that was never listed no counts were told.
    told = {name: str(number) for name, number in counts.items()} if row["videos"] else {}
    return {"Status": str(row["state"]), **told}


def _task_key(row: Row) -> Key:
    return spelled((str(row["video_id"]), str(row["source_id"])))


def _task_cells(row: Row) -> Cells:
    return {"Status": _TASK_WORDS.get(str(row["state"]), "")}


def _of_a_tab(wanted: _Wanted, table: Table, most_videos: int) -> Iterator[Discrepancy]:
    found = rows_by_key(wanted.tab, table)
    for key in sorted(set(_to_be_there(wanted, most_videos)) - found.keys()):
        what = f'It has no row in the tab "{wanted.tab.name}".'
        write = _NO_ROW_WITHOUT.get(wanted.tab)
        remedy = f"write a row with its {write}, and {_HEALS}" if write else _HEALS
        yield Discrepancy(Kind.ROW_MISSING, _named(wanted.tab, key), what, remedy)
    for key, positions in sorted(found.items()):
        if len(positions) > 1:
            what = f'It has {len(positions)} rows in the tab "{wanted.tab.name}".'
            yield Discrepancy(Kind.ROW_DOUBLED, _named(wanted.tab, key), what, "remove all but the first")
        yield from _of_a_row(wanted, key, table, positions[0])


def _to_be_there(wanted: _Wanted, most_videos: int) -> Collection[Key]:
    """All rows, or those that stay in a tab that cannot hold all."""
    if wanted.tab not in _MAY_BE_FULL or len(wanted.rows) <= most_videos:
        return wanted.rows.keys()
    return {key for key, cells in wanted.rows.items() if cells["Status"] == StatusWord.IN_PROGRESS}


def _of_a_row(wanted: _Wanted, key: Key, table: Table, position: int) -> Iterator[Discrepancy]:
    cells = dict(zip(table.names, table.rows[position], strict=True))
    expected = wanted.rows.get(key)
    if expected is None:
        status = cells.get("Status", "").strip()
        what = f'The row in the tab "{wanted.tab.name}" says {status or "nothing"}, and the ledger has no such one.'
        remedy = "clear its Status, and it is taken in anew" if wanted.tab is SOURCES else "remove the row"
        yield Discrepancy(Kind.ROW_STRAY, _named(wanted.tab, key), what, remedy)
        return
    differing = [
        f"{name} {cells[name].strip() or 'empty'} instead of {text}"
        for name, text in expected.items()
        # A column that a person took away is not compared.
        if name in cells and cells[name].strip() != text
    ]
    if differing:
        what = f'The tab "{wanted.tab.name}" says {", ".join(differing)}.'
        yield Discrepancy(Kind.ROW_DIFFERS, _named(wanted.tab, key), what, _HEALS)


def _not_taken_in(table: Table) -> Iterator[Discrepancy]:
    """A row without a number has not been seen by anyone."""
    id_at, url_at = table.names.index("ID"), table.names.index("URL")
    for row in table.rows:
        if not is_blank(row) and row[url_at].strip() and not row[id_at].strip():
            what = 'Its row in the tab "Sources" has no ID: nobody has taken it in.'
            yield Discrepancy(Kind.ROW_STRAY, f"source {row[url_at].strip()}", what, "svc run sheet-ingestor")


def _named(tab: Tab, key: Key) -> str:
    if tab in (SOURCES, DEAD_LETTER_SOURCES):
        return f"source {key[0]}"
    video_id, source_id = key
    return f"video {source_id}/{video_id}"

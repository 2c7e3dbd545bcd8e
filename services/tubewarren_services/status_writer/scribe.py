"""The scribe: brings the workbook to what the mirror says. It blocks; call it from a thread."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key, Reconciled, WantedRow, reconcile
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SUMMARY, TABS, Tab
from tubewarren.sheets.workbook import Workbook, Written
from tubewarren_services.status_writer.facts import Fact
from tubewarren_services.status_writer.handler import FLEET
from tubewarren_services.status_writer.mirror import Mirror, MirrorRow
from tubewarren_services.status_writer.summary import COUNTED, Summary, gates_of, written_into

Rows = Mapping[Key, MirrorRow]


@dataclass(frozen=True, slots=True)
class Edited:
    """What is to be written into a tab, and the tab that this was found for."""

    before: Table
    reconciled: Reconciled

    @property
    def patch(self) -> Patch:
        """As in `Edit`."""
        return self.reconciled.patch


@dataclass(slots=True)
class Scribe:
    """Writes what waits, and heals what somebody else's save has put back.

    Its lock is one of threads: a coroutine that is cancelled leaves, the thread that it waited for goes on.

    Attributes:
        clock: the time of writing, which the summary tells; nothing is decided by it.
    """

    mirror: Mirror
    workbook: Workbook
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _summarised: Summary | None = None
    _seen: dict[Tab, Table] = field(default_factory=dict)
    _unreadable: dict[Tab, str] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """What a person has to mend; the rows of those tabs wait in the mirror meanwhile."""
        return tuple(dict(self._unreadable).values())

    def take_in(self, facts: Iterable[Fact]) -> None:
        """Remember what was said.

        Raises:
            MirrorError: nothing was taken in.
        """
        with self._turn:
            self.mirror.take_in(facts)

    def flush(self) -> None:
        """Write the rows that wait and what the summary tells anew, all tabs in one go.

        Raises:
            SheetUnavailableError: not now; the same again later does no harm.
            MirrorError: as above.
        """
        with self._turn:
            self._make_missing_tabs()
            while not self._try_to_write_what_waits():
                pass

    def heal(self) -> None:
        """Look at every tab; where it is not as we left it, or was unreadable, bring all of its rows right.

        Raises:
            SheetUnavailableError: not now.
            MirrorError: not now.
        """
        with self._turn:
            self._make_missing_tabs()
            for tab in TABS:
                try:
                    self._heal(tab)
                except TabUnreadableError as error:
                    self._unreadable[tab] = str(error)
                else:
                    self._unreadable.pop(tab, None)

    def close(self) -> None:
        """Close the mirror, when the thread that has its turn is done with it."""
        with self._turn:
            self.mirror.close()

    def _make_missing_tabs(self) -> None:
        if made := self.workbook.create_missing():
            self.mirror.forget_placements(made)

    def _try_to_write_what_waits(self) -> bool:
        """False when a tab turned out to be unreadable; the others can be written without it."""
        waiting = {tab: rows for tab in TABS if tab not in self._unreadable and (rows := self.mirror.pending(tab))}
        summary = self._summary()
        is_news = SUMMARY not in self._unreadable and (bool(waiting) or summary != self._summarised)
        if not waiting and not is_news:
            return True
        try:
            self._write(waiting, summary if is_news else None)
        except TabUnreadableError as error:
            self._unreadable[_named(error.tab)] = str(error)
            return False
        return True

    def _heal(self, tab: Tab) -> None:
        # A look at an unchanged tab gives the very same table, so comparing costs nothing.
        if self.workbook.read([tab])[tab] == self._seen.get(tab) and tab not in self._unreadable:
            return
        self._seen.pop(tab, None)
        if tab is SUMMARY:
            written = self._write({}, self._summary())
        else:
            written = self._write({tab: self.mirror.every(tab)}, None)
        self._seen[tab] = written[tab].table

    def _summary(self) -> Summary:
        return Summary({tab: self.mirror.statuses(tab) for tab in COUNTED}, gates_of(self.mirror.record(FLEET)))

    def _write(self, rows_by_tab: Mapping[Tab, Rows], summary: Summary | None) -> Mapping[Tab, Written[Edited]]:
        changes: dict[Tab, Callable[[Table], Edited]] = {
            tab: partial(_edit, tab, rows) for tab, rows in rows_by_tab.items()
        }
        if summary is not None:
            changes[SUMMARY] = partial(_tell, summary, self.clock())
        written = self.workbook.edit(changes)
        self._summarised = summary or self._summarised
        for tab, after in written.items():
            if tab in rows_by_tab:
                self.mirror.note_written(tab, rows_by_tab[tab], after.edit.reconciled.placed)
            if after.edit.before == self._seen.get(tab):
                self._seen[tab] = after.table
            else:  # somebody else was here since our last look: other rows may need healing
                self._seen.pop(tab, None)
        return written


def _tell(summary: Summary, now: datetime, table: Table) -> Edited:
    return Edited(table, written_into(table, summary, now))


def _edit(tab: Tab, rows: Rows, table: Table) -> Edited:
    wanted = {
        key: WantedRow(shown.values, shown.seed, placed=row.placed or not shown.may_be_added)
        for key, row in rows.items()
        if (shown := row.shown) is not None
    }
    return Edited(table, reconcile(tab, table, wanted, remove=[key for key in rows if key not in wanted]))


def _named(name: str) -> Tab:
    return next(tab for tab in TABS if tab.name == name)

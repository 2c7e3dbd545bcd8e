"""The scribe: brings the workbook to what the mirror says. It blocks; call it from a thread."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Final

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key, Reconciled, WantedRow, reconcile, rows_by_key, spelled
from tubewarren.sheets.set_back import set_back_rows
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import (
    DEAD_LETTER_TASKS,
    PROGRESS,
    SOURCES,
    STATUS,
    SUMMARY,
    TABS,
    VIDEO_TASKS,
    StatusWord,
    Tab,
)
from tubewarren.sheets.workbook import Workbook
from tubewarren_services.status_writer.facts import Fact
from tubewarren_services.status_writer.handler import FLEET
from tubewarren_services.status_writer.mirror import Mirror, MirrorRow
from tubewarren_services.status_writer.summary import COUNTED, Summary, gates_of, held_sources, written_into

Rows = Mapping[Key, MirrorRow]
Rewritten = Mapping[str, int]
"""How many rows of each tab were written, added and taken out."""

_MAY_BE_SET_BACK: Final = (SOURCES, VIDEO_TASKS)
_ENDED: Final = frozenset({StatusWord.DONE.value, StatusWord.ERROR.value, StatusWord.FILTERED.value})


@dataclass(frozen=True, slots=True)
class Edited:
    """What is to be written into a tab, and the rows that are as they shall be with it."""

    reconciled: Reconciled
    rows: Rows = field(default_factory=dict)

    @property
    def patch(self) -> Patch:
        """As in `Edit`."""
        return self.reconciled.patch


@dataclass(slots=True)
class Scribe:
    """Writes what waits, and heals what somebody else's save has put back.

    Its lock is one of threads: a coroutine that is cancelled leaves, the thread that it waited for goes on.

    Attributes:
        most_videos: rows that the tab of the videos holds.
        look_every: how often to see what others did; each write sees it, too.
        timer: seconds that pass evenly.
        clock: the time of writing, which the summary tells; nothing is decided by it.
    """

    mirror: Mirror
    workbook: Workbook
    most_videos: int = 10_000
    look_every: timedelta = timedelta(0)
    timer: Callable[[], float] = time.monotonic
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _summarised: Summary | None = None
    _held: Mapping[str, str] | None = None
    _seen: dict[Tab, Table] = field(default_factory=dict)
    _wishes: dict[Tab, frozenset[Key]] = field(default_factory=dict)
    _unreadable: dict[Tab, str] = field(default_factory=dict)
    _looked_at: float = -math.inf
    _unreadable_since: float = -math.inf
    _turn: Lock = field(default_factory=Lock)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """What a person has to mend; the rows of those tabs wait in the mirror meanwhile."""
        return tuple(dict(self._unreadable).values())

    @property
    def until_look(self) -> timedelta:
        """How long there is no need to see what others did."""
        return timedelta(seconds=max(0.0, self._looked_at + self.look_every.total_seconds() - self.timer()))

    def take_in(self, facts: Iterable[Fact]) -> None:
        """Remember what was said.

        Raises:
            MirrorError: nothing was taken in.
        """
        with self._turn:
            self.mirror.take_in(facts)

    def flush(self) -> Rewritten:
        """Write what waits into all tabs in one go; one that is not as we left it is brought right as a whole.

        Returns:
            How many rows were written.

        Raises:
            SheetUnavailableError: not now; the same again later does no harm.
            MirrorError: as above.
        """
        with self._turn:
            self._make_missing_tabs()
            self._try_unreadable_again()
            told = self._summary()
            return self._write(told, is_news=True) if self._is_news(told) else {}

    def heal(self) -> Rewritten:
        """Look at every tab when it is time, and write when one is not as we left it, or when something waits.

        Returns:
            How many rows were written.

        Raises:
            SheetUnavailableError: not now.
            MirrorError: not now.
        """
        with self._turn:
            if not self._is_due(self._looked_at):
                return {}
            self._make_missing_tabs()
            self._try_unreadable_again()
            told = self._summary()
            is_news = self._is_news(told)
            written: Rewritten = {}
            if is_news or not self._is_as_we_left_it():
                written = self._write(told, is_news=is_news)
            self._looked_at = self.timer()
            return written

    def close(self) -> None:
        """Close the mirror, when the thread that has its turn is done with it."""
        with self._turn:
            self.mirror.close()

    def _make_missing_tabs(self) -> None:
        if made := self.workbook.create_missing():
            self.mirror.forget_placements(made)

    def _is_due(self, last: float) -> bool:
        return self.timer() - last >= self.look_every.total_seconds()

    def _try_unreadable_again(self) -> None:
        if self._unreadable and self._is_due(self._unreadable_since):
            self._unreadable.clear()

    def _is_news(self, told: Summary) -> bool:
        readable = [tab for tab in TABS if tab not in self._unreadable]
        return self.mirror.is_waiting(readable) or (SUMMARY in readable and told != self._summarised)

    def _is_as_we_left_it(self) -> bool:
        # A look at an unchanged tab gives an equal table, so comparing costs little.
        try:
            return dict(self.workbook.read(TABS)) == self._seen
        except TabUnreadableError:
            return False

    def _write(self, told: Summary, *, is_news: bool) -> Rewritten:
        self.mirror.make_room(VIDEO_TASKS, self.most_videos)
        self.mirror.make_room(DEAD_LETTER_TASKS, self.most_videos)
        while isinstance(unreadable := self._try_to_write(told, is_news=is_news), TabUnreadableError):
            self._unreadable[_named(unreadable.tab)] = str(unreadable)
            self._unreadable_since = self.timer()
        self._looked_at = self.timer()
        return unreadable

    def _try_to_write(self, told: Summary, *, is_news: bool) -> Rewritten | TabUnreadableError:
        """What was written, or what keeps a tab from being read; the others can be written without it."""
        held = held_sources(told.gates)
        changes: dict[Tab, Callable[[Table], Edited]] = {tab: partial(self._edit, tab, held) for tab in TABS}
        changes[SUMMARY] = partial(self._tell, told, self.clock(), is_news=is_news)
        readable = {tab: change for tab, change in changes.items() if tab not in self._unreadable}
        try:
            written = self.workbook.edit(readable)
        except TabUnreadableError as error:
            return error
        for tab, after in written.items():
            self.mirror.note_written(tab, after.edit.rows, after.edit.reconciled.placed)
            self._seen[tab] = after.table
        self._summarised = told if SUMMARY in written else None
        self._held = held if SOURCES in written else None
        return {tab.name: rows for tab, after in written.items() if (rows := after.edit.patch.rows)}

    def _edit(self, tab: Tab, held: Mapping[str, str], table: Table) -> Edited:
        is_as_left = table == self._seen.get(tab) and (tab is not SOURCES or held == self._held)
        rows = self.mirror.pending(tab) if is_as_left else self.mirror.every(tab)
        wanted = {
            key: WantedRow(
                _with_hold(shown.values, held.get(key[0], "") if tab is SOURCES else ""),
                shown.seed,
                placed=row.placed or not shown.may_be_added,
            )
            for key, row in rows.items()
            if (shown := row.shown) is not None
        }
        for key in self._wishes_in(tab, table, wanted):
            wanted[key] = replace(wanted[key], values=_without_status(wanted[key].values))
        return Edited(reconcile(tab, table, wanted, remove=[key for key in rows if key not in wanted]), rows)

    def _wishes_in(self, tab: Tab, table: Table, wanted: Mapping[Key, WantedRow]) -> frozenset[Key]:
        """Rows that a person has set back: the ingestor carries that out, and there is nothing to heal.

        Only what has ended can be set back, as far as the person saw; a wish stays one until it is taken.
        """
        if tab not in _MAY_BE_SET_BACK:
            return frozenset()
        rows, known = rows_by_key(tab, table), self._wishes.get(tab, frozenset())
        set_back = {key for key in wanted.keys() | known if set_back_rows(table, rows.get(spelled(key), ()))}
        news = set_back & wanted.keys() - known
        shown = _statuses_in(tab, self._seen.get(tab)) if news else {}
        ended = {
            key for key in news if not _ENDED.isdisjoint((wanted[key].values.get(STATUS), shown.get(spelled(key))))
        }
        self._wishes[tab] = (known & set_back) | ended
        return self._wishes[tab] & wanted.keys()

    def _tell(self, told: Summary, now: datetime, table: Table, *, is_news: bool) -> Edited:
        if is_news or table != self._seen.get(SUMMARY):
            return Edited(written_into(table, told, now))
        return Edited(Reconciled(Patch()))

    def _summary(self) -> Summary:
        return Summary({tab: self.mirror.statuses(tab) for tab in COUNTED}, gates_of(self.mirror.record(FLEET)))


def _statuses_in(tab: Tab, table: Table | None) -> Mapping[Key, str]:
    if table is None or STATUS not in table.names:
        return {}
    place = table.names.index(STATUS)
    return {key: table.rows[first][place].strip().lower() for key, (first, *_) in rows_by_key(tab, table).items()}


def _with_hold(values: Mapping[str, str], word: str) -> Mapping[str, str]:
    """What a row shows of a source that a person holds back."""
    return {**values, PROGRESS: f"{word} {values.get(PROGRESS, '')}".strip()} if word else values


def _without_status(values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: text for name, text in values.items() if name != STATUS}


def _named(name: str) -> Tab:
    return next(tab for tab in TABS if tab.name == name)

"""The mirror: what every row shall show, on disk, so that a restart forgets nothing and every row can be healed."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final, Self

import structlog

from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.tabs import STATUS, StatusWord, Tab
from tubewarren_services.status_writer.facts import Fact, Kind, Order, Part, Record, Statement, Subject, join
from tubewarren_services.status_writer.rows import TABS_OF, Shown, rows_of

_VERSION: Final = 3
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS records (
  kind TEXT, key TEXT, record TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
  tab TEXT, key TEXT, shown TEXT, placed INTEGER NOT NULL, pending INTEGER NOT NULL, status TEXT,
  changed INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tab, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_pending ON rows (tab) WHERE pending;
CREATE INDEX IF NOT EXISTS rows_status ON rows (tab, status);
CREATE INDEX IF NOT EXISTS rows_changed ON rows (tab, left_out, changed);
PRAGMA user_version = {_VERSION};
"""
_FROM_OLDER: Final = {
    1: """
BEGIN;
ALTER TABLE rows ADD COLUMN status TEXT;
UPDATE rows SET status = json_extract(shown, '$[0].Status');
PRAGMA user_version = 2;
COMMIT;
""",
    2: """
BEGIN;
ALTER TABLE rows ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rows ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
""",
}
"""What brings a file to the next version, by its own."""
_LEAVES_FIRST: Final = """
CASE status WHEN 'done' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END,
CASE status WHEN 'pending' THEN -changed ELSE changed END
"""
"""The finished before the waiting before the failed; of those that wait, whoever came last."""

log = structlog.stdlib.get_logger(__name__)


class MirrorError(Exception):
    """The mirror cannot be used now; what was not taken in yet must be tried again."""


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """One row as it shall be.

    Attributes:
        shown: None for a row that shall not be there.
        placed: it stood in the tab before.
    """

    shown: Shown | None
    placed: bool


class Mirror:
    """All records and their rows. For one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        (self._changes,) = connection.execute("SELECT coalesce(max(changed), 0) FROM rows").fetchone()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it; a damaged one is put aside, and the mirror starts empty.

        Raises:
            MirrorError: the file cannot be opened, or was written by a newer version.
        """
        try:
            return cls(_connect(path), path)
        except sqlite3.OperationalError as error:
            raise MirrorError(f"{path} cannot be opened ({error}): look at the data folder and its disk.") from error
        except sqlite3.DatabaseError:
            aside = path.with_name(f"{path.name}.damaged")
            log.exception("the mirror is damaged; put aside, starting with an empty one", path=str(path), aside=aside)
            _put_aside(path, aside)
            with _named(path):
                return cls(_connect(path), path)

    def close(self) -> None:
        """Close the file; nothing works afterwards."""
        self._connection.close()

    def take_in(self, facts: Iterable[Fact]) -> None:
        """Join facts to what is known; rows that shall change wait to be written. All or nothing, and repeatable.

        Raises:
            MirrorError: nothing was taken in.
        """
        ordered = sorted(facts, key=_by_subject)
        with self._writing():
            for subject, group in groupby(ordered, key=lambda fact: fact.subject):
                self._take_in(subject, group)

    def pending(self, tab: Tab) -> Mapping[Key, MirrorRow]:
        """The rows of a tab that wait to be written."""
        return self._rows(tab, "AND pending")

    def every(self, tab: Tab) -> Mapping[Key, MirrorRow]:
        """All rows of a tab, those included that shall not be there, but for those that were left out long ago."""
        return self._rows(tab, "AND (placed OR NOT left_out)")

    def is_waiting(self, tabs: Iterable[Tab]) -> bool:
        """Whether any row of these tabs waits to be written."""
        find = "SELECT 1 FROM rows WHERE tab = ? AND pending LIMIT 1"
        with _named(self._path):
            return any(self._connection.execute(find, (tab.name,)).fetchone() for tab in tabs)

    def make_room(self, tab: Tab, most: int) -> None:
        """Leave rows out of a tab that would hold more than `most`, and take some in again when it has room.

        Those that are running always stay.

        Raises:
            MirrorError: nothing has changed.
        """
        with self._writing():
            (number,) = self._connection.execute(
                "SELECT count(*) FROM rows WHERE tab = ? AND NOT left_out AND shown NOT NULL", (tab.name,)
            ).fetchone()
            if number > most:
                self._leave_out(tab, number - most)
            elif number < most:
                self._take_in_again(tab, most - number)

    def statuses(self, tab: Tab) -> Mapping[str, int]:
        """How many rows of a tab there are in each status."""
        with _named(self._path):
            found = self._connection.execute(
                "SELECT status, count(*) FROM rows WHERE tab = ? AND status NOT NULL GROUP BY status", (tab.name,)
            )
            return dict(found.fetchall())

    def record(self, subject: Subject) -> Record:
        """What is known of a subject."""
        with _named(self._path):
            return self._record(subject.kind.value, json.dumps(subject.key))

    def note_written(self, tab: Tab, rows: Mapping[Key, MirrorRow], placed: Collection[Key]) -> None:
        """These rows are as they shall be; the `placed` ones stand in the tab.

        A row that a person deleted stays known as placed, so that it stays deleted; one that we took out does not.
        """
        written = [(key in placed or (row.placed and row.shown is not None), key) for key, row in rows.items()]
        with self._writing():
            self._connection.executemany(
                "UPDATE rows SET placed = ?, pending = 0 WHERE tab = ? AND key = ?",
                [(is_placed, tab.name, json.dumps(key)) for is_placed, key in written],
            )

    def forget_placements(self, tabs: Iterable[Tab]) -> None:
        """These tabs were made anew: their rows are missing because they were never there."""
        with self._writing():
            self._connection.executemany("UPDATE rows SET placed = 0 WHERE tab = ?", [(tab.name,) for tab in tabs])

    def _leave_out(self, tab: Tab, number: int) -> None:
        self._connection.execute(
            "UPDATE rows SET left_out = 1, pending = placed WHERE tab = ? AND key IN ("  # noqa: S608 - ours
            "SELECT key FROM rows WHERE tab = ? AND NOT left_out AND shown NOT NULL AND status <> ? "
            f"ORDER BY {_LEAVES_FIRST} LIMIT ?)",
            (tab.name, tab.name, StatusWord.IN_PROGRESS.value, number),
        )

    def _take_in_again(self, tab: Tab, number: int) -> None:
        self._connection.execute(
            "UPDATE rows SET left_out = 0, pending = 1 WHERE tab = ? AND key IN ("
            "SELECT key FROM rows WHERE tab = ? AND left_out AND shown NOT NULL ORDER BY changed DESC LIMIT ?)",
            (tab.name, tab.name, number),
        )

    def _take_in(self, subject: Subject, facts: Iterable[Fact]) -> None:
        where = (subject.kind.value, json.dumps(subject.key))
        before = self._record(*where)
        after = join(before, facts)
        if after == before:
            return
        self._connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (*where, _spell_record(after)))
        self._note_wanted(subject.kind, where[1], rows_of(subject.kind, after))

    def _record(self, kind: str, key: str) -> Record:
        where = (kind, key)
        found = self._connection.execute("SELECT record FROM records WHERE kind = ? AND key = ?", where).fetchone()
        return _read_record(found[0]) if found else {}

    def _note_wanted(self, kind: Kind, key: str, rows: Mapping[Tab, Shown]) -> None:
        for tab in TABS_OF[kind]:
            shown = _spell_shown(rows[tab]) if tab in rows else None
            if shown is None:
                # A row that never was is not worth remembering.
                self._connection.execute(
                    "UPDATE rows SET shown = NULL, status = NULL, pending = 1 "
                    "WHERE tab = ? AND key = ? AND shown NOT NULL",
                    (tab.name, key),
                )
            else:
                self._changes += 1
                # What runs or fails comes back into a tab that it was left out of; the rest waits for room.
                self._connection.execute(
                    "INSERT INTO rows VALUES (?, ?, ?, 0, 1, ?, ?, 0) ON CONFLICT DO UPDATE SET shown = excluded.shown,"
                    " status = excluded.status, changed = excluded.changed,"
                    " left_out = left_out AND excluded.status IN ('done', 'pending'),"
                    " pending = pending OR NOT left_out OR excluded.status NOT IN ('done', 'pending')"
                    " WHERE shown IS NOT excluded.shown",
                    (tab.name, key, shown, rows[tab].values.get(STATUS), self._changes),
                )

    def _rows(self, tab: Tab, condition: str) -> Mapping[Key, MirrorRow]:
        with _named(self._path):
            found = self._connection.execute(
                "SELECT key, CASE WHEN left_out THEN NULL ELSE shown END, placed FROM rows "  # noqa: S608 - ours
                f"WHERE tab = ? {condition} ORDER BY key",
                (tab.name,),
            )
            return {
                tuple(json.loads(key)): MirrorRow(_read_shown(shown) if shown else None, bool(placed))
                for key, shown, placed in found
            }

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _named(self._path), self._connection:
            yield


def _connect(path: Path) -> sqlite3.Connection:
    # Whoever uses it takes turns, but not always from the same thread.
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        while step := _FROM_OLDER.get(_version(connection, path)):
            connection.executescript(step)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise MirrorError(f"{path} was written by a newer Tubewarren: update this one, or remove the file.")
    return int(version)


def _put_aside(path: Path, aside: Path) -> None:
    try:
        path.replace(aside)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise MirrorError(f"{path} is damaged and cannot be put aside ({error.strerror}): remove it.") from error


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MirrorError(
            f"{path} cannot be used now ({error}): look at the data folder and its disk. It is tried again."
        ) from error


def _by_subject(fact: Fact) -> tuple[str, Key]:
    return fact.subject.kind.value, fact.subject.key


def _spell_record(record: Record) -> str:
    return json.dumps({part.value: _spell_statement(said) for part, said in record.items()})


def _spell_statement(said: Statement) -> Sequence[object]:
    order = said.order
    told = ((order.precedence, order.at, order.tie), dict(said.values))
    return (*told, said.ending, sorted(said.endings)) if said.ending or said.endings else told


def _read_record(text: str) -> Record:
    return {Part(part): _read_statement(*told) for part, told in json.loads(text).items()}


def _read_statement(
    order: Sequence[int | str], values: Mapping[str, str], ending: str = "", endings: Sequence[str] = ()
) -> Statement:
    precedence, at, tie = order
    return Statement(Order(int(precedence), str(at), int(tie)), values, ending, frozenset(endings))


def _spell_shown(shown: Shown) -> str:
    return json.dumps((dict(shown.values), dict(shown.seed), shown.may_be_added))


def _read_shown(text: str) -> Shown:
    values, seed, may_be_added = json.loads(text)
    return Shown(values, seed, may_be_added)

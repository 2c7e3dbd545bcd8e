"""The calendar: which source is due for a refresh, on disk, so that a restart neither forgets nor hurries."""

import random
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from tubewarren_services.sheet_ingestor.refreshes import Appointment, Rhythm, changed, due, kept, learned, made

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS appointments (
  source_id TEXT PRIMARY KEY, next_at TEXT NOT NULL, every_seconds REAL NOT NULL, whole_at TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS channels (source_id TEXT PRIMARY KEY, channel_id TEXT NOT NULL) WITHOUT ROWID;
"""
_ANSWERS_WITHIN: Final = timedelta(minutes=15)
"""An ordered refresh of which nobody told within this time holds back no other; its news may have been missed."""


@dataclass(slots=True)
class Calendar:
    """All appointments, and what channel each source was found to be. It blocks, but not for long.

    Attributes:
        most_at_once: refreshes that are ordered and not answered; the others wait, so that new sources need not.
        chance: from 0 to 1.
    """

    connection: sqlite3.Connection
    most_at_once: int = 20
    chance: Callable[[], float] = random.random
    _appointments: dict[str, Appointment] = field(default_factory=dict)
    _channels: dict[str, str] = field(default_factory=dict)
    _rhythms: Mapping[str, Rhythm] = field(default_factory=dict)
    _first_of_channel: dict[str, str] = field(default_factory=dict)
    _ordered: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, most_at_once: int = 20) -> Self:
        """Open the file, or make it.

        Raises:
            sqlite3.Error: it cannot be used.
        """
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.executescript(_SCHEMA)
        calendar = cls(connection, most_at_once)
        for source_id, next_at, every_seconds, whole_at in connection.execute("SELECT * FROM appointments"):
            calendar._appointments[source_id] = Appointment(
                datetime.fromisoformat(next_at),
                timedelta(seconds=every_seconds),
                whole_at and datetime.fromisoformat(whole_at),
            )
        for source_id, channel_id in connection.execute("SELECT source_id, channel_id FROM channels"):
            calendar._note_channel(source_id, channel_id)
        return calendar

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def channel(self, source_id: str) -> str:
        """The channel that a source was found to be; empty while nobody knows."""
        return self._channels.get(source_id, "")

    def twin(self, source_id: str) -> str:
        """Another source that is the same channel, and came first; empty when there is none."""
        first = self._first_of_channel.get(self.channel(source_id), source_id)
        return "" if first == source_id else first

    def due(
        self,
        rhythms: Mapping[str, Rhythm],
        now: datetime,
        *,
        held: Collection[str] = (),
        unread: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Which of these sources are to be refreshed now.

        Args:
            rhythms: by source; one that is not among them is forgotten.
            now: the present.
            held: those that are held back.
            unread: those of which nobody knows yet what their row says; they keep their appointments.
        """
        self._rhythms = rhythms
        known = self._appointments
        wanted = {
            each: changed(known[each], rhythm, now) if each in known else made(each, rhythm, now)
            for each, rhythm in rhythms.items()
        }
        self._put({each: appointment for each, appointment in wanted.items() if known.get(each) != appointment})
        self._forget(known.keys() - rhythms.keys() - {*unread})
        self._ordered = {each: at for each, at in self._ordered.items() if now - at < _ANSWERS_WITHIN}
        busy = {*held, *unread, *self._ordered}
        free = {each: appointment for each, appointment in self._appointments.items() if each not in busy}
        return due(free, now, self.most_at_once - len(self._ordered))

    def appointment(self, source_id: str) -> Appointment:
        """That of a source which is due."""
        return self._appointments[source_id]

    def note_ordered(self, source_id: str, now: datetime) -> None:
        """A refresh was ordered."""
        self._ordered[source_id] = now
        known = self._appointments[source_id]
        self._put({source_id: kept(known, self._rhythms[source_id], now, self.chance())})

    def hear(
        self, source_id: str, at: datetime, *, channel_id: str = "", fresh: int | None = None, is_whole: bool = False
    ) -> None:
        """Learn from a listing that ended; `fresh` of a refresh: how much was new."""
        if channel_id and self.channel(source_id) != channel_id:
            self._note_channel(source_id, channel_id)
            with self.connection:
                self.connection.execute("INSERT OR REPLACE INTO channels VALUES (?, ?)", (source_id, channel_id))
        self._ordered.pop(source_id, None)
        known, rhythm = self._appointments.get(source_id), self._rhythms.get(source_id)
        if known is None or rhythm is None:
            return
        if is_whole:
            known = replace(known, whole_at=at)
        self._put({source_id: known if fresh is None else learned(known, rhythm, fresh=fresh)})

    def _note_channel(self, source_id: str, channel_id: str) -> None:
        self._channels[source_id] = channel_id
        same = (source_id, self._first_of_channel.get(channel_id, source_id))
        self._first_of_channel[channel_id] = min(same, key=_by_number)

    def _put(self, appointments: Mapping[str, Appointment]) -> None:
        if appointments:
            self._appointments |= appointments
            rows = [_row(source_id, each) for source_id, each in appointments.items()]
            with self.connection:
                self.connection.executemany("INSERT OR REPLACE INTO appointments VALUES (?, ?, ?, ?)", rows)

    def _forget(self, source_ids: Collection[str]) -> None:
        if source_ids:
            gone = [(source_id,) for source_id in source_ids]
            with self.connection:
                self.connection.executemany("DELETE FROM appointments WHERE source_id = ?", gone)
            self._appointments = {each: known for each, known in self._appointments.items() if each not in source_ids}


def _row(source_id: str, each: Appointment) -> tuple[str, str, float, str | None]:
    whole_at = each.whole_at.astimezone(UTC).isoformat() if each.whole_at else None
    return source_id, each.next_at.astimezone(UTC).isoformat(), each.every.total_seconds(), whole_at


def _by_number(source_id: str) -> tuple[int, str]:
    return (int(source_id), "") if source_id.isascii() and source_id.isdigit() else (2**63, source_id)

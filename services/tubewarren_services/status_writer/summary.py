"""The summary: the fleet on one page, as rows of a tab that is the system's alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tubewarren.messages.events import Gate
from tubewarren.sheets.reconcile import Key, Reconciled, WantedRow, reconcile, rows_by_key, spelled
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, SUMMARY, VIDEO_TASKS, WORKERS, StatusWord, Tab, ensure_readable
from tubewarren_services.status_writer.facts import Part, Record
from tubewarren_services.status_writer.handler import GATES, moment

COUNTED = (SOURCES, VIDEO_TASKS, WORKERS)
"""The tabs whose rows are counted."""

_WORDS = (StatusWord.PENDING, StatusWord.IN_PROGRESS, StatusWord.DONE, StatusWord.ERROR)
_HELD = {"pause": "paused", "cancelled": "cancelled"}
_SILENT = (StatusWord.STALE, StatusWord.LOST)
_DEAD = "See `svc dead list` for the reasons; `svc dead redrive` sends them back to work."


@dataclass(frozen=True, slots=True)
class Summary:
    """What the tab tells, but for the time at which it is written.

    Attributes:
        statuses: the number of rows by tab and status.
        gates: what holds work back now.
    """

    statuses: Mapping[Tab, Mapping[str, int]]
    gates: tuple[Gate, ...] = ()

    def rows(self, now: datetime) -> dict[Key, WantedRow]:
        """Each row by its key; a gate that is told twice is shown once."""
        return {spelled((what,)): WantedRow(values) for what, values in self._rows(now)}

    def _rows(self, now: datetime) -> Iterator[tuple[str, dict[str, str]]]:
        for noun, tab in (("Sources", SOURCES), ("Videos", VIDEO_TASKS)):
            for word in _WORDS:
                number = self._count(tab, word)
                dead = number and tab is VIDEO_TASKS and word is StatusWord.ERROR
                yield f"{noun} {word.value}", _row(f"{number}", advice=_DEAD if dead else "")
        if filtered := self._count(VIDEO_TASKS, StatusWord.FILTERED):
            yield "Videos filtered", _row(f"{filtered}")
        silent = self._count(WORKERS, *_SILENT)
        unfit = self._count(WORKERS, StatusWord.UNFIT)
        yield "Workers active", _row(f"{self._count(WORKERS, StatusWord.ACTIVE)}")
        yield "Workers silent", _row(f"{silent}", advice="See the tab Workers, and whether they run." if silent else "")
        yield "Workers unfit", _row(f"{unfit}", advice="See the tab Workers for what they lack." if unfit else "")
        yield "Last written", _row(moment(now))
        for gate in self.gates:
            until = moment(gate.until) if gate.until else ""
            yield _line(f"{gate.kind}: {gate.name}"), _row(gate.reason, moment(gate.since), until, gate.advice)

    def _count(self, tab: Tab, *words: StatusWord) -> int:
        return sum(self.statuses.get(tab, {}).get(word.value, 0) for word in words)


def gates_of(record: Record) -> tuple[Gate, ...]:
    """The gates of the newest snapshot."""
    standing = record.get(Part.STANDING)
    return tuple(Gate.model_validate(gate) for gate in json.loads(standing.values[GATES])) if standing else ()


def held_sources(gates: Iterable[Gate]) -> Mapping[str, str]:
    """What a person does with some sources, in a word, by ID: holds them back, or wants no more of them."""
    return {gate.name: _HELD[gate.kind] for gate in gates if gate.kind in _HELD}


def written_into(table: Table, summary: Summary, now: datetime) -> Reconciled:
    """What makes the tab tell this and nothing else; whatever somebody wrote into it goes.

    Raises:
        TabUnreadableError: a person has to mend the tab first.
    """
    ensure_readable(SUMMARY, table)
    wanted = summary.rows(now)
    return reconcile(SUMMARY, table, wanted, remove=rows_by_key(SUMMARY, table).keys() - wanted.keys())


def _row(value: str, since: str = "", until: str = "", advice: str = "") -> dict[str, str]:
    return {"Value": _line(value), "Since": since, "Until": until, "Advice": _line(advice)}


def _line(text: str) -> str:
    return " ".join(text.split())

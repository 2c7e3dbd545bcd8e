"""What the list asks for: pure decisions over the rows of the tab Sources."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from tubewarren.failures import Failure
from tubewarren.messages.events import Taken
from tubewarren.youtube.addresses import canonical_url
from tubewarren_services.sheet_ingestor.actions import ACTIONS, action_of
from tubewarren_services.sheet_ingestor.decisions import Accept, Decision, Find, Note, Refuse, Take
from tubewarren_services.sheet_ingestor.entries import Entry, Terms, entry_of
from tubewarren_services.sheet_ingestor.memory import Known, Memory
from tubewarren_services.sheet_ingestor.pauses import Held, changes, pause_of
from tubewarren_services.sheet_ingestor.rows import ListRow

_NOT_TAKEN: Final = "Not taken: "
_SAME_CHANNEL: Final = "The same channel as "
_OURS: Final = (_NOT_TAKEN, _SAME_CHANNEL)
"""By this a note is known for one of ours by the next process, which has to take it back."""


def decide(rows: Iterable[ListRow], memory: Memory, held: Held, terms: Terms) -> tuple[Decision, ...]:
    """Decide on every row; what was decided before is not decided again.

    Pauses come first. A source that is put on the list paused is ordered when it may go on: a pause takes some seconds
    to reach every worker.
    """
    read = [(row, _entry(row, memory.taken.get(row.source_id), terms)) for row in rows]
    entries = {row.source_id: entry for row, entry in read if isinstance(entry, Entry)}
    paused = [Take(row, what, entries.get(row.source_id)) for row, what in changes((row for row, _ in read), held)]
    return (*paused, *(decision for row, entry in read for decision in _decide(row, entry, memory)))


def _entry(row: ListRow, known: Known | None, terms: Terms) -> Entry | Failure:
    if known and known.entry and known.wording == row.wording and row.twin == row.source_id:
        return known.entry
    return entry_of(row, terms)


def _decide(row: ListRow, entry: Entry | Failure, memory: Memory) -> Iterator[Decision]:
    known = memory.taken.get(row.source_id)
    made = tuple(_of_a_new_row(row, entry, memory) if known is None else _of_a_known_row(row, entry, known, memory))
    yield from made
    if any(isinstance(decision, Refuse) for decision in made) or (known is None and not made):
        return
    action = action_of(row.action)
    is_to_do = action is not None and row.action != memory.actions.get(row.source_id)
    if action is not None and is_to_do and (isinstance(entry, Entry) or action is not Taken.EXPAND_AGAIN):
        yield Take(row, action, entry if isinstance(entry, Entry) else None)
    yield from _noted(row, entry, memory)


def _of_a_new_row(row: ListRow, entry: Entry | Failure, memory: Memory) -> Iterator[Decision]:
    was_refused = row.source_id in memory.refused
    match entry:
        case Entry() if row.is_set_back:
            yield Take(row, Taken.PENDING, entry)
        case Entry() if (row.waits or was_refused) and pause_of(row.pause):
            return
        case Entry() if row.waits or was_refused:
            yield Accept(row, entry)
        case Entry():
            yield Find(row, entry)
        case Failure() if row.waits or row.is_set_back or was_refused or row.has_failed:
            if memory.refused.get(row.source_id) != (row.wording.url, entry.reason):
                yield Refuse(row, entry)
        case Failure():
            yield Find(row, None)


def _of_a_known_row(row: ListRow, entry: Entry | Failure, known: Known, memory: Memory) -> Iterator[Decision]:
    if isinstance(entry, Failure):
        return
    if row.wording != known.wording:
        yield from _edited(row, entry, known, memory.bumped.get(row.source_id))
    if row.is_set_back and row.source_id not in memory.set_back:
        yield Take(row, Taken.PENDING, entry)


def _edited(row: ListRow, entry: Entry, known: Known, bumped_to: int | None) -> Iterator[Decision]:
    before = known.wording
    if canonical_url(row.wording.url) != canonical_url(before.url):
        yield Accept(row, entry, is_another=True)
    elif replace(row.wording, url=before.url) != before:
        was = known.entry.priority if known.entry else None
        yield Take(row, Taken.EDITED, entry, is_moved=entry.priority not in (was, bumped_to))


def _noted(row: ListRow, entry: Entry | Failure, memory: Memory) -> Iterator[Note]:
    """What is wrong with the row of a source that goes on, if that is news."""
    notes = [f"{_NOT_TAKEN}{words}" for words in _complaints(row, entry)]
    if twin := memory.same_channel(row.source_id):
        notes.append(f"{_SAME_CHANNEL}the row with ID {twin}, written otherwise: each of its videos is fetched once.")
    note = " ".join(notes)
    told = memory.notes.get(row.source_id)
    is_left_behind = told is None and not note and row.last_error.startswith(_OURS)
    if is_left_behind or note != (told or ""):
        yield Note(row, note)


def _complaints(row: ListRow, entry: Entry | Failure) -> Iterator[str]:
    if isinstance(entry, Failure):
        yield entry.reason
    if row.action.strip() and action_of(row.action) is None:
        yield f"There is no Action {row.action.strip()!r}; there are {', '.join(ACTIONS)}."
    if pause_of(row.pause) is None:
        yield f"Pause is {row.pause!r}: write yes, or empty the cell."

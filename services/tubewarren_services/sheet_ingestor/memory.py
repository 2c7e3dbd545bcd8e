"""What the ingestor knows of the rows that it has seen; the sheet remembers the rest beyond its life."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from tubewarren.messages.events import Taken
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.tabs import SOURCES, VIDEO_TASKS
from tubewarren_services.sheet_ingestor.actions import CarriedOut
from tubewarren_services.sheet_ingestor.decisions import Accept, Decision, Find, Note, Refuse, Take
from tubewarren_services.sheet_ingestor.entries import Entry
from tubewarren_services.sheet_ingestor.rows import ListRow, Typed, Wording


@dataclass(frozen=True, slots=True)
class Known:
    """A row that was taken.

    Attributes:
        entry: what is ordered for it; None for one that was found at work and could not be taken as it is.
    """

    wording: Wording
    entry: Entry | None


def _no_twin(source_id: str) -> str:
    del source_id
    return ""


@dataclass(slots=True)
class Memory:
    """By ID of the row.

    Attributes:
        taken: the rows that are at work, or were, with the wording that counts.
        refused: address and reason of those that cannot be worked on.
        notes: what was told of a row last.
        actions: orders that were carried out, and that still stand in their cells.
        set_back: rows that were set back and taken, as long as they say so; and
        videos: those of Video Tasks, likewise.
        decided: all that were accepted or refused since the start.
        bumped: the priority that somebody else has bumped a source to, until its row says so.
        found: rows that were at work before the start, of which nobody has told yet with which priority.
        same_channel: the ID of another row that was found to be the same channel; empty where there is none.
    """

    same_channel: Callable[[str], str] = _no_twin
    taken: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    set_back: set[str] = field(default_factory=set)
    videos: set[Key] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    bumped: dict[str, int] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    _looks: dict[str, tuple[Typed | None, int]] = field(default_factory=dict)

    def see(self, rows: Collection[ListRow], looks: int = 1) -> tuple[ListRow, ...]:
        """Those rows that so many looks have found as they are now: nobody is typing there."""
        self.actions = {row.source_id: row.action for row in rows if self.actions.get(row.source_id) == row.action}
        self.set_back &= {row.source_id for row in rows if row.is_set_back}
        seen: dict[str, tuple[Typed | None, int]] = {}
        for row in rows:
            typed, times = self._looks.get(row.source_id, (None, 0))
            seen[row.source_id] = (row.typed, min(times + 1, looks) if typed == row.typed else 1)
        self._looks = seen
        return tuple(row for row in rows if seen[row.source_id][1] >= looks)

    def prioritised(self, source_id: str, priority: int) -> None:
        """A row says so now by our own hand: that is nobody who is still typing."""
        typed, times = self._looks.get(source_id, (None, 0))
        if typed is not None:
            wording, pause, action = typed
            self._looks[source_id] = ((replace(wording, priority=str(priority)), pause, action), times)

    def note(self, decision: Decision) -> None:
        """Remember what was carried out."""
        row = decision.row
        match decision:
            case Accept(entry=entry) | Find(entry=entry):
                self._take(row, entry)
            case Refuse(failure=failure):
                self.refused[row.source_id] = (row.wording.url, failure.reason)
            case Note(note=note):
                self.notes[row.source_id] = note
            case Take():
                self._note_taken(decision)
        if isinstance(decision, Find) and decision.entry:
            self.found.add(row.source_id)
        if isinstance(decision, Accept | Refuse) or (isinstance(decision, Take) and decision.what is Taken.PENDING):
            self.decided.add(row.source_id)

    def entry(self, source_id: str) -> Entry | None:
        """What is ordered for a row, if that is known."""
        known = self.taken.get(source_id)
        return known.entry if known else None

    def recall(self, priorities: Mapping[str, int]) -> None:
        """Take what was found at work for ordered with these priorities: another one in a row is an edit of it."""
        for source_id in self.found & priorities.keys():
            known, ordered = self.taken[source_id], priorities[source_id]
            if known.entry and known.entry.priority != ordered:
                wording = replace(known.wording, priority=str(ordered))
                self.taken[source_id] = Known(wording, replace(known.entry, priority=ordered))
        self.found.clear()

    def carried_out(self) -> CarriedOut:
        """What the rows that ordered it do not show yet."""
        set_back = {
            SOURCES: frozenset((source_id,) for source_id in self.set_back),
            VIDEO_TASKS: frozenset(self.videos),
        }
        return CarriedOut(dict(self.actions), set_back)

    def forget(self, shown: CarriedOut) -> None:
        """The rows show it now."""
        for source_id in shown.actions:
            self.actions.pop(source_id, None)
        self.set_back -= {source_id for (source_id,) in shown.set_back[SOURCES]}
        self.videos.difference_update(shown.set_back[VIDEO_TASKS])

    def _take(self, row: ListRow, entry: Entry | None) -> None:
        self.taken[row.source_id] = Known(row.wording, entry)
        self.found.discard(row.source_id)
        self.refused.pop(row.source_id, None)

    def _note_taken(self, taken: Take) -> None:
        row = taken.row
        # It takes the note out of the row; what is still wrong with it is told anew.
        self.notes.pop(row.source_id, None)
        match taken.what:
            case Taken.EDITED:
                self.bumped.pop(row.source_id, None)
                self._take(row, taken.entry)
            case Taken.PENDING:
                self._take(row, taken.entry)
                self.set_back.add(row.source_id)
            case Taken.RETRY | Taken.CANCEL | Taken.EXPAND_AGAIN:
                self.actions[row.source_id] = row.action
            case Taken.PAUSED | Taken.RESUMED:  # the heartbeat-monitor remembers those
                pass

"""The column Pause: which sources the list pauses, and which pauses of the list are over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from tubewarren.messages.events import FleetGates, Taken
from tubewarren.messages.permits import PAUSED_IN_THE_LIST
from tubewarren_services.sheet_ingestor.rows import ListRow

_YES: Final = frozenset({"yes", "y", "true", "x", "1", "on", "pause", "paused", "\u2713", "\u2714"})
_NO: Final = frozenset({"", "no", "n", "false", "0", "off"})


@dataclass(frozen=True, slots=True)
class Held:
    """The sources that are held back now, by whatever.

    Attributes:
        by_list: paused for a row that said so.
    """

    paused: frozenset[str] = frozenset()
    by_list: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, told: FleetGates) -> Self:
        """As the heartbeat-monitor tells it."""
        pauses = [gate for gate in told.gates if gate.kind == "pause"]
        return cls(
            paused=frozenset(gate.name for gate in pauses),
            by_list=frozenset(gate.name for gate in pauses if gate.reason == PAUSED_IN_THE_LIST),
            cancelled=frozenset(gate.name for gate in told.gates if gate.kind == "cancelled"),
        )


def pause_of(text: str) -> bool | None:
    """Whether a cell wants its source paused; None when nobody can tell."""
    word = text.strip().lower()
    return True if word in _YES else False if word in _NO else None


def changes(rows: Iterable[ListRow], held: Held) -> Iterator[tuple[ListRow, Taken]]:
    """The rows whose source is to be paused or may go on; a pause that somebody else made stays theirs."""
    for row in rows:
        wanted = pause_of(row.pause)
        if wanted and row.source_id not in held.paused:
            yield row, Taken.PAUSED
        elif wanted is False and row.source_id in held.by_list:
            yield row, Taken.RESUMED

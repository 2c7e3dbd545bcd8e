"""Settled: what a person did with what was given up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tubewarren.messages.events import Fate
from tubewarren_services.results_manager.ledger.records import Row

MEMORY = frozenset({"standing", "course", "endings"})
"""Columns that tell nobody anything: by them alone a record knows what it was told."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a burial; the newer of two moments tells whether it was this burial."""

    fate: Fate
    at: datetime

    def order(self) -> tuple[Any, ...]:
        """Newest first."""
        return (self.at, self.fate.value)


def settled_row(settled: Settled | None, endings: frozenset[str]) -> dict[str, Any]:
    """As a table has it, with the ends that were heard of."""
    return {
        "fate": settled.fate.value if settled else "",
        "fate_at": settled and settled.at,
        "endings": " ".join(sorted(endings)),
    }


def settled_of(row: Row) -> Settled | None:
    """Back from a table."""
    return Settled(Fate(row["fate"]), row["fate_at"]) if row["fate_at"] else None


def endings_of(row: Row) -> frozenset[str]:
    """The ends that were heard of, back from a table."""
    return frozenset(row["endings"].split())

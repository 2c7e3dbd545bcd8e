"""What the audit found, for a person and for a machine."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tubewarren_services.audit.books import OPEN, Books
from tubewarren_services.audit.discrepancy import Discrepancy
from tubewarren_services.cli.units import count, spell_bytes

_STATES = ("done", "dead", "filtered", "open")
_SHOWN = 20
"""Of one kind; a machine is told all."""


def counts_of(books: Books) -> dict[str, int]:
    """What was counted; of what was not looked at, nothing."""
    states = Counter(str(row["state"]) for row in books.ledger.tasks)
    counts = {
        "sources": len(books.ledger.sources),
        "videos": states.total(),
        "done": states["done"],
        "dead": states["dead"],
        "filtered": states["filtered"],
        "open": sum(states[state] for state in OPEN),
    }
    if books.files is not None:
        counts["results"] = len(books.files.results)
        counts["bytes"] = sum(result.size_bytes for result in books.files.results.values())
    if books.queues is not None:
        counts["dead_letters"] = len(books.queues.letters)
    return counts


def _told(counts: dict[str, int]) -> Iterator[str]:
    """Most sources have no filter, and need not read that nothing was filtered."""
    return (name for name in _STATES if counts[name] or name != "filtered")


def calm_line(books: Books) -> str:
    """One line for a system in which all is well."""
    counts = counts_of(books)
    parts = [
        count(counts["sources"], "source"),
        f"{count(counts['videos'], 'video')} ({', '.join(f'{counts[name]:,} {name}' for name in _told(counts))})",
    ]
    if "results" in counts:
        parts.append(f"{count(counts['results'], 'result')} of {spell_bytes(counts['bytes'])}")
    if "dead_letters" in counts:
        parts.append(count(counts["dead_letters"], "dead letter"))
    named = (("sheet", books.sheet), ("ledger", books.ledger), ("files", books.files))
    looked_at = [name for name, book in named if book is not None]
    return f"{', '.join(parts)}: {', '.join(looked_at)} and queues agree."


def audit_page(found: Sequence[Discrepancy]) -> RenderableType:
    """The discrepancies, kind by kind in the order in which they were found, each with what would mend it."""
    return Group(*_lines(found), Text(f"{len(found):,} {'discrepancy' if len(found) == 1 else 'discrepancies'}."))


def audit_json(books: Books, found: Sequence[Discrepancy]) -> dict[str, object]:
    """Everything for a machine."""
    return {"agree": not found, "counts": counts_of(books), "discrepancies": [asdict(each) for each in found]}


def _lines(found: Sequence[Discrepancy]) -> Iterator[RenderableType]:
    for kind, group in groupby(found, key=lambda each: each.kind):
        alike = list(group)
        for each in alike[:_SHOWN]:
            yield Text.assemble((kind.value, "red"), "  ", (each.concerns, "bold"), f"  {each.what}", overflow="fold")
            yield Padding(Text(f"to mend it: {each.remedy}", overflow="fold"), (0, 0, 0, 4))
        if len(alike) > _SHOWN:
            yield Text(f"… and {len(alike) - _SHOWN:,} more of {kind.value}; --json tells them all", style="dim")

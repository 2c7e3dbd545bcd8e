"""What a failure means, for a person: its class, the action in words, and the rule that recognised it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tubewarren.failures import FailureKind
from tubewarren.outcomes import Bury, Park, Refund, Retry
from tubewarren.youtube.failures import Explanation
from tubewarren.youtube.rules import Listed
from tubewarren_services.cli.tables import WIDE, Column, plain_table, text
from tubewarren_services.cli.units import spell_span

NO_RULE = "none: add one of your own to a file, and name it in TUBEWARREN_YOUTUBE__FAILURE_RULES"

_COLUMNS = (
    Column("name", "Rule", text, may_wrap=True, least=16),
    Column("kind", "Class", text, least=9),
    Column("reason", "Reason", text, may_wrap=True, least=30),
    Column("origin", "From", text, is_wide=True, may_wrap=True),
)


def action_words(  # noqa: PLR0911 - one for each outcome
    outcome: Retry | Refund | Park | Bury, ladder: Sequence[timedelta], now: datetime
) -> str:
    """What happens to a video that failed, in words."""
    match outcome:
        case Retry(failure) if failure.kind is FailureKind.SUSPECT:
            return "looked at again, uncharged, by another egress where there is one; then buried as gone"
        case Retry():
            tries = [spell_span(delay) for delay in ladder]
            delays = f"{', '.join(tries[:-1])} and {tries[-1]}" if len(tries) > 1 else tries[0]
            return f"tried again after {delays}, then buried"
        case Refund(failure, at_once=True) if failure.kind is FailureKind.BLOCKED:
            return "given back uncharged, for another worker at once; the egress sleeps, is probed, and goes on"
        case Refund(_, at_once=True):
            return "given back uncharged, for another worker at once; this one rests"
        case Refund():
            return f"given back uncharged, and tried again after {spell_span(ladder[0])}, here or elsewhere"
        case Park(_, until):
            when = until.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
            return f"parked uncharged, and tried again in {spell_span(until - now)} ({when} UTC)"
        case Bury(failure) if failure.kind is FailureKind.FILTERED:
            return "left out: it counts as filtered, and is not tried again"
        case Bury():
            return "buried at once: it goes to the dead queue, from which `svc dead redrive` takes it"
        case _:
            assert_never(outcome)


def explanation_page(found: Explanation, action: str) -> RenderableType:
    """One explanation."""
    failure, listed = found.failure, found.listed
    grid = Table.grid(padding=(0, 2))
    for name, value in (
        ("Class", str(failure.kind)),
        ("Action", action),
        ("Rule", f"{listed.rule.name} ({listed.origin})" if listed else NO_RULE),
        ("Matched", "\n".join(found.matched)),
        ("Reason", failure.reason),
        ("Released", failure.release_at.isoformat(timespec="seconds") if failure.release_at else ""),
        ("Signature", failure.signature),
    ):
        if value:
            grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return grid


def explanation_json(found: Explanation, action: str) -> dict[str, Any]:
    """One explanation for a machine."""
    failure, listed = found.failure, found.listed
    return {
        "class": str(failure.kind),
        "action": action,
        "rule": failure.rule or None,
        "file": listed.origin if listed else None,
        "matched": list(found.matched),
        "reason": failure.reason,
        "release_at": failure.release_at.isoformat() if failure.release_at else None,
        "signature": failure.signature,
    }


def rules_table(rules: Iterable[Listed], width: int) -> RenderableType:
    """The rules, in the order in which they are asked."""
    columns = [column for column in _COLUMNS if width >= WIDE or not column.is_wide]
    table = plain_table(*columns)
    for listed in rules:
        rule = listed.rule
        cells = {"name": rule.name, "kind": str(rule.kind), "reason": rule.reason, "origin": listed.origin}
        table.add_row(*(Text(cells[column.key]) for column in columns))
    return table


def rules_json(rules: Iterable[Listed]) -> list[dict[str, Any]]:
    """The rules for a machine, with their conditions."""
    return [{**listed.rule.model_dump(mode="json", exclude_defaults=True), "file": listed.origin} for listed in rules]

"""Dead letters for a person: joined with their reasons, chosen by filters, and spelled out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.json import JSON
from rich.table import Table
from rich.text import Text

from tubewarren.bus.dead_letters import BY_ITSELF, DeadLetter
from tubewarren.failures import FailureKind
from tubewarren_services.cli.tables import WIDE, Column, Row, Value, ago, moment_of, plain_table, text

KINDS = tuple(kind.value for kind in FailureKind)
_UNKNOWN = FailureKind.UNKNOWN.value
_SHORT_ID = 8
_BROKER_WORDS = {
    "rejected": "Given up by its worker; the reason is in the ledger, which does not tell it.",
    BY_ITSELF: "Its worker died several times while it had it.",
    "expired": "It waited too long.",
    "maxlen": "Its queue was full.",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A dead letter and why it died.

    Attributes:
        kind: the failure's class, or `unknown` when nobody tells.
        rule: the name of the rule that recognised the failure; empty when nobody tells.
        died_at: by the broker's clock, else by that of whoever gave it up.
        buried_at: by the clock of whoever gave it up; None when nobody tells.
        source_id: empty when the body does not name one.
        subject: the video, the source or the address it is about; empty when the body cannot be read.
    """

    letter: DeadLetter
    kind: str
    reason: str
    source_id: str
    subject: str
    fields: Mapping[str, Any]
    rule: str = ""
    died_at: datetime | None = None
    buried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which dead letters are meant; None and empty mean any.

    Attributes:
        queue: the queue that it died in, or its dead queue.
        reason: a part of the reason, in upper or lower case.
        kind: the failure's class, or the name of the rule that recognised it, or how that begins.
        identity: the beginning of the message's id.
        since: it died then or later.
        until: it died then or earlier.
    """

    queue: str | None = None
    source_id: str | None = None
    reason: str | None = None
    kind: str | None = None
    identity: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def needs_reasons(self) -> bool:
        """Whether only the ledger can tell what is meant."""
        return self.reason is not None or self.kind is not None

    def mean(self, case: Case) -> bool:
        """Whether this one is meant."""
        return all(
            (
                self.queue is None or case.letter.queue == self.queue.removesuffix(".dead"),
                self.source_id is None or case.source_id == self.source_id,
                self.reason is None or self.reason.casefold() in case.reason.casefold(),
                self.kind is None or is_of_class(self.kind, case.kind, case.rule),
                self.identity is None or case.letter.buried_id.startswith(self.identity),
                self.since is None or (case.died_at is not None and case.died_at >= self.since),
                self.until is None or (case.died_at is not None and case.died_at <= self.until),
            )
        )


def is_of_class(asked: str, kind: str, rule: str) -> bool:
    """Whether a failure is of the class that a person asks for: `gated`, `members-only`, or `members` for short."""
    if asked in KINDS:
        return asked == kind
    return f"{rule}-".startswith(f"{asked}-")


_COLUMNS = (
    Column("id", "ID", text, least=_SHORT_ID),
    Column("queue", "Queue", text, may_wrap=True, least=16),
    Column("source", "Source", text, is_wide=True),
    Column("subject", "About", text, least=11),
    Column("kind", "Class", text, least=8),
    Column("rule", "Rule", text, is_wide=True),
    Column("tries", "Tries", text, justify="right", is_wide=True),
    Column("died", "Died", ago, is_wide=True),
    Column("reason", "Reason", text, may_wrap=True, least=20),
)

_GROUP_COLUMNS = (
    Column("kind", "Class", text),
    Column("rule", "Rule", text),
    Column("source", "Source", text),
    Column("messages", "Messages", text, justify="right"),
)


def cases_of(letters: Iterable[DeadLetter], burials: Iterable[Row]) -> tuple[Case, ...]:
    """Each letter with what the ledger says about its burial, else with the broker's own word."""
    told = {(row.get("queue"), row.get("buried_id")): row for row in burials}
    return tuple(_case(letter, told.get((letter.queue, letter.buried_id))) for letter in letters)


def dead_table(cases: Sequence[Case], width: int, now: datetime) -> RenderableType:
    """The cases as a table."""
    if not cases:
        return Text("Nothing is dead.")
    columns = [column for column in _COLUMNS if width >= WIDE or not column.is_wide]
    table = plain_table(*columns)
    for case in cases:
        cells: dict[str, Value] = {
            "id": short_id(case.letter.buried_id),
            "queue": case.letter.queue,
            "source": case.source_id,
            "subject": case.subject,
            "kind": case.kind,
            "rule": case.rule,
            "tries": case.letter.attempt,
            "died": case.died_at.isoformat() if case.died_at else None,
            "reason": case.reason,
        }
        table.add_row(*(Text(column.spell(cells[column.key], now)) for column in columns))
    return table


def groups_table(cases: Iterable[Case]) -> RenderableType:
    """How many there are of each class and source."""
    counts = Counter((case.kind, case.rule, case.source_id) for case in cases)
    table = plain_table(*_GROUP_COLUMNS)
    for (kind, rule, source_id), number in sorted(counts.items()):
        table.add_row(Text(kind), Text(rule), Text(source_id), Text(f"{number:,}"))
    return table


def dead_page(case: Case) -> RenderableType:
    """Everything about one case."""
    letter = case.letter
    grid = Table.grid(padding=(0, 2))
    for name, value in (
        ("ID", letter.buried_id),
        ("Queue", letter.queue),
        ("Type", letter.message_type or "(none)"),
        ("Source", case.source_id),
        ("About", case.subject),
        ("Class", case.kind),
        ("Rule", case.rule),
        ("Reason", case.reason),
        ("Tries", str(letter.attempt)),
        ("Died", case.died_at.astimezone(UTC).isoformat(timespec="seconds") if case.died_at else ""),
        ("Broker says", letter.broker_reason),
    ):
        if value:
            grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    body: RenderableType = JSON.from_data(dict(case.fields)) if case.fields else Text(_decoded(letter.body))
    return Group(grid, Text(), body)


def dead_json(case: Case) -> dict[str, Any]:
    """One case for a machine."""
    letter = case.letter
    return {
        "id": letter.buried_id,
        "queue": letter.queue,
        "message_type": letter.message_type,
        "source_id": case.source_id or None,
        "subject": case.subject or None,
        "kind": case.kind,
        "rule": case.rule or None,
        "reason": case.reason,
        "attempt": letter.attempt,
        "died_at": case.died_at.isoformat() if case.died_at else None,
        "broker_reason": letter.broker_reason or None,
        "body": case.fields or _decoded(letter.body),
    }


def short_id(identity: str) -> str:
    """As much of an id as tells messages apart in practice; a digest keeps its prefix."""
    prefix, colon, digest = identity.rpartition(":")
    return f"{prefix}{colon}{digest[:_SHORT_ID]}"


def _case(letter: DeadLetter, burial: Row | None) -> Case:
    fields = letter.fields
    subject = next((str(fields[name]) for name in ("video_id", "url", "worker") if fields.get(name)), "")
    source_id = str(fields.get("source_id") or "")
    if burial is None:
        reason = _BROKER_WORDS.get(letter.broker_reason, letter.broker_reason or "Nobody says why.")
        return Case(letter, _UNKNOWN, reason, source_id, subject, fields, died_at=letter.died_at)
    kind, reason, rule = (str(burial.get(name) or "") for name in ("kind", "reason", "rule"))
    buried_at = moment_of(burial.get("buried_at"))
    died_at = letter.died_at or buried_at
    return Case(letter, kind or _UNKNOWN, reason, source_id, subject, fields, rule, died_at, buried_at)


def _decoded(body: bytes) -> str:
    return body.decode(errors="backslashreplace")

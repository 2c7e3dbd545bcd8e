"""`svc status` as values and as tables: how deep the queues are, how far the work is, who is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from rich.console import Group, RenderableType
from rich.text import Text

from tubewarren.messages.events import Gate
from tubewarren.topology import Queue, Topology
from tubewarren_services.cli.tables import WORKERS, Column, Row, plain_table, rows_table, text
from tubewarren_services.cli.units import count, spell_bytes, spell_span
from tubewarren_services.cli.workers_view import lines_of_rows, present, worker_lines

NO_MONITOR = "No heartbeat-monitor answers: pauses, paces and shared blocks are not kept."

Depths = Mapping[str, tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class Overview:
    """What `svc status` knows.

    Attributes:
        summary: the ledger's counts; None when no results-manager answers.
        workers: the ledger's workers; None as above.
        gates: what holds work back; None when no heartbeat-monitor answers.
    """

    queues: tuple["QueueLine", ...]
    summary: Row | None
    workers: tuple[Row, ...] | None
    gates: tuple[Gate, ...] | None


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One queue with its lanes, its rungs and its dead queue; None where a queue is missing on the broker.

    Attributes:
        ready: messages that nobody has claimed, those in its lanes included.
        retrying: messages that wait on a rung for their next attempt.
        held: messages that wait for their paused source.
        dead: messages that were given up.
    """

    name: str
    purpose: str
    ready: int | None
    retrying: int | None
    held: int | None
    dead: int | None
    consumers: int


_HEADINGS = (
    Column("name", "Queue", text),
    Column("purpose", "Purpose", text),
    Column("ready", "Waiting", text, justify="right"),
    Column("retrying", "Retrying", text, justify="right"),
    Column("held", "Held", text, justify="right"),
    Column("dead", "Dead", text, justify="right"),
    Column("consumers", "Workers", text, justify="right"),
)
_FEW_WORKERS = 8
_MOST_TROUBLED = 6
_STATES = ("pending", "in_progress", "waiting", "done", "error", "dead", "filtered")


def queue_lines(topology: Topology, depths: Depths) -> tuple[QueueLine, ...]:
    """The queues of the topology, each with what belongs to it."""
    families = chain((each.queues() for each in topology.work), (each.queues() for each in topology.events))
    return tuple(_line(queues, depths) for queues in families)


def overview_table(overview: Overview, width: int, now: datetime) -> RenderableType:
    """The overview for a person."""
    parts: list[RenderableType] = [_queue_table(overview.queues), Text()]
    if overview.summary is None:
        parts.append(Text("No results-manager answers, so there are no counts of sources and videos.", style="yellow"))
    else:
        parts += [Text(line) for line in summary_lines(overview.summary)]
    parts += [Text(), *(Text(line, style="yellow") for line in gate_lines(overview.gates, now))]
    if overview.workers is not None:
        parts += _workers(overview.workers, width, now)
    return Group(*parts)


def _workers(rows: Sequence[Row], width: int, now: datetime) -> Sequence[RenderableType]:
    """A few workers one by one; of many, how they are, and who is in trouble."""
    workers = present(lines_of_rows(rows), now)
    if 0 < len(workers) <= _FEW_WORKERS:
        return [rows_table([row for row in rows if row.get("worker") in workers], WORKERS, width, now)]
    return worker_lines(workers, width, now, _MOST_TROUBLED)


def gate_lines(gates: Sequence[Gate] | None, now: datetime) -> tuple[str, ...]:
    """What holds work back, in sentences; none when nothing does."""
    if gates is None:
        return (NO_MONITOR, "")
    lines = tuple(line for gate in gates for line in _gate_lines(gate, now))
    return (*lines, "") if lines else ()


def _gate_lines(gate: Gate, now: datetime) -> tuple[str, ...]:
    head = f"{gate.kind.capitalize()} {gate.name}, for {spell_span(max(now - gate.since, timedelta(0)))}: {gate.reason}"
    if gate.until is not None and gate.until > now:
        head = f"{head} Next look in {spell_span(gate.until - now)}."
    return (head, f"  {gate.advice}") if gate.advice else (head,)


def summary_lines(summary: Row) -> tuple[str, ...]:
    """The ledger's counts in sentences; what it does not tell is left out."""
    lines = [_counted(summary, "sources", "source"), _counted(summary, "tasks", "video")]
    if (minute := _number(summary, "finished_last_minute")) is not None:
        average = (_number(summary, "finished_last_10_minutes") or 0) / 10
        lines.append(f"Finished: {minute:g} in the last minute, {average:g} a minute over the last ten")
    if (waiting := _number(summary, "oldest_waiting_seconds")) is not None:
        lines.append(f"Oldest waiting: {spell_span(timedelta(seconds=waiting))}")
    if (size := _number(summary, "bytes")) is not None:
        lines.append(f"Stored: {spell_bytes(size)}")
    return tuple(line for line in lines if line)


def _line(queues: Sequence[Queue], depths: Depths) -> QueueLine:
    main, *others = queues
    found = depths.get(main.name)
    waiting = _ready([queue for queue in others if queue.purpose == "lane"], depths) or 0
    return QueueLine(
        main.name,
        main.purpose,
        ready=found[0] + waiting if found else None,
        retrying=_ready([queue for queue in others if queue.purpose == "retry"], depths),
        held=_ready([queue for queue in others if queue.purpose == "held"], depths),
        dead=_ready([queue for queue in others if queue.purpose == "dead"], depths),
        consumers=found[1] if found else 0,
    )


def _ready(queues: Sequence[Queue], depths: Depths) -> int | None:
    found = [depth for queue in queues if (depth := depths.get(queue.name))]
    return sum(ready for ready, _ in found) if found else None


def _queue_table(lines: Sequence[QueueLine]) -> RenderableType:
    table = plain_table(*_HEADINGS)
    for line in lines:
        table.add_row(
            line.name,
            line.purpose if line.ready is not None else Text("missing", style="red"),
            _depth(line.ready),
            _depth(line.retrying),
            _depth(line.held),
            Text(_depth(line.dead), style="red" if line.dead else ""),
            Text(str(line.consumers), style="" if line.consumers or line.ready is None else "yellow"),
        )
    return table


def _depth(ready: int | None) -> str:
    return "" if ready is None else f"{ready:,}"


def _counted(summary: Row, prefix: str, word: str) -> str:
    states = {state: _number(summary, f"{prefix}_{state}") for state in _STATES}
    told = {state: int(number) for state, number in states.items() if number is not None}
    if not told:
        return ""
    total = _number(summary, prefix)
    parts = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in told.items() if number)
    head = count(int(total) if total is not None else sum(told.values()), word)
    return f"{head}: {parts}" if parts else head


def _number(summary: Row, name: str) -> float | None:
    value = summary.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

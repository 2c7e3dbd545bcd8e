"""The workers in a few lines, however many there are: how many are well, and by name those that are not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.text import Text

from tubewarren.messages.events import WorkerHealth
from tubewarren_services.cli.lines import at_most, in_a_row, one_line
from tubewarren_services.cli.tables import Row, moment_of, style_of
from tubewarren_services.cli.units import spell_span

FORGOTTEN_AFTER = timedelta(days=1)
"""A worker that was heard last so long ago is not shown any more, as the monitor has forgotten it too."""

_TROUBLED = ("lost", "unfit", "stale")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker, as it or the monitor last said."""

    service: str
    health: str
    heard_at: datetime
    doing: str = ""


def lines_of_rows(rows: Sequence[Row]) -> dict[str, WorkerLine]:
    """The ledger's workers by name."""
    return {
        str(row["worker"]): WorkerLine(
            str(row.get("service") or ""), str(row.get("status") or ""), heard_at, str(row.get("doing") or "")
        )
        for row in rows
        if (heard_at := moment_of(row.get("last_seen"))) is not None
    }


def present(workers: Mapping[str, WorkerLine], now: datetime) -> dict[str, WorkerLine]:
    """Without those that have stopped, and those that nobody has missed for long."""
    return {
        name: line
        for name, line in workers.items()
        if line.health != WorkerHealth.STOPPED and now - line.heard_at < FORGOTTEN_AFTER
    }


def worker_lines(workers: Mapping[str, WorkerLine], width: int, now: datetime, most: int) -> list[Text]:
    """The counts, then by name those who are not well, in at most `most` lines."""
    counts = Counter((line.service, line.health) for line in workers.values())
    if not counts:
        return [Text("No worker has been heard yet.", style="dim")]
    summary = in_a_row(
        [(f"{number:,} {service} {health}", style_of(health)) for (service, health), number in sorted(counts.items())],
        width,
    )
    troubled = [(name, line) for name, line in workers.items() if line.health in _TROUBLED]
    troubled.sort(key=lambda each: (_TROUBLED.index(each[1].health), each[0]))
    return summary + at_most(most, [_troubled(name, line, width, now) for name, line in troubled])


def _troubled(name: str, line: WorkerLine, width: int, now: datetime) -> Text:
    # What an unfit one does is why it is; what a silent one did is past.
    why = line.doing if line.health == WorkerHealth.UNFIT else f"(heard {spell_span(now - line.heard_at)} ago)"
    return one_line(width, (f"{line.health:<7}", style_of(line.health)), (f"{name} {why}".rstrip(), ""))

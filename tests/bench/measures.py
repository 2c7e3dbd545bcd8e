"""Everything that `make bench` measures, in its order; one line here is all that a new measure needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench import backlog, commands, downloads, enqueueing, fleet_scale, kills, latency, services, sheet_load
from bench.lab import Lab
from bench.rows import Row


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be measured by itself.

    Attributes:
        run: does it, with so many of what it counts, in so many rounds.
        size: by default; `of` says of what.
        rounds: by default, all subjects in turn.
    """

    run: Callable[[Lab, int, int], list[Row]]
    size: int
    of: str
    rounds: int = 3


MEASURES: Final[Mapping[str, Measure]] = {
    "commands": Measure(commands.without_event, 20_000, "commands settled"),
    "events": Measure(commands.with_event, 5_000, "commands settled, each with an event"),
    "enqueueing": Measure(enqueueing.run, 100, "pages of 100 commands"),
    "latency": Measure(latency.run, 100, "commands, 20 a second"),
    "backlog": Measure(backlog.run, 100_000, "videos that wait", rounds=1),
    "kills": Measure(kills.by_kill, 20, "workers killed", rounds=1),
    "freezes": Measure(kills.by_freeze, 3, "workers frozen at once", rounds=1),
    "starts": Measure(services.starts, 3, "videos of a source"),
    "idling": Measure(services.idling, 30, "seconds", rounds=1),
    "downloads": Measure(downloads.measure, 12, "videos of a usual size", rounds=2),
    "fleet": Measure(fleet_scale.run, 1_000, "downloaders, played", rounds=1),
    "sheet": Measure(sheet_load.keeping_up, 2_000, "events a second", rounds=1),
    "sheet-away": Measure(sheet_load.away, 2_000, "events a second", rounds=1),
}

"""When a fleet has nothing left to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from tubewarren.topology import Queue

Value = str | int | float | bool | None

_UNFINISHED = ("sources_pending", "sources_in_progress", "tasks_pending", "tasks_in_progress", "tasks_waiting")
_ENDED = ("sources_done", "sources_error")


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of a fleet at one moment.

    Attributes:
        looks: how often the ingestor has read the whole list since it started, as far as it counts.
        decided: the sources that it decided on.
        summary: the ledger's own, from the topic `summary`.
        depths: messages ready in each queue, and its consumers.
    """

    looks: int
    decided: int
    summary: Mapping[str, Value]
    depths: Mapping[str, tuple[int, int] | None]


def is_finished(sight: Sight, queues: tuple[Queue, ...]) -> bool:
    """Whether nothing is queued, and everything that is known has ended, well or badly."""
    waiting = sum(_ready(sight, queue.name) for queue in queues if queue.purpose != "dead")
    unfinished = sum(_count(sight.summary, name) for name in _UNFINISHED)
    ended = sum(_count(sight.summary, name) for name in _ENDED)
    return sight.looks > 0 and waiting == 0 and unfinished == 0 and ended >= sight.decided


def has_problems(summary: Mapping[str, Value]) -> bool:
    """Whether something ended badly: a source in error, or a video that was given up."""
    return any(_count(summary, name) for name in ("sources_error", "tasks_dead"))


def _ready(sight: Sight, name: str) -> int:
    depth = sight.depths.get(name)
    return depth[0] if depth else 0


def _count(summary: Mapping[str, Value], name: str) -> int:
    value = summary.get(name)
    return value if isinstance(value, int) else 0

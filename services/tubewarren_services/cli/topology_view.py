"""The topology and its drift, for a person and for a machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tubewarren.bus import Drift
from tubewarren.topology import Queue, Topology
from tubewarren_services.cli.tables import WIDE, Column, plain_table, text

_QUEUE_COLUMNS = (
    Column("name", "Queue", text),
    Column("purpose", "Purpose", text),
    Column("bindings", "Receives", text, may_wrap=True),
)
_ARGUMENTS = Column("arguments", "Arguments", text, may_wrap=True)
_DRIFT_COLUMNS = (
    Column("name", "Name", text, may_wrap=True),
    Column("what", "Difference", text, may_wrap=True),
    Column("remedy", "What to do", text, may_wrap=True),
)


def topology_table(topology: Topology, width: int) -> RenderableType:
    """The queues with what leads to them; their arguments where there is room."""
    is_wide = width >= WIDE
    table = plain_table(*_QUEUE_COLUMNS, *([_ARGUMENTS] if is_wide else []))
    for queue in topology.queues:
        cells = [queue.name, queue.purpose, "\n".join(_binding(queue))]
        table.add_row(*(Text(cell) for cell in [*cells, *([_arguments(queue)] if is_wide else [])]))
    return table


def topology_json(topology: Topology) -> Mapping[str, Any]:
    """Everything, in the words that the broker uses."""
    return {
        "exchanges": [{"name": exchange.name, "type": exchange.kind} for exchange in topology.exchanges],
        "queues": [
            {
                "name": queue.name,
                "purpose": queue.purpose,
                "arguments": dict(queue.arguments),
                "bindings": [
                    {"exchange": binding.exchange, "routing_key": binding.routing_key} for binding in queue.bindings
                ],
            }
            for queue in topology.queues
        ],
    }


def drift_table(drifts: Sequence[Drift]) -> RenderableType:
    """Each difference with its remedy."""
    if not drifts:
        return Text("The broker has everything as this version needs it.", style="green")
    table = plain_table(*_DRIFT_COLUMNS)
    for drift in drifts:
        table.add_row(Text(drift.name), Text(drift.what), Text(drift.remedy))
    return table


def drift_json(drifts: Sequence[Drift]) -> list[dict[str, str]]:
    """The differences for a machine."""
    return [{"name": drift.name, "what": drift.what, "remedy": drift.remedy} for drift in drifts]


def _binding(queue: Queue) -> list[str]:
    return [f"{binding.exchange}: {binding.routing_key}" for binding in queue.bindings]


def _arguments(queue: Queue) -> str:
    return "\n".join(f"{name}={value}" for name, value in queue.arguments.items())

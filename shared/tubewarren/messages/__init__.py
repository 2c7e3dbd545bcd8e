"""Every contract of the system: commands, events, the asking for permits, bumps, and the registry of types."""

from tubewarren.messages import bumps, commands, events, permits
from tubewarren.messages.base import Command, Event, Message

TYPES: dict[str, type[Message]] = {
    kind.type: kind
    for module in (commands, events, permits, bumps)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Message) and "type" in vars(kind)
}
"""Each message class by its type."""

__all__ = ["TYPES", "Command", "Event", "Message"]

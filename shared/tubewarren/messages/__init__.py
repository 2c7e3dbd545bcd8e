"""Every contract of the system: commands, then events, then the asking for permits, and the registry of types."""

from tubewarren.messages import commands, events, permits
from tubewarren.messages.base import Command, Event, Message

TYPES: dict[str, type[Message]] = {
    kind.type: kind
    for module in (commands, events, permits)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Message) and "type" in vars(kind)
}
"""Each message class by its type."""

__all__ = ["TYPES", "Command", "Event", "Message"]

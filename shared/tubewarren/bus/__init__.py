"""The only code that knows aio-pika: connections, publishing, consuming, declaring."""

from tubewarren.bus.command_consumption import Handler
from tubewarren.bus.connection import Bus, Consumption, open_bus
from tubewarren.bus.declaration import Drift
from tubewarren.bus.errors import (
    BrokerRefusedError,
    BrokerUnavailableError,
    BusClosedError,
    BusError,
    TopologyDriftError,
    UnroutableError,
)
from tubewarren.bus.event_consumption import Afterwards, BatchHandler

__all__ = [
    "Afterwards",
    "BatchHandler",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "Bus",
    "BusClosedError",
    "BusError",
    "Consumption",
    "Drift",
    "Handler",
    "TopologyDriftError",
    "UnroutableError",
    "open_bus",
]

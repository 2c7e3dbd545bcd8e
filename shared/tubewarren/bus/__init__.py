"""The only code that knows aio-pika: connections, publishing, consuming, declaring."""

from tubewarren.bus.connection import Bus, Consumption, open_bus
from tubewarren.bus.consumption import Afterwards, BatchHandler, Handler
from tubewarren.bus.declaration import Drift
from tubewarren.bus.errors import (
    BrokerRefusedError,
    BrokerUnavailableError,
    BusClosedError,
    BusError,
    TopologyDriftError,
    UnroutableError,
)

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

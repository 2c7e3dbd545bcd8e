"""The private RabbitMQ node of one machine: find a server, start it, stop it."""

from tubewarren.broker.address import NodeAddress, running_node_url
from tubewarren.broker.errors import (
    NodeInUseError,
    NodeStartError,
    PrivateBrokerError,
    RabbitMqMissingError,
)
from tubewarren.broker.installation import Installation, find_installation
from tubewarren.broker.node import PrivateNode

__all__ = [
    "Installation",
    "NodeAddress",
    "NodeInUseError",
    "NodeStartError",
    "PrivateBrokerError",
    "PrivateNode",
    "RabbitMqMissingError",
    "find_installation",
    "running_node_url",
]

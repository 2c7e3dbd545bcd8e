"""The private RabbitMQ node of one machine: find a server, start it, stop it."""

from tubewarren.broker.errors import (
    NodeInUseError,
    NodeStartError,
    PrivateBrokerError,
    RabbitMqMissingError,
)
from tubewarren.broker.installation import Installation, find_installation
from tubewarren.broker.node import NodeAddress, PrivateNode, private_node, running_node_url

__all__ = [
    "Installation",
    "NodeAddress",
    "NodeInUseError",
    "NodeStartError",
    "PrivateBrokerError",
    "PrivateNode",
    "RabbitMqMissingError",
    "find_installation",
    "private_node",
    "running_node_url",
]

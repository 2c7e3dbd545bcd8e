"""Addresses with the hosts of several nodes."""

import pytest

from tubewarren.settings.nodes import nodes_in


@pytest.mark.parametrize(
    ("address", "nodes"),
    [
        ("amqp://u:p@one/", ("amqp://u:p@one/",)),
        ("amqp://u:p,w@one:5672/v", ("amqp://u:p,w@one:5672/v",)),
        ("amqp://u:p,w@one,two/v", ("amqp://u:p,w@one/v", "amqp://u:p,w@two/v")),
        ("amqps://one:5671, two:5673", ("amqps://one:5671", "amqps://two:5673")),
        ("amqp://[::1]:1,[::2]/?a=b,c", ("amqp://[::1]:1/?a=b,c", "amqp://[::2]/?a=b,c")),
        ("amqp://u:p#a,b@one,two/", ("amqp://u:p#a,b@one,two/",)),
    ],
)
def test_an_address_has_as_many_nodes_as_hosts(address: str, nodes: tuple[str, ...]) -> None:
    assert nodes_in(address) == nodes

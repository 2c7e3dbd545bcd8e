"""Fixtures of the bus tests.

Tests that kill or starve a broker take `own_broker`: a private node as the project starts it, or, where
TUBEWARREN_TEST_NODE_COMMAND and TUBEWARREN_TEST_NODE_PORT are set, whatever that command runs on that port.
"""

import os
from collections.abc import Iterator

import pytest

from brokers import BrokerUnderTest
from integration.bus.own_brokers import CommandBroker, OwnBroker, PrivateBroker
from integration.bus.support import Stranger, stranger_on

COMMAND_VARIABLE = "TUBEWARREN_TEST_NODE_COMMAND"
PORT_VARIABLE = "TUBEWARREN_TEST_NODE_PORT"


@pytest.fixture
def stranger(broker: BrokerUnderTest, vhost_url: str) -> Stranger:
    """Somebody else on this test's virtual host."""
    return stranger_on(broker, vhost_url)


@pytest.fixture(scope="session")
def startable_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    command = os.environ.get(COMMAND_VARIABLE)
    found: OwnBroker
    if command:
        found = CommandBroker(command, os.environ[PORT_VARIABLE])
    else:
        found = PrivateBroker(tmp_path_factory.mktemp("own broker"))
    yield found
    found.stop()


@pytest.fixture
def own_broker(startable_broker: OwnBroker) -> OwnBroker:
    """A running broker of our own."""
    startable_broker.start()
    return startable_broker


@pytest.fixture
def own_stranger(own_broker: OwnBroker) -> Iterator[Stranger]:
    """Somebody else on a virtual host of our own broker."""
    address = own_broker.start()
    url = address.make_vhost()
    yield stranger_on(address, url)
    own_broker.start().remove_vhost(url)

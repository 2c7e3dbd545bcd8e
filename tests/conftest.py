"""Fixtures that every test may ask for: a real RabbitMQ, found or started with the project's own code."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from brokers import BrokerUnderTest, RestartableNode, run_apart
from shared_broker import shared_broker


def pytest_configure() -> None:
    # As services log; by itself structlog draws boxes of all values, which takes longer than most tests.
    structlog.configure(
        processors=[structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )


BROKER_VARIABLE = "TUBEWARREN_TEST_BROKER_URL"
MANAGEMENT_VARIABLE = "TUBEWARREN_TEST_MANAGEMENT_URL"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    """The broker that the environment names, or else a private node for the whole run, all its workers together."""
    if url := os.environ.get(BROKER_VARIABLE):
        management_url = os.environ.get(MANAGEMENT_VARIABLE)
        assert management_url, f"{BROKER_VARIABLE} is set: set {MANAGEMENT_VARIABLE} too, as http://host:port/"
        yield BrokerUnderTest(url, management_url)
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker's folder lies in the one of the whole run.
        folder = folder.parent
    with shared_broker(folder / "broker") as shared:
        yield shared


@pytest.fixture(scope="session")
def broker_url(broker: BrokerUnderTest) -> str:
    """The AMQP address of the session's broker."""
    return broker.url


@pytest.fixture
def vhost_url(broker: BrokerUnderTest) -> Iterator[str]:
    """The AMQP address of a virtual host that only this test uses."""
    url = broker.make_vhost()
    yield url
    broker.remove_vhost(url)


@pytest.fixture
def restartable_node(tmp_path: Path) -> Iterator[RestartableNode]:
    """A running private node of this test's own, to be killed, stopped and started again."""
    node = RestartableNode(tmp_path)
    run_apart(node.start())
    yield node
    node.kill()
    run_apart(node.stop())

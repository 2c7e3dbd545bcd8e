"""A broker of several nodes, played by several ways to one: who loses a node goes on at the next."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from integration.bus.relay import Relay, relay_to
from integration.bus.support import SMALL, WORK, Recorder, declared_bus, in_time, until, video
from tubewarren.bus import BrokerRefusedError, BrokerUnavailableError, open_bus

pytestmark = pytest.mark.broker


@pytest.fixture
async def nodes(vhost_url: str) -> AsyncIterator[Sequence[Relay]]:
    async with relay_to(vhost_url) as one, relay_to(vhost_url) as two, relay_to(vhost_url) as three:
        yield one, two, three


def address_of(nodes: Sequence[Relay], password: str = "") -> str:
    parts = urlsplit(nodes[0].url)
    hosts = ",".join(urlsplit(node.url).netloc.rpartition("@")[2] for node in nodes)
    return parts._replace(netloc=f"{parts.username}:{password or parts.password}@{hosts}").geturl()


async def test_one_node_that_is_up_is_enough_to_begin(nodes: Sequence[Relay]) -> None:
    for node in nodes[:-1]:
        await node.close()

    async with in_time(), declared_bus(address_of(nodes)) as bus:
        assert bus.is_connected


async def test_whoever_loses_its_node_goes_on_at_another_and_so_on(nodes: Sequence[Relay]) -> None:
    first, second, third = nodes
    handler = Recorder()
    async with declared_bus(address_of(nodes)) as bus:
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        for lost, found in ((first, None), (second, None), (third, first)):
            await lost.close()
            if found is not None:
                await found.open()
            handled = len(handler.seen)
            async with in_time():
                await bus.publisher.publish(video("v"))
            await until(lambda seen=handled: len(handler.seen) > seen)  # type: ignore[misc] # a lambda with a default


async def test_when_no_node_answers_it_is_said(nodes: Sequence[Relay]) -> None:
    for node in nodes:
        await node.close()

    with pytest.raises(BrokerUnavailableError, match="TUBEWARREN_BROKER_URL"):
        async with (
            in_time(),
            open_bus(address_of(nodes), "test", patience=timedelta(seconds=1)),
        ):
            pass


async def test_a_password_that_no_node_accepts_is_refused(nodes: Sequence[Relay]) -> None:
    with pytest.raises(BrokerRefusedError, match="user or password"):
        async with (
            in_time(),
            open_bus(address_of(nodes, "wrong"), "test", patience=timedelta(minutes=1)),
        ):
            pass

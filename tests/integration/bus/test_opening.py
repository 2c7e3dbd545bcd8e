"""Opening a bus: two named connections, patience with a broker that is absent, clear words when it refuses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from integration.bus.relay import relay_to
from integration.bus.support import Stranger, in_time, until
from tubewarren.bus import BrokerRefusedError, BrokerUnavailableError, open_bus

pytestmark = pytest.mark.broker

SHORT = timedelta(seconds=1)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Ours, so that nobody else comes to listen on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


async def test_a_bus_has_two_connections_that_bear_the_workers_name(vhost_url: str, stranger: Stranger) -> None:
    async with open_bus(vhost_url, "downloader@host"):
        names: set[str] = set()

        async def are_known() -> bool:
            names.update(item["client_properties"].get("connection_name", "") for item in await stranger.connections())
            return len(names) >= 2

        await until(are_known)

    assert names == {"downloader@host (publishes)", "downloader@host (consumes)"}


async def test_the_version_is_the_brokers_own(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test") as bus:
        assert bus.dialect.is_supported


async def test_an_absent_broker_is_given_up_after_the_patience(closed_port: int) -> None:
    with pytest.raises(BrokerUnavailableError, match=f"127.0.0.1:{closed_port}.*TUBEWARREN_BROKER_URL"):
        async with (
            in_time(),
            open_bus(f"amqp://u:secret@127.0.0.1:{closed_port}/", "test", patience=SHORT),
        ):
            pass


@pytest.fixture
async def silent_url() -> AsyncIterator[str]:
    """Of somebody who takes connections and says nothing."""

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    async with server:
        yield f"amqp://u:p@127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_broker_that_accepts_and_stays_silent_is_given_up_too(silent_url: str) -> None:
    with pytest.raises(BrokerUnavailableError):
        async with in_time(), open_bus(silent_url, "test", patience=SHORT):
            pass


async def test_who_is_stopped_while_it_connects_leaves_nothing_that_goes_on_connecting(silent_url: str) -> None:
    async def connect() -> None:
        async with open_bus(silent_url, "test"):
            pass

    before = asyncio.all_tasks()
    connecting = asyncio.create_task(connect())
    await until(lambda: any("connection_factory" in repr(task) for task in asyncio.all_tasks() - before))
    # As `asyncio.run` ends a program: each task is told once.
    for task in asyncio.all_tasks() - before:
        task.cancel()
    await asyncio.wait((connecting,))

    assert connecting.cancelled()
    assert not [task for task in asyncio.all_tasks() - before if "connection_factory" in repr(task)]


async def test_a_wrong_password_is_refused_at_once_and_never_repeated_to_anyone(vhost_url: str) -> None:
    parts = urlsplit(vhost_url)
    wrong = parts._replace(netloc=f"{parts.username}:wr0ng-secret@{parts.hostname}:{parts.port}").geturl()

    with pytest.raises(BrokerRefusedError, match="user or password") as refusal:
        async with in_time(), open_bus(wrong, "test", patience=timedelta(minutes=1)):
            pass

    assert "wr0ng-secret" not in str(refusal.value)


async def test_an_unknown_virtual_host_is_refused(vhost_url: str) -> None:
    elsewhere = urlsplit(vhost_url)._replace(path="/nowhere").geturl()

    with pytest.raises(BrokerRefusedError, match="virtual host"):
        async with (
            in_time(),
            open_bus(elsewhere, "test", patience=timedelta(minutes=1)),
        ):
            pass


async def test_a_service_waits_for_its_broker_and_says_so(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay:
        await relay.close()
        with capture_logs() as logs:

            async def connect() -> str:
                async with open_bus(relay.url, "test") as bus:
                    return bus.dialect.version

            connecting = asyncio.create_task(connect())
            await until(lambda: any(line["event"] == "waiting for the broker" for line in logs))
            await relay.open()
            async with in_time():
                version = await connecting

    waits = [line for line in logs if line["event"] == "waiting for the broker"]
    assert len(waits) <= 2
    assert "does not answer" in waits[0]["problem"]
    assert version[0].isdigit()

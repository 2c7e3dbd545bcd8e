"""A fleet whose services have a user of the broker each, who may do what the service needs and no more."""

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPChannelError

from brokers import BrokerUnderTest, run_apart
from fleets import Machine, MachineFor, SiteOf, log_lines, wait_until
from integration.bus.support import Stranger
from tubewarren.broker.users import OPERATOR, USERS, definitions
from tubewarren.bus import BrokerUnavailableError, open_bus
from tubewarren.bus.dead_letters import redrive_dead
from tubewarren.bus.held import release_held
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import COMMANDS, DOWNLOADER, EVENTS, HEARTBEAT_MONITOR, SERVICES, topology
from tubewarren_services.demo.catalogue import MAIN_FEED, Catalogue, CataloguedFeed, demo_catalogue

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

SYSTEM = topology()
TO_THE_END = timedelta(seconds=60)
UrlOf = Callable[[str], str]
"""The broker's address for one of its users."""

Attempt = Callable[[AbstractChannel], Awaitable[object]]

REFUSALS: dict[str, Attempt] = {
    "read events from a queue of its own": lambda channel: bind(channel, EVENTS, "#"),
    "read the orders of others from a queue of its own": lambda channel: bind(channel, COMMANDS, "source.expand.v1"),
    "read the queue of others": lambda channel: consume(channel, "source-expander"),
    "read what others hear": lambda channel: consume(channel, "status-writer.events"),
    "read what was given up": lambda channel: consume(channel, "downloader.dead"),
    "make a queue": lambda channel: channel.declare_queue("mine", durable=True),
    "remove its own queue": lambda channel: channel.queue_delete(DOWNLOADER),
    "empty the queue of others": lambda channel: purge(channel, "source-expander"),
    "remove an exchange": lambda channel: channel.exchange_delete(EVENTS),
}


@pytest.fixture
def url_of(broker: BrokerUnderTest, vhost_url: str) -> UrlOf:
    """Makes the users, as a broker does that loads the definitions.

    They are the whole broker's: several tests at once make the same ones, with the same passwords.
    """
    vhost = unquote(urlsplit(vhost_url).path.removeprefix("/"))
    passwords = {user: f"{user} of the tests" for user in USERS}
    told = json.loads(definitions({}, passwords, lambda: b"salt", vhost))
    stranger = Stranger(vhost_url, broker.management_url)
    for user in told["users"]:
        stranger._call("PUT", f"users/{user['name']}", user)
    for each in told["permissions"]:
        stranger._call("PUT", f"permissions/{vhost}/{each['user']}", each)
    parts = urlsplit(vhost_url)
    return lambda user: parts._replace(netloc=f"{user}:{quote(passwords[user])}@{parts.hostname}:{parts.port}").geturl()


def test_a_whole_list_is_done_by_services_that_may_do_no_more_than_they_must(
    url_of: UrlOf, machine_for: MachineFor, serve: SiteOf
) -> None:
    slugs = ("orchard", "kiln", "lantern")
    videos = tuple(video for video in demo_catalogue().videos if video.slug in slugs)
    site = serve(Catalogue(videos, (CataloguedFeed(MAIN_FEED, "The channel", slugs),)))
    machine = machine_for(site, SOURCES_FILE="sources.txt")
    machine.settings["BROKER_URL"] = url_of(OPERATOR)
    assert machine.svc("topology", "declare").returncode == 0
    machine.sources(site.feed_url)

    services = [machine.run(service, settings={"BROKER_URL": url_of(service)}) for service in SERVICES]

    wait_until(lambda: states(machine), TO_THE_END, holds=["done", "done", "error"].__eq__)
    problems = [line for service in services for line in log_lines(service.output) if line.get("level") == "error"]
    assert not problems
    wait_until(lambda: {row["Status"] for row in machine.rows("Workers")}, holds={"active"}.__eq__)
    assert machine.svc("pause", "all").returncode == 0
    assert machine.svc("resume").returncode == 0
    wait_until(lambda: machine.svc("audit"), holds=lambda answer: answer.returncode == 0)


def test_without_its_queue_a_service_says_what_to_do(url_of: UrlOf) -> None:
    async def consume_what_is_missing() -> None:
        async with open_bus(url_of(DOWNLOADER), "test") as bus:
            await bus.declare(SYSTEM)
            await bus.consume_commands(SYSTEM, DOWNLOADER, nothing, 1)

    with pytest.raises(BrokerUnavailableError, match="run `svc topology declare`"):
        run_apart(consume_what_is_missing())


def test_a_downloader_is_refused_what_is_not_its_own(url_of: UrlOf) -> None:
    async def refusals() -> dict[str, str]:
        async with open_bus(url_of(OPERATOR), "test") as bus:
            await bus.declare(SYSTEM)
        connection = await aio_pika.connect(url_of(DOWNLOADER))
        async with connection:
            return {name: await answer(connection, attempt) for name, attempt in REFUSALS.items()}

    told = run_apart(refusals())

    assert {name: "ACCESS_REFUSED" in text for name, text in told.items()} == dict.fromkeys(REFUSALS, True)


def test_the_monitor_may_send_back_what_others_held_and_gave_up(url_of: UrlOf) -> None:
    async def sent_back() -> tuple[int, int]:
        async with open_bus(url_of(OPERATOR), "test") as operator:
            await operator.declare(SYSTEM)
            work = SYSTEM.work_queue(DOWNLOADER)
            async with operator.channel() as channel:
                for queue in (work.held, work.dead):
                    message = aio_pika.Message(b"{}", type=DownloadVideo.type, message_id=queue)
                    await channel.default_exchange.publish(message, queue)
            async with open_bus(url_of(HEARTBEAT_MONITOR), "test") as monitor:
                await monitor.declare(SYSTEM)
                return await release_held(monitor, SYSTEM), len(await redrive_dead(monitor, SYSTEM, lambda _: True))

    assert run_apart(sent_back()) == (1, 1)


async def nothing(_: Delivery) -> Outcome:
    return Done()


def states(machine: Machine) -> list[str]:
    return sorted(row["Status"] for row in machine.rows("Video Tasks"))


async def answer(connection: aio_pika.abc.AbstractConnection, attempt: Attempt) -> str:
    async with connection.channel() as channel:
        try:
            await attempt(channel)
        except AMQPChannelError as error:
            return str(error)
    return "it was allowed"


async def bind(channel: AbstractChannel, exchange: str, routing_key: str) -> None:
    queue = await channel.declare_queue(f"reply.{secrets.token_hex(4)}", exclusive=True)
    await queue.bind(exchange, routing_key)


async def consume(channel: AbstractChannel, name: str) -> None:
    queue = await channel.get_queue(name)
    await queue.get(no_ack=True, fail=False)


async def purge(channel: AbstractChannel, name: str) -> None:
    await (await channel.get_queue(name)).purge()

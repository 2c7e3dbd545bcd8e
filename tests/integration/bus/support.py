"""What the bus tests share: small topologies, a stranger's view of the broker, and waiting for a condition."""

import asyncio
import json
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit

import aio_pika

from brokers import BrokerUnderTest
from tubewarren.bus import Bus, open_bus
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import MessageBuried, VideoDownloaded, VideoFailed
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import COMMANDS, DEAD, EVENTS, EventQueue, Exchange, Topology, WorkQueue

PATIENCE = timedelta(seconds=30)
GRACE = timedelta(seconds=5)
WORK = "work"
HEARD = "listener"
LADDER = (timedelta(milliseconds=200), timedelta(milliseconds=500))
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
BUSY = Failure(kind=FailureKind.TRANSIENT, reason="The network had a bad moment.")


def small_topology(
    ladder: tuple[timedelta, ...] = LADDER,
    topics: tuple[type[Event], ...] = (VideoDownloaded, VideoFailed, MessageBuried),
) -> Topology:
    """One work queue with short rungs and one listener, made of the product's own parts."""
    return Topology(
        exchanges=(Exchange(COMMANDS, "direct"), Exchange(EVENTS, "topic"), Exchange(DEAD, "topic")),
        work=(WorkQueue(WORK, (DownloadVideo,), ladder),),
        events=(EventQueue(HEARD, topics, (WORK,)),),
    )


SMALL = small_topology()


def part_of(whole: Topology, *names: str) -> Topology:
    """Some queues of a topology with all that is theirs: to declare all of them takes a broker a second."""
    return replace(
        whole,
        work=tuple(queue for queue in whole.work if queue.name in names),
        events=tuple(queue for queue in whole.events if queue.name in names),
    )


def video(name: str, priority: int = 5) -> DownloadVideo:
    return DownloadVideo(video_id=name, url=f"https://y.test/{name}", source_id="s1", priority=priority)


def downloaded(name: str) -> VideoDownloaded:
    return VideoDownloaded(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        video_id=name,
        source_id="s1",
        worker="w",
        attempt=1,
        storage="main",
        size_bytes=1,
        sha256="0" * 64,
        seconds=1,
    )


def name_in(delivery: Delivery) -> str:
    message = delivery.message
    assert isinstance(message, DownloadVideo | VideoDownloaded | VideoFailed)
    return message.video_id


@asynccontextmanager
async def declared_bus(url: str, topology: Topology = SMALL, worker: str = "test") -> AsyncIterator[Bus]:
    """A bus as a service has it, which never gives up."""
    async with open_bus(url, worker) as bus:
        await bus.declare(topology)
        yield bus


@dataclass
class Recorder:
    """A command handler that writes down what it was given, and answers as it is told."""

    answer: Callable[[Delivery], Awaitable[Outcome]] | None = None
    seen: list[Delivery] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [name_in(delivery) for delivery in self.seen]

    async def __call__(self, delivery: Delivery) -> Outcome:
        self.seen.append(delivery)
        try:
            return Done() if self.answer is None else await self.answer(delivery)
        except asyncio.CancelledError:
            self.cancelled.append(name_in(delivery))
            raise


@dataclass
class BatchRecorder:
    """A batch handler that writes down what it was given."""

    seen: list[Delivery] = field(default_factory=list)

    def of(self, kind: type[Event]) -> list[Any]:
        return [delivery.message for delivery in self.seen if isinstance(delivery.message, kind)]

    @property
    def dead(self) -> list[Delivery]:
        return [delivery for delivery in self.seen if delivery.death is not None]

    async def __call__(self, deliveries: Any) -> None:
        self.seen.extend(deliveries)


async def listen(bus: Bus, topology: Topology = SMALL) -> BatchRecorder:
    heard = BatchRecorder()
    await bus.consume_events(topology.events[0].name, heard, 10, timedelta(milliseconds=10))
    return heard


def answering(*outcomes: Outcome) -> Callable[[Delivery], Awaitable[Outcome]]:
    """Answers with each outcome once, then with Done."""
    left = list(outcomes)

    async def answer(_: Delivery) -> Outcome:
        return left.pop(0) if left else Done()

    return answer


async def never_ending(_: Delivery) -> Outcome:
    await asyncio.Event().wait()
    return Done()


def in_time() -> asyncio.Timeout:
    """Ends what hangs; how quick the rest is, is a matter of the machine."""
    return asyncio.timeout(PATIENCE.total_seconds())


async def until(holds: Callable[[], bool | Awaitable[bool]], patience: timedelta = PATIENCE) -> None:
    """Waits for what another process does; fails when it does not."""
    async with asyncio.timeout(patience.total_seconds()):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Stranger:
    """Somebody else on the same broker, who knows AMQP and the management API but not our bus."""

    url: str
    management_url: str = ""

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        connection = await aio_pika.connect(self.url)
        async with connection, connection.channel() as channel:
            yield channel

    async def depth(self, queue: str) -> int:
        async with self.channel() as channel:
            declared = await channel.declare_queue(queue, passive=True)
            return declared.declaration_result.message_count or 0

    async def holds(self, queue: str, count: int) -> None:
        async def is_there() -> bool:
            return await self.depth(queue) == count

        await until(is_there)

    async def put(self, queue: str, body: bytes, **properties: Any) -> None:
        async with self.channel() as channel:
            properties = {"delivery_mode": aio_pika.DeliveryMode.PERSISTENT} | properties
            await channel.default_exchange.publish(aio_pika.Message(body, **properties), queue)

    async def put_nameless(self, queue: str, body: str, **properties: Any) -> None:
        """Without a message id, which every AMQP library would add by itself."""
        path = f"exchanges/{self._vhost}/amq.default/publish"
        message = {"properties": properties, "routing_key": queue, "payload": body, "payload_encoding": "string"}
        assert (await asyncio.to_thread(self._call, "POST", path, message))["routed"]

    async def take(self, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
        """The next message, waited for and taken out."""
        async with self.channel() as channel:
            declared = await channel.declare_queue(queue, passive=True)
            async with in_time(), declared.iterator(no_ack=True) as messages:
                return await anext(messages)

    async def connections(self) -> list[dict[str, Any]]:
        """This virtual host's connections; the management database learns of new ones within a few seconds."""
        return list(await self._get(f"vhosts/{self._vhost}/connections"))

    async def queue_names(self) -> set[str]:
        return {queue["name"] for queue in await self._get(f"queues/{self._vhost}")}

    async def close_connections(self, *roles: str) -> int:
        """Closes our connections from the broker's side, as an operator would."""
        closed = 0
        for connection in await self.connections():
            name = connection.get("client_properties", {}).get("connection_name", "")
            if any(f"({role})" in name for role in roles):
                await asyncio.to_thread(self._call, "DELETE", f"connections/{quote(connection['name'], safe='')}")
                closed += 1
        return closed

    async def cut(self, *roles: str) -> None:
        """Closes each of these connections once, as soon as the management API knows them."""

        async def is_known() -> bool:
            names = [item.get("client_properties", {}).get("connection_name", "") for item in await self.connections()]
            return all(any(f"({role})" in name for name in names) for role in roles)

        await until(is_known)
        assert await self.close_connections(*roles) >= len(roles)

    @property
    def _vhost(self) -> str:
        return quote(unquote(urlsplit(self.url).path.removeprefix("/")) or "/", safe="")

    async def _get(self, path: str) -> Any:
        """What is there; a busy broker that cannot say (500) is asked again."""
        async with in_time():
            while True:
                try:
                    return await asyncio.to_thread(self._call, "GET", path)
                except HTTPError as error:
                    if error.code != HTTPStatus.INTERNAL_SERVER_ERROR:
                        raise
                await asyncio.sleep(0.1)

    def _call(self, method: str, path: str, content: object = None) -> Any:
        parts = urlsplit(self.url)
        credentials = b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
        request = urllib.request.Request(
            f"{self.management_url.rstrip('/')}/api/{path}",
            data=None if content is None else json.dumps(content).encode(),
            method=method,
            headers={"Authorization": f"Basic {credentials}", "X-Reason": "a test"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None


def stranger_on(broker: BrokerUnderTest, url: str) -> Stranger:
    return Stranger(url, broker.management_url)


def with_arguments(topology: Topology, queue: str, changes: Mapping[str, str | int]) -> dict[str, Any]:
    """The arguments of one queue of a topology, changed: for a broker that drifted, or for a shorter limit."""
    (found,) = (each for each in topology.queues if each.name == queue)
    return dict(replace(found, arguments={**found.arguments, **changes}).arguments)


async def redeclare(stranger: Stranger, topology: Topology, queue_name: str, changes: Mapping[str, str | int]) -> None:
    """Makes one queue anew, with other arguments and the same bindings."""
    (queue,) = (each for each in topology.queues if each.name == queue_name)
    async with stranger.channel() as channel:
        await channel.queue_delete(queue_name)
        made = await channel.declare_queue(
            queue_name, durable=True, arguments=with_arguments(topology, queue_name, changes)
        )
        for binding in queue.bindings:
            await made.bind(binding.exchange, binding.routing_key)

"""The way to the broker: two connections, one to publish and one to consume.

An alarm of the broker stops connections that publish, acks included; so consumers have one of their own.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import TypeVar
from uuid import uuid4

import aio_pika
import structlog
from aio_pika import RobustConnection
from aio_pika.abc import (
    AbstractChannel,
    AbstractIncomingMessage,
    AbstractQueue,
    AbstractRobustConnection,
)
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)
from yarl import URL

from tubewarren.bus import declaration
from tubewarren.bus.asking import Asking, lost
from tubewarren.bus.codec import decode
from tubewarren.bus.command_consumption import Admit, CommandConsumption, Handler
from tubewarren.bus.declaration import Drift
from tubewarren.bus.dialect import Dialect
from tubewarren.bus.encryption import AMQPS_PORT, Encryption, encryption_of, hung_up, plain_words
from tubewarren.bus.errors import (
    BrokerRefusedError,
    BrokerUnavailableError,
    BusError,
    UnreadableMessageError,
    UnroutableError,
)
from tubewarren.bus.event_consumption import Afterwards, BatchHandler, EventConsumption
from tubewarren.bus.lanes import all_lanes
from tubewarren.bus.publisher import Publisher
from tubewarren.bus.robust import Connection
from tubewarren.bus.subscription import (
    FindQueue,
    OnMessage,
    OpenIntake,
    Subscribe,
    Subscription,
    leave,
    one_queue,
    unrestored_channel,
)
from tubewarren.delivery import Delivery
from tubewarren.health.findings import Standing
from tubewarren.messages import Command, Message
from tubewarren.settings.broker import BrokerSettings
from tubewarren.settings.nodes import nodes_in
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren.topology import COMMANDS, EVENTS, Topology, WorkQueue

_HEARTBEAT_SECONDS = 8
"""A silent peer is noticed after three of these, so what a frozen worker had claimed is elsewhere within half a minute;
the library's default of 60 would be three minutes."""
_RECONNECT_SECONDS = 1
_CONNECT_TIMEOUT = timedelta(seconds=10)
_PAUSE = timedelta(seconds=2)
_QUESTIONS_AT_A_TIME = 4
_PORTS = {"amqp": 5672, "amqps": AMQPS_PORT}

log = structlog.stdlib.get_logger(__name__)

Consumption = CommandConsumption | EventConsumption
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Bus:
    """A service's or a command's whole way to the broker.

    Attributes:
        worker: the name under which failures are announced,
        egress: with the way out by which it works.
    """

    dialect: Dialect
    publisher: Publisher
    worker: str
    egress: str
    _publishing: AbstractRobustConnection
    _consuming: AbstractRobustConnection
    _asking: Asking
    _left_at_close: AsyncExitStack
    _subscriptions: list[Subscription] = field(default_factory=list)

    @property
    def is_connected(self) -> bool:
        """Whether both connections are up; one that fell silent counts as up until that is noticed."""
        return self._publishing.connected.is_set() and self._consuming.connected.is_set()

    @property
    def standings(self) -> dict[str, Standing]:
        """Of each queue that is worked on, whether it is consumed."""
        return {each.name: each.standing for each in self._subscriptions}

    async def declare(self, topology: Topology) -> None:
        """Make what is missing of the topology.

        Raises:
            TopologyDriftError: the broker has something of our name with other arguments.
            BrokerUnavailableError: the connection was lost meanwhile.
        """
        with _lost_is_unavailable():
            await declaration.declare(self._consuming, topology)

    async def check(self, topology: Topology) -> tuple[Drift, ...]:
        """Find the differences between code and broker."""
        with _lost_is_unavailable():
            return await declaration.check(self._consuming, topology)

    async def depths(self, topology: Topology) -> dict[str, tuple[int, int] | None]:
        """Messages ready and consumers of each queue; None for a queue that is missing."""
        with _lost_is_unavailable():
            return await declaration.depths(self._consuming, topology)

    async def consume_commands(
        self,
        topology: Topology,
        queue_name: str,
        handler: Handler,
        prefetch: int,
        admit: Admit | None = None,
        egress: Callable[[], str] | None = None,
    ) -> CommandConsumption:
        """Start to work on a work queue; a missing queue or connection raises `BrokerUnavailableError`.

        Args:
            topology: which has the queue.
            queue_name: its name.
            handler: what is done with each delivery.
            prefetch: how many are claimed at a time.
            admit: asked before a delivery is handled.
            egress: the way out by which the worker works now, where that changes.
        """
        queue = topology.work_queue(queue_name)
        consumption = CommandConsumption(
            queue, handler, self.publisher, self.worker, egress or self.egress, admit=admit
        )
        if queue.lanes:
            opening = partial(all_lanes, queue, prefetch, self.publisher)
        else:
            opening = partial(one_queue, _declared(queue_name), prefetch)
        with _lost_is_unavailable():
            await consumption.start(self._subscribe(queue_name, opening))
        return consumption

    async def consume_events(
        self,
        queue_name: str,
        handler: BatchHandler,
        batch_size: int,
        linger: timedelta,
        afterwards: Afterwards | None = None,
    ) -> EventConsumption:
        """Start to listen on an event queue; a missing queue or connection raises `BrokerUnavailableError`."""
        consumption = EventConsumption(queue_name, handler, batch_size, linger, self.publisher, afterwards=afterwards)
        self._left_at_close.callback(consumption.abandon)
        prefetch = 2 * batch_size if afterwards is None else afterwards.most
        with _lost_is_unavailable():
            await consumption.start(self._subscribe(queue_name, partial(one_queue, _declared(queue_name), prefetch)))
        return consumption

    async def answer(
        self, questions: WorkQueue, handler: Handler, at_a_time: int = _QUESTIONS_AT_A_TIME
    ) -> CommandConsumption:
        """Start to answer questions, so many at a time, on a queue that lives as long as somebody answers it.

        The queue is durable because RabbitMQ 4.3 refuses transient shared ones, and not exclusive because an
        exclusive one stays locked for half a minute after its owner's connection was cut.
        """

        async def find_queue(channel: AbstractChannel) -> AbstractQueue:
            await self._give_up_stranded(questions.name)
            queue = await channel.declare_queue(questions.name, durable=True, auto_delete=True)
            for command in questions.commands:
                await queue.bind(COMMANDS, command.type)
            return queue

        consumption = CommandConsumption(
            questions, handler, self.publisher, self.worker, self.egress, has_dead_queue=False
        )
        with _lost_is_unavailable():
            await consumption.start(self._subscribe(questions.name, partial(one_queue, find_queue, at_a_time)))
        return consumption

    async def ask(self, command: Command, patience: timedelta) -> AsyncGenerator[Message, None]:
        """Publish a command and yield the replies as they come, until none came for `patience`.

        Raises:
            UnroutableError: nobody is there to answer.
            BrokerUnavailableError: the connection was lost, and with it the replies that were on their way.
        """
        async with self._asking.ask(command) as answers:
            while True:
                try:
                    async with asyncio.timeout(patience.total_seconds()):
                        answer = await answers.get()
                except TimeoutError:
                    return
                if answer is None:
                    raise lost()
                yield answer

    async def ask_one(self, command: Command, kind: type[M], patience: timedelta) -> M | None:
        """The first reply of a kind; None when nobody is there to answer, or nobody did in time.

        Raises:
            BrokerUnavailableError: the connection is lost.
        """
        with suppress(UnroutableError):
            async with aclosing(self.ask(command, patience)) as replies:
                async for reply in replies:
                    if isinstance(reply, kind):
                        return reply
        return None

    @asynccontextmanager
    async def watch(self, *topics: str) -> AsyncIterator[asyncio.Queue[Delivery]]:
        """A stream of events from now on; nothing waits for it and nothing is kept when it is not read.

        It goes on after a lost connection, without what was published meanwhile.
        """
        arrived: asyncio.Queue[Delivery] = asyncio.Queue()

        async def find_queue(channel: AbstractChannel) -> AbstractQueue:
            # Each time another name: an exclusive queue may stay locked for a while after its connection was cut.
            queue = await channel.declare_queue(f"watch.{uuid4()}", exclusive=True, auto_delete=True)
            for topic in topics:
                await queue.bind(EVENTS, topic)
            return queue

        watched = one_queue(find_queue, 0, _keeper(arrived), takes_for_good=True)
        watching = Subscription(self._consuming, f"watch of {', '.join(topics)}", watched)
        with _lost_is_unavailable():
            await watching.start()
        try:
            yield arrived
        finally:
            await watching.close()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel of its own on the connection that consumes; its end gives back what was taken on it.

        Raises:
            BrokerUnavailableError: the connection is lost. When that happens later, the channel ends with it.
        """
        channel = unrestored_channel(self._consuming)
        with _lost_is_unavailable():
            await channel.initialize()
        try:
            yield channel
        finally:
            await leave(channel)

    async def _give_up_stranded(self, queue_name: str) -> None:
        """Remove what nobody consumes: it may lie on a node that is down, and keep its name until that is back."""
        # Refused, which ends the channel, while somebody else answers.
        with suppress(ChannelPreconditionFailed):
            async with self.channel() as channel:
                await channel.queue_delete(queue_name, if_unused=True)

    def _subscribe(self, queue_name: str, opening: Callable[[OnMessage], OpenIntake]) -> Subscribe:
        def subscribe(on_message: OnMessage) -> Subscription:
            subscription = Subscription(self._consuming, queue_name, opening(on_message))
            self._left_at_close.callback(subscription.abandon)
            self._subscriptions.append(subscription)
            return subscription

        return subscribe


@asynccontextmanager
async def open_bus(
    url: str,
    worker: str,
    *,
    trust: BrokerSettings | None = None,
    egress: str = "",
    telemetry: Telemetry | None = None,
    patience: timedelta | None = None,
) -> AsyncIterator[Bus]:
    """Connect to the broker and stay connected through its restarts.

    Args:
        url: where it is, with user, password and virtual host, and all its nodes, of which one is enough at a time;
            `amqps://` for an encrypted connection,
        trust: and whom to trust then, and who we are.
        worker: names the connections in the management UI.
        egress: by which way out the worker works.
        telemetry: is told of what is published and handled; nobody by default.
        patience: give up after so long; None keeps trying for ever.

    Raises:
        BrokerUnavailableError: no answer within `patience`.
        BrokerRefusedError: the broker does not accept user, password, virtual host or certificate, or we do not
            accept its certificate, and patience is bounded; without a bound this is waited out like an absence.
        TlsFilesError: a certificate or key of ours cannot be used.
    """
    async with AsyncExitStack() as stack:
        connect = partial(_connect, nodes_in(url), encryption_of(url, trust or BrokerSettings()))
        publishing = await connect(f"{worker} (publishes)", patience)
        stack.push_async_callback(publishing.close)
        dialect = Dialect(_version(publishing))
        if not dialect.is_supported:
            log.warning("this broker is older than any that Tubewarren is tried on", version=dialect.version)
        channel = publishing.channel(publisher_confirms=True, on_return_raises=True)
        with _lost_is_unavailable():
            await channel.initialize()
        publisher = Publisher(channel, telemetry or Telemetry(), patience)
        stack.callback(publisher.close)
        # Closed first: who still handles something is ended before the way out is shut.
        consuming = await connect(f"{worker} (consumes)", patience)
        _tell_of_losses(consuming)
        stack.push_async_callback(consuming.close)
        asking = Asking(publishing, publisher, _lost_is_unavailable)
        yield Bus(dialect, publisher, worker, egress, publishing, consuming, asking, stack)


async def _connect(
    nodes: tuple[str, ...], encryption: Encryption | None, name: str, patience: timedelta | None
) -> AbstractRobustConnection:
    """Connect to any of the nodes; when that is lost, to the next."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    # At random, so that not everybody crowds on the first.
    turns = cycle(random.sample(nodes, len(nodes)))
    for tried, url in enumerate(turns, 1):
        left = None if patience is None else patience - timedelta(seconds=loop.time() - started)
        attempt = _CONNECT_TIMEOUT if left is None else min(_CONNECT_TIMEOUT, max(left / len(nodes), _PAUSE))
        try:
            connection: RobustConnection = await aio_pika.connect_robust(
                url,
                timeout=attempt.total_seconds(),
                heartbeat=_HEARTBEAT_SECONDS,
                reconnect_interval=_RECONNECT_SECONDS,
                client_properties={"connection_name": name},
                **(encryption.arguments if encryption else {"connection_class": Connection}),
            )
        except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
            cause = (await encryption.last_word(url) if encryption and hung_up(error) else None) or error
            problem = _problem(url, cause)
        else:
            if len(nodes) > 1:
                _go_on_to_others(connection, turns)
            return connection
        if tried % len(nodes):
            log.info("this node of the broker does not let us in; trying the next", problem=str(problem))
            continue
        is_hopeless = (
            isinstance(problem, BrokerRefusedError)
            or loop.time() + _PAUSE.total_seconds() > started + (patience or _PAUSE).total_seconds()
        )
        if patience is not None and is_hopeless:
            raise problem from cause
        log.warning("waiting for the broker", problem=str(problem), every_seconds=_PAUSE.total_seconds())
        await asyncio.sleep(_PAUSE.total_seconds())
    raise AssertionError("turns never end")


def _go_on_to_others(connection: RobustConnection, turns: Iterator[str]) -> None:
    """Let the library, which comes back to the same address for ever, find another one each time."""

    def turn(*_: object) -> None:
        node = URL(next(turns))
        # Its query holds what the library was told.
        connection.url = connection.url.with_host(node.host or "").with_port(node.explicit_port)

    # Called for every attempt that failed, too.
    connection.close_callbacks.add(turn)


def _declared(queue_name: str) -> FindQueue:
    # Not looked for first: 4.2.6 and 4.3.0 let only those look who may make it.
    return lambda channel: channel.get_queue(queue_name, ensure=False)


def _keeper(arrived: "asyncio.Queue[Delivery]") -> OnMessage:
    """Keeps what can be read."""

    async def keep(incoming: AbstractIncomingMessage) -> None:
        try:
            arrived.put_nowait(decode(incoming))
        except UnreadableMessageError as error:
            log.debug("passed over an unreadable event", reason=str(error))

    return keep


def _tell_of_losses(connection: AbstractRobustConnection) -> None:
    """Once when it is lost, once when it is back; every further try fails in the same words."""
    lost = False

    def is_lost(_: object, error: BaseException | None) -> None:
        nonlocal lost
        # A close of our own looks like a cancellation.
        if not lost and error is not None and not isinstance(error, asyncio.CancelledError):
            lost = True
            log.warning("connection to the broker lost; trying again until it is back", error=str(error))

    def is_back(_: object) -> None:
        nonlocal lost
        lost = False
        log.warning("connected to the broker again")

    connection.close_callbacks.add(is_lost)
    connection.reconnect_callbacks.add(is_back)


@contextmanager
def _lost_is_unavailable() -> Iterator[None]:
    """The library's many words for a lost connection or a missing queue, as one of ours."""
    try:
        yield
    except CONNECTION_EXCEPTIONS as error:
        raise BrokerUnavailableError(
            f"The broker did not do what it was asked for ({error}). If the connection was lost, try again; "
            "if something is missing, run `svc topology declare`."
        ) from error


def _problem(url: str, error: BaseException) -> BusError:
    if (words := plain_words(error)) is not None:
        return BrokerRefusedError(f"There is no encrypted connection to the broker at {_spell(url)}: {words}")
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return BrokerRefusedError(
            f"The broker at {_spell(url)} refuses this user or password. "
            "Check TUBEWARREN_BROKER_URL (amqp://user:password@host:port/vhost)."
        )
    if "Connection.Close" in str(error):
        # The library passes on no more of the broker's answer to an opening than that it was this frame.
        return BrokerRefusedError(
            f"The broker at {_spell(url)} has no such virtual host, or does not let this user in. "
            "Check TUBEWARREN_BROKER_URL (amqp://user:password@host:port/vhost)."
        )
    hint = " If TLS begins at this port, write amqps://." if URL(url).scheme == "amqp" and hung_up(error) else ""
    return BrokerUnavailableError(
        f"The broker at {_spell(url)} does not answer ({error}). "
        f"Start it, or point TUBEWARREN_BROKER_URL at the right place.{hint}"
    )


def _spell(url: str) -> str:
    """The address without its secret."""
    parsed = URL(url)
    return f"{parsed.host}:{parsed.port or _PORTS.get(parsed.scheme)}{parsed.path}"


def _version(connection: AbstractRobustConnection) -> str:
    transport = connection.transport
    properties = transport.connection.server_properties if transport is not None else {}
    version = properties.get("version", "0.0")
    return version.decode() if isinstance(version, bytes) else str(version)

"""The whole system on one page: exchanges, queues, bindings and retry ladders, as data.

No queue, exchange or delay is named anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from tubewarren.fair_share import RANKS, is_ranked, rank
from tubewarren.messages import Command, Event, Message
from tubewarren.messages.bumps import AnnounceBump, BumpOrders, OrdersBumped, PrioritiseSource
from tubewarren.messages.commands import (
    AddSource,
    DownloadVideo,
    ExpandSource,
    QueryLedger,
    ReturnResults,
    SelectResults,
)
from tubewarren.messages.events import (
    DeadSettled,
    FleetGates,
    MessageBuried,
    ResultsMoved,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceNoted,
    SourceProgress,
    SourceRefreshed,
    SourceRefused,
    SourceTaken,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideoProgress,
    VideosQueued,
    VideosUnlisted,
    WorkerBeat,
    WorkerChanged,
)
from tubewarren.messages.permits import CancelSource, QueryGates, RedriveDead, RequestPermit, SetPause

COMMANDS: Final = "tubewarren.commands"
"""Direct: a command's type, with its rank or without, or a work queue's own name, leads to exactly the queues that are
bound to it."""
EVENTS: Final = "tubewarren.events"
"""Topic: an event's type, for whoever listens."""
DEAD: Final = "tubewarren.dead"
"""Topic: what was given up, by the name of its work queue; the parking queues and the listeners hang here."""

SHEET_INGESTOR: Final = "sheet-ingestor"
SOURCE_EXPANDER: Final = "source-expander"
DOWNLOADER: Final = "downloader"
STATUS_WRITER: Final = "status-writer"
RESULTS_MANAGER: Final = "results-manager"
HEARTBEAT_MONITOR: Final = "heartbeat-monitor"
SERVICES: Final = (
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    STATUS_WRITER,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    DOWNLOADER,
)
"""Every service, in the order in which one machine starts them: those that watch first."""

DEFAULT_LADDER: Final = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=12),
)

_OF_LANES: Final = {f"{name}.p{number}": name for name in (SOURCE_EXPANDER, DOWNLOADER) for number in RANKS}
_HISTORY: Final = (
    SourceAccepted,
    SourceRefused,
    SourceTaken,
    SourceExpanded,
    SourceRefreshed,
    SourceFailed,
    VideosQueued,
    VideosUnlisted,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    DeadSettled,
)
"""The life of sources and videos, as the sheet and the ledger both tell it."""
_DELIVERY_LIMIT: Final = 10
"""Deliveries that ended without a settlement (a killed worker) before the broker itself buries a message."""
_NO_LIMIT: Final = 1_000_000_000
"""Reading a dead queue returns its messages unsettled. RabbitMQ 4 drops after 20 such returns unless told
otherwise, and -1 means 'after one' on 3.10: a number that is never reached means the same on every version."""
_CONSUMER_TIMEOUT: Final = timedelta(hours=24)

Argument = str | int
ExchangeKind = Literal["direct", "topic"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: ExchangeKind


@dataclass(frozen=True, slots=True)
class Binding:
    """What leads from an exchange to a queue."""

    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue."""

    name: str
    purpose: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """One delay of a retry ladder; a message that waited here goes back to its work queue."""

    queue: str
    delay: timedelta


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A queue of commands with its retry ladder and its dead queue; all their names derive from it.

    With lanes, its work is served by rank: it waits in one queue for each rank, and what comes without having said its
    rank (from a rung, out of a dead queue, from a stranger) is sorted into them by whoever works there.

    Attributes:
        ladder: the delays; without any, nothing can wait, and what cannot be done at once is given up.
        can_hold: its work belongs to sources, which a person can pause.
        has_lanes: its work is served by rank, and not in the order in which it came.
    """

    name: str
    commands: tuple[type[Command], ...]
    ladder: tuple[timedelta, ...]
    can_hold: bool = False
    has_lanes: bool = False

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The retry ladder, shortest delay first."""
        return tuple(Rung(f"{self.name}.retry.{_spell(delay)}", delay) for delay in sorted(self.ladder))

    @property
    def dead(self) -> str:
        """The queue where given-up messages stay until a person redrives or purges them."""
        return f"{self.name}.dead"

    @property
    def held(self) -> str:
        """The queue where the work of paused sources waits for them; empty when there is none."""
        return f"{self.name}.held" if self.can_hold else ""

    @property
    def lanes(self) -> tuple[str, ...]:
        """The queues in which work waits by rank, best first; none where it is served as it comes."""
        return tuple(f"{self.name}.p{number}" for number in RANKS) if self.has_lanes else ()

    def lane_of(self, message: Message) -> str:
        """The queue in which a message waits for a worker."""
        return self.lanes[RANKS.index(rank(message))] if self.has_lanes else self.name

    def queues(self) -> tuple[Queue, ...]:
        """The work queue itself, its lanes, its rungs, its dead queue, and the one for what is held."""
        limits = {"x-delivery-limit": _DELIVERY_LIMIT, "x-consumer-timeout": _milliseconds(_CONSUMER_TIMEOUT)}
        arguments = _dead_lettering(DEAD, self.name) | limits
        ranked = [kind for kind in self.commands if is_ranked(kind)]
        keys = [*(command.type for command in self.commands), self.name]
        if not self.has_lanes:
            keys += [_key(kind, number) for kind in ranked for number in RANKS]
        work = Queue(self.name, "work", arguments, tuple(Binding(COMMANDS, key) for key in keys))
        lanes = (
            Queue(lane, "lane", arguments, tuple(Binding(COMMANDS, _key(kind, number)) for kind in ranked))
            for number, lane in zip(RANKS, self.lanes, strict=False)
        )
        rungs = (
            Queue(
                rung.queue,
                "retry",
                _dead_lettering(COMMANDS, self.name) | {"x-message-ttl": _milliseconds(rung.delay)},
            )
            for rung in self.rungs
        )
        held = (Queue(self.held, "held", _kept_until_taken()),) if self.can_hold else ()
        return (work, *lanes, *rungs, _dead_queue(self.name), *held)


@dataclass(frozen=True, slots=True)
class EventQueue:
    """What one service hears: events by topic, and commands that died in some work queues."""

    service: str
    topics: tuple[type[Event], ...]
    deaths_of: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The queue's name, derived from its listener."""
        return f"{self.service}.events"

    def queues(self) -> tuple[Queue, ...]:
        """The event queue, and the dead queue for events that its listener cannot digest."""
        heard = Queue(
            self.name,
            "events",
            _dead_lettering(DEAD, self.name)
            | {
                "x-delivery-limit": _DELIVERY_LIMIT,
                "x-consumer-timeout": _milliseconds(_CONSUMER_TIMEOUT),
            },
            (
                *(Binding(EVENTS, topic.type) for topic in self.topics),
                *(Binding(DEAD, work_queue) for work_queue in self.deaths_of),
            ),
        )
        return (heard, _dead_queue(self.name))


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that the broker must have before any service may start."""

    exchanges: tuple[Exchange, ...]
    work: tuple[WorkQueue, ...]
    events: tuple[EventQueue, ...]

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Every durable queue. Dead queues come first: a dead-letter route must exist before it is needed."""
        every = [queue for work in self.work for queue in work.queues()]
        every += [queue for heard in self.events for queue in heard.queues()]
        return tuple(sorted(every, key=lambda queue: queue.purpose != "dead"))

    def work_queue(self, name: str) -> WorkQueue:
        """The work queue of that name; raises `KeyError` when there is none."""
        return {queue.name: queue for queue in self.work}[name]


def topology(ladder: tuple[timedelta, ...] = DEFAULT_LADDER, storage: str = "main") -> Topology:
    """The system for one retry ladder and, seen from one machine, the name of the storage that it uses."""
    holder = results_manager(storage)
    mortal = (SHEET_INGESTOR, SOURCE_EXPANDER, DOWNLOADER)
    return Topology(
        exchanges=(Exchange(COMMANDS, "direct"), Exchange(EVENTS, "topic"), Exchange(DEAD, "topic")),
        work=(
            WorkQueue(SHEET_INGESTOR, (AddSource, PrioritiseSource), ladder),
            WorkQueue(SOURCE_EXPANDER, (ExpandSource,), ladder, can_hold=True, has_lanes=True),
            WorkQueue(DOWNLOADER, (DownloadVideo,), ladder, can_hold=True, has_lanes=True),
            WorkQueue(holder, (SelectResults, ReturnResults, BumpOrders), ladder),
        ),
        events=(
            EventQueue(
                STATUS_WRITER,
                (*_HISTORY, SourceNoted, SourceProgress, WorkerChanged, FleetGates),
                mortal,
            ),
            EventQueue(holder, (*_HISTORY, OrdersBumped, MessageBuried, ResultsMoved, WorkerChanged), mortal),
            EventQueue(
                HEARTBEAT_MONITOR,
                (WorkerBeat, VideoDownloaded, VideoFailed, SourceExpanded, SourceRefreshed, SourceFailed),
            ),
        ),
    )


def results_manager(storage: str) -> str:
    """The name of the results-manager that answers for one storage."""
    return f"{RESULTS_MANAGER}.{storage}"


def questions(storage: str) -> WorkQueue:
    """The queue in which a results-manager is asked; it lives only as long as somebody answers.

    It has no rungs: nobody waits for a later answer.
    """
    return WorkQueue(f"{results_manager(storage)}.questions", (QueryLedger,), ())


def permits() -> WorkQueue:
    """The queue in which the heartbeat-monitor is asked; it lives only as long as somebody answers it."""
    return WorkQueue(
        f"{HEARTBEAT_MONITOR}.questions",
        (RequestPermit, SetPause, CancelSource, RedriveDead, AnnounceBump, QueryGates),
        (),
    )


def route(message: Message) -> Binding:
    """The exchange and routing key that a message is published with: its type, and its rank where it has one.

    What one storage alone shall do goes by the name of its queue.
    """
    if isinstance(message, BumpOrders):
        return Binding(COMMANDS, results_manager(message.storage))
    if is_ranked(type(message)):
        return Binding(COMMANDS, _key(type(message), rank(message)))
    return Binding(COMMANDS if isinstance(message, Command) else EVENTS, message.type)


def work_queue_of(queue: str) -> str:
    """The work queue to which a lane belongs; any other queue's own name."""
    return _OF_LANES.get(queue, queue)


def is_worth_waiting_for(message: Message) -> bool:
    """Whether a message must outlive a broker restart; only progress may be lost, the next one is better."""
    return not isinstance(message, VideoProgress)


def _key(kind: type[Message], number: int) -> str:
    return f"{kind.type}.p{number}"


def _dead_queue(name: str) -> Queue:
    return Queue(f"{name}.dead", "dead", _kept_until_taken(), (Binding(DEAD, name),))


def _kept_until_taken() -> dict[str, Argument]:
    return {"x-queue-type": "quorum", "x-delivery-limit": _NO_LIMIT}


def _dead_lettering(exchange: str, routing_key: str) -> dict[str, Argument]:
    """At-least-once dead-lettering: the message stays until the other queue has confirmed it."""
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _milliseconds(span: timedelta) -> int:
    return int(span / timedelta(milliseconds=1))


def _spell(span: timedelta) -> str:
    """A delay as a person says it: 30s, 5m, 2h; what does not come out even is spelled in the next smaller unit."""
    for unit, symbol in ((timedelta(hours=1), "h"), (timedelta(minutes=1), "m"), (timedelta(seconds=1), "s")):
        if span >= unit and not span % unit:
            return f"{span // unit}{symbol}"
    return f"{_milliseconds(span)}ms"

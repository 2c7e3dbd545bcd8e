"""The heartbeat-monitor at work: hears every beat, looks at the clock, and tells what changed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from tubewarren.bus import Bus, BusError
from tubewarren.bus.dead_letters import DeadLetter, burial_times, redrive_dead, settled, tell_settled
from tubewarren.bus.held import release_held
from tubewarren.delivery import Delivery
from tubewarren.messages import TYPES
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import Fate, LedgerAnswered, WorkerBeat, WorkerChanged, WorkerHealth
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.settings.model import HeartbeatSettings
from tubewarren.topology import HEARTBEAT_MONITOR, Topology, permits
from tubewarren.workers import Worker
from tubewarren_services.heartbeat_monitor.alarms.desk import AlarmDesk
from tubewarren_services.heartbeat_monitor.alarms.posting import post
from tubewarren_services.heartbeat_monitor.gauges import show_gauges
from tubewarren_services.heartbeat_monitor.handler import Changes, Fleet, KnownWorker, nap_after, observe, review
from tubewarren_services.heartbeat_monitor.memory import StateFile
from tubewarren_services.heartbeat_monitor.permits.office import PermitOffice
from tubewarren_services.heartbeat_monitor.permits.policy import Policy
from tubewarren_services.heartbeat_monitor.permits.returning import Returning

FleetFile = StateFile[tuple[KnownWorker, ...]]
Publish = Callable[..., Awaitable[None]]
"""Publishes messages, all confirmed when it returns."""

_BATCH: Final = 500
_LINGER: Final = timedelta(milliseconds=200)
_ALARM_EVERY: Final = timedelta(seconds=1)
_SAVE_EVERY: Final = timedelta(seconds=5)
_SAVE_TIMES_EVERY: Final = timedelta(minutes=1)
"""After a restart everybody has time to be heard: when a worker was seen last need not be written at every beat."""
_PERMITS_AT_A_TIME: Final = 100
"""Deciding takes no time, but each answer goes to the broker and back: four at a time would be few for a thousand."""
_FAREWELL_PATIENCE: Final = timedelta(seconds=2)
_LEDGER_PATIENCE: Final = timedelta(seconds=5)
_COUNT_EVERY: Final = timedelta(minutes=1)
_COUNT_AGAIN: Final = timedelta(seconds=5)
_COUNT_PATIENCE: Final = timedelta(seconds=30)
_MOST_BURIALS: Final = 100_000

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the heartbeat-monitor up."""
    settings, bus = surroundings.settings, surroundings.bus
    monitor = Monitor.start(fleet_file(settings.data_dir), settings.heartbeat, bus.publisher.publish, _now)
    office = PermitOffice.open(
        settings.data_dir / "heartbeat-monitor.permits.json",
        Policy.of(settings),
        bus.publisher.publish,
        partial(release_held, bus, surroundings.topology),
        partial(_redrive, bus, surroundings.topology),
        _now,
    )

    desk = AlarmDesk.open(settings.data_dir / "heartbeat-monitor.alarms.json", settings.alarms, post, _now)
    is_alarmed = bool(settings.alarms.urls)
    show_gauges(surroundings.telemetry, lambda: monitor.fleet, lambda: office.books, office.policy, _now)

    async def record(deliveries: Sequence[Delivery]) -> None:
        await monitor.record(deliveries)
        await office.hear(deliveries)
        if is_alarmed:
            desk.hear(deliveries)

    async def look_around() -> None:
        while True:
            office.wanted.clear()
            await monitor.review()
            await office.review()
            monitor.news.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(nap_after(monitor.fleet, monitor.limits).total_seconds()):
                    await office.wanted.wait()

    async def alarm() -> None:
        while True:
            await desk.look(monitor.fleet, office.books)
            await asyncio.sleep(_ALARM_EVERY.total_seconds())

    alarming = (alarm, partial(_keep_counting, bus, surroundings.topology, desk)) if is_alarmed else ()
    (heard,) = (each for each in surroundings.topology.events if each.service == HEARTBEAT_MONITOR)
    listening = await bus.consume_events(heard.name, record, _BATCH, _LINGER)
    answering = await bus.answer(permits(), office.answer, _PERMITS_AT_A_TIME)
    try:
        yield Service(
            consumptions=(listening, answering),
            loops=(look_around, *alarming),
            activity=lambda: monitor.activity(office.trouble or desk.trouble),
            news=monitor.news,
        )
    finally:
        await monitor.leave(surroundings.worker)
        monitor.save()
        if is_alarmed:
            await desk.save()


@dataclass(slots=True)
class Monitor:
    """The fleet as it is known now, and how it is told to the others.

    Attributes:
        clock: our own time, the only one that counts.
        news: set when somebody's health is another.
    """

    file: FleetFile
    limits: HeartbeatSettings
    publish: Publish
    clock: Callable[[], datetime]
    fleet: Fleet
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _saved: Mapping[str, KnownWorker] = field(default_factory=dict)
    _saved_at: datetime | None = None
    _trouble: str = ""

    @classmethod
    def start(
        cls,
        file: StateFile[tuple[KnownWorker, ...]],
        limits: HeartbeatSettings,
        publish: Publish,
        clock: Callable[[], datetime],
    ) -> "Monitor":
        """Begin with the workers that are known from before; whoever is silent has time until `stale_after`."""
        now = clock()
        # They come back as not told of yet: their first beat is news again.
        known = {worker.name: replace(worker, told_at=None) for worker in file.load() or ()}
        return cls(file, limits, publish, clock, Fleet(now, now, known))

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """Take in beats."""
        beats = [delivery.message for delivery in deliveries if isinstance(delivery.message, WorkerBeat)]
        self.fleet, changes = observe(self.fleet, beats, self.clock())
        await self._tell(changes)

    async def review(self) -> None:
        """See who has fallen silent, and write down who is known, from time to time."""
        now = self.clock()
        self.fleet, changes = review(self.fleet, now, self.limits)
        await self._tell(changes)
        often = _SAVE_TIMES_EVERY if _healths(self.fleet.workers) == _healths(self._saved) else _SAVE_EVERY
        if self._saved_at is None or abs(now - self._saved_at) >= often:
            self._saved_at = now
            await asyncio.to_thread(self.save)

    async def leave(self, me: Worker) -> None:
        """Say our own goodbye: nobody else hears our last beat. When the broker is away, it goes unsaid."""
        now = self.clock()
        farewell = WorkerChanged(
            at=now,
            worker=me.name,
            service=me.service,
            host=me.host,
            health=WorkerHealth.STOPPED,
            last_seen=now,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_PATIENCE.total_seconds()):
                await self.publish(farewell)

    def save(self) -> None:
        """Write down who is known, if that changed; a file that cannot be written is told in the heartbeat."""
        workers = self.fleet.workers
        if workers == self._saved:
            return
        try:
            self.file.save(tuple(workers.values()))
        except OSError as error:
            trouble = f"Known workers cannot be written down ({error.strerror}): look at the data folder and its disk."
            if trouble != self._trouble:
                log.warning(trouble, path=str(error.filename))
            self._trouble = trouble
        else:
            self._saved, self._trouble = workers, ""

    def activity(self, trouble: str = "") -> Activity:
        """What the heartbeat says, with another's trouble."""
        healths = Counter(worker.health for worker in self.fleet.workers.values())
        return Activity(
            doing=self._trouble or trouble, facts={health.value: healths[health] for health in WorkerHealth}
        )

    async def _tell(self, changes: Changes) -> None:
        for change in changes:
            _log(change)
            self.news.set()
        await self.publish(*changes)


def fleet_file(data_dir: Path) -> FleetFile:
    """The known workers, so that those who fall silent while the monitor restarts are noticed.

    Losing the file costs only the memory of workers that never beat again.
    """
    return StateFile(data_dir / "heartbeat-monitor.json", TypeAdapter(tuple[KnownWorker, ...]), "the known workers")


async def _redrive(bus: Bus, topology: Topology, wanted: Returning) -> int:
    """Send given-up orders back to work, and let everybody know."""
    burials = await bus.ask_one(QueryLedger(topic="burials", limit=_MOST_BURIALS), LedgerAnswered, _LEDGER_PATIENCE)
    buried_at = burial_times(burials.rows if burials else ())
    now = _now()  # before anybody can claim one
    sent = await redrive_dead(bus, topology, partial(_is_meant, wanted))
    # Afterwards, because what does not go back to work must stay known as dead; what is not told, its claim tells.
    times = [buried_at.get((letter.queue, letter.buried_id)) for letter in sent]
    events = [settled(letter, Fate.REDRIVEN, now, time) for letter, time in zip(sent, times, strict=True)]
    await tell_settled(bus, events)
    return len(sent)


async def _keep_counting(bus: Bus, topology: Topology, desk: AlarmDesk) -> None:
    """What no event tells: how much is dead, and whether anything is left to do."""
    while True:
        answer = None
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(_COUNT_PATIENCE.total_seconds()):
                depths = await bus.depths(topology)
                answer = await bus.ask_one(QueryLedger(topic="summary"), LedgerAnswered, _LEDGER_PATIENCE)
                desk.count(depths, next(iter(answer.rows if answer else ()), {}), topology.queues)
        # A run that begins with the fleet must be seen before it ends.
        await asyncio.sleep((_COUNT_EVERY if answer else _COUNT_AGAIN).total_seconds())


def _healths(workers: Mapping[str, KnownWorker]) -> dict[str, WorkerHealth]:
    return {name: worker.health for name, worker in workers.items()}


def _is_meant(wanted: Returning, letter: DeadLetter) -> bool:
    kind = TYPES.get(letter.message_type)
    try:
        return kind is not None and wanted.means(kind.model_validate_json(letter.body))
    except ValidationError:
        return False


def _log(change: WorkerChanged) -> None:
    if change.returned:
        log.info("worker returned", of=change.worker)
    elif change.health in (WorkerHealth.STALE, WorkerHealth.LOST):
        log.warning("worker is silent", of=change.worker, health=change.health, last_seen=change.last_seen.isoformat())


def _now() -> datetime:
    return datetime.now(UTC)

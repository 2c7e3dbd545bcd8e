"""Running a service: connect, declare, consume, beat, and drain when asked to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from tubewarren.bus import BrokerUnavailableError, Bus, Consumption, open_bus
from tubewarren.health.endpoint import answering
from tubewarren.health.findings import Findings, readiness
from tubewarren.health.pulse import Watch
from tubewarren.messages.events import WorkerBeat, WorkerState
from tubewarren.settings import Settings
from tubewarren.telemetry.telemetry import NO_EXPORTS, Exports, Telemetry, open_telemetry
from tubewarren.topology import Topology, topology
from tubewarren.workers import Worker, worker_identity

_FAREWELL_PATIENCE = timedelta(seconds=2)
_LEAST_BETWEEN_BEATS = timedelta(seconds=1)
_START_AGAIN_AFTER = timedelta(seconds=2)

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Activity:
    """What a service says of itself in its beats.

    Attributes:
        unfit: why it cannot work now; empty when it can.
        facts: what only this kind of service has to say.
    """

    doing: str = ""
    unfit: str = ""
    facts: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service is given to work with."""

    settings: Settings
    bus: Bus
    topology: Topology
    worker: Worker
    telemetry: Telemetry = field(default_factory=Telemetry)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is up.

    Attributes:
        consumptions: the queues that it works on; they are drained when it stops.
        loops: what else it does, for ever; ended when it stops. One that fails ends the service.
        activity: asked at every beat, and whenever there is news.
        news: set by the service when `activity` may say something else than before.
    """

    consumptions: tuple[Consumption, ...] = ()
    loops: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    activity: Callable[[], Activity] = Activity
    news: asyncio.Event = field(default_factory=asyncio.Event)


OpenService = Callable[[Surroundings], AbstractAsyncContextManager[Service]]
Connect = Callable[..., AbstractAsyncContextManager[Bus]]
"""Opens a bus, as `open_bus` does."""
Pause = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""


async def run(
    name: str,
    open_service: OpenService,
    settings: Settings,
    *,
    exports: Exports = NO_EXPORTS,
    stops_at_eof: bool = False,
    connect: Connect = open_bus,
) -> None:
    """Run one service until SIGTERM, SIGINT or, with `stops_at_eof`, the end of its standard input.

    Args:
        name: of the service.
        open_service: brings it up.
        settings: the effective ones, with a broker's address.
        exports: what is told to where the standard OTEL_* variables say.
        stops_at_eof: for a service whose parent holds the other end.
        connect: how to reach the broker.

    Raises:
        ExceptionGroup: one of its loops failed.
        TopologyDriftError: the broker's queues are not ours.
        WorkerFolderError: the data folder is not writable.
        HealthAddressError: its health cannot be told where the settings say.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stops_at_eof:
        loop.add_reader(sys.stdin.fileno(), _stop_at_eof, stop)
    watch = Watch()
    with (
        worker_identity(settings.data_dir, name, settings.worker_name) as worker,
        answering(settings.health.address, watch),
        open_telemetry(name, worker.name, exports, settings.telemetry.sample) as telemetry,
    ):
        structlog.contextvars.bind_contextvars(worker=worker.name)
        if settings.broker_url is None:
            raise ValueError("run needs settings with a broker_url")
        opening = connect(
            settings.broker_url.get_secret_value(),
            worker.name,
            trust=settings.broker,
            egress=settings.egress or worker.host,
            telemetry=telemetry,
        )
        bus = await _unless_stopped(stop, opening.__aenter__())
        if bus is None:
            return
        try:
            surroundings = Surroundings(settings, bus, _topology(settings), worker, telemetry)
            await serve(surroundings, open_service, stop, watch=watch)
        finally:
            await opening.__aexit__(None, None, None)


async def serve(
    surroundings: Surroundings,
    open_service: OpenService,
    stop: asyncio.Event,
    *,
    pause: Pause = asyncio.sleep,
    farewell_patience: timedelta = _FAREWELL_PATIENCE,
    watch: Watch | None = None,
) -> None:
    """Run a service in its surroundings until `stop` is set, then drain it.

    Args:
        surroundings: what it works with.
        open_service: brings it up.
        stop: set when it shall leave.
        pause: waits between two beats.
        farewell_patience: how long a last word may take.
        watch: learns how the service is, as soon as it is up.

    Raises:
        ExceptionGroup: one of its loops failed.
        TopologyDriftError: the broker's queues are not ours.
    """
    settings = surroundings.settings
    async with AsyncExitStack() as stack:
        service = await _opened(surroundings, open_service, stack, stop, pause)
        if service is None:
            return
        if watch is not None:
            watch.look = lambda: _health(surroundings, service, stop)
        log.info("ready", broker_version=surroundings.bus.dialect.version)
        started = asyncio.TaskGroup()
        try:
            async with started as group:
                loops = [group.create_task(_forever(work)) for work in service.loops]
                loops.append(group.create_task(_beat(surroundings, service, stop, pause)))
                await stop.wait()
                log.info("draining", in_hand=_in_hand(service), grace_seconds=settings.grace.total_seconds())
                await _say(surroundings, service, WorkerState.DRAINING, farewell_patience)
                await asyncio.gather(*(each.drain(settings.grace) for each in service.consumptions))
                for task in loops:
                    task.cancel()
        finally:
            await _say(surroundings, service, WorkerState.STOPPED, farewell_patience)
    log.info("stopped")


async def _opened(
    surroundings: Surroundings, open_service: OpenService, stack: AsyncExitStack, stop: asyncio.Event, pause: Pause
) -> Service | None:
    """Bring the service up, however often the broker is lost meanwhile; None when it is not wanted any more."""
    while not stop.is_set():
        try:
            await surroundings.bus.declare(surroundings.topology)
            return await stack.enter_async_context(open_service(surroundings))
        except BrokerUnavailableError as error:
            log.warning("the broker was lost while starting; trying again", problem=str(error))
            await pause(_START_AGAIN_AFTER.total_seconds())
    return None


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()
    raise RuntimeError(f"{work!r} ended, but a service's loop never does")


async def _beat(surroundings: Surroundings, service: Service, stop: asyncio.Event, pause: Pause) -> None:
    """Beat at every interval, and at once, though not more than once a second, when there is news."""
    least = _LEAST_BETWEEN_BEATS.total_seconds()
    rest = surroundings.settings.heartbeat.every.total_seconds() - least
    while True:
        activity = service.activity()
        state = WorkerState.DRAINING if stop.is_set() else WorkerState.ACTIVE
        state = WorkerState.UNFIT if activity.unfit else state
        await surroundings.bus.publisher.publish(_beat_of(surroundings, service, state))
        await pause(least)
        if rest > 0:
            await _first_of(pause(rest), _news(service, activity))


async def _news(service: Service, told: Activity) -> None:
    while service.activity() == told:
        service.news.clear()
        await service.news.wait()


async def _say(surroundings: Surroundings, service: Service, state: WorkerState, patience: timedelta) -> None:
    """A last word that nobody waits for: when the broker is away, the monitor finds out by itself."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            await surroundings.bus.publisher.publish(_beat_of(surroundings, service, state))
    except TimeoutError:
        log.info("no broker to say it to", state=state)


def _beat_of(surroundings: Surroundings, service: Service, state: WorkerState) -> WorkerBeat:
    worker, activity = surroundings.worker, service.activity()
    return WorkerBeat(
        at=datetime.now(UTC),
        worker=worker.name,
        service=worker.service,
        host=worker.host,
        process_id=worker.process_id,
        state=state,
        doing=activity.unfit or activity.doing,
        in_hand=_in_hand(service),
        settled=sum(each.settled for each in service.consumptions),
        version=worker.version,
        facts=dict(activity.facts),
    )


def _health(surroundings: Surroundings, service: Service, stop: asyncio.Event) -> Findings:
    return tuple(
        readiness(
            is_connected=surroundings.bus.is_connected,
            standings=surroundings.bus.standings,
            unfit=service.activity().unfit,
            is_draining=stop.is_set(),
        )
    )


def _in_hand(service: Service) -> int:
    return sum(each.in_hand for each in service.consumptions)


async def _unless_stopped(stop: asyncio.Event, opening: Awaitable[Bus]) -> Bus | None:
    """Wait for the broker, which may never come, but not longer than we are wanted."""
    connecting = asyncio.ensure_future(opening)
    await _first_of(connecting, stop.wait())
    return None if connecting.cancelled() else connecting.result()


async def _first_of(*waits: Awaitable[object]) -> None:
    """Wait until one of them ends, and end the others."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _stop_at_eof(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _topology(settings: Settings) -> Topology:
    return topology(settings.retry.ladder, settings.store.name)

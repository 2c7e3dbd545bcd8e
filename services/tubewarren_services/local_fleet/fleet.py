"""A whole fleet on this machine: the broker if there is none, then every service, until told to stop or done."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr

from tubewarren.broker import PrivateNode, find_installation
from tubewarren.bus import BrokerUnavailableError, Bus, open_bus
from tubewarren.completion import Sight, Value, has_problems, is_finished
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered, WorkerBeat
from tubewarren.settings import Settings, environment_of
from tubewarren.settings.broker import BrokerSettings
from tubewarren.topology import (
    DOWNLOADER,
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    SERVICES,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    STATUS_WRITER,
    Topology,
    topology,
)
from tubewarren_services.local_fleet.private_broker import kept_broker
from tubewarren_services.local_fleet.processes import Copy, ServiceProcess, ServiceStartError

_STOPS = ((SHEET_INGESTOR, SOURCE_EXPANDER, DOWNLOADER), (RESULTS_MANAGER,), (HEARTBEAT_MONITOR,), (STATUS_WRITER,))
"""The order of leaving: first those that make work, last the one that writes down what became of it."""
_BEFORE_KILL = timedelta(seconds=10)
"""What a service gets beyond its own grace."""
_LAST_NEWS = timedelta(seconds=10)
_LOOK_EVERY = timedelta(milliseconds=500)
_ANSWER_PATIENCE = timedelta(seconds=5)
_CALM_LOOKS = 3

Show = Callable[[Bus, asyncio.Event], Coroutine[Any, Any, None]]
"""Shows the fleet's life until the event is set."""

Say = Callable[[str], None]
"""Tells the person at the terminal what is going on before there is anything to show, and beside it."""

log = structlog.stdlib.get_logger(__name__)


class FleetRunningError(Exception):
    """Another fleet runs in this data folder."""


class FleetFolderError(Exception):
    """The data folder cannot be written."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet that is up.

    Attributes:
        settings: the effective ones, with the broker's address in it.
    """

    settings: Settings
    bus: Bus
    topology: Topology
    processes: tuple[ServiceProcess, ...]
    say: Say

    async def summary(self) -> Mapping[str, Value]:
        """The ledger's counts; empty while nobody answers."""
        return next(iter(await self.ask(QueryLedger(topic="summary"))), {})

    async def ask(self, query: QueryLedger) -> tuple[Mapping[str, Value], ...]:
        """The ledger's rows; none while nobody answers."""
        answer = await self.bus.ask_one(query, LedgerAnswered, _ANSWER_PATIENCE)
        return answer.rows if answer else ()

    async def finish(self) -> Mapping[str, Value]:
        """Wait until nothing is left to do; the summary at the end."""
        looks, decided, calm = 0, 0, 0
        async with self.bus.watch(WorkerBeat.type) as beats:
            while True:
                while not beats.empty():
                    beat = beats.get_nowait().message
                    if isinstance(beat, WorkerBeat) and beat.service == SHEET_INGESTOR:
                        looks, decided = int(beat.facts.get("looks", 0)), int(beat.facts.get("sources", 0))
                sight = await self._look(looks, decided)
                # What a consumer holds is in no depth, so one quiet moment proves nothing.
                calm = calm + 1 if is_finished(sight, self.topology.queues) else 0
                if calm == _CALM_LOOKS:
                    return sight.summary
                await asyncio.sleep(_LOOK_EVERY.total_seconds())

    async def _look(self, looks: int, decided: int) -> Sight:
        """What can be seen, as soon as the broker is there; the services wait for it as well."""
        is_told = False
        while True:
            try:
                sight = Sight(looks, decided, depths=await self.bus.depths(self.topology), summary=await self.summary())
            except BrokerUnavailableError:
                if not is_told:
                    log.warning("the broker does not answer; waiting for it")
                is_told = True
                await asyncio.sleep(_LOOK_EVERY.total_seconds())
            else:
                if is_told:
                    log.warning("the broker is back")
                return sight


async def run_fleet(settings: Settings, copies: Mapping[str, int], *, once: bool, show: Show, say: Say) -> int:
    """Run a fleet until SIGINT or SIGTERM or, with `once`, until nothing is left to do.

    Returns:
        The exit code: 1 when, with `once`, something ended badly.

    Raises:
        FleetRunningError: another one runs in this data folder.
        FleetFolderError: the data folder cannot be written.
        ServiceStartError: a service refuses its settings.
        PrivateBrokerError: there is no broker and none can be started.
        BrokerLostError: the one that was started died and cannot be started again.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_fleet(settings, copies, say=say) as fleet:
        async with shown(fleet, show):
            finishing = asyncio.create_task(fleet.finish()) if once else None
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([task for task in (finishing, stopping) if task], return_when=asyncio.FIRST_COMPLETED)
            code = int(has_problems(finishing.result())) if finishing and finishing.done() else 0
            for task in (finishing, stopping):
                if task is not None:
                    task.cancel()
        return code


@asynccontextmanager
async def shown(fleet: Fleet, show: Show) -> AsyncIterator[None]:
    """Show the fleet's life beside the block; a view that breaks is told of, and the work goes on without it."""
    stop = asyncio.Event()
    showing = asyncio.create_task(show(fleet.bus, stop))
    showing.add_done_callback(_tell_of_a_broken_view)
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(showing, return_exceptions=True)


@asynccontextmanager
async def open_fleet(settings: Settings, copies: Mapping[str, int] | None = None, *, say: Say) -> AsyncIterator[Fleet]:
    """A fleet for as long as the block lasts; then its services drain and leave in order, the broker last.

    Args:
        settings: without a broker address, a private node is started in the data folder.
        copies: processes of each service, where it is not one.
        say: told where things are while the fleet comes up and goes.

    Raises:
        FleetRunningError, FleetFolderError, ServiceStartError, PrivateBrokerError, BrokerLostError: as in `run_fleet`.
    """
    with _alone_in(settings.data_dir):
        async with _broker(settings, say) as found:
            url = found.broker_url
            assert url is not None  # noqa: S101 - the broker's address is what _broker is for
            async with open_bus(url.get_secret_value(), "svc up", trust=found.broker) as bus:
                system = topology(found.retry.ladder, found.store.name)
                await bus.declare(system)
                fleet = Fleet(found, bus, system, _processes(found, copies or {}), say)
                names = ", ".join(each.copy.name for each in fleet.processes)
                say(f"Services: {names}; logs in {found.data_dir / 'logs'}")
                async with _running(fleet):
                    yield fleet


@asynccontextmanager
async def _running(fleet: Fleet) -> AsyncIterator[None]:
    try:
        async with _kept_running(fleet):
            yield
    except BaseExceptionGroup as group:
        # One reason is enough for a person: settings that one service refuses, the others refuse too.
        refusals = (error for error in group.exceptions if isinstance(error, ServiceStartError))
        raise next(refusals, group.exceptions[0]) from None


@asynccontextmanager
async def _kept_running(fleet: Fleet) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        keepers = {each: group.create_task(each.keep_running()) for each in fleet.processes}
        try:
            yield
        finally:
            fleet.say("Stopping: what is in hand is finished or handed back ...")
            for services in _STOPS:
                leaving = [each for each in fleet.processes if each.copy.service in services]
                if any(each.is_alive for each in leaving):
                    await _let_listeners_catch_up(fleet, services)
                for each in leaving:
                    keepers[each].cancel()
                grace = fleet.settings.grace + _BEFORE_KILL
                await asyncio.gather(*(each.stop(grace) for each in leaving))


async def _let_listeners_catch_up(fleet: Fleet, services: tuple[str, ...]) -> None:
    """A listener leaves only when the last news of those who left before it is in its hands.

    A broker that is away keeps the news until the next start.
    """
    mine = [each.name for each in fleet.topology.events if each.service.startswith(services)]
    # In a task of its own: before Python 3.11.3 no time-out ends in one that a failed task group has cancelled.
    catching_up = asyncio.create_task(_until_nothing_waits(fleet, mine))
    await asyncio.wait((catching_up,), timeout=_LAST_NEWS.total_seconds())
    catching_up.cancel()
    await asyncio.gather(catching_up, return_exceptions=True)


async def _until_nothing_waits(fleet: Fleet, names: Sequence[str]) -> None:
    with suppress(BrokerUnavailableError):
        while await _are_waiting(fleet, names):  # noqa: ASYNC110 - the broker tells only when asked
            await asyncio.sleep(_LOOK_EVERY.total_seconds())


async def _are_waiting(fleet: Fleet, names: Sequence[str]) -> bool:
    depths = await fleet.bus.depths(fleet.topology)
    return any(depth is not None and depth[0] for depth in map(depths.get, names))


@asynccontextmanager
async def _broker(settings: Settings, say: Say) -> AsyncIterator[Settings]:
    """The settings with a broker's address in them, for as long as there is one."""
    if settings.broker_url is not None:
        yield settings
        return
    installation = find_installation(settings.rabbitmq_dir)
    say(f"Starting a private RabbitMQ {installation.version} in {settings.data_dir / 'broker'} ...")
    async with kept_broker(PrivateNode(settings.data_dir, installation), say) as node:
        if node.management_url is not None:
            say(f"Its management UI: {node.management_url} (user {node.user}, password in {node.credentials_file})")
        # It listens on loopback and in the clear.
        yield settings.model_copy(update={"broker_url": SecretStr(node.url), "broker": BrokerSettings()})


def _tell_of_a_broken_view(showing: "asyncio.Task[None]") -> None:
    if not showing.cancelled() and (error := showing.exception()) is not None:
        log.error("the live view failed; the work goes on", exc_info=error)


def _processes(settings: Settings, copies: Mapping[str, int]) -> tuple[ServiceProcess, ...]:
    logs = settings.data_dir / "logs"
    environment = environment_of(settings)
    wanted = [
        Copy(service, service if number == 1 else f"{service}.{number}")
        for service in SERVICES
        for number in range(1, copies.get(service, 1) + 1)
    ]
    return tuple(
        ServiceProcess(copy, _command(copy.service), {**environment, **_health_place(settings, place)}, logs)
        for place, copy in enumerate(wanted)
    )


def _health_place(settings: Settings, place: int) -> dict[str, str]:
    """Each process tells its health on a port of its own."""
    address = settings.health.address
    if address is None or not address.port:
        return {}
    return {"TUBEWARREN_HEALTH__LISTEN": str(address._replace(port=address.port + place))}


def _command(service: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tubewarren_services.cli.entry", "run", service, "--stop-at-eof")


@contextmanager
def _alone_in(data_dir: Path) -> Iterator[None]:
    """Only one fleet a data folder; the kernel frees the lock of one that was killed."""
    try:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_dir / "up.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FleetFolderError(
            f"{error.filename}: {error.strerror}. Choose a writable data folder with --data-dir or TUBEWARREN_DATA_DIR."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            number = os.pread(descriptor, 32, 0).decode().strip()
            raise FleetRunningError(
                f"Another `svc up` (process {number}) runs in {data_dir}. "
                "Stop it, or give this one a folder of its own with --data-dir."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)

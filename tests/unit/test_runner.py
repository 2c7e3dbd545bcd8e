"""A service's life: beats, draining, and leaving, on a bus that is only a list."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from tubewarren.bus import BrokerUnavailableError, Bus, Consumption
from tubewarren.bus.dialect import Dialect
from tubewarren.health.findings import ABSENT, CONSUMING, STARTING, Standing, are_good
from tubewarren.health.pulse import Watch
from tubewarren.messages.events import WorkerBeat, WorkerState
from tubewarren.runner import Activity, OpenService, Service, Surroundings, run, serve
from tubewarren.settings import Settings
from tubewarren.settings.model import HeartbeatSettings
from tubewarren.topology import Topology, topology
from tubewarren.workers import Worker


@dataclass
class FakeBus:
    """Takes everything at once, and is its own publisher."""

    dialect: Dialect = field(default_factory=lambda: Dialect("4.3.6"))
    beats: list[WorkerBeat] = field(default_factory=list)
    declared: list[Topology] = field(default_factory=list)
    swallows: tuple[WorkerState, ...] = ()
    is_lost_times: int = 0
    is_connected: bool = True
    standings: dict[str, Standing] = field(default_factory=dict)

    @property
    def publisher(self) -> "FakeBus":
        return self

    async def declare(self, system: Topology) -> None:
        if self.is_lost_times:
            self.is_lost_times -= 1
            raise BrokerUnavailableError("lost")
        self.declared.append(system)

    async def publish(self, beat: WorkerBeat) -> None:
        if beat.state in self.swallows:
            await asyncio.Event().wait()
        self.beats.append(beat)

    @property
    def states(self) -> list[WorkerState]:
        return [beat.state for beat in self.beats]


@dataclass
class FakeConsumption:
    """A queue that is being worked on."""

    in_hand: int = 1
    settled: int = 5
    grace: timedelta | None = None

    async def drain(self, grace: timedelta) -> None:
        self.grace = grace
        self.settled += self.in_hand
        self.in_hand = 0


@dataclass
class Time:
    """Passes only when a test says so."""

    asked: list[float] = field(default_factory=list)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._turn.acquire()

    async def passes(self, pauses: int = 1) -> None:
        """Let so many pauses end, and what follows from each happen."""
        for _ in range(pauses):
            self._turn.release()
            await settled()


async def settled() -> None:
    """Let everything happen that can happen now."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class Running:
    """A service under test."""

    bus: FakeBus = field(default_factory=FakeBus)
    time: Time = field(default_factory=Time)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    says: Activity = field(default_factory=Activity)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    consumption: FakeConsumption = field(default_factory=FakeConsumption)
    every: timedelta = timedelta(seconds=10)
    loops: tuple[Callable[[], Any], ...] = ()
    patience: timedelta = timedelta(seconds=5)
    watch: Watch = field(default_factory=Watch)

    async def serve(self) -> None:
        heartbeat = HeartbeatSettings(every=self.every)
        surroundings = Surroundings(
            Settings(heartbeat=heartbeat),
            cast("Bus", self.bus),
            topology(),
            Worker("box/downloader", "downloader", "box", 4711),
        )
        await serve(
            surroundings,
            self._opened(),
            self.stop,
            pause=self.time.pause,
            farewell_patience=self.patience,
            watch=self.watch,
        )

    def _opened(self) -> OpenService:
        @asynccontextmanager
        async def open_service(_: Surroundings) -> AsyncIterator[Service]:
            consumption = cast("Consumption", self.consumption)
            yield Service((consumption,), self.loops, activity=lambda: self.says, news=self.news)

        return open_service


@asynccontextmanager
async def up(running: Running) -> AsyncIterator[Running]:
    serving = asyncio.create_task(running.serve())
    await settled()
    yield running
    running.stop.set()
    await serving


async def test_the_first_beat_comes_at_once_and_says_who_and_what() -> None:
    async with up(Running(says=Activity(doing="v1", facts={"yt_dlp": "2026"}))) as running:
        (beat,) = running.bus.beats

    assert (beat.worker, beat.service, beat.host, beat.process_id) == ("box/downloader", "downloader", "box", 4711)
    assert (beat.state, beat.doing, beat.in_hand, beat.settled) == (WorkerState.ACTIVE, "v1", 1, 5)
    assert beat.facts == {"yt_dlp": "2026"}


async def test_without_news_it_beats_at_every_interval() -> None:
    async with up(Running(every=timedelta(seconds=10))) as running:
        await running.time.passes()
        running.news.set()
        await settled()
        before = len(running.bus.beats)
        await running.time.passes()
        after = len(running.bus.beats)

    assert (before, after) == (1, 2)
    assert running.time.asked == [1.0, 9.0, 1.0]


async def test_news_is_told_at_the_next_second_and_not_more_than_once_a_second() -> None:
    async with up(Running(every=timedelta(seconds=10))) as running:
        running.says = Activity(doing="v1")
        running.says = Activity(doing="v2")
        await settled()
        told_before = len(running.bus.beats)
        await running.time.passes()
        running.says = Activity(doing="v3")
        running.news.set()
        await running.time.passes()
        running.says = Activity(doing="v4")
        await running.time.passes()

    assert told_before == 1
    assert [beat.doing for beat in running.bus.beats if beat.state is WorkerState.ACTIVE] == ["", "v2", "v3", "v4"]


async def test_news_after_a_rest_are_told_at_once() -> None:
    async with up(Running(every=timedelta(seconds=10))) as running:
        await running.time.passes()
        running.says = Activity(doing="v1")
        running.news.set()
        await settled()
        told = [beat.doing for beat in running.bus.beats]

    assert told == ["", "v1"]


async def test_an_interval_shorter_than_a_second_is_a_second() -> None:
    async with up(Running(every=timedelta(milliseconds=100))) as running:
        await running.time.passes(2)

    assert running.bus.states.count(WorkerState.ACTIVE) == 3
    assert set(running.time.asked) == {1.0}


async def test_one_that_cannot_work_says_why() -> None:
    async with up(Running(says=Activity(doing="v1", unfit="The disk is full."))) as running:
        (beat,) = running.bus.beats

    assert (beat.state, beat.doing) == (WorkerState.UNFIT, "The disk is full.")


async def test_asked_to_stop_it_says_so_drains_with_its_grace_and_says_goodbye() -> None:
    running = Running()

    async with up(running):
        pass

    assert running.bus.states == [WorkerState.ACTIVE, WorkerState.DRAINING, WorkerState.STOPPED]
    assert running.consumption.grace == timedelta(seconds=20)
    assert [(beat.in_hand, beat.settled) for beat in running.bus.beats[1:]] == [(1, 5), (0, 6)]


async def test_whoever_watches_sees_it_start_work_lose_things_and_drain() -> None:
    running = Running(bus=FakeBus(is_lost_times=1, standings={"downloader": CONSUMING}))
    seen = {}

    def look(when: str) -> None:
        seen[when] = [each.what for each in running.watch.look() if not each.ok]

    async with up(running):
        assert running.watch.look() == STARTING
        await running.time.passes()
        assert are_good(running.watch.look())
        running.bus.standings["downloader"] = ABSENT
        look("the broker cancelled the consumer")
        running.bus.standings["downloader"] = CONSUMING
        running.bus.is_connected = False
        look("the connection was lost")
        running.bus.is_connected = True
        running.says = Activity(unfit="The disk is full.")
        look("the disk is full")
        running.says = Activity()
        running.stop.set()
        look("it was asked to leave")

    assert seen == {
        "the broker cancelled the consumer": ["queue downloader"],
        "the connection was lost": ["broker"],
        "the disk is full": ["machine"],
        "it was asked to leave": ["service"],
    }


async def test_a_broker_that_is_lost_while_a_service_starts_is_waited_for() -> None:
    running = Running(bus=FakeBus(is_lost_times=2))

    async with up(running):
        assert running.bus.beats == []
        await running.time.passes(2)
        assert running.bus.states == [WorkerState.ACTIVE]


async def test_a_service_that_is_not_wanted_any_more_leaves_without_having_started() -> None:
    running = Running(bus=FakeBus(is_lost_times=9))

    async with up(running):
        running.stop.set()
        await running.time.passes()

    assert running.bus.beats == []


async def test_everything_is_declared_before_the_service_opens() -> None:
    async with up(Running()) as running:
        pass

    assert running.bus.declared == [topology()]


@pytest.mark.parametrize("ends_well", [True, False])
async def test_a_loop_that_ends_takes_the_service_with_it_and_the_goodbye_is_said(ends_well: bool) -> None:  # noqa: FBT001
    async def loop() -> None:
        if not ends_well:
            raise ValueError("so it is")

    running = Running(loops=(loop,))

    with pytest.raises(ExceptionGroup) as caught:
        await running.serve()

    assert caught.group_contains(RuntimeError if ends_well else ValueError)
    assert running.bus.states[-1] is WorkerState.STOPPED


async def test_loops_are_ended_when_the_service_stops() -> None:
    ended: list[str] = []

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("loop")

    async with up(Running(loops=(loop,))):
        assert ended == []

    assert ended == ["loop"]


async def test_a_broker_that_is_away_does_not_hold_the_goodbye_up() -> None:
    bus = FakeBus(swallows=(WorkerState.DRAINING, WorkerState.STOPPED))
    running = Running(bus=bus, patience=timedelta(milliseconds=10))

    async with up(running):
        pass

    assert running.consumption.grace is not None
    assert running.bus.states == [WorkerState.ACTIVE]


@asynccontextmanager
async def never_there(*_: Any, **__: Any) -> AsyncIterator[Bus]:
    await asyncio.Event().wait()
    raise AssertionError
    yield


def settings_for(folder: Path) -> Settings:
    return Settings(broker_url=SecretStr("amqp://x"), data_dir=folder, worker_name="box")


async def test_a_service_that_still_waits_for_the_broker_leaves_when_asked(tmp_path: Path) -> None:
    def open_service(_: Surroundings) -> Any:
        raise AssertionError("there is no broker yet")

    running = asyncio.create_task(run("downloader", open_service, settings_for(tmp_path), connect=never_there))
    await settled()
    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(30):
        await running


async def test_run_connects_serves_until_the_signal_and_closes_the_bus(tmp_path: Path) -> None:
    bus, life = FakeBus(), []

    @asynccontextmanager
    async def connect(url: str, worker: str, **_: Any) -> AsyncIterator[Bus]:
        life.append(f"connected to {url} as {worker}")
        yield cast("Bus", bus)
        life.append("closed")

    @asynccontextmanager
    async def open_service(_: Surroundings) -> AsyncIterator[Service]:
        yield Service()
        life.append("service closed")

    running = asyncio.create_task(run("downloader", open_service, settings_for(tmp_path), connect=connect))
    await settled()
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(30):
        await running

    assert life == ["connected to amqp://x as box/downloader", "service closed", "closed"]
    assert bus.states == [WorkerState.ACTIVE, WorkerState.DRAINING, WorkerState.STOPPED]


async def test_a_broker_that_refuses_is_the_error_of_the_run(tmp_path: Path) -> None:
    @asynccontextmanager
    async def refuse(*_: Any, **__: Any) -> AsyncIterator[Bus]:
        raise ConnectionRefusedError("no")
        yield

    with pytest.raises(ConnectionRefusedError):
        await run("downloader", lambda _: None, settings_for(tmp_path), connect=refuse)  # type: ignore[arg-type,return-value] # never opened

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.delivery import Delivery
from tubewarren.messages import Message
from tubewarren.messages.events import WorkerBeat, WorkerChanged, WorkerHealth, WorkerState
from tubewarren.settings.model import HeartbeatSettings
from tubewarren.workers import Worker
from tubewarren_services.heartbeat_monitor.service import Monitor, fleet_file

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class World:
    """A clock that is set by hand, and everything that was published."""

    folder: Path
    now: datetime = START
    told: list[Message] = field(default_factory=list)

    async def publish(self, *messages: Message) -> None:
        self.told += messages

    def start(self) -> Monitor:
        return Monitor.start(fleet_file(self.folder), HeartbeatSettings(), self.publish, lambda: self.now)

    @property
    def file(self) -> Path:
        return self.folder / "heartbeat-monitor.json"

    async def pass_time(self, monitor: Monitor, seconds: int) -> None:
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            await monitor.review()

    def healths(self) -> list[WorkerHealth]:
        return [message.health for message in self.told if isinstance(message, WorkerChanged)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _beat(worker: str = "box/downloader") -> Delivery:
    beat = WorkerBeat(at=START, worker=worker, service="downloader", host="box", process_id=1, state=WorkerState.ACTIVE)
    return Delivery(beat, str(beat.message_id))


async def test_beats_and_silence_are_told(world: World) -> None:
    monitor = world.start()

    await monitor.record([_beat(), _beat()])
    assert monitor.news.is_set()
    monitor.news.clear()
    await monitor.record([_beat()])
    assert not monitor.news.is_set()
    await world.pass_time(monitor, 130)

    assert world.healths() == [WorkerHealth.ACTIVE, WorkerHealth.STALE, WorkerHealth.LOST]


async def test_who_falls_silent_while_the_monitor_is_away_is_noticed(world: World) -> None:
    before = world.start()
    await before.record([_beat()])
    await before.review()
    world.told.clear()
    world.now += timedelta(hours=1)

    after = world.start()
    await world.pass_time(after, 34)
    assert not world.told
    await world.pass_time(after, 1)

    assert world.healths() == [WorkerHealth.STALE]


async def test_the_first_beat_after_a_restart_is_told_again(world: World) -> None:
    before = world.start()
    await before.record([_beat()])
    before.save()
    world.told.clear()

    await world.start().record([_beat()])

    assert world.healths() == [WorkerHealth.ACTIVE]


async def test_the_file_is_not_written_at_every_review(world: World) -> None:
    monitor = world.start()
    await world.pass_time(monitor, 1)
    await monitor.record([_beat()])

    await world.pass_time(monitor, 4)
    assert not world.file.exists()
    await world.pass_time(monitor, 1)

    assert world.file.exists()


async def test_a_fleet_that_only_goes_on_is_written_down_once_a_minute(world: World) -> None:
    monitor = world.start()
    await monitor.record([_beat()])
    await world.pass_time(monitor, 1)
    written = world.file.read_bytes()

    for _ in range(5):
        await world.pass_time(monitor, 10)
        await monitor.record([_beat()])
        assert world.file.read_bytes() == written
    await world.pass_time(monitor, 10)

    assert world.file.read_bytes() != written


@pytest.mark.parametrize("content", [b"", b"{", b'[{"name": 1}]', b"\xff\xfe"])
async def test_a_damaged_file_means_to_start_without(world: World, content: bytes) -> None:
    world.file.write_bytes(content)

    monitor = world.start()
    await monitor.record([_beat()])
    monitor.save()

    assert set(world.start().fleet.workers) == {"box/downloader"}


async def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(world: World) -> None:
    world.folder = world.folder / "missing"
    monitor = world.start()
    await monitor.record([_beat()])

    await world.pass_time(monitor, 1)
    assert "written down" in monitor.activity().doing
    world.folder.mkdir()
    await world.pass_time(monitor, 5)

    assert not monitor.activity().doing


async def test_an_interrupted_save_leaves_the_file_before_it(world: World) -> None:
    monitor = world.start()
    await monitor.record([_beat("one")])
    monitor.save()
    (world.folder / ".heartbeat-monitor.json.new").mkdir()

    await monitor.record([_beat("two")])
    monitor.save()

    assert set(world.start().fleet.workers) == {"one"}


async def test_the_heartbeat_counts_the_fleet(world: World) -> None:
    monitor = world.start()
    await monitor.record([_beat("one"), _beat("two")])
    await world.pass_time(monitor, 36)
    await monitor.record([_beat("two")])

    facts = monitor.activity().facts

    assert (facts["active"], facts["stale"], facts["lost"]) == (1, 1, 0)


async def test_a_monitor_that_leaves_says_so_itself(world: World) -> None:
    monitor = world.start()

    await monitor.leave(Worker("box/heartbeat-monitor", "heartbeat-monitor", "box", 7))

    (farewell,) = world.told
    assert isinstance(farewell, WorkerChanged)
    assert (farewell.worker, farewell.health) == ("box/heartbeat-monitor", WorkerHealth.STOPPED)

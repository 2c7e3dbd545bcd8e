"""The desk: what outlives a restart, and letters that cannot be sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from tubewarren.delivery import Delivery
from tubewarren.messages.events import DEAD_COOKIE_JARS, WorkerBeat, WorkerHealth, WorkerState
from tubewarren.settings.alarms import AlarmSettings
from tubewarren.topology import topology
from tubewarren_services.heartbeat_monitor.alarms.desk import AlarmDesk
from tubewarren_services.heartbeat_monitor.alarms.letter import Letter
from tubewarren_services.heartbeat_monitor.alarms.posting import Posted, Receipt
from tubewarren_services.heartbeat_monitor.handler import Fleet, KnownWorker
from tubewarren_services.heartbeat_monitor.permits.books import Books

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ONE, OTHER = "discord://hook/secret-key", "json://me:secret-word@home.example/"
WORKER = KnownWorker("box/downloader", "downloader", "box", WorkerHealth.ACTIVE, NOON)
LOST = replace(WORKER, health=WorkerHealth.LOST)
QUEUES = topology().queues


@dataclass
class World:
    """A folder, a clock that is set by hand, and addresses of which some do not answer."""

    folder: Path
    now: datetime = NOON
    addresses: tuple[str, ...] = (ONE,)
    away: set[str] = field(default_factory=set)
    tries: list[str] = field(default_factory=list)
    arrived: list[tuple[str, Letter]] = field(default_factory=list)

    async def post(self, letters: Sequence[Posted]) -> tuple[Receipt, ...]:
        found = [(each.url.get_secret_value(), each.letter) for each in letters]
        self.tries += [url for url, _ in found]
        self.arrived += [each for each in found if each[0] not in self.away]
        return tuple(Receipt.FAILED if url in self.away else Receipt.DELIVERED for url, _ in found)

    def desk(self) -> AlarmDesk:
        limits = AlarmSettings(urls=tuple(map(SecretStr, self.addresses)))
        return AlarmDesk.open(self.file, limits, self.post, lambda: self.now)

    @property
    def file(self) -> Path:
        return self.folder / "alarms.json"

    @property
    def titles(self) -> list[str]:
        return [letter.title for _, letter in self.arrived]

    async def pass_time(self, desk: AlarmDesk, minutes: float, *workers: KnownWorker) -> None:
        await self.look(desk, round(minutes * 6), timedelta(seconds=10), *workers)

    async def look(self, desk: AlarmDesk, times: int, every: timedelta, *workers: KnownWorker) -> None:
        fleet = Fleet(NOON, NOON, {worker.name: worker for worker in workers})
        for _ in range(times):
            self.now += every
            await desk.look(fleet, Books())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_lost_worker_is_told_once_and_so_is_that_it_is_back(world: World) -> None:
    desk = world.desk()
    await world.pass_time(desk, 60, LOST)

    assert world.titles == ["Tubewarren: worker lost"]
    await world.pass_time(desk, 60, WORKER)
    assert world.titles == ["Tubewarren: worker lost", "Tubewarren: over again"]


async def test_a_monitor_that_is_started_again_and_again_tells_nothing_twice(world: World) -> None:
    for _ in range(20):
        desk = world.desk()
        await world.pass_time(desk, 1, LOST)
        await desk.save()
    await world.pass_time(world.desk(), 60, WORKER)

    assert world.titles == ["Tubewarren: worker lost", "Tubewarren: over again"]


async def test_a_monitor_that_is_killed_while_it_sends_says_it_later(world: World) -> None:
    class KilledError(Exception):
        pass

    async def killed(letters: Sequence[Posted]) -> tuple[Receipt, ...]:
        del letters
        raise KilledError

    desk = world.desk()
    desk.post = killed
    # So that what is written down from time to time anyway is not written at the moment in which it is killed.
    await world.look(desk, 3, timedelta(seconds=1), WORKER)
    with pytest.raises(KilledError):
        await world.look(desk, 60, timedelta(seconds=1), LOST)
    assert "worker lost" in world.file.read_text()
    await world.pass_time(world.desk(), 60, LOST)

    assert world.titles == ["Tubewarren: worker lost"]


async def test_a_worker_that_is_forgotten_is_not_told_to_be_back(world: World) -> None:
    desk = world.desk()
    await world.pass_time(desk, 5, LOST)
    await world.pass_time(desk, 60)

    assert world.titles == ["Tubewarren: worker lost"]


async def test_an_address_that_does_not_answer_gets_all_of_it_later_and_keeps_nobody_waiting(world: World) -> None:
    world.addresses, world.away = (ONE, OTHER), {ONE}
    desk = world.desk()
    with capture_logs() as logs:
        await world.pass_time(desk, 20, LOST)
        await world.pass_time(desk, 40, WORKER)
    assert [url for url, _ in world.arrived] == [OTHER, OTHER]
    assert len(world.tries) < 15
    assert desk.trouble == "Alarms do not reach discord://***: try `svc alarms test`."
    assert "secret" not in str(logs)

    world.away = set()
    await world.pass_time(world.desk(), 60, WORKER)

    (last,) = (letter for url, letter in world.arrived if url == ONE)
    assert last.title == "Tubewarren: 2 messages that came late"
    assert "secret" not in world.file.read_text()


async def test_what_waits_for_an_address_that_was_taken_out_is_dropped(world: World) -> None:
    world.addresses, world.away = (ONE, OTHER), {ONE}
    await world.pass_time(world.desk(), 5, LOST)
    world.addresses, world.away = (OTHER,), set()
    desk = world.desk()

    await world.pass_time(desk, 60, LOST)

    assert [url for url, _ in world.arrived] == [OTHER]
    assert not desk.trouble


async def test_dead_jars_are_heard_of_by_beats(world: World) -> None:
    desk = world.desk()
    beat = WorkerBeat(
        at=NOON,
        worker=WORKER.name,
        service="downloader",
        host="box",
        process_id=1,
        state=WorkerState.ACTIVE,
        facts={DEAD_COOKIE_JARS: "alice/bob"},
    )
    desk.hear([Delivery(beat, "1")])
    await world.pass_time(desk, 1, WORKER)

    ((_, letter),) = world.arrived
    assert "Cookies dead (2):\n- alice: " in letter.body

    desk.hear([Delivery(beat.model_copy(update={"facts": {}}), "2")])
    await world.pass_time(desk, 60, WORKER)
    assert world.titles[1:] == ["Tubewarren: over again"]


async def test_the_end_of_a_run_and_dead_letters_are_told(world: World) -> None:
    desk = world.desk()
    beat = WorkerBeat(
        at=NOON,
        worker="box/sheet-ingestor",
        service="sheet-ingestor",
        host="box",
        process_id=1,
        state=WorkerState.ACTIVE,
        facts={"looks": 2, "sources": 1},
    )
    desk.hear([Delivery(beat, "1")])
    idle = {queue.name: (0, 1) for queue in QUEUES}
    desk.count(idle, {"sources_in_progress": 1, "tasks_done": 2, "tasks_dead": 0}, QUEUES)
    for _ in range(2):
        dead = idle | {"downloader.dead": (12, 0)}
        desk.count(dead, {"sources_done": 1, "tasks_done": 30, "tasks_dead": 12}, QUEUES)

    await world.pass_time(desk, 60)

    ((_, letter),) = world.arrived
    assert letter.body == (
        "Dead letters growing: 12 more, 12 in all: `svc dead list` tells why.\n"
        "Run finished: Nothing is left to do; 30 videos are done. Not done: 12 dead videos."
    )


async def test_while_the_ledger_is_away_nothing_is_finished(world: World) -> None:
    desk = world.desk()
    for _ in range(3):
        desk.count({}, {}, QUEUES)

    await world.pass_time(desk, 60)

    assert not world.arrived


async def test_what_was_told_and_cannot_be_written_down_is_told_in_the_heartbeat(world: World) -> None:
    world.folder = world.folder / "missing"
    desk = world.desk()
    await world.pass_time(desk, 1, LOST)
    assert "cannot be written down" in desk.trouble

    world.folder.mkdir()
    await world.pass_time(desk, 1, LOST)

    assert not desk.trouble
    assert world.titles == ["Tubewarren: worker lost"]

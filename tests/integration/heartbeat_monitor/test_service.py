"""The heartbeat-monitor over a real broker."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.bus import Bus, open_bus
from tubewarren.bus.dead_letters import read_dead
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    FleetGates,
    WorkerBeat,
    WorkerChanged,
    WorkerHealth,
    WorkerState,
)
from tubewarren.messages.permits import RedriveDead
from tubewarren.runner import Surroundings
from tubewarren.settings import Settings
from tubewarren.settings.model import HeartbeatSettings
from tubewarren.topology import DOWNLOADER, HEARTBEAT_MONITOR, topology
from tubewarren.workers import Worker
from tubewarren_services.heartbeat_monitor.service import open_service

pytestmark = pytest.mark.broker

SYSTEM = topology()
IMPATIENT = HeartbeatSettings(
    every=timedelta(milliseconds=100), stale_after=timedelta(seconds=1), lost_after=timedelta(seconds=4)
)


def _beat() -> WorkerBeat:
    return WorkerBeat(
        at=datetime.now(UTC),
        worker="box/downloader",
        service="downloader",
        host="box",
        process_id=1,
        state=WorkerState.ACTIVE,
    )


async def _next(arrived: asyncio.Queue[Delivery]) -> WorkerChanged:
    delivery = await arrived.get()
    assert isinstance(delivery.message, WorkerChanged)
    return delivery.message


async def _bury(bus: Bus, order: DownloadVideo) -> None:
    """What a downloader does with an order that it gives up."""
    await bus.publisher.publish(order)
    async with bus.channel() as channel:
        incoming = await (await channel.get_queue(SYSTEM.work_queue(DOWNLOADER).lane_of(order))).get(timeout=10)
        assert incoming is not None
        await incoming.reject(requeue=False)


async def test_what_a_person_wants_back_from_the_dead_is_at_work_again_and_everybody_is_told(
    vhost_url: str, tmp_path: Path
) -> None:
    wanted, other = (
        DownloadVideo(video_id="v", url="https://videos.example/v", source_id=source) for source in ("7", "8")
    )
    worker = Worker("box/heartbeat-monitor", HEARTBEAT_MONITOR, "box", 1)
    async with open_bus(vhost_url, worker.name, patience=timedelta(seconds=10)) as bus, asyncio.timeout(90):
        await bus.declare(SYSTEM)
        await _bury(bus, wanted)
        await _bury(bus, other)
        settings = Settings(data_dir=tmp_path)
        async with (
            bus.watch(DeadSettled.type) as told,
            open_service(Surroundings(settings, bus, SYSTEM, worker)) as service,
        ):
            (look_around,) = service.loops
            looking = asyncio.create_task(look_around())
            reply = await bus.ask_one(RedriveDead(source_id="7"), FleetGates, timedelta(seconds=10))
            settled = (await told.get()).message
            looking.cancel()
            for consumption in service.consumptions:
                await consumption.drain(timedelta(seconds=5))
        dead = await read_dead(bus, SYSTEM)
        depths = await bus.depths(SYSTEM)

    assert reply is not None
    assert isinstance(settled, DeadSettled)
    assert (settled.queue, settled.fate, settled.source_id, settled.video_id) == (DOWNLOADER, Fate.REDRIVEN, "7", "v")
    assert [letter.fields["source_id"] for letter in dead] == ["8"]
    assert depths[DOWNLOADER] == (1, 0)


async def test_a_worker_is_heard_missed_and_heard_again(vhost_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, heartbeat=IMPATIENT)
    worker = Worker("box/heartbeat-monitor", HEARTBEAT_MONITOR, "box", 1)
    async with open_bus(vhost_url, worker.name, patience=timedelta(seconds=10)) as bus, asyncio.timeout(90):
        await bus.declare(SYSTEM)
        async with (
            bus.watch(WorkerChanged.type) as told,
            open_service(Surroundings(settings, bus, SYSTEM, worker)) as service,
        ):
            (look_around,) = service.loops
            looking = asyncio.create_task(look_around())
            await bus.publisher.publish(_beat())
            heard, stale, lost = [await _next(told) for _ in range(3)]
            await bus.publisher.publish(_beat())
            back = await _next(told)
            looking.cancel()

            for consumption in service.consumptions:
                await consumption.drain(timedelta(seconds=5))

    assert [change.health for change in (heard, stale, lost, back)] == [
        WorkerHealth.ACTIVE,
        WorkerHealth.STALE,
        WorkerHealth.LOST,
        WorkerHealth.ACTIVE,
    ]
    assert [change.returned for change in (heard, stale, lost, back)] == [False, False, False, True]
    assert "box/downloader" in (tmp_path / "heartbeat-monitor.json").read_text()

"""The heartbeat-monitor over a real broker."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.bus import open_bus
from tubewarren.delivery import Delivery
from tubewarren.messages.events import WorkerBeat, WorkerChanged, WorkerHealth, WorkerState
from tubewarren.runner import Surroundings
from tubewarren.settings import Settings
from tubewarren.settings.model import HeartbeatSettings
from tubewarren.topology import HEARTBEAT_MONITOR, topology
from tubewarren.workers import Worker
from tubewarren_services.heartbeat_monitor.service import open_service

pytestmark = pytest.mark.broker

SYSTEM = topology()
IMPATIENT = HeartbeatSettings(
    every=timedelta(milliseconds=100), stale_after=timedelta(seconds=1), lost_after=timedelta(seconds=2)
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


async def test_a_worker_is_heard_missed_and_heard_again(vhost_url: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, heartbeat=IMPATIENT)
    worker = Worker("box/heartbeat-monitor", HEARTBEAT_MONITOR, "box", 1)
    async with open_bus(vhost_url, worker.name, patience=timedelta(seconds=10)) as bus, asyncio.timeout(30):
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

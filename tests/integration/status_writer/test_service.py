"""The status-writer over a real broker and a real folder."""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import pytest

from integration.bus.support import part_of
from tubewarren.bus import Bus, open_bus
from tubewarren.bus.dead_letters import redrive_dead
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    FleetGates,
    Gate,
    ListedVideo,
    VideoClaimed,
    VideoDownloaded,
    VideosQueued,
)
from tubewarren.runner import Service, Surroundings
from tubewarren.settings import Settings
from tubewarren.settings.model import SheetSettings
from tubewarren.topology import DOWNLOADER, STATUS_WRITER, topology
from tubewarren.workers import Worker
from tubewarren_services.status_writer.service import open_service

pytestmark = pytest.mark.broker

EVENTS = f"{STATUS_WRITER}.events"
SYSTEM = part_of(topology(), DOWNLOADER, EVENTS)
LANE = SYSTEM.work_queue(DOWNLOADER).lanes[4]
PATIENCE = timedelta(seconds=60)


@asynccontextmanager
async def _running(bus: Bus, tmp_path: Path) -> AsyncIterator[Service]:
    sheet = SheetSettings(workbook=tmp_path / "workbook", flush=timedelta(milliseconds=50))
    settings = Settings(data_dir=tmp_path, sheet=sheet)
    worker = Worker("box/status-writer", STATUS_WRITER, "box", 1)
    async with open_service(Surroundings(settings, bus, SYSTEM, worker)) as service:
        yield service
        await asyncio.gather(*(each.drain(timedelta(seconds=10)) for each in service.consumptions))


@asynccontextmanager
async def _declared_bus(url: str) -> AsyncIterator[Bus]:
    async with open_bus(url, "test", patience=timedelta(seconds=10)) as bus:
        await bus.declare(SYSTEM)
        yield bus


def _statuses(tmp_path: Path, tab: str) -> dict[str, str]:
    file = tmp_path / "workbook" / f"{tab}.csv"
    if not file.exists():
        return {}
    return {row["ID"]: row["Status"] for row in csv.DictReader(file.read_text().splitlines())}


def _text(tmp_path: Path, tab: str) -> str:
    file = tmp_path / "workbook" / f"{tab}.csv"
    return file.read_text() if file.exists() else ""


async def _until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not is_true():  # noqa: ASYNC110 - a file has no event to wait for
            await asyncio.sleep(0.02)


def _queued(*video_ids: str) -> VideosQueued:
    videos = tuple(ListedVideo(video_id=each, url=f"https://x/{each}") for each in video_ids)
    return VideosQueued(at=datetime.now(UTC), source_id="7", videos=videos)


def _downloaded(video_id: str) -> VideoDownloaded:
    return VideoDownloaded(
        at=datetime.now(UTC),
        video_id=video_id,
        source_id="7",
        worker="box/downloader",
        attempt=1,
        storage="main",
        size_bytes=1,
        sha256="",
        seconds=1,
    )


async def _kill_workers_with_it(url: str, queue_name: str = LANE) -> None:
    """Take the order again and again, and leave each time without an answer, until the broker gives it up."""
    connection = await aio_pika.connect(url)
    async with connection, asyncio.timeout(PATIENCE.total_seconds()):
        for _ in range(11):
            async with connection.channel() as channel:
                queue = await channel.declare_queue(queue_name, passive=True)
                while await queue.get(fail=False) is None:  # noqa: ASYNC110 - a queue has no event
                    await asyncio.sleep(0.02)


async def test_events_and_broken_off_orders_reach_the_workbook(vhost_url: str, tmp_path: Path) -> None:
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path) as service:
        await bus.publisher.publish(_queued("a", "b", "c"))
        await bus.publisher.publish(_downloaded("a"), DownloadVideo(video_id="b", url="https://x/b", source_id="7"))
        await _kill_workers_with_it(vhost_url)

        await _until(lambda: _statuses(tmp_path, "Dead-Letter Tasks") == {"b": "error"})
        # A flush writes one tab after the other.
        await _until(lambda: _statuses(tmp_path, "Video Tasks") == {"a": "done", "b": "error", "c": "pending"})

        assert "11 deliveries" in (tmp_path / "workbook" / "Dead-Letter Tasks.csv").read_text()
        assert service.activity().unfit == ""


async def test_a_redriven_order_leaves_the_dead_once_it_is_claimed_and_may_die_again(
    vhost_url: str, tmp_path: Path
) -> None:
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path):
        await bus.publisher.publish(_queued("a"))
        await bus.publisher.publish(DownloadVideo(video_id="a", url="https://x/a", source_id="7"))
        # What is redriven comes to the work queue itself.
        for queue_name in (LANE, DOWNLOADER):
            await _kill_workers_with_it(vhost_url, queue_name)
            await _until(lambda: _statuses(tmp_path, "Dead-Letter Tasks") == {"a": "error"})

            assert len(await redrive_dead(bus, SYSTEM, lambda letter: letter.queue == DOWNLOADER)) == 1
            await bus.publisher.publish(
                VideoClaimed(at=datetime.now(UTC), video_id="a", source_id="7", worker="box/downloader", attempt=1)
            )

            await _until(lambda: _statuses(tmp_path, "Dead-Letter Tasks") == {})
            await _until(lambda: _statuses(tmp_path, "Video Tasks") == {"a": "in-progress"})


async def test_a_purged_order_leaves_the_dead_at_once_and_its_row_says_so(vhost_url: str, tmp_path: Path) -> None:
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path):
        await bus.publisher.publish(_queued("a"))
        await bus.publisher.publish(DownloadVideo(video_id="a", url="https://x/a", source_id="7"))
        await _kill_workers_with_it(vhost_url)
        await _until(lambda: _statuses(tmp_path, "Dead-Letter Tasks") == {"a": "error"})

        await bus.publisher.publish(
            DeadSettled(
                at=datetime.now(UTC),
                queue=DOWNLOADER,
                buried_id="b",
                message_type=DownloadVideo.type,
                fate=Fate.PURGED,
                source_id="7",
                video_id="a",
            )
        )

        await _until(lambda: _statuses(tmp_path, "Dead-Letter Tasks") == {})
        await _until(lambda: "purged: Given up" in _text(tmp_path, "Video Tasks"))
        assert _statuses(tmp_path, "Video Tasks") == {"a": "error"}


async def test_what_holds_the_fleet_back_reaches_the_summary(vhost_url: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    gate = Gate(kind="pause", name="all", reason="A person paused it.", since=now)
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path):
        await bus.publisher.publish(FleetGates(at=now, gates=(gate,)))

        await _until(lambda: "pause: all,A person paused it." in _text(tmp_path, "Summary"))


async def test_events_wait_in_their_queue_while_the_workbook_is_unavailable(vhost_url: str, tmp_path: Path) -> None:
    (tmp_path / "workbook").write_text("a file in the way")
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path) as service:
        await bus.publisher.publish(_queued("a"))
        await _until(lambda: "choose a folder" in service.activity().unfit)
        (listening,) = service.consumptions
        await listening.drain(timedelta(milliseconds=1))
    (tmp_path / "workbook").unlink()

    # What the stopped writer could not write was never acked, so the next one gets it.
    (tmp_path / "status-writer.sqlite").unlink()
    async with _declared_bus(vhost_url) as bus, _running(bus, tmp_path):
        await _until(lambda: _statuses(tmp_path, "Video Tasks") == {"a": "pending"})

"""`svc watch` and `svc status` left open on a wall: in a real terminal, with few and many workers."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.bus.relay import relay_to
from terminals import terminal
from tubewarren.bus import Bus, open_bus
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    LedgerAnswered,
    VideoDownloaded,
    VideoProgress,
    WorkerBeat,
    WorkerState,
)
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import permits, questions, topology

pytestmark = pytest.mark.broker

Rows = dict[str, list[dict[str, Any]]]

SVC = (sys.executable, "-m", "tubewarren_services.cli.entry")


def now() -> datetime:
    return datetime.now(UTC)


def names(number: int) -> Sequence[str]:
    return [f"box-{each:03}/downloader" for each in range(number)]


def progress_of(number: int) -> Sequence[VideoProgress]:
    return [
        VideoProgress(
            at=now(), video_id=name[:7], source_id="7", worker=name, phase="downloading", done_bytes=1, total_bytes=4
        )
        for name in names(number)
    ]


def beats_of(number: int) -> Sequence[WorkerBeat]:
    return [
        WorkerBeat(at=now(), worker=name, service="downloader", host="box", process_id=1, state=WorkerState.ACTIVE)
        for name in names(number)
    ]


@asynccontextmanager
async def fleet(url: str, workers: int) -> AsyncIterator[tuple[Bus, Rows]]:
    """A bus on which a results-manager and a heartbeat-monitor answer, and the ledger's rows, which may be changed."""
    rows: Rows = {
        "summary": [{"sources_in_progress": 1, "tasks": 9000, "tasks_done": 40, "tasks_dead": 3}],
        "workers": [
            {"worker": name, "service": "downloader", "status": "active", "last_seen": now().isoformat()}
            for name in names(workers)
        ],
        "tasks": [{"source_id": "7", "video_id": name[:7], "worker": name} for name in names(workers)],
    }
    paused = Gate(kind="pause", name="12", reason="It is being moved.", since=now())

    async def answer(delivery: Delivery) -> Outcome:
        match delivery.message:
            case QueryLedger(topic=topic):
                return Done(reply=LedgerAnswered(at=now(), storage="main", rows=tuple(rows[topic])))
            case _:
                return Done(reply=FleetGates(at=now(), gates=(paused,)))

    async with open_bus(url, "fleet", patience=timedelta(seconds=10)) as bus:
        await bus.declare(topology((timedelta(seconds=30),)))
        answering = [await bus.answer(questions("main"), answer), await bus.answer(permits(), answer)]
        yield bus, rows
        for each in answering:
            await each.drain(timedelta(seconds=5))


@pytest.mark.parametrize(
    ("columns", "lines", "workers", "colour"), [(80, 24, 200, True), (200, 60, 2, False)], ids=["crowd", "few"]
)
async def test_watch_fits_goes_on_after_a_lost_broker_and_leaves_the_terminal_clean(
    vhost_url: str,
    columns: int,
    lines: int,
    workers: int,
    colour: bool,  # noqa: FBT001 - a case
) -> None:
    environment = {**os.environ, "TERM": "xterm-256color", **({} if colour else {"NO_COLOR": "1"})}
    counts = (f"{workers} running", f"{workers} downloader active", "Pause 12")
    async with fleet(vhost_url, workers) as (bus, rows), relay_to(vhost_url) as relay:
        command = (*SVC, "--broker", relay.url, "watch")
        async with terminal(command, columns, lines, environment) as wall:
            await wall.until(*counts, "9,000 videos")
            await bus.publisher.publish(*beats_of(workers), *progress_of(workers))
            await wall.until("25%", *(["… and"] if workers > lines else []))
            assert bool(wall.colours) is colour

            wall.resize(120, 30)
            await wall.until(*counts, "40 done", *(["… and 179 more"] if workers > lines else []))

            await relay.close()
            await wall.until("The broker has been away", *counts[:2])
            rows["summary"][0]["tasks_done"] = 41
            await relay.open()
            await wall.until(*counts, "41 done", without=["The broker has been away"])

            first = progress_of(1)[0]
            ended = VideoDownloaded(
                at=now(),
                video_id=first.video_id,
                source_id="7",
                worker=first.worker,
                attempt=1,
                storage="main",
                size_bytes=1,
                sha256="x",
                seconds=1,
            )
            # Until it hears again, which is a moment after the broker is back.
            async with asyncio.timeout(60):
                while f"{workers - 1} running" not in wall.text:
                    await bus.publisher.publish(ended)
                    await wall.watch()

            wall.interrupt()
            assert await wall.ended() == 0
            assert wall.is_clean
            assert "Traceback" not in wall.text


async def test_status_fits_a_low_terminal_however_many_workers_there_are(vhost_url: str) -> None:
    async with fleet(vhost_url, 200):
        command = (*SVC, "--broker", vhost_url, "status")
        async with terminal(command, 80, 24, {**os.environ, "TERM": "xterm-256color"}) as screen:
            assert await screen.ended() == 0

    assert screen.text.startswith("Queue")
    for words in ("9,000 videos: 40 done, 3 dead", "Pause 12", "200 downloader active"):
        assert words in screen.text

"""A fleet of a thousand downloaders, played in one process, against the services that watch it.

`python -m bench.fleet_scale --workers 1000 --seconds 120`, in `tests/`, with nothing else running on the machine. Each
downloader beats, asks for permits and tells of its videos with the code of real ones, over connections that some of
them share; only the downloading is played. Monitor, results-manager and status-writer are processes of their own, with
the intervals of a usual fleet, and the sheet is a local workbook or, with `--google`, the stand-in for Google's.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import math
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.lab import Lab, node_in
from bench.rows import Row, table
from bench.sheet_load import Load, cpu_seconds, depths, publish, resident_mb
from brokers import BrokerUnderTest, run_apart
from fleets import machine_in, settings_for_tests, wait_until
from standins.google import google_standin
from tubewarren.admission import Admission, ask_for_permit
from tubewarren.bus import Bus, open_bus
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import VideoClaimed, VideoDownloaded, WorkerChanged, WorkerHealth
from tubewarren.messages.permits import PermitAnswered, RequestPermit
from tubewarren.runner import Activity, Service, Surroundings, serve
from tubewarren.settings import Settings
from tubewarren.telemetry.logs import configure
from tubewarren.topology import DOWNLOADER, Topology
from tubewarren.workers import Worker
from tubewarren.youtube.job import Progress
from tubewarren_services.downloader.progress import ProgressBoard

_MONITOR: Final = "heartbeat-monitor"
_SHEET: Final = "status-writer"
_BROKER: Final = "the broker"
_FLEET: Final = "the played fleet"
_SERVICES: Final = (_MONITOR, "results-manager", _SHEET)
_QUEUES: Final = tuple(f"{name}.events" for name in ("heartbeat-monitor", "results-manager.main", "status-writer"))
_AS_USUAL: Final = {
    "HEARTBEAT__EVERY": "10s",
    "HEARTBEAT__STALE_AFTER": "35s",
    "HEARTBEAT__LOST_AFTER": "2m",
    "SHEET__POLL": "",
    "SHEET__FLUSH": "",
}
"""Tests hurry, which costs."""
_SHARE_A_CONNECTION: Final = 50
_OF_A_SOURCE: Final = 200
_SHORTEST_SECONDS, _LONGEST_SECONDS = 10.0, 60.0
_REPORTS_APART_SECONDS: Final = 1.0
_VIDEO_BYTES: Final = 50_000_000
_LOOK_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 5.0
_KNOWN_PATIENCE: Final = timedelta(minutes=5)
_MOST_CPU: Final = "at most 20"
_OLDEST_ROW: Final = "at most 50"
"""Who goes on as before is told of with the first beat after half a minute, and the sheet may lag by ten."""
_MOST_LAG: Final = "at most 10"
_LAST_LOOKS: Final = timedelta(seconds=30)
_SLEEPY: Final = 0.25


@dataclass(frozen=True, slots=True)
class Size:
    """How large a fleet, and for how long.

    Attributes:
        at_a_time: videos that each downloader has in hand.
        seconds: measured, after all are there.
        within: seconds in which all of them start.
        google: whether the sheet is one of Google's.
    """

    workers: int = 1000
    at_a_time: int = 2
    seconds: float = 30
    within: float = 10
    google: bool = False

    @property
    def videos(self) -> int:
        """More than the fleet can do."""
        rounds = 2 + (self.seconds + self.within) / ((_SHORTEST_SECONDS + _LONGEST_SECONDS) / 2)
        return round(self.workers * self.at_a_time * rounds)


@dataclass(slots=True)
class Told:
    """What the fleet has to tell of itself.

    Attributes:
        answers: seconds that each permit took.
        unanswered: permits that nobody answered.
        late: seconds by which the fleet's own process was late, sampled.
        wrongly: what the monitor said of those that live.
        done: when each video was, by the clock.
    """

    answers: list[float] = field(default_factory=list)
    unanswered: int = 0
    late: list[float] = field(default_factory=list)
    wrongly: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    done: dict[str, float] = field(default_factory=dict)


# --- the fleet, in its process ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class PlayedFleet:
    """All downloaders of one process."""

    size: Size
    settings: Settings
    told: Told
    orders: Iterator[DownloadVideo]

    async def work(self, buses: Sequence[Bus], stop: asyncio.Event) -> None:
        """All of them, until `stop`."""
        async with asyncio.TaskGroup() as group:
            for number, bus in zip(range(self.size.workers), cycle(buses), strict=False):
                group.create_task(self._play(number, bus, stop))

    async def _play(self, number: int, bus: Bus, stop: asyncio.Event) -> None:
        await asyncio.sleep(self.size.within * number / self.size.workers)
        host = f"host{number:04d}"
        worker = Worker(f"{host}/{DOWNLOADER}", DOWNLOADER, host, os.getpid())
        # Everything is declared already, and once is enough.
        surroundings = Surroundings(self.settings, bus, Topology((), (), ()), worker)
        await serve(surroundings, self._open, stop)

    @asynccontextmanager
    async def _open(self, surroundings: Surroundings) -> AsyncIterator[Service]:
        worker, bus = surroundings.worker, surroundings.bus
        board = ProgressBoard(worker.name, self._counted(bus))
        admission = Admission(
            worker=worker.name,
            egress=worker.host,
            stage=DOWNLOADER,
            ask=partial(self._ask, bus),
            unfit=_is_fit,
            clock=_now,
        )

        async def download() -> None:
            while True:
                await self._download(next(self.orders), worker.name, board, admission, bus)

        yield Service(
            loops=(partial(admission.keep, ()), *[download] * self.size.at_a_time),
            activity=lambda: Activity(board.doing or admission.words, facts={"concurrency": self.size.at_a_time}),
            news=admission.looked,
        )

    async def _download(
        self, video: DownloadVideo, worker: str, board: ProgressBoard, admission: Admission, bus: Bus
    ) -> None:
        admitted = await admission.admit(Delivery(video, video.key))
        if not isinstance(admitted, Delivery):
            raise TypeError(f"{worker} may not start {video.key}: {admitted}")
        tell = self._counted(bus)
        ids = {"video_id": video.video_id, "source_id": video.source_id, "worker": worker, "egress": admission.egress}
        with admission.at_work(admitted):
            await tell(VideoClaimed(at=_now(), attempt=1, **ids))
            began = time.monotonic()
            lasts = random.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS)
            async with board.following(video) as report:
                while (spent := time.monotonic() - began) < lasts:
                    done = round(_VIDEO_BYTES * spent / lasts)
                    report(Progress("downloading", done, _VIDEO_BYTES, _VIDEO_BYTES / lasts, lasts - spent, "18"))
                    await asyncio.sleep(min(_REPORTS_APART_SECONDS, lasts - spent))
            sizes = {"storage": "main", "size_bytes": _VIDEO_BYTES, "sha256": "0" * 64, "seconds": lasts}
            done_at = time.time()
            await tell(VideoDownloaded(at=_now(), attempt=1, **ids, **sizes))
            self.told.done[f"{video.video_id} {video.source_id}"] = done_at

    async def _ask(self, bus: Bus, request: RequestPermit) -> PermitAnswered | None:
        began = time.monotonic()
        answer = await ask_for_permit(bus, request)
        if answer is None:
            self.told.unanswered += 1
        else:
            self.told.answers.append(time.monotonic() - began)
        return answer

    def _counted(self, bus: Bus) -> Callable[..., Any]:
        async def tell(message: Any) -> None:
            self.told.events[message.type] += 1
            await bus.publisher.publish(message)

        return tell


async def _is_fit() -> str:
    return ""


async def _listen(bus: Bus, told: Told) -> None:
    async with bus.watch(WorkerChanged.type) as arrived:
        while True:
            change = (await arrived.get()).message
            if isinstance(change, WorkerChanged):
                told.events[change.type] += 1
                if change.service == DOWNLOADER and (change.returned or change.health is not WorkerHealth.ACTIVE):
                    told.wrongly[change.health.value] += 1


async def _notice_lateness(told: Told) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(_SLEEPY)
        told.late.append(time.monotonic() - began - _SLEEPY)


def _orders(load: Load) -> Iterator[DownloadVideo]:
    numbers = list(range(load.known))
    random.Random(7).shuffle(numbers)
    for number in numbers:
        video_id = f"video{number:07d}"
        yield DownloadVideo(
            video_id=video_id, url=f"https://x.example/{video_id}", source_id=str(number // load.of_a_source + 1)
        )


def _play(line: Connection, url: str, size: Size, load: Load) -> None:
    """The process of the fleet: says when all have started, and what was when it is told to end."""
    configure("bench", "critical", "auto", sys.stderr)
    line.send(asyncio.run(_played(line, url, size, load)))


async def _played(line: Connection, url: str, size: Size, load: Load) -> Told:
    told, stop = Told(), asyncio.Event()
    settings = Settings(broker_url=url, grace=timedelta(seconds=1))
    fleet = PlayedFleet(size, settings, told, _orders(load))
    async with AsyncExitStack() as stack:
        opened = (open_bus(url, f"hosts {each}") for each in range(-(-size.workers // _SHARE_A_CONNECTION)))
        buses = [await stack.enter_async_context(each) for each in opened]
        watching = [asyncio.create_task(work) for work in (_listen(buses[0], told), _notice_lateness(told))]
        working = asyncio.create_task(fleet.work(buses, stop))
        asyncio.get_running_loop().call_later(size.within, line.send, os.getpid())
        ended = asyncio.create_task(asyncio.to_thread(line.recv))
        await asyncio.wait((working, ended), return_when=asyncio.FIRST_COMPLETED)
        for each in watching:
            each.cancel()
        stop.set()
        await asyncio.gather(working)
    return told


# --- what is seen of the watchers ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Seen:
    """What was looked at, again and again.

    Attributes:
        cpu: percent of a core, by service.
        waiting: ready and unacknowledged, by queue.
        ages: seconds since each downloader was last seen, as the sheet said: the oldest of each look.
        shown: when a video was first shown as done, by the clock.
    """

    cpu: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unacked: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ages: list[float] = field(default_factory=list)
    middle_ages: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    workers: int = 0
    shown: dict[str, float] = field(default_factory=dict)


Rows = Callable[[str], Sequence[Mapping[str, str]]]
"""The rows of a tab."""


def _look_at_workers(rows: Rows, seen: Seen) -> None:
    now = datetime.now(UTC)
    workers = [row for row in rows("Workers") if row.get("Service") == DOWNLOADER]
    ages = [(now - datetime.fromisoformat(row["LastSeen"])).total_seconds() for row in workers]
    if ages:
        seen.ages.append(max(ages))
        seen.middle_ages.append(median(ages))
        seen.workers = len(workers)
        seen.statuses.update(row["Status"] for row in workers)


def _look_at_videos(rows: Rows, seen: Seen) -> None:
    at = time.time()
    for row in rows("Video Tasks"):
        if row["Status"] == "done":
            seen.shown.setdefault(f"{row['ID']} {row['SourceID']}", at)


def _watch(
    processes: Mapping[str, int], broker: BrokerUnderTest, rows: Rows, seen: Seen, seconds: float, at_once: float
) -> None:
    ends = time.monotonic() + seconds
    before, at = {name: cpu_seconds(pid) for name, pid in processes.items()}, time.monotonic()
    while time.monotonic() < ends:
        time.sleep(at_once)
        _look_at_workers(rows, seen)
        _look_at_videos(rows, seen)
        for queue, (ready, unacked) in depths(broker).items():
            seen.waiting[queue].append(ready)
            seen.unacked[queue].append(unacked)
        now = time.monotonic()
        if now - at < _LEAST_SECONDS:
            continue
        for name, pid in processes.items():
            spent = cpu_seconds(pid)
            seen.cpu[name].append(100 * (spent - before[name]) / (now - at))
            seen.memory[name].append(resident_mb(pid))
            before[name] = spent
        at = now


def measure(size: Size, folder: Path) -> list[Row]:
    """Play a fleet once; the rows of what was seen."""
    with ExitStack() as stack:
        address = stack.enter_context(node_in(folder / "broker"))
        sheet, rows, environment = stack.enter_context(_sheet(size, folder))
        machine = stack.enter_context(
            machine_in(folder / "box", settings_for_tests(None, BROKER_URL=address.url, **_AS_USUAL, **sheet))
        )
        machine.environment |= environment
        services = {name: machine.run(name) for name in _SERVICES}
        for service in services.values():
            service.until_ready()
        load = Load(rate=1, seconds=0, known=size.videos, of_a_source=_OF_A_SOURCE)
        run_apart(publish(address.url, load.known_pages()))
        look = rows or machine.rows
        broker, seen = BrokerUnderTest.of(address), Seen()
        wait_until(lambda: len(look("Video Tasks")), _KNOWN_PATIENCE, holds=lambda number: number >= size.videos)
        with _fleet_apart(address.url, size, load) as line:
            processes = {name: running.pid for name, running in services.items()}
            processes |= {_BROKER: address.pid, _FLEET: line.recv()}
            _watch(processes, broker, look, seen, size.seconds, _LOOK_SECONDS)
            line.send(None)
            told: Told = line.recv()
        deadline = time.monotonic() + _LAST_LOOKS.total_seconds()
        while told.done.keys() - seen.shown.keys() and time.monotonic() < deadline:
            time.sleep(1)
            _look_at_videos(look, seen)
        return list(_rows(size, told, seen))


@contextmanager
def _sheet(size: Size, folder: Path) -> Iterator[tuple[dict[str, str], Rows | None, dict[str, str]]]:
    """Settings for the sheet, how to look at it where it is no local one, and the way there."""
    room = {"SHEET__MOST_VIDEOS": f"{max(10_000, size.videos)}"}
    if not size.google:
        yield room, None, {}
        return
    with google_standin() as google:
        google.troubles.latency = timedelta(milliseconds=150)
        file = google.spreadsheet("Fleet")
        person = google.person(file)
        key = str(google.write_key(folder / "key.json"))
        found = {"SHEET__SPREADSHEET_ID": file.spreadsheet_id, "SHEET__CREDENTIALS_FILE": key}

        def rows(tab: str) -> Sequence[Mapping[str, str]]:
            return person.records(tab) if tab in person.tabs() else []

        yield room | found, rows, google.environment


@contextmanager
def _fleet_apart(url: str, size: Size, load: Load) -> Iterator[Connection]:
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_play, args=(theirs, url, size, load), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        process.join(_LAST_LOOKS.total_seconds())
        process.kill()


def _rows(size: Size, told: Told, seen: Seen) -> Iterator[Row]:
    fleet = f"{size.workers} downloaders, {size.at_a_time} videos each"
    rate = sum(told.events.values()) / (size.seconds + size.within)
    yield Row("what a fleet tells", fleet, "1/s", (rate,), "", _counts(told.events))
    for name in (*_SERVICES, _BROKER, _FLEET):
        target = _MOST_CPU if name == _MONITOR else ""
        yield Row("CPU of those who watch a fleet", name, "% of a core", tuple(seen.cpu[name]), target)
    for name in (*_SERVICES, _BROKER):
        yield Row("memory of those who watch a fleet", name, "MB", tuple(seen.memory[name]))
    for queue in _QUEUES:
        in_hand = max(seen.unacked[queue], default=0)
        waiting = tuple(seen.waiting[queue]) or (0.0,)
        yield Row("events of a fleet that wait", queue, "", waiting, "0 again and again", f"{in_hand:.0f} in hand")
    note = f"the middle one {median(seen.middle_ages or [0]):.0f} s; {seen.workers} rows; told of every 30 to 40 s"
    yield Row("age of the oldest row in Workers", fleet, "s", tuple(seen.ages) or (math.inf,), _OLDEST_ROW, note)
    lags = sorted(at - told.done[key] for key, at in seen.shown.items() if key in told.done)
    unseen = f"{len(told.done.keys() - seen.shown.keys())} of {len(told.done)} not shown at the end"
    yield from _spread("a video is done until the sheet says so", lags, "s", _MOST_LAG, unseen)
    late = f"of {len(told.answers)}; the fleet's own process was up to {max(told.late, default=0):.2f} s late"
    yield from _spread("a permit is answered", [1000 * each for each in told.answers], "ms", "", late)
    yield Row("permits without an answer", fleet, "", (told.unanswered,), "0")
    wrongly = told.wrongly | _wrong(seen)
    yield Row("living workers called silent", fleet, "", (wrongly.total(),), "0", _counts(wrongly))


def _spread(measure: str, values: Iterable[float], unit: str, target: str, note: str) -> Iterator[Row]:
    ordered = sorted(values) or [math.inf]
    yield Row(measure, "half of them within", unit, (median(ordered),), "", note)
    yield Row(measure, "99 of 100 within", unit, (ordered[len(ordered) * 99 // 100],), target)


def _wrong(seen: Seen) -> Counter[str]:
    return Counter({f"{name} in the sheet": number for name, number in seen.statuses.items() if name != "active"})


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))


def run(lab: Lab, size: int, rounds: int) -> list[Row]:
    """The measure, with so many downloaders."""
    del rounds
    return measure(Size(size), lab.folder / "fleet")


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> int:
    """Run as the arguments say."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m bench.fleet_scale", description=__doc__)
    parser.add_argument("--workers", type=int, default=usual.workers, help="(default: %(default)s)")
    parser.add_argument("--at-a-time", type=int, default=usual.at_a_time, help="videos of each (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="(default: %(default)s)")
    parser.add_argument("--within", type=float, default=usual.within, help="they start (default: %(default)s)")
    parser.add_argument("--google", action="store_true", help="a spreadsheet instead of a local workbook")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    size = Size(options.workers, options.at_a_time, options.seconds, options.within, options.google)
    with tempfile.TemporaryDirectory(prefix="tubewarren-fleet-scale-") as folder:
        print("\n".join(table(measure(size, Path(folder)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What services cost beside their work: until they are at it, and while there is none."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from bench.downloads import Site, cpu_seconds, plain_film, put_up, site_apart
from bench.lab import Lab, environment
from bench.rows import Row
from fleets import Running, children_of
from standins.youtube import YoutubeStandin
from tubewarren.bus import Bus, open_bus
from tubewarren.bus.codec import decode
from tubewarren.messages import Command, Message
from tubewarren.messages.commands import AddSource
from tubewarren.messages.events import SourceAccepted, VideoClaimed
from tubewarren.messages.permits import RequestPermit
from tubewarren.topology import (
    COMMANDS,
    DOWNLOADER,
    EVENTS,
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    SERVICES,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    STATUS_WRITER,
    topology,
)

_STARTED: Final = "from the start of a service to its first task"
_STARTED_CPU: Final = "CPU until then"
_HELP: Final = "svc --help"
_IDLE_CPU: Final = "CPU of an idle service"
_IDLE_MEMORY: Final = "memory of an idle service"
_FIRST_TASKS: Final[Mapping[str, type[SourceAccepted | RequestPermit | VideoClaimed]]] = {
    SHEET_INGESTOR: SourceAccepted,
    SOURCE_EXPANDER: RequestPermit,
    DOWNLOADER: VideoClaimed,
}
"""What tells that one has begun; with the others, being ready."""
_ASK_YT_DLP: Final = (SOURCE_EXPANDER, DOWNLOADER)
"""Those that have yt-dlp look at what a person set for it, where there is any, before they take a task."""
_WITH_OPTIONS: Final = ", with options of yt-dlp"
_OPTIONS: Final = "TUBEWARREN_YOUTUBE__OPTIONS"
_TARGETS: Final = {DOWNLOADER: "< 1"}
_WITHIN: Final = "< 0.5"
_SVC: Final = str(Path(sys.executable).with_name("svc"))
_SETTINGS: Final = {"WORKER_NAME": "bench", "LOG__FORMAT": "json", "FITNESS__DISK_FLOOR": "0"}
_PATIENCE: Final = timedelta(seconds=60)
_LOOK_SECONDS: Final = 0.005
_SETTLING_SECONDS: Final = 40
"""For its first half minute the monitor looks for what is held for nobody, and who has just begun loads things yet."""
_HELPS: Final = 3
"""Times that it is asked for in a round."""
_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Start:
    wall_seconds: float
    cpu_seconds: float


def starts(lab: Lab, videos: int, rounds: int) -> list[Row]:
    """Start one service after another, each with something to do; a source of so many videos goes through all."""
    found: dict[str, list[_Start]] = {}
    helps: list[float] = []
    with site_apart() as site:
        for number in range(rounds):
            helps += (_seconds_to_help() for _ in range(_HELPS))
            with _home(lab, site, f"starts-{number}") as home:
                for name, start in asyncio.run(_started(home, site, videos)).items():
                    found.setdefault(name, []).append(start)
    walls, cpus = [], []
    for name, each in found.items():
        note = "" if name.removesuffix(_WITH_OPTIONS) in _FIRST_TASKS else "until it is ready"
        target = _TARGETS.get(name.removesuffix(_WITH_OPTIONS), _WITHIN)
        walls.append(Row(_STARTED, name, "s", tuple(start.wall_seconds for start in each), target, note))
        cpus.append(Row(_STARTED_CPU, name, "s", tuple(start.cpu_seconds for start in each)))
    return [*walls, *cpus, Row(_HELP, "svc", "s", tuple(helps), "< 0.25")]


def idling(lab: Lab, seconds: int, rounds: int) -> list[Row]:
    """Have all services up, and nothing to do."""
    shares: dict[str, list[float]] = {name: [] for name in SERVICES}
    sizes: dict[str, list[float]] = {name: [] for name in SERVICES}
    with site_apart() as site:
        for number in range(rounds):
            with _home(lab, site, f"idle-{number}") as home:
                running = {name: home.run(name) for name in SERVICES}
                for each in running.values():
                    each.until_ready()
                time.sleep(_SETTLING_SECONDS)
                before = {name: cpu_seconds([each.pid]) for name, each in running.items()}
                time.sleep(seconds)
                for name, each in running.items():
                    shares[name].append((cpu_seconds([each.pid]) - before[name]) / seconds * 100)
                    sizes[name].append(_resident_bytes(each.pid) / _MEGABYTE)
    percents = [Row(_IDLE_CPU, name, "%", tuple(values), "< 0.2") for name, values in shares.items()]
    return [*percents, *(Row(_IDLE_MEMORY, name, "MB", tuple(values), "< 60") for name, values in sizes.items())]


@dataclass(frozen=True, slots=True)
class _Home:
    folder: Path
    environment: Mapping[str, str]
    url: str
    started: list[Running]

    def run(self, name: str, *, has_options: bool = True) -> Running:
        """A service, as it is installed."""
        output = self.folder / f"{name}-{len(self.started)}.log"
        told = {key: value for key, value in self.environment.items() if has_options or key != _OPTIONS}
        with output.open("wb") as written:
            process = subprocess.Popen(
                [_SVC, "run", name],
                cwd=self.folder,
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
            )
        running = Running(process, output)
        self.started.append(running)
        return running


@contextmanager
def _home(lab: Lab, site: Site, name: str) -> Iterator[_Home]:
    folder = lab.folder / name
    folder.mkdir()
    url = lab.url_for(name)
    asyncio.run(_declared(url))
    options = {"YOUTUBE__OPTIONS": json.dumps(site.options), "BROKER_URL": url}
    told = {f"TUBEWARREN_{key}": value for key, value in {**_SETTINGS, **options}.items()}
    home = _Home(folder, {**environment(), **site.environment, **told}, url, [])
    try:
        yield home
    finally:
        for running in home.started:
            running.process.terminate()
        for running in home.started:
            try:
                running.process.wait(_PATIENCE.total_seconds())
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        lab.forget(name)


async def _declared(url: str) -> None:
    async with open_bus(url, "bench") as bus:
        await bus.declare(topology())


async def _started(home: _Home, site: Site, videos: int) -> dict[str, _Start]:
    found: dict[str, _Start] = {}
    address = site.call(_put_up_playlist, f"PL{home.folder.name}", videos)
    async with (
        open_bus(home.url, "bench") as bus,
        _told(bus) as told,
        asyncio.timeout(_PATIENCE.total_seconds()),
    ):
        await bus.publisher.publish(AddSource(url=address))
        for name in (HEARTBEAT_MONITOR, RESULTS_MANAGER, STATUS_WRITER, *_FIRST_TASKS):
            if name in _ASK_YT_DLP:
                # As it is for a person who set none; it cannot reach the site, and leaves its task to the next.
                running, found[name] = await _start_of(name, home, told, has_options=False)
                running.process.kill()
                await asyncio.to_thread(running.wait)
                found[name + _WITH_OPTIONS] = (await _start_of(name, home, told))[1]
            else:
                found[name] = (await _start_of(name, home, told))[1]
    return found


async def _start_of(
    name: str, home: _Home, told: "asyncio.Queue[Message]", *, has_options: bool = True
) -> tuple[Running, _Start]:
    while not told.empty():
        told.get_nowait()
    began = datetime.now(UTC)
    running = home.run(name, has_options=has_options)
    at = await (_first(told, name) if name in _FIRST_TASKS else _ready(running))
    used = cpu_seconds([running.pid, *children_of(running.pid)])
    return running, _Start((at - began).total_seconds(), used)


@asynccontextmanager
async def _told(bus: Bus) -> AsyncIterator["asyncio.Queue[Message]"]:
    """What is published that tells of first tasks; questions, too."""
    arrived: asyncio.Queue[Message] = asyncio.Queue()

    async def keep(incoming: AbstractIncomingMessage) -> None:
        arrived.put_nowait(decode(incoming).message)

    async with bus.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        for kind in _FIRST_TASKS.values():
            await queue.bind(COMMANDS if issubclass(kind, Command) else EVENTS, kind.type)
        await queue.consume(keep, no_ack=True)
        yield arrived


async def _first(told: "asyncio.Queue[Message]", service: str) -> datetime:
    while True:
        message = await told.get()
        if isinstance(message, SourceAccepted | VideoClaimed) and isinstance(message, _FIRST_TASKS[service]):
            return message.at
        if isinstance(message, RequestPermit) and message.work and message.stage == service == SOURCE_EXPANDER:
            return datetime.now(UTC)


async def _ready(running: Running) -> datetime:
    while True:
        for line in running.log():
            if line["event"] == "ready":
                return datetime.fromisoformat(line["timestamp"])
        await asyncio.sleep(_LOOK_SECONDS)


def _put_up_playlist(youtube: YoutubeStandin, name: str, videos: int) -> str:
    playlist = youtube.add_playlist(f"{name:-<20}", videos)
    put_up(youtube, playlist.video_ids, plain_film(200_000))
    return f"https://www.youtube.com/playlist?list={playlist.list_id}"


def _seconds_to_help() -> float:
    began = time.monotonic()
    subprocess.run([_SVC, "--help"], check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.monotonic() - began


def _resident_bytes(process_id: int) -> int:
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

"""How downloads fare: our downloader, bare yt-dlp in one loop, and one `yt-dlp` for each video, on the same videos.

`python -m bench.downloads`, in `tests/`, with nothing else running on the machine. The site is a stand-in for YouTube
in a process of its own; its CPU and the broker's are nobody's. Most videos there are picture and sound apart, which
ffmpeg merges, as yt-dlp takes them by itself; the small ones are one file each, where what is done beside the download
weighs most. All that is ours is on, but for the sheet, which is on with `--sheet`: permits are asked for, events are
kept, files are looked into, hashed and made durable. Bare yt-dlp does none of that. One loop of it keeps a `YoutubeDL`,
with its connections, for all its videos; the other calls `YoutubeDL(options)` for each.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bench.lab import Lab, node_in
from bench.rows import Row, ratios
from brokers import BrokerUnderTest, run_apart
from fleets import Machine, Running, children_of, machine_in, settings_for_tests
from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_media import SECONDS, TINY, Film, Format
from standins.youtube_videos import Video
from tubewarren.bus import open_bus
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import VideoClaimed, VideoDownloaded, VideoFailed
from tubewarren.telemetry.logs import configure

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

OURS: Final = "ours"
KEPT: Final = "bare, one YoutubeDL kept"
FRESH: Final = "bare, YoutubeDL(…) each"
EACH: Final = "one yt-dlp for each"
MEGABYTE: Final = 1_000_000
_SOUND_BITS: Final = 128_000
"""A second."""
_DOWNLOADER: Final = "downloader"
_WATCHERS: Final = ("heartbeat-monitor", "results-manager")
_SHEET: Final = "status-writer"
_MOST_OF_BARE: Final = 1.10
_TIMES_EACH: Final = 3.0
_MEMORY_CONCURRENCY: Final = 8
_MOST_MEMORY_MB: Final = 600
_AT_A_TIME: Final = 4
_USUAL_BYTES: Final = 4 * MEGABYTE
_SMALL_BYTES: Final = MEGABYTE // 5
_WARM_VIDEOS: Final = 3
"""For each process, before anything is measured."""
_PATIENCE: Final = timedelta(minutes=3)
LINGER_SECONDS: Final = 1.0
"""Those that listen have then taken the last events, whose cost counts."""
_NAMING: Final = "%(id)s.%(ext)s"
_SAMPLE_SECONDS: Final = 0.05
_AS_USUAL: Final = {"HEARTBEAT__EVERY": "10s", "HEARTBEAT__STALE_AFTER": "35s", "HEARTBEAT__LOST_AFTER": "2m"}
"""Tests hurry, which costs."""

Answer = TypeVar("Answer")
_TheirTurn = tuple[Callable[..., Any], tuple[Any, ...]]


class Site:
    """The stand-in for YouTube in a process of its own; made by `site_apart`."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self.environment: dict[str, str] = line.recv()

    def call(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Do something to the stand-in, over there."""
        turn: _TheirTurn = (function, arguments)
        self._line.send(turn)
        answer: Answer = self._line.recv()
        return answer

    @property
    def options(self) -> dict[str, Any]:
        """What yt-dlp is told, so that it comes here and needs no JavaScript."""
        return {
            "proxy": self.environment["HTTPS_PROXY"],
            "compat_opts": ["no-certifi"],
            "extractor_args": {"youtube": {"player_client": ["visionos"]}},
        }

    @property
    def command(self) -> list[str]:
        """The command that is told the same."""
        proxy = ["--proxy", self.environment["HTTPS_PROXY"], "--compat-options", "no-certifi"]
        clients = ["--extractor-args", "youtube:player_client=visionos"]
        return [sys.executable, "-m", "yt_dlp", "--ignore-config", "--quiet", *proxy, *clients]


@contextmanager
def site_apart() -> Iterator[Site]:
    """Run the stand-in in another process for as long as the context lasts."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_play, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Site(ours)
    finally:
        ours.send(None)
        process.join()


def _play(line: Connection) -> None:
    with youtube_standin() as youtube:
        line.send(youtube.environment)
        turn: _TheirTurn | None
        while (turn := line.recv()) is not None:
            function, arguments = turn
            line.send(function(youtube, *arguments))


def put_up(youtube: YoutubeStandin, video_ids: Sequence[str], film: Film) -> None:
    """Videos that show this film."""
    for video_id in video_ids:
        youtube.add_video(Video(video_id, film=film))


def plain_film(size_bytes: int) -> Film:
    """Ten seconds in one file of so many bytes."""
    # What a player passes over fills it up.
    padding = max(size_bytes - len(TINY.body), 8)
    body = TINY.body + struct.pack(">I4s", padding, b"free") + bytes(padding - 8)
    return Film((replace(TINY, body=body),))


def usual_film(folder: Path, size_bytes: int) -> Film:
    """Ten seconds of about so many bytes, as YouTube has most: picture and sound apart."""
    folder.mkdir()
    bits = f"{size_bytes * 8 // SECONDS - _SOUND_BITS}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={SECONDS}"]
    command += ["-f", "lavfi", "-i", f"anoisesrc=sample_rate=48000:amplitude=0.1:duration={SECONDS}"]
    picture = ["-map", "0", "-vf", "noise=alls=60:allf=t", "-c:v", "libx264", "-preset", "ultrafast"]
    picture += ["-pix_fmt", "yuv420p", "-b:v", bits, "-minrate", bits, "-maxrate", bits, "-bufsize", bits]
    sound = ["-map", "1", "-c:a", "aac", "-b:a", f"{_SOUND_BITS}"]
    dash = ["-movflags", "+dash+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"]
    files = folder / "137.mp4", folder / "140.m4a"
    command += [*picture, *dash, str(files[0]), *sound, *dash, str(files[1])]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    kinds = ('video/mp4; codecs="avc1.640028"', 1080), ('audio/mp4; codecs="mp4a.40.2"', None)
    offered = zip((137, 140), kinds, files, strict=True)
    return Film(tuple(Format(itag, mime, file.read_bytes(), height) for itag, (mime, height), file in offered))


def watch_url(video_id: str) -> str:
    """Where a video is."""
    return f"https://www.youtube.com/watch?v={video_id}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What some downloads took."""

    videos: int
    wall_seconds: float
    cpu_seconds: float

    @property
    def per_minute(self) -> float:
        """Videos."""
        return self.videos / self.wall_seconds * 60

    @property
    def cpu_ms(self) -> float:
        """CPU for each video."""
        return self.cpu_seconds / self.videos * 1000


Way = Callable[[Sequence[str]], Figures]
"""Downloads videos, by their ids."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What is downloaded in each round.

    Attributes:
        film: that each of its videos shows.
        videos: by ours, and by bare yt-dlp in one loop.
        for_each: by the commands, which are so slow that fewer must do.
    """

    name: str
    film: Film
    videos: int
    for_each: int

    @property
    def megabytes(self) -> float:
        """Of one video."""
        return sum(each.size for each in self.film.formats) / MEGABYTE

    def ids(self, turn: str, count: int) -> list[str]:
        """Video ids that nothing else has."""
        return [f"{self.name[0]}-{turn}-{number:0{8 - len(turn)}}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Services of ours at work."""

    machine: Machine
    services: Mapping[str, Running]

    def cpu_seconds(self) -> dict[str, float]:
        """So far, by service; that of the processes of a service for itself."""
        used = {name: cpu_seconds([running.pid]) for name, running in self.services.items()}
        beside = {f"{name}'s children": children_of(running.pid) for name, running in self.services.items()}
        return used | {name: cpu_seconds(process_ids) for name, process_ids in beside.items() if process_ids}

    def download(self, video_ids: Sequence[str]) -> tuple[Figures, dict[str, float]]:
        """Order videos, and wait for the last; from the first claim to the last event. With the CPU by service."""
        before = self.cpu_seconds()
        seconds = run_apart(self._ordered(video_ids))
        used = {name: spent - before.get(name, 0) for name, spent in self.cpu_seconds().items()}
        return Figures(len(video_ids), seconds, sum(used.values())), used

    async def _ordered(self, video_ids: Sequence[str]) -> float:
        orders = [DownloadVideo(video_id=each, url=watch_url(each), source_id="1") for each in video_ids]
        topics = (VideoClaimed.type, VideoDownloaded.type, VideoFailed.type)
        url = self.machine.settings["BROKER_URL"]
        async with (
            open_bus(url, "bench") as bus,
            bus.watch(*topics) as seen,
            asyncio.timeout(_PATIENCE.total_seconds()),
        ):
            await bus.publisher.publish(*orders)
            left = set(video_ids)
            times: list[datetime] = []
            while left:
                event = (await seen.get()).message
                match event:
                    case VideoClaimed():
                        times.append(event.at)
                    case VideoDownloaded():
                        times.append(event.at)
                        left.discard(event.video_id)
                    case VideoFailed():
                        raise AssertionError(f"{event.video_id}: {event.failure.reason}")
                    case _:
                        continue
            await asyncio.sleep(LINGER_SECONDS)
            return (max(times) - min(times)).total_seconds()


@contextmanager
def fleet_of(folder: Path, site: Site, broker: BrokerUnderTest, names: Iterable[str], **more: str) -> Iterator[Fleet]:
    """Services of ours, in a virtual host of their own."""
    vhost = broker.make_vhost()
    options = json.dumps(site.options)
    settings = settings_for_tests(None, BROKER_URL=vhost, YOUTUBE__OPTIONS=options, **_AS_USUAL, **more)
    with machine_in(folder, settings) as machine:
        machine.environment |= site.environment
        services = {name: machine.run(name) for name in names}
        for service in services.values():
            service.until_ready()
        yield Fleet(machine, services)
    broker.remove_vhost(vhost)


class BareLoop:
    """yt-dlp as a library: processes that do nothing but go on with the next address, each with its `YoutubeDL`.

    Args:
        work: done with it and an address.
        more: options of yt-dlp.
        warm: what each of the processes begins with, unmeasured.
    """

    def __init__(
        self, site: Site, work: Callable[[Any, str], object], more: Mapping[str, Any], warm: Sequence[Sequence[str]]
    ) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._addresses: SimpleQueue[str | None] = spawning.SimpleQueue()
        self._used: SimpleQueue[float] = spawning.SimpleQueue()
        queues = (self._addresses, self._used)
        self._processes = [
            spawning.Process(target=_loop, args=(site.environment, site.options, more, work, own, *queues), daemon=True)
            for own in warm
        ]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._used.get()

    def run(self, addresses: Sequence[str]) -> Figures:
        """Work on all of them; the CPU is that of yt-dlp alone."""
        began = time.monotonic()
        for address in addresses:
            self._addresses.put(address)
        used = sum(self._used.get() for _ in addresses)
        return Figures(len(addresses), time.monotonic() - began, used)

    def close(self) -> None:
        """End the processes."""
        for _ in self._processes:
            self._addresses.put(None)
        for process in self._processes:
            process.join()


def _loop(
    environment: Mapping[str, str],
    options: Mapping[str, Any],
    more: Mapping[str, Any],
    work: Callable[[Any, str], object],
    warm: Sequence[str],
    addresses: "SimpleQueue[str | None]",
    used: "SimpleQueue[float]",
) -> None:
    os.environ.update(environment)
    # The process of the bench itself need not have it.
    import yt_dlp  # noqa: PLC0415

    from tubewarren.youtube.options import merged  # noqa: PLC0415

    with yt_dlp.YoutubeDL(merged(options, {"no_warnings": True, **more})) as ydl:
        for address in warm:
            work(ydl, address)
        used.put(0)
        while (address_or_end := addresses.get()) is not None:
            before = _cpu_seconds_here()
            work(ydl, address_or_end)
            used.put(_cpu_seconds_here() - before)


def _download(ydl: Any, address: str) -> None:
    (made,) = ydl.extract_info(address)["requested_downloads"]
    assert Path(made["filepath"]).stat().st_size > 0, address


def _download_anew(ydl: Any, address: str) -> None:
    with type(ydl)(ydl.params) as fresh:
        _download(fresh, address)


def _cpu_seconds_here() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def run_commands(commands: Sequence[Sequence[str]], environment: Mapping[str, str], at_a_time: int) -> Figures:
    """Run a process for each; there must be no other children that end meanwhile."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with ThreadPoolExecutor(at_a_time) as threads:
        list(threads.map(lambda command: _run(command, environment), commands))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures(len(commands), time.monotonic() - began, used)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(command, env=os.environ | environment, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def cpu_seconds(process_ids: Iterable[int]) -> float:
    """What processes have used so far, with those of their children that have ended."""
    found = 0
    for process_id in process_ids:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
            found += sum(int(ticks) for ticks in fields[11:15])
    return found / os.sysconf("SC_CLK_TCK")


def pss_bytes(process_ids: Iterable[int]) -> int:
    """What processes have in memory, with their share of what they share with others."""
    found = 0
    for process_id in process_ids:
        with suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
            found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """What some ways of doing the same took, round by round."""

    rounds: Mapping[str, list[Figures]]

    def middle(self, name: str, figure: Callable[[Figures], float]) -> float:
        """The median of one way."""
        return median(figure(each) for each in self.rounds[name])

    def ratio(self, one: str, other: str, figure: Callable[[Figures], float]) -> str:
        """The median of the ratios within a round, and from which to which they go."""
        pairs = zip(self.rounds[one], self.rounds[other], strict=False)
        ratios = sorted(figure(first) / figure(second) for first, second in pairs)
        return f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"

    def table(self) -> list[str]:
        """One line for each way."""
        lines = [f"{'':<30}{'videos':>8}{'wall s':>9}{'CPU s':>9}{'CPU ms each':>13}{'a minute':>10}"]
        for name, all_rounds in self.rounds.items():
            wall, cpu = self.middle(name, lambda each: each.wall_seconds), self.middle(name, lambda e: e.cpu_seconds)
            each_ms, pace = self.middle(name, lambda each: each.cpu_ms), self.middle(name, lambda e: e.per_minute)
            lines.append(f"{name:<30}{all_rounds[0].videos:>8}{wall:>9.2f}{cpu:>9.2f}{each_ms:>13.1f}{pace:>10.0f}")
        return lines


def compare(
    lot: Lot, site: Site, fleet: Fleet, others: Mapping[str, Way], rounds: int
) -> tuple[Comparison, dict[str, float]]:
    """Download one lot in all ways, in turn; what that took, and the CPU seconds of each video by service of ours."""
    taken: dict[str, list[Figures]] = {OURS: [], **{name: [] for name in others}}
    used: list[dict[str, float]] = []
    for number in range(rounds):
        ids = lot.ids(f"{number}", lot.videos)
        site.call(put_up, ids, lot.film)
        figures, by_service = fleet.download(ids)
        taken[OURS].append(figures)
        used.append(by_service)
        for name, way in others.items():
            taken[name].append(way(ids[: lot.for_each] if name == EACH else ids))
    return Comparison(taken), {name: median(each[name] for each in used) / lot.videos for name in used[0]}


def print_comparison(lot: Lot, compared: Comparison, parts: Mapping[str, float], rounds: int) -> None:
    """Print what it took."""
    print(f"\n{lot.name} videos of {lot.megabytes:.1f} MB, medians of {rounds} rounds")
    print(*compared.table(), sep="\n")
    for name in (KEPT, FRESH):
        wall = compared.ratio(OURS, name, lambda figures: figures.wall_seconds)
        cpu = compared.ratio(OURS, name, lambda figures: figures.cpu_seconds)
        print(f"ours / {name:<25}wall {wall}, CPU {cpu}, target at most {_MOST_OF_BARE:.2f}")
    pace = compared.ratio(OURS, EACH, lambda figures: figures.per_minute)
    print(f"ours / {EACH:<25}videos a minute {pace}, target at least {_TIMES_EACH:.0f}")
    print_parts(parts)


def print_parts(seconds: Mapping[str, float]) -> None:
    """Print who of ours used how much CPU for each video."""
    parts = ", ".join(f"{name} {spent * 1000:.1f}" for name, spent in seconds.items())
    print(f"CPU of ours, ms each          {parts}", flush=True)


def most_memory(fleet: Fleet, video_ids: Sequence[str]) -> tuple[float, int]:
    """The most that a downloader and its processes have in memory while they download, in MB, and how many they are."""
    downloader = fleet.services[_DOWNLOADER].pid
    with ThreadPoolExecutor(1) as thread:
        downloading = thread.submit(fleet.download, video_ids)
        most = (0, 0)
        while not downloading.done():
            processes = [downloader, *children_of(downloader)]
            most = max(most, (pss_bytes(processes), len(processes)))
            time.sleep(_SAMPLE_SECONDS)
        downloading.result()
    return most[0] / MEGABYTE, most[1]


def measure(lab: Lab, videos: int, rounds: int) -> list[Row]:
    """Download usual videos, and three times as many small ones."""
    folder = lab.folder / "downloads"
    folder.mkdir()
    usual = usual_film(folder / "usual", _USUAL_BYTES)
    lots = (Lot("usual", usual, videos, videos // 2), Lot("small", plain_film(_SMALL_BYTES), 3 * videos, videos // 2))
    rows = []
    with all_ways(lab.broker, folder, usual, (*_WATCHERS, _DOWNLOADER), _AT_A_TIME) as (site, fleet, others):
        for lot in lots:
            compared, _ = compare(lot, site, fleet, others, rounds)
            rows += _rows(lot, compared)
    return rows


def _rows(lot: Lot, compared: Comparison) -> list[Row]:
    pace = f"downloads of {lot.megabytes:.1f} MB in a minute, {_AT_A_TIME} at a time"
    cost = f"CPU of a download of {lot.megabytes:.1f} MB"
    paces = {name: tuple(each.per_minute for each in taken) for name, taken in compared.rounds.items()}
    costs = {name: tuple(each.cpu_ms for each in taken) for name, taken in compared.rounds.items()}
    return [
        *(Row(pace, name, "1/min", values) for name, values in paces.items()),
        *ratios(pace, paces, OURS, KEPT, f"≥ {1 / _MOST_OF_BARE:.2f}"),
        *ratios(pace, paces, OURS, EACH, f"≥ {_TIMES_EACH:.0f}"),
        *(Row(cost, name, "ms", values) for name, values in costs.items()),
        *ratios(cost, costs, OURS, KEPT, f"≤ {_MOST_OF_BARE:.2f}"),
    ]


def run(options: argparse.Namespace, folder: Path) -> None:
    """Run it all, and print the figures."""
    at_a_time: int = options.parallel
    services = (*_WATCHERS, *((_SHEET,) if options.sheet else ()), _DOWNLOADER)
    usual = usual_film(folder / "usual", round(options.usual_mb * MEGABYTE))
    lots = (
        Lot("usual", usual, options.usual, options.each),
        Lot("small", plain_film(round(options.small_mb * MEGABYTE)), options.small, options.each),
    )
    sheet = "a local workbook" if options.sheet else "off"
    print(f"{at_a_time} at a time; ours is {', '.join(services)}; the sheet is {sheet}", flush=True)
    with node_in(folder / "broker") as address:
        broker = BrokerUnderTest.of(address)
        with all_ways(broker, folder, usual, services, at_a_time) as (site, fleet, others):
            for lot in (lot for lot in lots if lot.videos):
                print_comparison(lot, *compare(lot, site, fleet, others, options.rounds), options.rounds)
        if options.memory:
            with site_apart() as site:
                _memory(site, broker, services, options.memory, usual, folder / "other box")


@contextmanager
def all_ways(
    broker: BrokerUnderTest, folder: Path, film: Film, services: Sequence[str], at_a_time: int
) -> Iterator[tuple[Site, Fleet, Mapping[str, Way]]]:
    """The site, our fleet, and the other ways; all of them are warm."""
    with ExitStack() as stack:
        site = stack.enter_context(site_apart())
        warm = [Lot(f"{number}warm", film, 0, 0).ids("w", _WARM_VIDEOS) for number in range(at_a_time)]
        for ids in warm:
            site.call(put_up, ids, film)
        fleet = stack.enter_context(
            fleet_of(folder / "box", site, broker, services, DOWNLOADER__CONCURRENCY=f"{at_a_time}")
        )
        fleet.download([video_id for ids in warm for video_id in ids])
        others: dict[str, Way] = {
            KEPT: stack.enter_context(_bare(site, _download, warm, folder / "bare")),
            FRESH: stack.enter_context(_bare(site, _download_anew, warm, folder / "fresh")),
            EACH: partial(_by_commands, site, folder / "each", at_a_time),
        }
        yield site, fleet, others


@contextmanager
def _bare(site: Site, work: Callable[[Any, str], object], warm: Sequence[Sequence[str]], folder: Path) -> Iterator[Way]:
    options = {"paths": {"home": str(folder)}, "outtmpl": {"default": _NAMING}, "noplaylist": True}
    loop = BareLoop(site, work, options, [[watch_url(video_id) for video_id in ids] for ids in warm])
    try:
        yield lambda video_ids: loop.run([watch_url(video_id) for video_id in video_ids])
    finally:
        loop.close()


def _by_commands(site: Site, folder: Path, at_a_time: int, video_ids: Sequence[str]) -> Figures:
    command = [*site.command, "--paths", str(folder), "--output", _NAMING]
    return run_commands([[*command, watch_url(video_id)] for video_id in video_ids], site.environment, at_a_time)


def _memory(
    site: Site, broker: BrokerUnderTest, services: Sequence[str], videos: int, film: Film, folder: Path
) -> None:
    lot = Lot("memory", film, videos, 0)
    ids = lot.ids("", videos)
    site.call(put_up, ids, film)
    with fleet_of(folder, site, broker, services, DOWNLOADER__CONCURRENCY=f"{_MEMORY_CONCURRENCY}") as fleet:
        most, processes = most_memory(fleet, ids)
    print(f"\na downloader with {_MEMORY_CONCURRENCY} at a time, {videos} videos of {lot.megabytes:.1f} MB")
    print(f"memory at most                {most:.0f} MB in {processes} processes, target below {_MOST_MEMORY_MB} MB")


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.downloads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each way, in turn (default: 3)")
    parser.add_argument("--parallel", type=int, default=4, help="videos at a time (default: 4)")
    parser.add_argument("--usual", type=int, default=24, help="videos to be merged in a round (default: 24)")
    parser.add_argument("--usual-mb", type=float, default=4, help="their size, about (default: 4)")
    parser.add_argument("--small", type=int, default=60, help="small videos in a round (default: 60)")
    parser.add_argument("--small-mb", type=float, default=0.2, help="their size (default: 0.2)")
    parser.add_argument("--each", type=int, default=12, help="videos by one process each (default: 12)")
    parser.add_argument("--memory", type=int, default=24, help="usual videos while memory is looked at (default: 24)")
    parser.add_argument("--sheet", action="store_true", help="with the status-writer, on a local workbook")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tubewarren-downloads-") as folder:
        run(options, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How the sheet keeps up: a fleet's worth of news for minutes, a spreadsheet with Google's quotas, and the lag after.

`python -m bench.sheet_load --seconds 600 --rate 1000`, in `tests/`, with nothing else running on the machine. With
`--known 1000000 --of-a-source 200` so many videos are queued before it begins, and stay so.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

from brokers import RestartableNode, run_apart
from fleets import Machine, Running, machine_in, settings_for_tests
from standins.google import GoogleStandin, google_standin
from standins.google_person import Person
from standins.google_quota import Kind
from tubewarren.bus import open_bus
from tubewarren.messages import Message
from tubewarren.messages.events import (
    ListedVideo,
    SourceAccepted,
    SourceExpanded,
    VideoClaimed,
    VideoDownloaded,
    VideosQueued,
)
from tubewarren.telemetry.logs import configure

_SERVICES: Final = ("results-manager", "status-writer", "sheet-ingestor")
_A_PAGE_HAS: Final = 50
_CHANGES_OF_A_VIDEO: Final = 3
"""Queued, claimed, done."""
_BURST_SECONDS: Final = 0.1
_MOST_UNCONFIRMED: Final = 8
"""Pages: one at a time would wait for the broker most of the time."""
_AT_HOME_SECONDS: Final = 20
"""A new spreadsheet gets its tabs, and its rows are taken, before the load begins."""
_LAG_PATIENCE: Final = timedelta(minutes=3)
_KNOWN_PATIENCE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Load:
    """What is published.

    Attributes:
        rate: changes of a video's state in a second.
        seconds: how long.
        known: videos that are queued before.
        of_a_source: how many videos each source has.
    """

    rate: int
    seconds: float
    known: int
    of_a_source: int

    @property
    def videos(self) -> int:
        """How many change."""
        return max(1, round(self.rate * self.seconds / _CHANGES_OF_A_VIDEO))

    @property
    def sources(self) -> int:
        """How many there are, with those of the videos that are known before."""
        return -(-(self.known + self.videos) // self.of_a_source)

    def known_pages(self) -> Iterator[list[Message]]:
        """What is told of those that only wait."""
        for source, names in self._lists(0, self.known):
            yield self._queued(source, names)

    def pages(self) -> Iterator[list[Message]]:
        """What is told of each page of a list: it is queued, its videos are claimed, and they are done."""
        for source, names in self._lists(self.known, self.known + self.videos):
            yield self._queued(source, names)
            yield [_claimed(name, source) for name in names]
            yield [_downloaded(name, source) for name in names]

    def _lists(self, first: int, end: int) -> Iterator[tuple[str, list[str]]]:
        for begin in range(first, end, _A_PAGE_HAS):
            names = [f"video{number:07d}" for number in range(begin, min(begin + _A_PAGE_HAS, end))]
            yield str(begin // self.of_a_source + 1), names

    def _queued(self, source: str, names: list[str]) -> list[Message]:
        now = datetime.now(UTC)
        listed = tuple(ListedVideo(video_id=name, url=f"https://x.example/{name}", title=name) for name in names)
        return [
            SourceAccepted(at=now, source_id=source, url=f"https://x.example/{source}", worker="bench"),
            SourceExpanded(at=now, source_id=source, videos=self.of_a_source),
            VideosQueued(at=now, source_id=source, videos=listed),
        ]


def _claimed(name: str, source: str) -> Message:
    return VideoClaimed(at=datetime.now(UTC), video_id=name, source_id=source, worker="bench/1", attempt=1)


def _downloaded(name: str, source: str) -> Message:
    return VideoDownloaded(
        at=datetime.now(UTC),
        video_id=name,
        source_id=source,
        worker="bench/1",
        attempt=1,
        storage="main",
        size_bytes=1,
        sha256="0",
        seconds=1,
    )


async def publish(url: str, pages: Iterable[list[Message]], rate: float = math.inf) -> float:
    """Tell it all, evenly; how many seconds that took."""
    async with open_bus(url, "bench") as bus:
        began = time.monotonic()
        told = 0
        unconfirmed: set[asyncio.Task[None]] = set()
        for messages in pages:
            if len(unconfirmed) == _MOST_UNCONFIRMED:
                confirmed, unconfirmed = await asyncio.wait(unconfirmed, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*confirmed)
            unconfirmed.add(asyncio.create_task(bus.publisher.publish(*messages)))
            told += _A_PAGE_HAS
            ahead = told / rate - (time.monotonic() - began)
            if ahead > _BURST_SECONDS:
                await asyncio.sleep(ahead)
        await asyncio.gather(*unconfirmed)
        return time.monotonic() - began


def differing(machine: Machine, person: Person, *, known: int, done: int) -> str:
    """What the sheet does not show yet; empty when it is as the ledger says."""
    sources = {row["ID"]: row for row in person.records("Sources") if row.get("ID")}
    told = {row["source_id"]: row for row in machine.ask("sources", "list", "--limit", "100000")}
    behind = [
        name
        for name, row in told.items()
        if name not in sources
        or (sources[name]["Done"], sources[name]["Videos"]) != (f"{row['done']}", f"{row['videos']}")
    ]
    states = Counter(row["Status"] for row in person.records("Video Tasks") if row.get("ID"))
    if sum(row["videos"] for row in told.values()) < known + done or sum(row["done"] for row in told.values()) < done:
        return "the ledger is behind"
    return f"{len(behind)} sources, {states}" if behind or states["in-progress"] else ""


def run(load: Load, folder: Path) -> int:
    """Run it once, and print the figures."""
    with ExitStack() as stack:
        node = RestartableNode(folder / "broker")
        address = run_apart(node.start())
        stack.callback(lambda: run_apart(node.stop()))
        stack.callback(node.kill)
        google = stack.enter_context(google_standin())
        google.troubles.latency = timedelta(milliseconds=150)
        file = google.spreadsheet("Load")
        person = google.person(file)
        settings = settings_for_tests(
            BROKER_URL=address.url,
            SHEET__SPREADSHEET_ID=file.spreadsheet_id,
            SHEET__CREDENTIALS_FILE=str(google.write_key(folder / "key.json")),
            SHEET__POLL="",
            SHEET__FLUSH="",
        )
        machine = stack.enter_context(machine_in(folder / "box", settings))
        machine.environment |= google.environment
        services = {name: machine.run(name) for name in _SERVICES}
        for service in services.values():
            service.until_ready()
        wait(lambda: "Sources" not in person.tabs())
        # Nobody expands them: they are shown as done already.
        numbers = range(1, load.sources + 1)
        person.paste_rows("Sources", [[str(each), f"https://x.example/{each}", "done"] for each in numbers], at=2)
        if load.known:
            _make_known(load, address.url, lambda: differing(machine, person, known=load.known, done=0))
        time.sleep(_AT_HOME_SECONDS)
        asked, began = google.count(), datetime.now(UTC)
        before = _cpu_seconds(services)
        took = run_apart(publish(address.url, load.pages(), load.rate))
        ended = time.monotonic()
        cpu = {name: seconds - before[name] for name, seconds in _cpu_seconds(services).items()}
        left = wait(lambda: differing(machine, person, known=load.known, done=load.videos))
        lag = time.monotonic() - ended
        print(f"most in any minute      {google.most_within(since=began)}, with all before {google.most_within()}")
        _report(load, google, asked, took, lag, left)
        for name, running in services.items():
            print(f"{name:<23} {cpu[name] / took:.0%} of a core, at most {_most_resident_mb(running):.0f} MB")
        return 1 if left else 0


def _make_known(load: Load, url: str, behind: Callable[[], object]) -> None:
    began = time.monotonic()
    told = run_apart(publish(url, load.known_pages()))
    left = wait(behind, _KNOWN_PATIENCE)
    seconds = time.monotonic() - began
    print(f"known before            {load.known} of {load.sources} sources, told in {told:.0f} s")
    print(f"the sheet shows them    {f'after {seconds:.0f} s' if not left else f'not yet: {left}'}", flush=True)


def wait(look: Callable[[], object], patience: timedelta = _LAG_PATIENCE) -> object:
    """What is left to wait for, when patience is at its end; nothing when it is over before."""
    deadline = time.monotonic() + patience.total_seconds()
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _report(load: Load, google: GoogleStandin, asked: int, took: float, lag: float, left: object) -> None:
    changes = load.videos * _CHANGES_OF_A_VIDEO
    requests = google.count() - asked
    print(f"changes                 {changes} in {took:.1f} s, {changes / took:.0f} a second")
    print(f"requests                {google.count(Kind.READ)} reads, {google.count(Kind.WRITE)} writes")
    print(f"429                     {google.count(status=HTTPStatus.TOO_MANY_REQUESTS)}")
    print(f"requests for a video    {requests / load.videos:.5f}")
    print(f"lag after the last one  {lag:.1f} s{f', and then still: {left}' if left else ''}")


def _cpu_seconds(services: dict[str, Running]) -> dict[str, float]:
    ticks = os.sysconf("SC_CLK_TCK")
    found = {}
    for name, running in services.items():
        fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
        found[name] = (int(fields[11]) + int(fields[12])) / ticks
    return found


def _most_resident_mb(running: Running) -> float:
    (line,) = (line for line in Path(f"/proc/{running.pid}/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 1024


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.sheet_load", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="changes a second (default: 1000)")
    parser.add_argument("--seconds", type=float, default=600, help="for how long (default: 600)")
    parser.add_argument("--known", type=int, default=0, help="videos that are queued before (default: 0)")
    parser.add_argument("--of-a-source", type=int, default=2000, help="videos of each source (default: 2000)")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tubewarren-sheet-load-") as folder:
        return run(Load(options.rate, options.seconds, options.known, options.of_a_source), Path(folder))


if __name__ == "__main__":
    sys.exit(main())

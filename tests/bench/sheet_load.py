"""How the sheet keeps up: a fleet's worth of news for minutes, a spreadsheet with Google's quotas, and the lag after.

`python -m bench.sheet_load --seconds 600 --rate 1000`, in `tests/`, with nothing else running on the machine.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
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
from tubewarren.bus import Bus, open_bus
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
_A_SOURCE_HAS: Final = 2000
_A_PAGE_HAS: Final = 50
_CHANGES_OF_A_VIDEO: Final = 3
"""Queued, claimed, done."""
_BURST_SECONDS: Final = 0.1
_LAG_PATIENCE: Final = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Load:
    """What is published.

    Attributes:
        rate: changes of a video's state in a second.
        seconds: how long.
    """

    rate: int
    seconds: float

    @property
    def videos(self) -> int:
        """How many there are in all."""
        return max(1, round(self.rate * self.seconds / _CHANGES_OF_A_VIDEO))

    def pages(self) -> Iterator[list[Message]]:
        """What is told of each page of a list: it is queued, its videos are claimed, and they are done."""
        for first in range(0, self.videos, _A_PAGE_HAS):
            source = str(first // _A_SOURCE_HAS + 1)
            names = [f"video{number:07d}" for number in range(first, min(first + _A_PAGE_HAS, self.videos))]
            yield from self._page(source, names, begins=first % _A_SOURCE_HAS == 0)

    def _page(self, source: str, names: list[str], *, begins: bool) -> Iterator[list[Message]]:
        now = datetime.now(UTC)
        opening: list[Message] = []
        if begins:
            opening.append(SourceAccepted(at=now, source_id=source, url=f"https://x.example/{source}", worker="bench"))
            opening.append(SourceExpanded(at=now, source_id=source, videos=min(_A_SOURCE_HAS, self.videos)))
        listed = tuple(ListedVideo(video_id=name, url=f"https://x.example/{name}", title=name) for name in names)
        yield [*opening, VideosQueued(at=now, source_id=source, videos=listed)]
        yield [_claimed(name, source) for name in names]
        yield [_downloaded(name, source) for name in names]


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


async def publish(url: str, load: Load) -> float:
    """Tell it all, evenly; how many seconds that took."""
    async with open_bus(url, "bench") as bus:
        began = time.monotonic()
        told = 0
        for messages in load.pages():
            await _publish(bus, messages)
            told += _A_PAGE_HAS
            ahead = told / load.rate - (time.monotonic() - began)
            if ahead > _BURST_SECONDS:
                await asyncio.sleep(ahead)
        return time.monotonic() - began


async def _publish(bus: Bus, messages: list[Message]) -> None:
    await bus.publisher.publish(*messages)


def differing(machine: Machine, person: Person, load: Load) -> str:
    """What the sheet does not show yet; empty when it is as the ledger says."""
    sources = {row["ID"]: row for row in person.records("Sources") if row.get("ID")}
    told = {row["source_id"]: row for row in machine.ask("sources", "list")}
    behind = [
        name
        for name, row in told.items()
        if name not in sources
        or (sources[name]["Done"], sources[name]["Videos"]) != (f"{row['done']}", f"{row['videos']}")
    ]
    states = Counter(row["Status"] for row in person.records("Video Tasks") if row.get("ID"))
    if sum(row["done"] for row in told.values()) < load.videos:
        return "the ledger is behind"
    return f"{len(behind)} sources, {states}" if behind or set(states) != {"done"} else ""


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
        numbers = range(1, -(-load.videos // _A_SOURCE_HAS) + 1)
        # Nobody expands them: they are shown as done already.
        person.paste_rows("Sources", [[str(each), f"https://x.example/{each}", "done"] for each in numbers], at=2)
        before = _cpu_seconds(services)
        took = run_apart(publish(address.url, load))
        ended = time.monotonic()
        cpu = {name: seconds - before[name] for name, seconds in _cpu_seconds(services).items()}
        left = wait(lambda: differing(machine, person, load))
        lag = time.monotonic() - ended
        _report(load, google, took, lag, cpu, left)
        return 1 if left else 0


def wait(look: Callable[[], object]) -> object:
    """What is left to wait for, when patience is at its end; nothing when it is over before."""
    deadline = time.monotonic() + _LAG_PATIENCE.total_seconds()
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _report(load: Load, google: GoogleStandin, took: float, lag: float, cpu: dict[str, float], left: object) -> None:
    changes = load.videos * _CHANGES_OF_A_VIDEO
    requests = google.count()
    print(f"changes                 {changes} in {took:.1f} s, {changes / took:.0f} a second")
    print(f"requests                {google.count(Kind.READ)} reads, {google.count(Kind.WRITE)} writes")
    print(f"most in any minute      {google.most_within(timedelta(minutes=1))}")
    print(f"429                     {google.count(status=HTTPStatus.TOO_MANY_REQUESTS)}")
    print(f"requests for a video    {requests / load.videos:.5f}")
    print(f"lag after the last one  {lag:.1f} s{f', and then still: {left}' if left else ''}")
    for name, seconds in cpu.items():
        print(f"CPU of {name:<16} {seconds / took:.0%} of a core")


def _cpu_seconds(services: dict[str, Running]) -> dict[str, float]:
    ticks = os.sysconf("SC_CLK_TCK")
    found = {}
    for name, running in services.items():
        fields = Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()
        found[name] = (int(fields[11]) + int(fields[12])) / ticks
    return found


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.sheet_load", description=__doc__)
    parser.add_argument("--rate", type=int, default=1000, help="changes a second (default: 1000)")
    parser.add_argument("--seconds", type=float, default=600, help="for how long (default: 600)")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tubewarren-sheet-load-") as folder:
        return run(Load(options.rate, options.seconds), Path(folder))


if __name__ == "__main__":
    sys.exit(main())

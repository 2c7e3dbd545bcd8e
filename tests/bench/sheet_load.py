"""How the sheet keeps up: a fleet's worth of news, a spreadsheet with Google's quotas, and the lag after the last one.

`python -m bench.sheet_load --seconds 600 --rate 2000`, in `tests/`, with nothing else running on the machine. With
`--known 1000000 --of-a-source 200` so many videos are queued before it begins, and stay so. With `--away` the
spreadsheet answers nothing but 503 while the news come. With `--alone` the status-writer is the only one who listens.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import base64
import http.client
import json
import math
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aio_pika
from aio_pika import Message as AmqpMessage

from bench.lab import Lab, node_in
from bench.rows import Row, table
from brokers import BrokerUnderTest, run_apart
from fleets import Machine, Running, machine_in, settings_for_tests
from standins.google import GoogleStandin, google_standin
from standins.google_person import Person
from standins.google_quota import Kind
from tubewarren.bus import open_bus
from tubewarren.bus.codec import encode
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
from tubewarren.topology import EVENTS, RESULTS_MANAGER, SHEET_INGESTOR, STATUS_WRITER

_SERVICES: Final = frozenset({RESULTS_MANAGER})
"""Who knows best what the sheet has to show."""
_MEASURED_SECONDS: Final = 20.0
_SAMPLE_SECONDS: Final = 2.0
_A_PAGE_HAS: Final = 50
_EVENTS_OF_A_PAGE: Final = 2 * _A_PAGE_HAS + 3
"""Its videos are claimed and done; that they are queued is told of all at once, with what is said of their source."""
_BURST_SECONDS: Final = 0.1
_MOST_UNCONFIRMED: Final = 8
"""Pages: one at a time would wait for the broker most of the time."""
_EVENTS: Final = f"{STATUS_WRITER}.events"
_AT_HOME_SECONDS: Final = 20
"""A new spreadsheet gets its tabs, and its rows are taken, before the load begins."""
_LAG_PATIENCE: Final = timedelta(minutes=3)
_KNOWN_PATIENCE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Load:
    """What is published.

    Attributes:
        rate: events in a second.
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
        return max(1, round(self.rate * self.seconds / _EVENTS_OF_A_PAGE * _A_PAGE_HAS))

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
            claimed = [_claimed(name, source) for name in names]
            yield [*self._queued(source, names), *claimed, *[_downloaded(name, source) for name in names]]

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


async def publish(url: str, pages: Iterable[list[Message]]) -> float:
    """Tell it all, each page confirmed; how many seconds that took."""
    async with open_bus(url, "bench") as bus:
        began = time.monotonic()
        unconfirmed: set[asyncio.Task[None]] = set()
        for messages in pages:
            if len(unconfirmed) == _MOST_UNCONFIRMED:
                confirmed, unconfirmed = await asyncio.wait(unconfirmed, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*confirmed)
            unconfirmed.add(asyncio.create_task(bus.publisher.publish(*messages)))
        await asyncio.gather(*unconfirmed)
        return time.monotonic() - began


def tell(url: str, load: Load) -> tuple[float, int]:
    """Tell of all that changes, evenly; how many seconds that took, and how many events those were.

    From a process of its own, and with as little work as can be, so that it takes nothing from who is measured: what
    is told was written down before.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        return apart.submit(_tell, url, load).result()


def _tell(url: str, load: Load) -> tuple[float, int]:
    written = [[(message.type, encode(message)) for message in messages] for messages in load.pages()]
    return asyncio.run(_told(url, written, load.rate))


async def _told(url: str, written: Sequence[Sequence[tuple[str, AmqpMessage]]], rate: float) -> tuple[float, int]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(publisher_confirms=False) as channel:
        broker = await channel.get_underlay_channel()
        began, number = time.monotonic(), 0
        for page in written:
            for routing_key, message in page:
                await broker.basic_publish(
                    message.body, exchange=EVENTS, routing_key=routing_key, properties=message.properties
                )
            number += len(page)
            ahead = number / rate - (time.monotonic() - began)
            if ahead > _BURST_SECONDS:
                await asyncio.sleep(ahead)
        # Answered when all before it has arrived.
        await channel.set_qos(prefetch_count=1)
        return time.monotonic() - began, number


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


def shortfall(person: Person, done: int) -> str:
    """What the sheet does not show yet, by its own summary; empty when all is done."""
    told = {row["What"]: row["Value"] for row in person.records("Summary")} if "Summary" in person.tabs() else {}
    shown, running = told.get("Videos done", "0"), told.get("Videos in-progress", "0")
    return "" if (shown, running) == (f"{done}", "0") else f"{shown} of {done} done, {running} running"


@dataclass(frozen=True, slots=True)
class Desk:
    """A spreadsheet, and those who write into it."""

    google: GoogleStandin
    person: Person
    machine: Machine
    broker: BrokerUnderTest
    broker_id: int
    services: Mapping[str, Running]

    @property
    def url(self) -> str:
        """Of the broker."""
        return self.broker.url

    def wait_for(self, load: Load) -> object:
        """Wait until the sheet shows all; what is left when patience is at its end."""
        if _SERVICES.isdisjoint(self.services):
            return wait(lambda: shortfall(self.person, load.videos))
        return wait(lambda: differing(self.machine, self.person, known=load.known, done=load.videos))


@contextmanager
def desk_in(folder: Path, services: Collection[str], sources: int = 0) -> Iterator[Desk]:
    """A new spreadsheet with so many sources, at home."""
    with ExitStack() as stack:
        address = stack.enter_context(node_in(folder / "broker"))
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
        running = {name: machine.run(name) for name in services}
        for service in running.values():
            service.until_ready()
        wait(lambda: not {"Sources", "Summary"} <= {*person.tabs()})
        # Nobody expands them: they are shown as done already.
        numbers = range(1, sources + 1)
        person.paste_rows("Sources", [[str(each), f"https://x.example/{each}", "done"] for each in numbers], at=2)
        yield Desk(google, person, machine, BrokerUnderTest.of(address), address.pid, running)


def run(load: Load, folder: Path, *, is_alone: bool = False) -> int:
    """Run it once, and print the figures."""
    listeners = {STATUS_WRITER, SHEET_INGESTOR} | (set() if is_alone else _SERVICES)
    with desk_in(folder, listeners, load.sources) as desk:
        if load.known:
            _make_known(load, desk.url, lambda: differing(desk.machine, desk.person, known=load.known, done=0))
        time.sleep(_AT_HOME_SECONDS)
        asked, began = desk.google.count(), datetime.now(UTC)
        before = _cpu_seconds(desk.services)
        took, number = tell(desk.url, load)
        ended = time.monotonic()
        cpu = {name: seconds - before[name] for name, seconds in _cpu_seconds(desk.services).items()}
        left = desk.wait_for(load)
        lag = time.monotonic() - ended
        print(f"most in any minute      {desk.google.most_within(since=began)}, ever {desk.google.most_within()}")
        print(f"events                  {number} in {took:.1f} s, {number / took:.0f} a second")
        _report(load, desk.google, asked, lag, left)
        for name, running in desk.services.items():
            most = resident_mb(running.pid, "VmHWM")
            print(f"{name:<23} {cpu[name] / took:.0%} of a core, at most {most:.0f} MB")
        return 1 if left else 0


def keeping_up(lab: Lab, size: int, rounds: int) -> list[Row]:
    """The measure: so many events in a second, and what the sheet lags behind after the last one."""
    load = Load(rate=size, seconds=_MEASURED_SECONDS, known=0, of_a_source=2000)
    lags, cpu, each, rates, written, memory = ([] for _ in range(6))
    for number in range(rounds):
        with desk_in(lab.folder / f"sheet.{number}", [STATUS_WRITER]) as desk:
            before = _cpu_seconds(desk.services)[STATUS_WRITER]
            writes = desk.google.count(Kind.WRITE)
            took, events = tell(desk.url, load)
            ended = time.monotonic()
            cpu.append(100 * (_cpu_seconds(desk.services)[STATUS_WRITER] - before) / took)
            left = desk.wait_for(load)
            each.append(1e6 * (_cpu_seconds(desk.services)[STATUS_WRITER] - before) / events)
            lags.append(math.inf if left else time.monotonic() - ended)
            rates.append(events / took)
            written.append(events / (desk.google.count(Kind.WRITE) - writes))
            memory.append(resident_mb(desk.services[STATUS_WRITER].pid, "VmHWM"))
    subject = f"status-writer, a Google sheet, {size} events a second"
    return [
        Row("events that the sheet is told of", subject, "1/s", tuple(rates)),
        Row("the sheet's lag after the last event", subject, "s", tuple(lags), "at most 10"),
        Row("events for one write", subject, "", tuple(written)),
        Row("CPU meanwhile", subject, "% of a core", tuple(cpu)),
        Row("CPU for one event, written", subject, "µs", tuple(each)),
        Row("memory at most", subject, "MB", tuple(memory)),
    ]


def away(lab: Lab, size: int, rounds: int) -> list[Row]:
    """The measure: the sheet is away while as many events come; what is held, what waits, and how long it is behind."""
    del rounds
    load = Load(rate=size, seconds=_MEASURED_SECONDS, known=0, of_a_source=2000)
    with desk_in(lab.folder / "sheet.away", [STATUS_WRITER]) as desk:
        return _away(load, desk)


def _away(load: Load, desk: Desk) -> list[Row]:
    held, memory, brokers, in_hand, waiting = desk.services[STATUS_WRITER].pid, [], [], 0, 0
    desk.google.troubles.refuse(HTTPStatus.SERVICE_UNAVAILABLE, None)
    with ThreadPoolExecutor(1) as beside:
        telling = beside.submit(tell, desk.url, load)
        while not telling.done():
            time.sleep(_SAMPLE_SECONDS)
            ready, unacked = depths(desk.broker).get(_EVENTS, (0, 0))
            waiting, in_hand = max(waiting, ready), max(in_hand, unacked)
            memory.append(resident_mb(held))
            brokers.append(resident_mb(desk.broker_id))
    _, number = telling.result()
    desk.google.troubles.clear()
    back = time.monotonic()
    left = desk.wait_for(load)
    lag = math.inf if left else time.monotonic() - back
    subject = f"{load.rate} events a second for {load.seconds:.0f} s, and a sheet that is away"
    flat = f"{memory[len(memory) // 2]:.0f} MB at half time; {in_hand} events in hand at most"
    return [
        Row("memory of the status-writer", subject, "MB", tuple(memory), "flat", flat),
        Row("memory of the broker", subject, "MB", tuple(brokers), "", f"{waiting} events wait there at most"),
        Row("all is in the sheet when it is back", subject, "s", (lag,), "", f"{number} events"),
    ]


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


def _report(load: Load, google: GoogleStandin, asked: int, lag: float, left: object) -> None:
    requests = google.count() - asked
    print(f"requests                {google.count(Kind.READ)} reads, {google.count(Kind.WRITE)} writes")
    print(f"429                     {google.count(status=HTTPStatus.TOO_MANY_REQUESTS)}")
    print(f"requests for a video    {requests / load.videos:.5f}")
    print(f"lag after the last one  {lag:.1f} s{f', and then still: {left}' if left else ''}")


def cpu_seconds(process_id: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(process_id: int, field: str = "VmRSS") -> float:
    """What a process has in memory now, or with `VmHWM` had at most."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def depths(broker: BrokerUnderTest) -> dict[str, tuple[int, int]]:
    """Ready and unacknowledged by queue, as the management API counts them every few seconds."""
    address = urlsplit(broker.management_url)
    line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    login = base64.b64encode("{0.username}:{0.password}".format(urlsplit(broker.url)).encode()).decode()
    try:
        columns = "name,messages_ready,messages_unacknowledged"
        line.request("GET", f"/api/queues?columns={columns}", headers={"Authorization": f"Basic {login}"})
        queues = json.loads(line.getresponse().read())
    finally:
        line.close()
    return {each["name"]: (each.get("messages_ready", 0), each.get("messages_unacknowledged", 0)) for each in queues}


def _cpu_seconds(services: Mapping[str, Running]) -> dict[str, float]:
    return {name: cpu_seconds(running.pid) for name, running in services.items()}


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.sheet_load", description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="events a second (default: 2000)")
    parser.add_argument("--seconds", type=float, default=600, help="for how long (default: 600)")
    parser.add_argument("--known", type=int, default=0, help="videos that are queued before (default: 0)")
    parser.add_argument("--of-a-source", type=int, default=2000, help="videos of each source (default: 2000)")
    parser.add_argument("--alone", action="store_true", help="without ledger")
    parser.add_argument("--away", action="store_true", help="the spreadsheet is away meanwhile")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    load = Load(options.rate, options.seconds, options.known, options.of_a_source)
    with tempfile.TemporaryDirectory(prefix="tubewarren-sheet-load-") as folder:
        if not options.away:
            return run(load, Path(folder), is_alone=options.alone)
        with desk_in(Path(folder), [STATUS_WRITER]) as desk:
            print("\n".join(table(_away(load, desk))))
        return 0


if __name__ == "__main__":
    sys.exit(main())

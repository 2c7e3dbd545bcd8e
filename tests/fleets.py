"""A machine on which somebody runs `svc`, for tests: its processes, its folders, and what can be seen from outside."""

import asyncio
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from brokers import PROJECT_DATA_DIR, RestartableNode, run_apart
from tubewarren.broker.config import NodeFolder
from tubewarren.broker.processes import processes_marked
from tubewarren.bus import open_bus
from tubewarren.messages import Message
from tubewarren.settings.durations import spell_duration
from tubewarren.store.manifest import Manifest
from tubewarren.store.store import Store
from tubewarren.topology import topology
from tubewarren.youtube.addresses import video_key
from tubewarren_services.demo.catalogue import Catalogue
from tubewarren_services.demo.site import Site, SiteVideo, serve_site
from warm_svc import warm_svc

SVC = (sys.executable, "-m", "tubewarren_services.cli.entry")
PATIENCE = timedelta(seconds=60)
"""Only what never comes takes so long; on a busy machine a fleet may need half of it to start."""
LADDER = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4))
STALE_AFTER = timedelta(seconds=3)
LOST_AFTER = timedelta(seconds=9)

MachineFor = Callable[..., "Machine"]
"""Makes the machine of a test: for a site, with settings."""
SiteOf = Callable[[Catalogue], Site]
"""Serves a catalogue until the test ends."""

_LOOK_EVERY = timedelta(milliseconds=50)
_REST = 2
"""Times as long as the look took."""
_CLEAN_STOP = timedelta(seconds=60)

Seen = TypeVar("Seen")


def wait_until(
    look: Callable[[], Seen],
    timeout: timedelta = PATIENCE,
    *,
    holds: Callable[[Seen], object] = bool,
    otherwise: Callable[[], object] = lambda: "",
) -> Seen:
    """Waits for what other processes do; what was seen when it held. `otherwise` tells more when it never does."""
    deadline = time.monotonic() + timeout.total_seconds()
    while True:
        began = time.monotonic()
        if holds(seen := look()):
            return seen
        ended = time.monotonic()
        if ended > deadline:
            raise AssertionError(f"not within {timeout.total_seconds():g} s, but: {seen!r} {otherwise()}")
        # A look that starts a process must not take the machine from those it waits for.
        time.sleep(max(_LOOK_EVERY.total_seconds(), _REST * (ended - began)))


@dataclass
class Running:
    """A process that a person left running, and what it prints."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def log(self) -> list[dict[str, Any]]:
        """Its structured log lines."""
        return log_lines(self.output)

    def until_ready(self) -> "Running":
        self.until_logged(lambda line: line["event"] == "ready")
        return self

    def until_logged(self, holds: Callable[[dict[str, Any]], object], timeout: timedelta = PATIENCE) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((line for line in self.log() if holds(line)), None)

        line = wait_until(found, timeout, otherwise=lambda: self.text[-3000:])
        assert line is not None
        return line

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: timedelta = PATIENCE) -> int:
        """Its exit code, which it must have within the time."""
        try:
            return self.process.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it runs on after {timeout.total_seconds():g} s; {self.text[-3000:]}") from None

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@dataclass
class Machine:
    """A folder in which somebody runs `svc`, with settings in its environment.

    Attributes:
        settings: environment variables without their prefix, such as `GRACE`.
        environment: further variables.
    """

    folder: Path
    settings: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / self.settings.get("DATA_DIR", ".tubewarren")

    @property
    def results(self) -> Path:
        return self.folder / self.settings.get("STORE__RESULTS", "results")

    @property
    def selected(self) -> Path:
        return self.folder / self.settings.get("STORE__SELECTED", "selected")

    @property
    def workbook(self) -> Path:
        return self.folder / self.settings.get("SHEET__WORKBOOK", "workbook")

    @property
    def store(self) -> Store:
        return Store(self.results, self.selected)

    def svc(self, *arguments: str, timeout: timedelta = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return warm_svc()(arguments, self.folder, self._environment({}), timeout)

    def ask(self, *arguments: str) -> Any:
        """What a command says with `--json`."""
        answer = self.svc(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def start(
        self, *arguments: str, settings: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> Running:
        """Runs a command in the background; `before` is what stands in front of it on the command line."""
        # Named at random, because several machines of one test may share a folder.
        output = self.folder / f"{uuid4().hex[:6]}.{'-'.join(arguments[:2]).strip('-')}.log"
        with output.open("wb") as written:
            process = subprocess.Popen(
                [*before, *SVC, *arguments],
                cwd=self.folder,
                env=self._environment(settings or {}),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
            )
        running = Running(process, output)
        self.started.append(running)
        return running

    def run(self, service: str, *arguments: str, settings: Mapping[str, str] | None = None) -> Running:
        """Runs one service in the background."""
        return self.start("run", service, *arguments, settings=settings)

    def publish(self, *messages: Message) -> None:
        """Orders something, as a service would; the queues are made first."""
        run_apart(_publish(self.settings["BROKER_URL"], messages))

    def rows(self, tab: str) -> list[dict[str, str]]:
        """A tab of the workbook."""
        path = self.workbook / f"{tab}.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    def append_rows(self, tab: str, *rows: Mapping[str, str]) -> None:
        """Adds rows at the end of a tab, as an editor saves: the whole file anew."""
        path = self.workbook / f"{tab}.csv"
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            before, names = list(reader), reader.fieldnames
        assert names is not None
        fresh = path.with_name("by hand.csv")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows([*before, *rows])
        fresh.replace(path)

    def sources(self, *lines: str) -> None:
        """Writes sources.txt, whole or not at all."""
        fresh = self.folder / "sources.new"
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.replace(self.folder / "sources.txt")

    def logged(self, service: str) -> list[dict[str, Any]]:
        """The structured log lines of a service of `svc up`."""
        return log_lines(self.data / "logs" / f"{service}.log")

    @property
    def finished(self) -> set[str]:
        """The videos whose results have appeared, by one rename each; only looks, and touches nothing."""
        paths = self.results.iterdir() if self.results.exists() else ()
        return {path.name for path in paths if not path.name.startswith(".")}

    def manifest(self, video_id: str) -> Manifest:
        """What a result says of itself."""
        return Manifest.model_validate_json((self.results / video_id / "manifest.json").read_bytes())

    def partial_bytes(self, video_id: str) -> int:
        """What an unfinished download has on disk."""
        return sum(path.stat().st_size for path in (self.results / ".staging" / video_id).rglob("*.part"))

    def checksums(self) -> dict[str, str]:
        """Of the media in the store, read again and compared with the manifest, by video."""
        store = self.store
        found = {}
        for video_id in store.finished_ids():
            manifest = store.find(video_id)
            assert manifest is not None
            assert store.verify(video_id).is_intact
            found[video_id] = manifest.main_file.sha256
        return found

    def close(self) -> None:
        """Ends what still runs, by its pid, and a broker that was left behind."""
        for running in self.started:
            if running.is_running:
                running.signal(signal.SIGCONT)
                running.signal(signal.SIGTERM)
        for running in self.started:
            try:
                running.process.wait(_CLEAN_STOP.total_seconds())
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        if processes_marked(NodeFolder(self.data.resolve() / "broker").marker):
            orphan = RestartableNode(self.data)
            run_apart(orphan.start())
            orphan.kill()
            run_apart(orphan.stop())

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        # A proxy of this machine must not see what goes over loopback.
        kept = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("TUBEWARREN_", "OTEL_")) and not name.lower().endswith("_proxy")
        }
        ours = {f"TUBEWARREN_{name}": text for name, text in {**self.settings, **settings}.items()}
        return {**kept, **self.environment, **ours}


def settings_for_tests(site: Site | None = None, **more: str) -> dict[str, str]:
    """Everything that waits, waits shortly."""
    return {
        "RABBITMQ_DIR": str(PROJECT_DATA_DIR),
        "WORKER_NAME": "box",
        "GRACE": "5s",
        "SHEET__POLL": "500ms",
        "SHEET__FLUSH": "300ms",
        "HEARTBEAT__EVERY": "1s",
        "HEARTBEAT__STALE_AFTER": spell_duration(STALE_AFTER),
        "HEARTBEAT__LOST_AFTER": spell_duration(LOST_AFTER),
        "RETRY__LADDER": ",".join(spell_duration(delay) for delay in LADDER),
        "LOG__FORMAT": "json",
        "FITNESS__DISK_FLOOR": "0",
        "FITNESS__PROGRAMS": "",
        **({"YOUTUBE__ALLOWED_HOSTS": urlsplit(site.url).netloc} if site else {}),
        **more,
    }


@contextmanager
def machine_in(folder: Path, settings: dict[str, str]) -> Iterator[Machine]:
    """A machine whose processes end with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = Machine(folder, settings)
    try:
        yield machine
    finally:
        machine.close()


@contextmanager
def site_of(catalogue: Catalogue) -> Iterator[Site]:
    """The demo's media site in a thread of its own, so that a test may wait meanwhile."""
    started: Future[tuple[Site, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over = asyncio.Event()
        async with serve_site(catalogue) as site:
            started.set_result((site, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="the media site")
    thread.start()
    site, loop, over = started.result(PATIENCE.total_seconds())
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def key_of(video: SiteVideo) -> str:
    """The name of a video's folder."""
    return video_key("generic", video.slug, video.url)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def log_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file; other lines, and one that is not finished, are passed over."""
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def children_of(process_id: int) -> list[int]:
    """All processes that a process started, and those that they started."""
    try:
        text = "".join(path.read_text() for path in Path(f"/proc/{process_id}/task").glob("*/children"))
    except (FileNotFoundError, ProcessLookupError):
        return []
    children = [int(child) for child in text.split()]
    return [*children, *(later for child in children for later in children_of(child))]


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def has_open(process_id: int, suffix: str) -> bool:
    """Whether a process holds a file open whose name ends so."""
    for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            if str(descriptor.readlink()).endswith(suffix):
                return True
        except FileNotFoundError:
            continue
    return False


def resident_bytes(process_id: int) -> int:
    """What a process has in memory for itself alone."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


async def _publish(url: str, messages: tuple[Message, ...]) -> None:
    async with open_bus(url, "a test", patience=timedelta(seconds=10)) as bus:
        await bus.declare(topology(LADDER))
        await bus.publisher.publish(*messages)

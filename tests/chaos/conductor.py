"""The conductor: starts the fleet, does to it what the plan says, and starts again what it has killed."""

import heapq
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from brokers import RestartableNode, run_apart
from chaos.management import Management
from chaos.plan import SLOTS, Blow, Deed, Plan
from chaos.processor import CALLS, blocking, full, outage
from fleets import Machine, Running
from tubewarren.broker import PrivateBrokerError
from tubewarren.bus import BusError
from tubewarren.messages.commands import DownloadVideo
from tubewarren.topology import DOWNLOADER, SHEET_INGESTOR

Say = Callable[[str], None]

_TICK_SECONDS: Final = 0.05
_LATER_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 15.0
_WEATHER_SECONDS: Final = 8.0
_CONCURRENCY: Final = 5
_NEED_THE_BROKER: Final = frozenset({Deed.BROKER, Deed.DELAY, Deed.CUT, Deed.DUPLICATE})


@dataclass
class Figures:
    """What was done to the fleet."""

    kills: Counter[str] = field(default_factory=Counter)
    broker_restarts: int = 0
    delays: int = 0
    cuts: int = 0
    connections_cut: int = 0
    freezes: int = 0
    blocks: int = 0
    outages: int = 0
    full: int = 0
    duplicates: int = 0
    redelivered: int = 0
    unexpected: list[str] = field(default_factory=list)


@dataclass
class Conductor:
    """One fleet under one plan.

    Attributes:
        node: the broker, when it may be killed.
        addresses: where each list of the plan is served, by its path.
        say: told what happens.
    """

    plan: Plan
    machine: Machine
    management: Management
    node: RestartableNode | None
    addresses: dict[str, str]
    say: Say
    figures: Figures = field(default_factory=Figures)
    _running: dict[str, Running] = field(default_factory=dict)
    _frozen: set[str] = field(default_factory=set)
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterable[int] = field(default_factory=count)
    _began: float = 0.0
    _broker_trouble: threading.Thread | None = None

    def start(self) -> None:
        """Start every service, and wait until each is ready."""
        for slot in SLOTS:
            self._start(slot)
        for running in self._running.values():
            running.until_ready()

    def torment(self) -> None:
        """Give the fleet its lists and its blows; at the end everything runs, and nothing holds it back."""
        self._began = time.monotonic()
        written: list[str] = []
        for source in self.plan.sources:
            self._at(source.at, lambda path=source.path: self._write_source(written, path))  # type: ignore[misc]
        for blow in self.plan.blows:
            self._at(blow.at, lambda blow=blow: self._strike(blow))  # type: ignore[misc]
        while self._agenda:
            at, _, deed = self._agenda[0]
            if at <= self._elapsed:
                heapq.heappop(self._agenda)
                deed()
            else:
                self.watch_over()
                time.sleep(_TICK_SECONDS)
        if self._broker_trouble is not None:
            self._broker_trouble.join()

    def watch_over(self) -> None:
        """Start again what ended by itself, as a supervisor does, and remember that it did."""
        for slot, running in list(self._running.items()):
            if not running.is_running:
                code, told = running.process.returncode, running.text[-600:]
                self.figures.unexpected.append(f"{slot} ended by itself with {code}; {running.output}: {told}")
                self._start(slot)

    def note_redelivered(self) -> None:
        """Count what the broker gave out again; a restart makes it forget."""
        try:
            self.figures.redelivered += sum(queue.redelivered for queue in self.management.queues())
        except OSError as error:
            self.say(f"the management API does not answer: {error}")

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _at(self, at: float, deed: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(iter(self._numbers)), deed))

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        self._at(self._elapsed + seconds, deed)

    def _start(self, slot: str) -> None:
        service, _, egress = slot.partition(" ")
        settings = {"EGRESS": egress.partition(" ")[0] or "home"}
        if service == SHEET_INGESTOR:
            settings["SOURCES_FILE"] = "sources.txt"
        arguments = (
            ("--processor", "chaos.processor:work", "--concurrency", str(_CONCURRENCY)) if service == DOWNLOADER else ()
        )
        self._running[slot] = self.machine.run(service, *arguments, settings=settings)

    def _write_source(self, written: list[str], path: str) -> None:
        written.append(f"{self.addresses[path]}|{path}")
        self.machine.sources(*written)

    def _strike(self, blow: Blow) -> None:
        """Do it, or a little later when it would come to nothing now."""
        needs_broker = blow.deed in _NEED_THE_BROKER
        if (needs_broker and self._is_broker_away) or not self._is_struck(blow):
            if self._elapsed < blow.at + _PATIENCE_SECONDS:
                self._later(_LATER_SECONDS, lambda: self._strike(blow))
            return
        self.say(f"{self._elapsed:7.2f} s  {blow.deed} {blow.target} {blow.lasts or ''}".rstrip())

    def _is_struck(self, blow: Blow) -> bool:  # noqa: PLR0911 - one for each deed
        match blow.deed:
            case Deed.KILL:
                return self._kill(blow)
            case Deed.FREEZE:
                return self._freeze(blow)
            case Deed.CUT:
                return self._cut()
            case Deed.BROKER:
                return self._restart_broker(blow)
            case Deed.DELAY:
                return self._freeze_broker(blow)
            case Deed.DUPLICATE:
                return self._order_again(int(blow.target))
            case Deed.BLOCK:
                self.figures.blocks += 1
                return self._weather(blocking(blow.target), blow, f'"egress": "{blow.target}", "does": "blocked"')
            case Deed.OUTAGE:
                self.figures.outages += 1
                return self._weather(outage(), blow, '"does": "extractor"')
            case Deed.FULL:
                self.figures.full += 1
                return self._weather(full(blow.target), blow, f'"egress": "{blow.target}", "does": "unfit"')

    def _kill(self, blow: Blow) -> bool:
        running = self._running.get(blow.target)
        if running is None or not running.is_running:
            return False
        del self._running[blow.target]
        self._frozen.discard(blow.target)
        running.signal(signal.SIGKILL)
        running.process.wait()
        self.figures.kills[blow.target.partition(" ")[0]] += 1
        self._later(blow.lasts, lambda: self._start(blow.target))
        return True

    def _freeze(self, blow: Blow) -> bool:
        running = self._running.get(blow.target)
        if running is None or blow.target in self._frozen:
            return False
        self._frozen.add(blow.target)
        running.signal(signal.SIGSTOP)
        self.figures.freezes += 1
        self._later(blow.lasts, lambda: self._thaw(blow.target, running))
        return True

    def _thaw(self, slot: str, running: Running) -> None:
        if self._running.get(slot) is running:
            self._frozen.discard(slot)
            running.signal(signal.SIGCONT)

    def _cut(self) -> bool:
        try:
            number = self.management.cut_connections()
        except OSError as error:
            self.say(f"the management API does not answer: {error}")
            return False
        self.figures.connections_cut += number
        self.figures.cuts += 1 if number else 0
        return number > 0

    def _restart_broker(self, blow: Blow) -> bool:
        """Kill it now, and start it again beside all else, which takes seconds."""
        if self.node is None:
            return False
        self.note_redelivered()
        self.node.kill()
        self._beside(lambda node: self._start_broker(node, blow.lasts))
        return True

    def _freeze_broker(self, blow: Blow) -> bool:
        if self.node is None:
            return False
        self.node.freeze()
        self._beside(lambda node: self._thaw_broker(node, blow.lasts))
        self.figures.delays += 1
        return True

    def _beside(self, work: Callable[[RestartableNode], None]) -> None:
        """What the broker needs until it is of use again, while all else goes on."""
        self._broker_trouble = threading.Thread(target=work, args=(self.node,))
        self._broker_trouble.start()

    def _thaw_broker(self, node: RestartableNode, after_seconds: float) -> None:
        time.sleep(after_seconds)
        node.thaw()

    def _start_broker(self, node: RestartableNode, after_seconds: float) -> None:
        time.sleep(after_seconds)
        try:
            address = run_apart(node.start())
        except PrivateBrokerError as error:
            self.figures.unexpected.append(f"the broker does not start again: {error}")
            return
        if address.url != self.management.amqp_url:
            self.figures.unexpected.append("the private broker has moved to other ports")
        self.figures.broker_restarts += 1

    @property
    def _is_broker_away(self) -> bool:
        return self._broker_trouble is not None and self._broker_trouble.is_alive()

    def _order_again(self, how_many: int) -> bool:
        """Copies of orders that were given, under their own ids."""
        names = {row["ID"]: row["Name"] for row in self.machine.rows("Sources")}
        rows = self.machine.rows("Video Tasks")
        # Spread over the whole sheet, from the newest to the oldest.
        chosen = rows[:: -max(1, len(rows) // how_many)][:how_many]
        orders = [
            DownloadVideo(
                video_id=row["ID"],
                url=row["URL"],
                source_id=row["SourceID"],
                title=row["Title"],
                columns={"Name": names.get(row["SourceID"], "")},
            )
            for row in chosen
        ]
        try:
            self.machine.publish(*orders)
        except (BusError, OSError) as error:
            self.say(f"nothing could be ordered again: {error}")
            return False
        self.figures.duplicates += len(orders)
        return bool(orders)

    def _weather(self, sign: Path, blow: Blow, met: str) -> bool:
        """Until its time is over and a call has met it, in these words."""
        path, calls = self.machine.folder / sign, self.machine.folder / CALLS
        before = _count(calls, met)
        path.touch()

        def clear() -> None:
            if _count(calls, met) == before and self._elapsed < blow.at + _WEATHER_SECONDS:
                self._later(_LATER_SECONDS, clear)
            else:
                path.unlink(missing_ok=True)

        self._later(blow.lasts, clear)
        return True


def _count(path: Path, words: str) -> int:
    return path.read_text().count(words) if path.exists() else 0

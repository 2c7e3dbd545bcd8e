"""The desk: keeps the board, writes the letters, and sends them until they have arrived."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from pydantic import SecretStr, TypeAdapter

from tubewarren.completion import Sight, Value, is_finished
from tubewarren.delivery import Delivery
from tubewarren.messages.events import DEAD_COOKIE_JARS, WorkerBeat
from tubewarren.settings.alarms import AlarmSettings
from tubewarren.settings.reading import masked_scheme
from tubewarren.topology import SHEET_INGESTOR, Queue
from tubewarren_services.heartbeat_monitor.alarms import milestones as counting
from tubewarren_services.heartbeat_monitor.alarms.board import Board, digest_of, observe, without
from tubewarren_services.heartbeat_monitor.alarms.conditions import conditions, forgotten
from tubewarren_services.heartbeat_monitor.alarms.letter import joined, letter_of
from tubewarren_services.heartbeat_monitor.alarms.milestones import Milestones, Tally
from tubewarren_services.heartbeat_monitor.alarms.outbox import Outbox, failed, is_due, put
from tubewarren_services.heartbeat_monitor.alarms.posting import Post, Posted, Receipt
from tubewarren_services.heartbeat_monitor.handler import Fleet
from tubewarren_services.heartbeat_monitor.memory import StateFile
from tubewarren_services.heartbeat_monitor.permits.books import Books

Depths = Mapping[str, tuple[int, int] | None]

_SAVE_EVERY: Final = timedelta(seconds=5)

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What outlives a restart.

    Attributes:
        outboxes: by a digest of their address, which is a secret.
    """

    board: Board = field(default_factory=Board)
    milestones: Milestones = field(default_factory=Milestones)
    outboxes: Mapping[str, Outbox] = field(default_factory=dict)


@dataclass(slots=True)
class AlarmDesk:
    """Whom to tell of what, and whether they have been told.

    Attributes:
        clock: our own time, the only one that counts.
    """

    file: StateFile[State]
    limits: AlarmSettings
    post: Post
    clock: Callable[[], datetime]
    state: State = field(default_factory=State)
    _file_trouble: str = ""
    _jars: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _looks: int = 0
    _decided: int = 0
    _saved: State = field(default_factory=State)
    _saved_at: datetime | None = None

    @classmethod
    def open(cls, path: Path, limits: AlarmSettings, post: Post, clock: Callable[[], datetime]) -> "AlarmDesk":
        """Begin with what was told before, so that a restart tells nothing twice."""
        desk = cls(StateFile(path, TypeAdapter(State), "the alarms that were told"), limits, post, clock)
        desk.state = desk._saved = desk.file.load() or State()
        return desk

    @property
    def trouble(self) -> str:
        """What keeps alarms from arriving, or from being remembered; empty when nothing does."""
        outboxes = self._outboxes()
        away = sorted({masked_scheme(url) for url in self.limits.urls if outboxes[_name_of(url)].failures})
        return self._file_trouble or (f"Alarms do not reach {', '.join(away)}: try `svc alarms test`." if away else "")

    def hear(self, deliveries: Sequence[Delivery]) -> None:
        """Learn from beats what the fleet's picture does not hold."""
        for delivery in deliveries:
            if not isinstance(beat := delivery.message, WorkerBeat):
                continue
            dead = tuple(str(beat.facts.get(DEAD_COOKIE_JARS, "")).split("/"))
            self._jars[beat.worker] = tuple(filter(None, dead))
            if beat.service == SHEET_INGESTOR:
                self._looks, self._decided = (_number(beat.facts.get(name)) for name in ("looks", "sources"))

    def count(self, depths: Depths, summary: Mapping[str, Value], queues: tuple[Queue, ...]) -> None:
        """Learn how many messages are dead, and whether anything is left to do."""
        dead = sum(depth[0] for queue in queues if queue.purpose == "dead" and (depth := depths.get(queue.name)))
        found = counting.with_dead(self.state.milestones, dead)
        if summary:
            tally = Tally(*(_number(summary.get(name)) for name in ("tasks_done", "tasks_dead", "sources_error")))
            sight = Sight(self._looks, self._decided, summary, depths)
            found = counting.with_tally(found, tally, is_finished=is_finished(sight, queues))
        self.state = replace(self.state, milestones=found)

    async def look(self, fleet: Fleet, books: Books) -> None:
        """Once a second: note what is the matter, and send what is due."""
        now = self.clock()
        self._jars = {name: jars for name, jars in self._jars.items() if name in fleet.workers}
        standing = [*conditions(fleet, books, self._jars), *counting.news(self.state.milestones)]
        known = without(self.state.board, forgotten(self.state.board, fleet))
        board, digest = digest_of(observe(known, standing, now), now, self.limits)
        self.state = replace(self.state, board=board)
        if digest:
            letter = letter_of(digest)
            log.info("alarms go out", title=letter.title, addresses=len(self.limits.urls))
            self.state = State(
                board,
                counting.after_telling(self.state.milestones, digest.begun),
                {name: put(outbox, letter) for name, outbox in self._outboxes().items()},
            )
        # Written down before it is sent: who is killed in between sends it later, and says nothing twice.
        if digest or self._saved_at is None or abs(now - self._saved_at) >= _SAVE_EVERY:
            await self.save()
        if due := [url for url in self.limits.urls if is_due(self._outboxes()[_name_of(url)], now)]:
            await self._send(due)

    async def save(self) -> None:
        """Write down what was told; a file that cannot be written is told in the heartbeat."""
        self._saved_at, state = self.clock(), self.state
        if state == self._saved:
            return
        try:
            await asyncio.to_thread(self.file.save, state)
        except OSError as error:
            trouble = f"Alarms cannot be written down ({error.strerror}): look at the data folder and its disk."
            if trouble != self._file_trouble:
                log.warning(trouble, path=str(error.filename))
            self._file_trouble = trouble
        else:
            self._saved, self._file_trouble = state, ""

    async def _send(self, urls: Sequence[SecretStr]) -> None:
        outboxes = self._outboxes()
        receipts = await self.post([Posted(url, joined(outboxes[_name_of(url)].letters)) for url in urls])
        for url, receipt in zip(urls, receipts, strict=True):
            if receipt is Receipt.DELIVERED:
                outboxes[_name_of(url)] = Outbox()
            else:
                outboxes[_name_of(url)] = failed(outboxes[_name_of(url)], self.clock())
                log.warning("an alarm did not arrive; trying again", address=masked_scheme(url), receipt=receipt)
        self.state = replace(self.state, outboxes=outboxes)
        await self.save()

    def _outboxes(self) -> dict[str, Outbox]:
        """One for each address; what waited for one that is not in the settings any more is gone."""
        return {name: self.state.outboxes.get(name, Outbox()) for name in map(_name_of, self.limits.urls)}


def _name_of(url: SecretStr) -> str:
    return hashlib.sha256(url.get_secret_value().encode()).hexdigest()[:16]


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0

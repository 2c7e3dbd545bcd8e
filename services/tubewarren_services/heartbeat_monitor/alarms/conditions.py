"""What is the matter with the fleet, read off what the monitor knows: pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from tubewarren.messages.events import WorkerHealth
from tubewarren.topology import SHEET_INGESTOR, STATUS_WRITER
from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.board import Board
from tubewarren_services.heartbeat_monitor.handler import Fleet, KnownWorker
from tubewarren_services.heartbeat_monitor.permits.books import Books

Jars = Mapping[str, tuple[str, ...]]
"""The dead cookie jars that each worker told of in its last beat."""

_GONE = frozenset({WorkerHealth.LOST, WorkerHealth.STOPPED})
_OF_THE_SHEET = frozenset({SHEET_INGESTOR, STATUS_WRITER})
_REMEDY = "Log in again in a browser, export its cookies, and put the new file in its place."


def conditions(fleet: Fleet, books: Books, jars: Jars) -> Iterator[Alarm]:
    """Everything that lasts and needs a person."""
    for worker in fleet.workers.values():
        yield from _of_worker(worker)
    living = {worker.name for worker in fleet.workers.values() if worker.health not in _GONE}
    for jar in sorted({jar for name, dead in jars.items() if name in living for jar in dead}):
        yield Alarm(Kind.COOKIES, jar, f"The site has signed the account of this jar out. {_REMEDY}")
    for stage, breaker in books.breakers.items():
        if breaker.since is not None:
            words = f"The same failure everywhere since {moment(breaker.since)}: {breaker.signature}"
            yield Alarm(Kind.BREAKER, stage, words)
    yield from _blocked_stages(books, living)


def forgotten(board: Board, fleet: Fleet) -> frozenset[tuple[Kind, str]]:
    """The lost workers that are not remembered any more, and did not come back."""
    lost = (entry.alarm.key for entry in board.entries if entry.alarm.kind is Kind.LOST)
    return frozenset((kind, name) for kind, name in lost if name not in fleet.workers)


def moment(at: datetime) -> str:
    """A time as a person reads it."""
    return f"{at:%Y-%m-%d %H:%M %Z}"


def _of_worker(worker: KnownWorker) -> Iterator[Alarm]:
    if worker.health is WorkerHealth.LOST:
        yield Alarm(Kind.LOST, worker.name, f"Silent since {moment(worker.last_seen)}.")
    elif worker.health is WorkerHealth.UNFIT:
        kind = Kind.SHEET if worker.service in _OF_THE_SHEET else Kind.UNFIT
        yield Alarm(kind, worker.name, worker.doing)


def _blocked_stages(books: Books, living: Iterable[str]) -> Iterator[Alarm]:
    """A worker that rests for hours asks no more, but it beats."""
    here = set(living)
    for stage in sorted({asker.stage for asker in books.askers.values()}):
        used = {asker.egress for name, asker in books.askers.items() if asker.stage == stage and name in here}
        known = [books.egresses[name] for name in sorted(used) if name in books.egresses]
        until = [each.asleep_until for each in known if each.asleep_until is not None]
        if used and len(until) == len(used):
            reasons = " ".join(dict.fromkeys(each.reason for each in known))
            names = ", ".join(each.name for each in known)
            words = f"{names}: {reasons} It is tried again at {moment(min(until))}; slow down, or add an egress."
            yield Alarm(Kind.EGRESS, stage, words)

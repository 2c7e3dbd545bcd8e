"""The fleet as its beats show it: pure state, changed by what is heard and by what is not heard any more.

Silence is measured by our own clock alone, at the moment of hearing; the clocks of the senders may be anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.messages.events import WorkerBeat, WorkerChanged, WorkerHealth, WorkerState
from tubewarren.settings.model import HeartbeatSettings

REFRESH_EVERY: Final = timedelta(seconds=30)
"""How often a worker that goes on as before is told of, at most."""
FORGOTTEN_AFTER: Final = timedelta(days=1)
_ASLEEP: Final = timedelta(seconds=5)
"""Reviews come every second; after a longer gap it was us who did not listen."""

_HEALTH_OF: Final = {
    WorkerState.STARTING: WorkerHealth.ACTIVE,
    WorkerState.ACTIVE: WorkerHealth.ACTIVE,
    WorkerState.DRAINING: WorkerHealth.ACTIVE,
    WorkerState.STOPPED: WorkerHealth.STOPPED,
    WorkerState.UNFIT: WorkerHealth.UNFIT,
}
_SILENT: Final = frozenset({WorkerHealth.STALE, WorkerHealth.LOST})
_GONE: Final = frozenset({WorkerHealth.STOPPED, WorkerHealth.LOST})


@dataclass(frozen=True, slots=True)
class KnownWorker:
    """One worker.

    Attributes:
        last_seen: when we heard it last, by our clock.
        told_at: when the others were told of it last; None when this process has not told them yet.
    """

    name: str
    service: str
    host: str
    health: WorkerHealth
    last_seen: datetime
    doing: str = ""
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every worker by name.

    Attributes:
        listening_since: silence before this means nothing, because we did not listen.
        reviewed_at: when the fleet was reviewed last.
    """

    listening_since: datetime
    reviewed_at: datetime
    workers: Mapping[str, KnownWorker] = field(default_factory=dict)


Changes = tuple[WorkerChanged, ...]


def observe(fleet: Fleet, beats: Sequence[WorkerBeat], now: datetime) -> tuple[Fleet, Changes]:
    """Take in beats in the order in which they came; a worker that beats is there, whatever it was before."""
    heard = {beat.worker: beat for beat in beats}
    workers = dict(fleet.workers)
    changes = []
    for name, beat in heard.items():
        before = workers.get(name)
        worker = _heard(before, beat, now)
        returned = before is not None and before.health in _SILENT and worker.health not in _GONE
        if returned or _is_news(before, worker, now):
            worker = replace(worker, told_at=now)
            changes.append(_change(worker, now, returned=returned))
        workers[name] = worker
    return replace(fleet, workers=workers), tuple(changes)


def review(fleet: Fleet, now: datetime, limits: HeartbeatSettings) -> tuple[Fleet, Changes]:
    """Find out who has been silent for too long, and forget who has been gone for a day.

    When the last review was long ago we were asleep, frozen or cut off ourselves, or a clock was set: silence is
    counted from now on only.
    """
    since = fleet.listening_since
    if not timedelta(0) <= now - fleet.reviewed_at <= _ASLEEP:
        since = now
    workers = {}
    changes = []
    for name, known in fleet.workers.items():
        worker = known if known.last_seen <= now else replace(known, last_seen=now)
        if worker.health in _GONE and now - worker.last_seen >= FORGOTTEN_AFTER:
            continue
        health = _health_in_silence(worker, now - max(worker.last_seen, since), limits)
        if health is not worker.health:
            worker = replace(worker, health=health, told_at=now)
            changes.append(_change(worker, now))
        workers[name] = worker
    return Fleet(since, now, workers), tuple(changes)


def _heard(before: KnownWorker | None, beat: WorkerBeat, now: datetime) -> KnownWorker:
    told_at = before.told_at if before else None
    return KnownWorker(beat.worker, beat.service, beat.host, _HEALTH_OF[beat.state], now, beat.doing, told_at)


def _is_news(before: KnownWorker | None, worker: KnownWorker, now: datetime) -> bool:
    if before is None or worker.told_at is None:
        return True
    is_changed = (before.health, before.doing) != (worker.health, worker.doing)
    return is_changed or abs(now - worker.told_at) >= REFRESH_EVERY


def _health_in_silence(worker: KnownWorker, silence: timedelta, limits: HeartbeatSettings) -> WorkerHealth:
    """It only gets worse: what mends it is a beat."""
    if worker.health in _GONE:
        return worker.health
    if silence >= limits.lost_after:
        return WorkerHealth.LOST
    return WorkerHealth.STALE if silence >= limits.stale_after else worker.health


def _change(worker: KnownWorker, now: datetime, *, returned: bool = False) -> WorkerChanged:
    return WorkerChanged(
        at=now,
        worker=worker.name,
        service=worker.service,
        host=worker.host,
        health=worker.health,
        last_seen=worker.last_seen,
        doing=worker.doing,
        returned=returned,
    )

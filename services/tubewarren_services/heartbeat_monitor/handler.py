"""The fleet as its beats show it: pure state, changed by what is heard and by what is not heard any more.

Silence is measured by our own clock alone, at the moment of hearing; the clocks of the senders may be anywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.messages.events import WorkerBeat, WorkerChanged, WorkerHealth, WorkerState
from tubewarren.settings.model import HeartbeatSettings

REFRESH_EVERY: Final = timedelta(seconds=30)
"""How often workers that go on as before are told of; together, so that who listens is woken once for all of them."""
_TOLD_AT_ONCE: Final = 100
"""Or a tenth, of a large fleet: who asks meanwhile shall not wait until a thousand were told of."""
FORGOTTEN_AFTER: Final = timedelta(days=1)
_ASLEEP: Final = timedelta(seconds=5)
"""After a longer gap between two reviews it was us who did not listen."""
_LONGEST_NAP: Final = timedelta(seconds=2.5)

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
        if returned or _is_news(before, worker):
            worker = replace(worker, told_at=now)
            changes.append(_change(worker, now, returned=returned))
        workers[name] = worker
    return replace(fleet, workers=workers), tuple(changes)


def review(fleet: Fleet, now: datetime, limits: HeartbeatSettings) -> tuple[Fleet, Changes]:
    """Find out who has been silent for too long, tell of those who were heard, and forget who has been gone for a day.

    When the last review was long ago we were asleep, frozen or cut off ourselves, or a clock was set: silence is
    counted from now on only.
    """
    since = fleet.listening_since
    if not timedelta(0) <= now - fleet.reviewed_at <= _ASLEEP:
        since = now
    workers = {}
    changes = []
    for name, known in fleet.workers.items():
        worker = known if known.last_seen <= now else replace(known, last_seen=now, told_at=known.told_at and now)
        if worker.health in _GONE and now - worker.last_seen >= FORGOTTEN_AFTER:
            continue
        health = _health_in_silence(worker, now - max(worker.last_seen, since), limits)
        if health is not worker.health:
            worker = replace(worker, health=health, told_at=now)
            changes.append(_change(worker, now))
        workers[name] = worker
    refreshed = _refreshed(workers.values(), now)
    changes += [_change(worker, now) for worker in refreshed]
    return Fleet(since, now, workers | {worker.name: worker for worker in refreshed}), tuple(changes)


def nap_after(fleet: Fleet, limits: HeartbeatSettings) -> timedelta:
    """How long after a review nobody can have become silent; no longer than it takes to tell our own sleep from it."""
    until_silent = (
        max(worker.last_seen, fleet.listening_since)
        + (limits.lost_after if worker.health is WorkerHealth.STALE else limits.stale_after)
        - fleet.reviewed_at
        for worker in fleet.workers.values()
        if worker.health not in _GONE
    )
    return min((_LONGEST_NAP, *until_silent))


def _heard(before: KnownWorker | None, beat: WorkerBeat, now: datetime) -> KnownWorker:
    told_at = before.told_at if before else None
    return KnownWorker(beat.worker, beat.service, beat.host, _HEALTH_OF[beat.state], now, beat.doing, told_at)


def _is_news(before: KnownWorker | None, worker: KnownWorker) -> bool:
    if before is None or worker.told_at is None:
        return True
    return (before.health, before.doing) != (worker.health, worker.doing)


def _refreshed(workers: Iterable[KnownWorker], now: datetime) -> list[KnownWorker]:
    """Those that were heard since they were told of, when it is time for one of them."""
    heard = ((worker.told_at, worker) for worker in workers if worker.told_at and worker.told_at < worker.last_seen)
    untold = sorted(heard, key=lambda each: each[0])
    if not untold or now - untold[0][0] < REFRESH_EVERY:
        return []
    return [replace(worker, told_at=now) for _, worker in untold[: max(_TOLD_AT_ONCE, len(untold) // 10)]]


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

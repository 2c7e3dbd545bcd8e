"""One way to the internet, shared by every worker that goes out by it: paced, and put to sleep when it is blocked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from tubewarren.failures import Failure
from tubewarren_services.heartbeat_monitor.permits.policy import Pace, Sleep

PROBE_PATIENCE: Final = timedelta(minutes=15)
"""A probe that says nothing for so long was lost with its worker; another one may be sent."""

Chance = Callable[[], float]
"""A number from 0 up to 1."""


@dataclass(frozen=True, slots=True)
class Egress:
    """What is known of one egress.

    Attributes:
        next_start: nothing starts before; None while nothing is paced.
        day: the day that `today` counts the starts of.
        asleep_until: when it may be probed; None while it is awake.
        since: when it fell asleep.
        blocks: how often it was blocked in a row.
        probe: the work that finds out whether it is still blocked; empty while none does.
        reason: why it sleeps.
    """

    name: str
    next_start: datetime | None = None
    day: date | None = None
    today: int = 0
    asleep_until: datetime | None = None
    since: datetime | None = None
    blocks: int = 0
    probe: str = ""
    probed_at: datetime | None = None
    reason: str = ""

    @property
    def is_asleep(self) -> bool:
        """Whether it is blocked, as far as we know."""
        return self.asleep_until is not None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now."""

    until: datetime
    reason: str


def next_turn(egress: Egress, pace: Pace, work: str, now: datetime) -> Wait | None:
    """What stands against a start; None when nothing does.

    Args:
        egress: the way out.
        pace: how fast it may go.
        work: what would start; the running probe itself may start again, on another worker too.
        now: the present.
    """
    if egress.asleep_until is not None:
        if now < egress.asleep_until:
            return Wait(egress.asleep_until, egress.reason)
        if egress.probe not in ("", work) and egress.probed_at and abs(now - egress.probed_at) < PROBE_PATIENCE:
            return Wait(egress.probed_at + PROBE_PATIENCE, f"One video finds out whether it is over: {egress.reason}")
    local = now.astimezone(pace.zone)
    if pace.window and (opening := pace.window.next_opening(local, egress.name)):
        return Wait(opening, f"It works from {pace.window.open:%H:%M} on.")
    if pace.per_day is not None and egress.day == local.date() and egress.today >= pace.per_day:
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), local.tzinfo)
        return Wait(midnight, f"Today's {pace.per_day} videos are used up.")
    if egress.next_start and now < egress.next_start:
        # A clock that was set back must not stretch a pause of seconds.
        return Wait(min(egress.next_start, now + pace.between * (1 + pace.jitter)), "It keeps its pace.")
    return None


def start(egress: Egress, pace: Pace, work: str, now: datetime, chance: Chance) -> Egress:
    """Count a start; on a sleeping egress it is the probe."""
    today = now.astimezone(pace.zone).date()
    if pace.between:
        egress = replace(egress, next_start=now + pace.between * (1 + pace.jitter * chance()))
    if pace.per_day is not None:
        egress = replace(egress, day=today, today=egress.today + 1 if egress.day == today else 1)
    return replace(egress, probe=work, probed_at=now) if egress.is_asleep else egress


def blocked(egress: Egress, work: str, failure: Failure, sleep: Sleep, now: datetime) -> Egress:
    """Put it to sleep; the others that were under way when it was blocked meet the same block, and do not count."""
    if egress.is_asleep and egress.probe != work:
        return egress
    blocks = egress.blocks + 1
    return replace(
        egress,
        asleep_until=now + sleep.after(failure, blocks),
        since=egress.since or now,
        blocks=blocks,
        probe="",
        probed_at=None,
        reason=failure.reason,
    )


def answered(egress: Egress, work: str) -> Egress:
    """The far server answered the probe, with whatever it was: the egress is awake."""
    if not egress.is_asleep or egress.probe != work:
        return egress
    return replace(egress, asleep_until=None, since=None, blocks=0, probe="", probed_at=None, reason="")


def undecided(egress: Egress, work: str) -> Egress:
    """The probe found out nothing; the next start is the next probe."""
    return replace(egress, probe="", probed_at=None) if egress.probe == work else egress

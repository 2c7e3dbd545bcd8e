"""What the monitor knows of the fleet, as figures."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from tubewarren.messages.permits import Stage
from tubewarren.telemetry.instruments import BREAKER_OPEN, EGRESS_AWAKE, EGRESS_LEFT, EGRESS_STARTS, WORKERS
from tubewarren.telemetry.telemetry import Attributes, Telemetry
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER
from tubewarren_services.heartbeat_monitor.handler import Fleet
from tubewarren_services.heartbeat_monitor.permits.books import Books
from tubewarren_services.heartbeat_monitor.permits.breaker import Breaker
from tubewarren_services.heartbeat_monitor.permits.policy import Policy

Readings = Iterable[tuple[float, Attributes]]

_STAGES: Final[tuple[Stage, ...]] = (SOURCE_EXPANDER, DOWNLOADER)


def show_gauges(
    telemetry: Telemetry,
    fleet: Callable[[], Fleet],
    books: Callable[[], Books],
    policy: Policy,
    clock: Callable[[], datetime],
) -> None:
    """Let all of it be looked at, from time to time and from another thread: what is given is never changed."""
    telemetry.observe(WORKERS, lambda: workers_of(fleet()))
    telemetry.observe(BREAKER_OPEN, lambda: breakers_of(books()))
    telemetry.observe(EGRESS_AWAKE, lambda: awake_of(books()))
    telemetry.observe(EGRESS_STARTS, lambda: starts_of(books(), policy, clock()))
    telemetry.observe(EGRESS_LEFT, lambda: left_of(books(), policy, clock()))


def workers_of(fleet: Fleet) -> Readings:
    """How many there are of each service in each health."""
    counted = Counter((worker.service, worker.health.value) for worker in fleet.workers.values())
    return [
        (number, {"tubewarren.service": service, "tubewarren.health": health})
        for (service, health), number in counted.items()
    ]


def breakers_of(books: Books) -> Readings:
    """Of each stage, whether it rests."""
    return [(float(books.breakers.get(each, Breaker()).is_open), {"tubewarren.stage": each}) for each in _STAGES]


def awake_of(books: Books) -> Readings:
    """Of each egress that anybody uses, whether it may be used."""
    used = {asker.egress for asker in books.askers.values()} | books.egresses.keys()
    asleep = {name for name, egress in books.egresses.items() if egress.is_asleep}
    return [(float(name not in asleep), {"tubewarren.egress": name}) for name in sorted(used)]


def starts_of(books: Books, policy: Policy, now: datetime) -> Readings:
    """What each egress that is paced has begun today."""
    return [(starts, {"tubewarren.egress": name}) for name, starts in _starts_today(books, policy, now).items()]


def left_of(books: Books, policy: Policy, now: datetime) -> Readings:
    """What each egress that has a limit a day may begin today still."""
    return [
        (max(0, limit - starts), {"tubewarren.egress": name})
        for name, starts in _starts_today(books, policy, now).items()
        if (limit := policy.pace_of(name).per_day) is not None
    ]


def _starts_today(books: Books, policy: Policy, now: datetime) -> dict[str, int]:
    return {
        name: egress.today if egress.day == now.astimezone(policy.pace_of(name).zone).date() else 0
        for name, egress in books.egresses.items()
    }

"""The monitor's figures: who is well, which ways out are awake, and what is left of the day."""

from datetime import UTC, datetime, timedelta

from standins.listener import listening
from tubewarren.messages.events import WorkerBeat, WorkerState
from tubewarren.settings import Settings
from tubewarren.settings.model import PacingSettings
from tubewarren_services.heartbeat_monitor.gauges import show_gauges
from tubewarren_services.heartbeat_monitor.handler import Fleet, observe
from tubewarren_services.heartbeat_monitor.permits.books import Asker, Books
from tubewarren_services.heartbeat_monitor.permits.breaker import Breaker
from tubewarren_services.heartbeat_monitor.permits.egress import Egress
from tubewarren_services.heartbeat_monitor.permits.policy import Policy

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PACED = Settings(
    pacing=PacingSettings(time_zone="UTC"), egresses={"home": PacingSettings(videos_per_day=100, time_zone="UTC")}
)


def beat(worker: str, service: str) -> WorkerBeat:
    return WorkerBeat(
        at=NOON, worker=worker, service=service, host="box", process_id=1, state=WorkerState.ACTIVE, doing=""
    )


def test_the_newest_state_is_what_is_shown() -> None:
    books, fleet = Books(), Fleet(NOON, NOON)

    with listening() as listener:
        show_gauges(listener.telemetry, lambda: fleet, lambda: books, Policy.of(PACED), lambda: NOON)
        fleet, _ = observe(
            fleet, [beat("a/downloader", "downloader"), beat("b/downloader", "downloader"), beat("c", "audit")], NOON
        )
        books = Books(
            egresses={
                "home": Egress("home", day=NOON.date(), today=30),
                "office": Egress("office", day=NOON.date() - timedelta(days=1), today=9, asleep_until=NOON),
            },
            breakers={"downloader": Breaker(since=NOON, signature="cut")},
            askers={"a/downloader": Asker("unpaced", "downloader", NOON)},
        )
        figures = {
            name: listener.figures(f"tubewarren.{name}")
            for name in ("workers", "breaker.open", "egress.awake", "egress.starts", "egress.left")
        }

    assert figures == {
        "workers": {
            (("tubewarren.health", "active"), ("tubewarren.service", "downloader")): 2,
            (("tubewarren.health", "active"), ("tubewarren.service", "audit")): 1,
        },
        "breaker.open": {
            (("tubewarren.stage", "source-expander"),): 0,
            (("tubewarren.stage", "downloader"),): 1,
        },
        "egress.awake": {
            (("tubewarren.egress", "home"),): 1,
            (("tubewarren.egress", "office"),): 0,
            (("tubewarren.egress", "unpaced"),): 1,
        },
        "egress.starts": {(("tubewarren.egress", "home"),): 30, (("tubewarren.egress", "office"),): 0},
        "egress.left": {(("tubewarren.egress", "home"),): 70},
    }

"""What is the matter with a fleet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tubewarren.messages.events import WorkerHealth
from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.board import Board, Entry
from tubewarren_services.heartbeat_monitor.alarms.conditions import Jars, conditions, forgotten
from tubewarren_services.heartbeat_monitor.handler import Fleet, KnownWorker
from tubewarren_services.heartbeat_monitor.permits.books import Asker, Books
from tubewarren_services.heartbeat_monitor.permits.breaker import Breaker
from tubewarren_services.heartbeat_monitor.permits.egress import Egress

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ONE = KnownWorker("box/downloader", "downloader", "box", WorkerHealth.ACTIVE, NOON)
TWO = replace(ONE, name="other/downloader", host="other")
ASLEEP = Egress("home", asleep_until=NOON + timedelta(hours=1), since=NOON, reason="Too many requests.")


def _fleet(*workers: KnownWorker) -> Fleet:
    return Fleet(NOON, NOON, {worker.name: worker for worker in workers})


def _books(*egresses: Egress) -> Books:
    askers = {ONE.name: Asker("home", "downloader", NOON), TWO.name: Asker("office", "downloader", NOON)}
    return Books(egresses={each.name: each for each in egresses}, askers=askers)


def _found(fleet: Fleet, books: Books | None = None, jars: Jars | None = None) -> list[tuple[Kind, str]]:
    return [alarm.key for alarm in conditions(fleet, books or Books(), jars or {})]


def test_a_fleet_at_work_needs_nobody() -> None:
    assert not _found(_fleet(ONE, replace(TWO, health=WorkerHealth.STOPPED)), _books(Egress("home")), {ONE.name: ()})


def test_a_silent_worker_is_lost_only_when_its_time_is_up() -> None:
    fleet = _fleet(replace(ONE, health=WorkerHealth.LOST), replace(TWO, health=WorkerHealth.STALE))

    assert [alarm.words for alarm in conditions(fleet, Books(), {})] == ["Silent since 2026-03-10 12:00 UTC."]
    assert _found(fleet) == [(Kind.LOST, ONE.name)]


def test_a_worker_that_cannot_work_is_told_of_in_its_own_words() -> None:
    unfit = replace(ONE, health=WorkerHealth.UNFIT, doing="Only 3 MB are free for results.")
    writer = replace(unfit, name="box/status-writer", service="status-writer", doing="Google does not answer.")

    assert list(conditions(_fleet(unfit, writer), Books(), {})) == [
        Alarm(Kind.UNFIT, ONE.name, "Only 3 MB are free for results."),
        Alarm(Kind.SHEET, "box/status-writer", "Google does not answer."),
    ]


def test_a_dead_jar_that_several_workers_see_is_told_of_once() -> None:
    jars = {ONE.name: ("alice", "bob"), TWO.name: ("alice",)}

    assert _found(_fleet(ONE, TWO), jars=jars) == [(Kind.COOKIES, "alice"), (Kind.COOKIES, "bob")]
    assert not _found(_fleet(replace(ONE, health=WorkerHealth.STOPPED)), jars=jars)


def test_an_open_breaker_is_told_of_with_what_it_is_about() -> None:
    books = Books(breakers={"downloader": Breaker(signature="nsig", since=NOON), "source-expander": Breaker()})

    (alarm,) = conditions(_fleet(), books, {})

    assert alarm.key == (Kind.BREAKER, "downloader")
    assert alarm.words.endswith("nsig")


def test_one_egress_that_is_blocked_is_nothing_while_another_works() -> None:
    assert not _found(_fleet(ONE, TWO), _books(ASLEEP, Egress("office")))
    assert not _found(_fleet(ONE, TWO), _books(ASLEEP))


def test_when_all_egresses_of_those_who_live_are_blocked_a_person_is_told() -> None:
    stopped = replace(TWO, health=WorkerHealth.STOPPED)

    assert _found(_fleet(ONE, stopped), _books(ASLEEP, Egress("office"))) == [(Kind.EGRESS, "downloader")]
    assert _found(_fleet(ONE, TWO), _books(ASLEEP, replace(ASLEEP, name="office"))) == [(Kind.EGRESS, "downloader")]
    assert not _found(_fleet(stopped), _books(ASLEEP))


def test_a_lost_worker_that_the_fleet_does_not_remember_is_forgotten() -> None:
    entries = tuple(Entry(Alarm(Kind.LOST, worker.name, ""), NOON, told_at=NOON) for worker in (ONE, TWO))

    assert forgotten(Board(entries), _fleet(ONE)) == {(Kind.LOST, TWO.name)}

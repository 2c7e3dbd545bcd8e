"""The map: names, routes and limits of every queue."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.fair_share import RANKS
from tubewarren.messages import TYPES, Command, Event
from tubewarren.messages.bumps import BumpAnswered
from tubewarren.messages.commands import DownloadVideo, ExpandSource, QueryLedger
from tubewarren.messages.events import LedgerAnswered, VideoProgress, WorkerBeat, WorkerState
from tubewarren.messages.permits import PermitAnswered
from tubewarren.topology import (
    COMMANDS,
    DEAD,
    DEFAULT_LADDER,
    EVENTS,
    SERVICES,
    Binding,
    Queue,
    Topology,
    WorkQueue,
    is_worth_waiting_for,
    permits,
    questions,
    results_manager,
    route,
    topology,
    work_queue_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWERED_DIRECTLY = {BumpAnswered.type, LedgerAnswered.type, PermitAnswered.type}
"""Events that go to who asked, and are never published for others."""
KEPT_FOR_NOBODY = {VideoProgress.type}
"""Events that are heard only while somebody listens: the next one makes them worthless."""


@pytest.fixture
def system() -> Topology:
    return topology()


def by_name(system: Topology) -> dict[str, Queue]:
    return {queue.name: queue for queue in system.queues}


def reached(system: Topology, exchange: str, routing_key: str) -> list[str]:
    return [queue.name for queue in system.queues if Binding(exchange, routing_key) in queue.bindings]


@pytest.mark.parametrize(
    ("delay", "name"),
    [
        (timedelta(seconds=30), "30s"),
        (timedelta(minutes=5), "5m"),
        (timedelta(hours=2), "2h"),
        (timedelta(days=1), "24h"),
        (timedelta(seconds=90), "90s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(milliseconds=1), "1ms"),
    ],
)
def test_a_rung_is_named_by_its_delay(delay: timedelta, name: str) -> None:
    (rung,) = WorkQueue("downloader", (DownloadVideo,), (delay,)).rungs

    assert rung.queue == f"downloader.retry.{name}"


def test_the_names_that_people_and_dashboards_know_are_these(system: Topology) -> None:
    downloader = system.work_queue("downloader")

    assert downloader.dead == "downloader.dead"
    assert [rung.queue for rung in downloader.rungs] == [
        "downloader.retry.30s",
        "downloader.retry.5m",
        "downloader.retry.30m",
        "downloader.retry.2h",
        "downloader.retry.12h",
    ]
    assert [queue.name for queue in system.work] == [
        "sheet-ingestor",
        "source-expander",
        "downloader",
        "results-manager.main",
    ]
    assert [queue.name for queue in system.events] == [
        "status-writer.events",
        "results-manager.main.events",
        "heartbeat-monitor.events",
    ]


def test_no_two_queues_share_a_name(system: Topology) -> None:
    names = [queue.name for queue in system.queues]

    assert len(names) == len(set(names))


def test_every_dead_letter_route_leads_to_a_queue(system: Topology) -> None:
    routes = {
        (str(queue.arguments["x-dead-letter-exchange"]), str(queue.arguments["x-dead-letter-routing-key"]))
        for queue in system.queues
        if queue.purpose not in {"dead", "held"}
    }

    assert routes
    for exchange, routing_key in routes:
        assert exchange in {each.name for each in system.exchanges}
        assert reached(system, exchange, routing_key), (exchange, routing_key)


def test_what_is_given_up_is_parked_where_its_queue_says(system: Topology) -> None:
    for queue in system.queues:
        if queue.purpose in {"work", "events"}:
            assert f"{queue.name}.dead" in reached(system, DEAD, queue.name)


def test_the_listeners_hear_of_what_the_broker_itself_gives_up(system: Topology) -> None:
    assert set(reached(system, DEAD, "downloader")) == {
        "downloader.dead",
        "status-writer.events",
        "results-manager.main.events",
    }


def test_what_waited_on_a_rung_goes_back_to_its_work_queue_alone(system: Topology) -> None:
    for work in system.work:
        for rung in work.rungs:
            arguments = by_name(system)[rung.queue].arguments
            assert arguments["x-message-ttl"] == rung.delay / timedelta(milliseconds=1)
            assert arguments["x-dead-letter-exchange"] == COMMANDS
            assert reached(system, COMMANDS, str(arguments["x-dead-letter-routing-key"])) == [work.name]


def test_dead_queues_are_declared_before_the_queues_that_need_them(system: Topology) -> None:
    purposes = [queue.purpose for queue in system.queues]

    assert "dead" not in purposes[purposes.count("dead") :]


@pytest.mark.parametrize("kind", [kind for kind in TYPES.values() if issubclass(kind, Command)])
def test_every_command_has_exactly_one_work_queue(kind: type[Command]) -> None:
    work = (*topology().work, questions("main"), permits())

    assert len([queue.name for queue in work if kind in queue.commands]) == 1


def test_a_command_reaches_exactly_its_work_queue(system: Topology) -> None:
    for work in system.work:
        for command in work.commands:
            assert reached(system, COMMANDS, command.type) == [work.name]


@pytest.mark.parametrize("kind", [kind for kind in TYPES.values() if issubclass(kind, Event)])
def test_every_event_is_heard_by_someone_or_deliberately_by_nobody(kind: type[Event]) -> None:
    heard = reached(topology(), EVENTS, kind.type)

    assert bool(heard) != (kind.type in ANSWERED_DIRECTLY | KEPT_FOR_NOBODY)


def test_no_queue_leaves_its_delivery_limit_to_the_broker_where_it_has_consumers(system: Topology) -> None:
    limits = {queue.purpose: queue.arguments.get("x-delivery-limit") for queue in system.queues}

    assert limits == {
        "dead": 1_000_000_000,
        "held": 1_000_000_000,
        "work": 10,
        "lane": 10,
        "events": 10,
        "retry": None,
    }


def test_every_queue_is_a_quorum_queue_that_loses_nothing_on_its_way_to_the_next(system: Topology) -> None:
    for queue in system.queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        if queue.purpose not in {"dead", "held"}:
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert queue.arguments["x-overflow"] == "reject-publish"


def test_an_unknown_work_queue_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="uploader"):
        topology().work_queue("uploader")


def test_another_ladder_changes_nothing_but_the_rungs() -> None:
    def without_rungs(system: Topology) -> list[Queue]:
        return [queue for queue in system.queues if queue.purpose != "retry"]

    shorter = topology((timedelta(seconds=1), timedelta(seconds=2)))

    assert without_rungs(shorter) == without_rungs(topology())
    assert {queue.name for queue in shorter.queues if queue.purpose == "retry"} == {
        f"{work.name}.retry.{delay}" for work in shorter.work for delay in ("1s", "2s")
    }


def test_a_ladder_is_climbed_from_its_shortest_delay_however_it_is_written() -> None:
    queue = WorkQueue("q", (DownloadVideo,), tuple(reversed(DEFAULT_LADDER)))

    assert [rung.delay for rung in queue.rungs] == sorted(DEFAULT_LADDER)


def test_each_storage_has_a_results_manager_and_the_rest_is_shared() -> None:
    here, there = ({queue.name for queue in topology(storage=name).queues} for name in ("main", "nas"))

    assert all(name.startswith(results_manager("main")) for name in here - there)
    assert all(name.startswith(results_manager("nas")) for name in there - here)
    assert "downloader" in here & there


def test_every_service_is_started_and_those_that_watch_first() -> None:
    assert SERVICES == (
        "heartbeat-monitor",
        "results-manager",
        "status-writer",
        "sheet-ingestor",
        "source-expander",
        "downloader",
    )


@pytest.mark.parametrize(
    ("message", "queue"),
    [
        (DownloadVideo(video_id="v", url="u", source_id="s"), "downloader.p5"),
        (DownloadVideo(video_id="v", url="u", source_id="s", priority=1), "downloader.p1"),
        (DownloadVideo(video_id="v", url="u", source_id="s", priority=9, place=500), "downloader.p10"),
        (ExpandSource(source_id="s", url="u", priority=3), "source-expander.p3"),
    ],
)
def test_an_order_goes_to_the_lane_of_its_rank_and_nowhere_else(message: Command, queue: str) -> None:
    system, binding = topology(), route(message)

    assert reached(system, binding.exchange, binding.routing_key) == [queue]
    assert system.work_queue(queue.partition(".")[0]).lane_of(message) == queue


def test_an_order_of_any_rank_goes_to_a_work_queue_without_lanes_too() -> None:
    (queue, *_) = WorkQueue("work", (DownloadVideo,), ()).queues()
    orders = [DownloadVideo(video_id="v", url="u", source_id="s", priority=number) for number in RANKS]

    assert {route(order) for order in orders} <= set(queue.bindings)


def test_a_lane_is_what_its_work_queue_is(system: Topology) -> None:
    queues, downloader = by_name(system), system.work_queue("downloader")

    assert downloader.lanes == tuple(f"downloader.p{number}" for number in range(1, 11))
    assert [work.name for work in system.work if work.lanes] == ["source-expander", "downloader"]
    for lane in downloader.lanes:
        assert queues[lane].arguments == queues["downloader"].arguments
    assert {work_queue_of(lane) for lane in downloader.lanes} == {"downloader"}
    assert {name for name in queues if work_queue_of(name) == name} == {
        queue.name for queue in system.queues if queue.purpose != "lane"
    }


def test_commands_and_events_go_by_their_type() -> None:
    beat = WorkerBeat(at=NOON, worker="w", service="s", host="h", process_id=1, state=WorkerState.ACTIVE)

    assert route(QueryLedger(topic="summary")) == Binding(COMMANDS, "ledger.query.v1")
    assert route(beat) == Binding(EVENTS, "worker.beat.v1")


def test_only_progress_may_be_lost_in_a_restart_of_the_broker() -> None:
    progress = VideoProgress(at=NOON, video_id="v", source_id="s", worker="w", phase="download")

    assert not is_worth_waiting_for(progress)
    assert is_worth_waiting_for(DownloadVideo(video_id="v", url="u", source_id="s"))

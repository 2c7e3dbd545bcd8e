from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from tubewarren.messages.events import WorkerBeat, WorkerChanged, WorkerHealth, WorkerState
from tubewarren.settings.model import HeartbeatSettings
from tubewarren_services.heartbeat_monitor.handler import Changes, Fleet, nap_after, observe, review

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = HeartbeatSettings()
"""Stale after 35 s, lost after 120 s."""
WRONG_CLOCK = datetime(2001, 1, 1, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _beat(state: WorkerState = WorkerState.ACTIVE, doing: str = "", worker: str = "box/downloader") -> WorkerBeat:
    return WorkerBeat(
        at=WRONG_CLOCK, worker=worker, service="downloader", host="box", process_id=1, state=state, doing=doing
    )


def _fleet(*beats: WorkerBeat) -> Fleet:
    return observe(Fleet(START, START), beats, START)[0]


def _reviewed(fleet: Fleet, until: float) -> tuple[Fleet, Changes]:
    """Review every second, as the service does."""
    told: list[WorkerChanged] = []
    now = fleet.reviewed_at
    while now < _at(until):
        now += timedelta(seconds=1)
        fleet, changes = review(fleet, now, LIMITS)
        told += changes
    return fleet, tuple(told)


def _healths(changes: Changes) -> list[WorkerHealth]:
    return [change.health for change in changes]


def test_a_new_worker_is_told_with_our_time_and_not_its_own() -> None:
    _, (change,) = observe(Fleet(START, START), [_beat(doing="a video")], _at(3))

    assert (change.at, change.last_seen) == (_at(3), _at(3))
    assert (change.worker, change.service, change.host) == ("box/downloader", "downloader", "box")
    assert (change.health, change.doing, change.returned) == (WorkerHealth.ACTIVE, "a video", False)


def test_workers_that_go_on_as_before_are_told_of_together_every_30_seconds() -> None:
    fleet, told = _fleet(_beat(worker="a")), []

    for second in range(1, 65):
        # Each beats every ten seconds, at a second of its own.
        fleet, changes = observe(fleet, [_beat(worker="abcdefghij"[second % 10])], _at(second))
        told += [change for change in changes if second > 10]
        fleet, changes = review(fleet, _at(second), LIMITS)
        told += changes

    assert {change.at for change in told} == {_at(30), _at(60)}
    assert {(change.worker, change.last_seen) for change in told if change.at == _at(30)} == {
        (worker, _at(second)) for worker, second in zip("bcdefghija", range(21, 31), strict=True)
    }


def test_of_a_large_fleet_a_part_is_told_of_at_a_time_those_first_that_waited_longest() -> None:
    names = [f"worker {number:04}" for number in range(1500)]
    fleet = _fleet(*(_beat(worker=name) for name in names))
    fleet, _ = observe(fleet, [_beat(worker=name) for name in names], _at(20))
    told = []

    for second in range(28, 44):
        fleet, changes = review(fleet, _at(second), LIMITS)
        told.append([change.worker for change in changes])

    assert told[2:4] == [names[:150], names[150:285]]
    assert sorted(chain.from_iterable(told)) == names


def test_of_a_worker_that_was_not_heard_since_it_is_not_told_again() -> None:
    fleet, _ = observe(_fleet(_beat(), _beat(worker="quiet")), [_beat()], _at(20))

    _, changes = review(replace(fleet, reviewed_at=_at(29)), _at(30), LIMITS)

    assert [change.worker for change in changes] == ["box/downloader"]


def test_after_a_clock_was_set_back_workers_are_told_of_as_before() -> None:
    fleet, _ = review(_fleet(_beat()), _at(-3600), LIMITS)
    told: list[WorkerChanged] = []

    for second in range(-3599, -3600 + 41):
        fleet, _ = observe(fleet, [_beat()], _at(second))
        fleet, changes = review(fleet, _at(second), LIMITS)
        told += changes

    assert [change.at for change in told] == [_at(-3600 + 30)]


@pytest.mark.parametrize(
    ("beats", "silent_seconds", "nap"),
    [
        ([], 0, 2.5),
        ([_beat()], 10, 2.5),
        ([_beat(), _beat(WorkerState.STOPPED, worker="gone")], 34.5, 0.5),
        ([_beat()], 100, 2.5),
        ([_beat()], 119, 1),
        ([_beat()], 200, 2.5),
    ],
    ids=["nobody", "healthy", "nearly stale", "stale", "nearly lost", "lost"],
)
def test_the_next_review_is_when_a_silence_counts_and_never_late(
    beats: list[WorkerBeat], silent_seconds: float, nap: float
) -> None:
    fleet, _ = _reviewed(_fleet(*beats), until=silent_seconds - 1)
    fleet, _ = review(fleet, _at(silent_seconds), LIMITS)

    assert nap_after(fleet, LIMITS) == timedelta(seconds=nap)


def test_what_it_does_is_told_at_once_when_it_changes() -> None:
    _, changes = observe(_fleet(_beat(doing="one")), [_beat(doing="two")], _at(1))

    assert [change.doing for change in changes] == ["two"]


def test_of_many_beats_in_one_batch_the_newest_is_told() -> None:
    _, changes = observe(_fleet(), [_beat(doing="one"), _beat(doing="two"), _beat(WorkerState.STOPPED)], _at(1))

    assert _healths(changes) == [WorkerHealth.STOPPED]


def test_a_silent_worker_becomes_stale_and_then_lost_and_each_is_told_once() -> None:
    fleet, told = _reviewed(_fleet(_beat()), until=34)
    assert not told

    _, told = _reviewed(fleet, until=200)

    assert [(change.health, change.at) for change in told] == [
        (WorkerHealth.STALE, _at(35)),
        (WorkerHealth.LOST, _at(120)),
    ]
    assert {change.last_seen for change in told} == {START}


def test_a_silent_worker_that_comes_back_says_so_once() -> None:
    for silence in (40, 200):
        fleet, _ = _reviewed(_fleet(_beat()), until=silence)

        fleet, back = observe(fleet, [_beat()], _at(silence))
        _, later = observe(fleet, [_beat(doing="more")], _at(silence + 1))

        assert [(change.health, change.returned) for change in (*back, *later)] == [
            (WorkerHealth.ACTIVE, True),
            (WorkerHealth.ACTIVE, False),
        ]


def test_a_stopped_worker_never_becomes_lost() -> None:
    _, told = _reviewed(_fleet(_beat(WorkerState.STOPPED)), until=300)

    assert not told


def test_the_late_farewell_of_a_lost_worker_is_no_return() -> None:
    fleet, _ = _reviewed(_fleet(_beat()), until=200)

    _, (change,) = observe(fleet, [_beat(WorkerState.STOPPED)], _at(200))

    assert (change.health, change.returned) == (WorkerHealth.STOPPED, False)


def test_an_unfit_worker_is_unfit_and_still_missed_when_it_falls_silent() -> None:
    fleet, told = observe(Fleet(START, START), [_beat(WorkerState.UNFIT, "disk full")], START)

    _, later = _reviewed(fleet, until=200)

    assert _healths((*told, *later)) == [WorkerHealth.UNFIT, WorkerHealth.STALE, WorkerHealth.LOST]
    assert later[-1].doing == "disk full"


def test_starting_and_draining_workers_are_active() -> None:
    for state in (WorkerState.STARTING, WorkerState.DRAINING):
        _, changes = observe(Fleet(START, START), [_beat(state)], START)

        assert _healths(changes) == [WorkerHealth.ACTIVE]


def test_who_was_known_before_a_restart_has_time_to_be_heard() -> None:
    known = _fleet(_beat()).workers
    restarted = Fleet(listening_since=_at(3600), reviewed_at=_at(3600), workers=known)

    fleet, told = _reviewed(restarted, until=3634)
    assert not told

    _, told = _reviewed(fleet, until=3800)

    assert [(change.health, change.at) for change in told] == [
        (WorkerHealth.STALE, _at(3635)),
        (WorkerHealth.LOST, _at(3720)),
    ]


def test_a_monitor_that_slept_itself_accuses_nobody() -> None:
    fleet, _ = _reviewed(_fleet(_beat()), until=10)

    fleet, told = review(fleet, _at(7200), LIMITS)
    assert not told

    _, told = _reviewed(fleet, until=7200 + 34)
    assert not told


def test_a_clock_that_is_set_back_neither_accuses_nor_protects() -> None:
    fleet, _ = _reviewed(_fleet(_beat()), until=10)

    fleet, told = review(fleet, _at(-3600), LIMITS)
    assert not told
    _, told = _reviewed(fleet, until=-3600 + 35)

    assert _healths(told) == [WorkerHealth.STALE]


def test_a_lost_worker_stays_lost_through_a_restart_without_being_told_again() -> None:
    fleet, _ = _reviewed(_fleet(_beat()), until=200)

    _, told = _reviewed(Fleet(_at(300), _at(300), fleet.workers), until=500)

    assert not told


def test_who_was_alive_before_a_long_absence_of_ours_is_not_forgotten_untold() -> None:
    long_after = 48 * 3600
    restarted = Fleet(_at(long_after), _at(long_after), _fleet(_beat()).workers)

    fleet, told = _reviewed(restarted, until=long_after + 121)

    assert _healths(told) == [WorkerHealth.STALE, WorkerHealth.LOST]
    assert not fleet.workers


def test_the_gone_are_forgotten_after_a_day_and_the_living_are_not() -> None:
    day = 24 * 3600
    fleet, _ = _reviewed(_fleet(_beat(WorkerState.STOPPED, worker="a"), _beat(worker="b"), _beat(worker="c")), 200)
    fleet, _ = observe(fleet, [_beat(worker="c")], _at(200))

    fleet, _ = review(fleet, _at(day - 1), LIMITS)
    assert set(fleet.workers) == {"a", "b", "c"}
    fleet, _ = review(fleet, _at(day), LIMITS)

    assert set(fleet.workers) == {"c"}

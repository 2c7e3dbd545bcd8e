"""An egress: how it keeps its pace, sleeps, is probed and wakes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tubewarren.failures import Failure, FailureKind
from tubewarren_services.heartbeat_monitor.permits.egress import (
    PROBE_PATIENCE,
    Egress,
    answered,
    blocked,
    next_turn,
    start,
    undecided,
)
from tubewarren_services.heartbeat_monitor.permits.policy import Pace, Sleep

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FREE = Pace(zone=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LIMITED = Failure(kind=FailureKind.BLOCKED, reason="Rate limit.")
SLEEP = Sleep()


def at_random() -> float:
    return 0.5


def asleep() -> Egress:
    return blocked(Egress("home"), "1/a", LIMITED, SLEEP, NOON)


def probing() -> Egress:
    return start(asleep(), FREE, "1/b", NOON + HOUR, at_random)


def test_nothing_stands_against_a_start_where_nothing_is_limited() -> None:
    assert next_turn(Egress("home"), FREE, "1/a", NOON) is None


def test_a_pause_lies_between_two_starts_and_is_spread_by_chance() -> None:
    pace = Pace(between=10 * MINUTE, jitter=0.4, zone=UTC)
    egress = start(Egress("home"), pace, "1/a", NOON, at_random)

    assert egress.next_start == NOON + 12 * MINUTE
    wait = next_turn(egress, pace, "1/b", NOON + 11 * MINUTE)
    assert wait is not None
    assert wait.until == NOON + 12 * MINUTE
    assert next_turn(egress, pace, "1/b", NOON + 12 * MINUTE) is None


def test_a_clock_that_is_set_back_holds_a_pace_up_for_one_pause_at_most() -> None:
    pace = Pace(between=MINUTE, zone=UTC)
    egress = start(Egress("home"), pace, "1/a", NOON, at_random)

    wait = next_turn(egress, pace, "1/b", NOON - timedelta(days=1))

    assert wait is not None
    assert wait.until <= NOON - timedelta(days=1) + MINUTE


def test_a_days_budget_ends_at_midnight() -> None:
    pace = Pace(per_day=2, zone=UTC)
    egress = start(start(Egress("home"), pace, "1/a", NOON, at_random), pace, "1/b", NOON, at_random)

    wait = next_turn(egress, pace, "1/c", NOON)

    assert wait is not None
    assert wait.until == NOON + 12 * HOUR
    assert next_turn(egress, pace, "1/c", NOON + 12 * HOUR) is None
    assert start(egress, pace, "1/c", NOON + 12 * HOUR, at_random).today == 1


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=1)), max_size=60), st.integers(1, 20))
def test_no_hour_holds_more_starts_than_its_budget(pauses: list[timedelta], per_hour: int) -> None:
    pace = Pace(between=HOUR / per_hour, jitter=0.3, zone=UTC)
    egress, now, starts = Egress("home"), NOON, []
    for number, pause in enumerate(pauses):
        now += pause
        if next_turn(egress, pace, str(number), now) is None:
            egress = start(egress, pace, str(number), now, at_random)
            starts.append(now)

    assert all(sum(begin <= each < begin + HOUR for each in starts) <= per_hour for begin in starts)


def test_a_blocked_egress_sleeps_and_then_one_probe_may_start() -> None:
    egress = asleep()

    wait = next_turn(egress, FREE, "1/b", NOON + HOUR - MINUTE)
    assert wait is not None
    assert (wait.until, wait.reason) == (NOON + HOUR, "Rate limit.")
    assert next_turn(egress, FREE, "1/b", NOON + HOUR) is None
    assert next_turn(probing(), FREE, "1/c", NOON + HOUR + MINUTE) is not None
    assert next_turn(probing(), FREE, "1/b", NOON + HOUR + MINUTE) is None, "its redelivery is the same probe"


def test_those_under_way_meet_the_same_block_and_do_not_lengthen_the_sleep() -> None:
    assert blocked(asleep(), "1/c", LIMITED, SLEEP, NOON + MINUTE) == asleep()


def test_a_probe_that_is_blocked_lengthens_the_sleep() -> None:
    egress = blocked(probing(), "1/b", LIMITED, SLEEP, NOON + HOUR)

    assert egress.asleep_until == NOON + 3 * HOUR
    assert egress.since == NOON
    assert egress.probe == ""


def test_a_probe_that_is_answered_wakes_the_egress_and_only_the_probe_does() -> None:
    assert answered(probing(), "1/z") == probing()
    awake = answered(probing(), "1/b")
    assert not awake.is_asleep
    assert blocked(awake, "1/d", LIMITED, SLEEP, NOON + 2 * HOUR).asleep_until == NOON + 3 * HOUR


def test_a_probe_that_finds_out_nothing_or_is_lost_makes_room_for_the_next() -> None:
    later = NOON + HOUR + MINUTE
    assert next_turn(undecided(probing(), "1/b"), FREE, "1/c", later) is None
    assert next_turn(probing(), FREE, "1/c", NOON + HOUR + PROBE_PATIENCE) is None

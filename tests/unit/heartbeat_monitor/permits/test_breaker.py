"""The breaker: opens on trouble that is everybody's, sends a canary, closes, and gives attempts back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.settings.model import BreakerSettings
from tubewarren_services.heartbeat_monitor.permits.breaker import (
    CANARY_PATIENCE,
    Breaker,
    Strike,
    answered,
    next_turn,
    refund_of,
    start,
    struck,
    undecided,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = BreakerSettings(videos=3, workers=2, within=10 * MINUTE, first_canary=5 * MINUTE, longest_canary=30 * MINUTE)
BROKEN = "no-player-response"


def strike(
    number: int, worker: str = "", attempt: int = 1, signature: str = BROKEN, after: timedelta = MINUTE
) -> Strike:
    return Strike(NOON + number * after, worker or f"worker-{number % 2}", f"1/{number}", attempt, signature)


def after(*strikes: Strike, workers: int = 4) -> Breaker:
    breaker = Breaker()
    for each in strikes:
        breaker = struck(breaker, each, workers, LIMITS)
    return breaker


def opened() -> Breaker:
    return after(*(strike(number) for number in range(3)))


CANARY_AT = NOON + 7 * MINUTE


def test_the_same_trouble_on_several_workers_and_many_videos_opens_it() -> None:
    assert not after(strike(0), strike(1)).is_open
    assert opened().is_open
    assert opened().signature == BROKEN


@pytest.mark.parametrize(
    "strikes",
    [
        [strike(number, worker="one") for number in range(9)],
        [replace(strike(number), work="1/same") for number in range(9)],
        [strike(number, signature=f"trouble {number}") for number in range(9)],
        [strike(number, after=11 * MINUTE) for number in range(9)],
    ],
    ids=["one worker", "one video", "different troubles", "too far apart"],
)
def test_it_stays_closed_on_anything_less(strikes: list[Strike]) -> None:
    assert not after(*strikes).is_open


def test_a_single_worker_is_enough_where_there_is_only_one() -> None:
    assert after(*(strike(number, worker="one") for number in range(3)), workers=1).is_open


def test_a_success_in_between_proves_that_it_is_not_everybodys() -> None:
    breaker = answered(after(strike(0), strike(1)), "1/9")

    assert not struck(breaker, strike(2), 4, LIMITS).is_open


def test_while_it_is_open_only_a_canary_may_start_at_its_time() -> None:
    assert next_turn(opened(), "1/7", NOON + 3 * MINUTE) == CANARY_AT
    assert next_turn(opened(), "1/7", CANARY_AT) is None
    tried = start(opened(), "1/7", CANARY_AT)
    assert next_turn(tried, "1/8", CANARY_AT) == CANARY_AT + CANARY_PATIENCE
    assert next_turn(tried, "1/7", CANARY_AT) is None, "its redelivery is the same canary"
    assert next_turn(tried, "1/8", CANARY_AT + CANARY_PATIENCE) is None, "it was lost with its worker"


def test_a_canary_that_fails_in_the_same_way_doubles_the_pause_up_to_the_longest() -> None:
    breaker, now = opened(), CANARY_AT
    pauses = []
    for number in range(5):
        work = f"1/{number}"
        breaker = struck(start(breaker, work, now), Strike(now, "w", work, 1, BROKEN), 4, LIMITS)
        assert breaker.next_canary is not None
        pauses.append((breaker.next_canary - now) / MINUTE)
        now = breaker.next_canary

    assert pauses == [10, 20, 30, 30, 30]


def test_a_canary_that_ends_in_any_other_way_closes_it_and_nothing_else_does() -> None:
    tried = start(opened(), "1/7", CANARY_AT)

    assert answered(tried, "1/3").is_open
    assert not answered(tried, "1/7").is_open
    assert not struck(tried, Strike(CANARY_AT, "w", "1/7", 1, "another trouble"), 4, LIMITS).is_open
    assert next_turn(undecided(tried, "1/7"), "1/8", CANARY_AT) is None


def test_the_attempts_of_the_window_and_those_while_it_is_open_are_given_back_once() -> None:
    breaker = struck(opened(), strike(4), 4, LIMITS)

    assert [refund_of(breaker, f"1/{number}", 2) for number in range(6)] == [1, 1, 1, 0, 1, 0]
    assert refund_of(breaker, "1/0", 1) == 0, "its number is lowered already"
    closed = answered(start(breaker, "1/7", CANARY_AT), "1/7")
    assert refund_of(closed, "1/0", 2) == 1
    assert refund_of(answered(closed, "1/0"), "1/0", 2) == 0, "it came and ended: the next charge counts"


def test_several_charges_of_one_video_are_given_back_together() -> None:
    again = replace(strike(3), work="1/2", attempt=2, worker="worker-1")
    breaker = struck(opened(), again, 4, LIMITS)

    assert refund_of(breaker, "1/2", 3) == 2

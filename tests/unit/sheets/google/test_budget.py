from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.google.budget import Bucket, Budget, Kind


class FakeTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_a_sixth_of_the_share_may_go_out_at_once_and_the_next_one_waits() -> None:
    time = FakeTime()
    budget = Budget(60, 60, clock=time.clock, pause=time.pause)

    for _ in range(10):
        budget.take(Kind.READ)

    assert time.now == 1000
    budget.take(Kind.READ)
    assert time.now == pytest.approx(1001.2)


def test_reads_and_writes_are_counted_apart() -> None:
    time = FakeTime()
    budget = Budget(6, 6, clock=time.clock, pause=time.pause)

    budget.take(Kind.READ)
    budget.take(Kind.WRITE)

    assert time.now == 1000


def test_a_rest_fills_the_bucket_up_again_but_not_above_the_burst() -> None:
    bucket = Bucket.full(60, 0)
    for _ in range(10):
        bucket, _ = bucket.take(0)

    waits = []
    for _ in range(11):
        bucket, wait = bucket.take(3600)
        waits.append(wait)

    assert waits[:10] == [timedelta(0)] * 10
    assert waits[10] > timedelta(0)


def test_a_clock_that_goes_back_gives_and_takes_nothing() -> None:
    bucket, _ = Bucket.full(60, 100).take(100)

    back, wait = bucket.take(50)

    assert (back.level, wait) == (8, timedelta(0))


@pytest.mark.parametrize("share", [0, -1])
def test_no_share_at_all_is_refused(share: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Budget(60, share)


@given(st.integers(1, 300), st.lists(st.floats(0, 40), max_size=200))
def test_no_minute_ever_sees_more_than_the_share(per_minute: int, rests: list[float]) -> None:
    time = FakeTime()
    budget = Budget(per_minute, 1, clock=time.clock, pause=time.pause)
    sent = []
    for rest in [*rests, *[0.0] * (2 * per_minute)]:
        time.now += rest
        budget.take(Kind.READ)
        sent.append(time.now)

    later = sent[per_minute:]
    assert all(after - before > 59.999 for before, after in zip(sent, later, strict=False))

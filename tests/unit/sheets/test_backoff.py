from datetime import timedelta
from itertools import islice

from tubewarren.sheets.backoff import Backoff


def test_each_pause_is_anything_up_to_a_limit_that_doubles_up_to_a_minute() -> None:
    longest = [each.total_seconds() for each in islice(Backoff(chance=lambda: 1.0).pauses(), 7)]
    shortest = [each.total_seconds() for each in islice(Backoff(chance=lambda: 0.0).pauses(), 3)]

    assert longest == [2, 4, 8, 16, 32, 64, 64]
    assert shortest == [0, 0, 0]


def test_pauses_differ_by_chance() -> None:
    assert len(set(islice(Backoff(first=timedelta(hours=1)).pauses(), 5))) == 5

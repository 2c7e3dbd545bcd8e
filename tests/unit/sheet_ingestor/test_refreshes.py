"""When a source is looked through again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren_services.sheet_ingestor.refreshes import (
    Appointment,
    Rhythm,
    changed,
    due,
    kept,
    learned,
    made,
    rhythm_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AUTO = Rhythm(None)
SIX_HOURS = Rhythm(6 * HOUR)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("no", None), ("6h", SIX_HOURS), (" 6H ", SIX_HOURS), ("auto", AUTO), ("1d", Rhythm(24 * HOUR))],
)
def test_a_cell_says_how_often(text: str, expected: Rhythm | None) -> None:
    assert rhythm_of(text) == expected


@pytest.mark.parametrize(("text", "words"), [("often", "write how often"), ("10s", "5m is the shortest")])
def test_a_cell_that_nobody_understands_is_told_what_to_write(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rhythm_of(text)


def test_many_sources_that_are_watched_at_once_are_spread_over_all_the_time() -> None:
    appointments = {str(number): made(str(number), SIX_HOURS, NOON) for number in range(5000)}

    by_hour = [
        sum(NOON + hour * HOUR <= each.next_at < NOON + (hour + 1) * HOUR for each in appointments.values())
        for hour in range(6)
    ]

    assert sum(by_hour) == 5000
    assert all(400 < number < 1200 for number in by_hour[1:])


def test_of_many_that_are_due_those_that_wait_longest_come_first_and_no_more_than_may() -> None:
    appointments = {str(number): Appointment(NOON - number * HOUR, HOUR) for number in range(10)}

    assert due(appointments, NOON, 3) == ("9", "8", "7")
    assert due(appointments, NOON - 8 * HOUR, 5) == ("9", "8")
    assert due(appointments, NOON, -1) == ()


@given(st.floats(0, 1), st.sampled_from([AUTO, SIX_HOURS]))
def test_a_kept_appointment_is_followed_by_the_next_never_too_early(chance: float, rhythm: Rhythm) -> None:
    known = Appointment(NOON - 3 * HOUR, 6 * HOUR)

    later = kept(known, rhythm, NOON, chance)

    assert 6 * HOUR <= later.next_at - NOON <= 6.6 * HOUR


def test_a_source_that_publishes_is_looked_at_more_often_and_one_that_rests_less() -> None:
    known = Appointment(NOON + 6 * HOUR, 6 * HOUR)

    assert learned(known, AUTO, fresh=2).every == 3 * HOUR
    assert learned(known, AUTO, fresh=2).next_at == NOON + 3 * HOUR
    assert learned(known, AUTO, fresh=0).every == 9 * HOUR
    assert learned(known, SIX_HOURS, fresh=2) == known


@given(st.lists(st.booleans(), max_size=40))
def test_it_is_never_looked_at_more_than_hourly_nor_less_than_weekly_by_itself(news: list[bool]) -> None:
    known = made("7", AUTO, NOON)
    for is_news in news:
        known = learned(known, AUTO, fresh=int(is_news))

    assert HOUR <= known.every <= timedelta(days=7)


def test_another_rhythm_counts_at_once_but_never_delays_what_was_due_sooner() -> None:
    known = Appointment(NOON + 6 * HOUR, 6 * HOUR)

    assert changed(known, Rhythm(HOUR), NOON) == Appointment(NOON + HOUR, HOUR)
    assert changed(known, Rhythm(24 * HOUR), NOON) == Appointment(NOON + 6 * HOUR, 24 * HOUR)


def test_once_a_week_everything_is_looked_at() -> None:
    assert Appointment(NOON, HOUR).kind(NOON) == "all"
    assert Appointment(NOON, HOUR, NOON - timedelta(days=6)).kind(NOON) == "news"
    assert Appointment(NOON, HOUR, NOON - timedelta(days=7)).kind(NOON) == "all"

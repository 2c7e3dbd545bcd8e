"""The hours, the paces and the sleeps that settings describe."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.failures import Failure, FailureKind
from tubewarren.settings import Settings
from tubewarren_services.heartbeat_monitor.permits.policy import Policy, Sleep, Window

DAY = datetime(2026, 3, 10, tzinfo=UTC)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("words", "hour", "opens_at"),
    [
        ("07:00-22:00", 6.9, 7),
        ("07:00-22:00", 7, None),
        ("07:00-22:00", 21.9, None),
        ("07:00-22:00", 22, 31),
        ("22:00-06:00", 23, None),
        ("22:00-06:00", 5.9, None),
        ("22:00-06:00", 6, 22),
        ("22:00-06:00", 12, 22),
    ],
)
def test_work_may_start_within_its_hours_even_past_midnight(words: str, hour: float, opens_at: float | None) -> None:
    assert Window.read(words).next_opening(at(hour), "home") == (None if opens_at is None else at(opens_at))


@given(st.integers(0, 365), st.text())
def test_a_random_end_lies_within_its_bounds_and_is_the_same_all_day(day: int, name: str) -> None:
    window = Window.read("07:00-21:30..22:30")
    start = DAY + timedelta(days=day)
    minutes = [start + timedelta(hours=21, minutes=number) for number in range(100)]

    is_open = [window.next_opening(minute, name) is None for minute in minutes]

    assert all(is_open[:30])
    assert not any(is_open[90:])
    assert is_open == sorted(is_open, reverse=True)


def test_random_ends_differ_from_day_to_day_and_from_egress_to_egress() -> None:
    window = Window.read("07:00-21:30..22:30")
    ends = {window._closing((DAY + timedelta(days=day)).date(), name, UTC).time() for day in range(5) for name in "ab"}

    assert len(ends) == 10


def test_an_hourly_number_and_a_pause_give_the_longer_distance() -> None:
    settings = Settings.model_validate(
        {"pacing": {"videos_per_hour": 300, "pause": "5s"}, "egresses": {"slow": {"videos_per_hour": 1, "pause": "2h"}}}
    )
    policy = Policy.of(settings)

    assert policy.pace_of("home").between == timedelta(seconds=12)
    assert policy.pace_of("slow").between == timedelta(hours=2)
    assert Policy.of(Settings()).pace_of("home").is_free


def test_an_egress_with_a_cookie_jar_keeps_the_pace_of_its_address_unless_it_has_one_of_its_own() -> None:
    egresses = {"home": {"pause": "10s"}, "home+alice": {"pause": "20s"}}
    policy = Policy.of(Settings.model_validate({"egresses": egresses}))

    paces = [policy.pace_of(name).between for name in ("home", "home+bob", "home+alice", "office+bob")]

    assert paces == [timedelta(seconds=10), timedelta(seconds=10), timedelta(seconds=20), timedelta(0)]


def test_a_sleep_depends_on_the_rule_and_grows_to_its_longest() -> None:
    sleep = Sleep(by_rule={"bot-check": timedelta(hours=6)}, otherwise=timedelta(hours=1), longest=timedelta(hours=72))
    bot_check = Failure(kind=FailureKind.BLOCKED, reason="", rule="bot-check")
    other = Failure(kind=FailureKind.BLOCKED, reason="")

    assert [sleep.after(bot_check, number) / timedelta(hours=1) for number in (1, 2, 3, 4, 5, 1000)] == [
        *(6, 12, 24, 48),
        *(72, 72),
    ]
    assert sleep.after(other, 1) == timedelta(hours=1)


@pytest.mark.parametrize("words", ["7:00-22:00", "07:00", "07:00-25:00", "07:00-22:00..", "always"])
def test_a_window_that_cannot_be_read_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="window"):
        Settings.model_validate({"pacing": {"window": words}})


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Europe/Berlin"):
        Settings.model_validate({"pacing": {"time_zone": "Atlantis/Capital"}})

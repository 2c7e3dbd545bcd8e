"""Durations as a person writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.settings import parse_duration, spell_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1.5h", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("250ms", timedelta(milliseconds=250)),
        (" 10 s ", timedelta(seconds=10)),
        ("10", timedelta(seconds=10)),
        ("0.5", timedelta(milliseconds=500)),
        (10, timedelta(seconds=10)),
        (0.5, timedelta(milliseconds=500)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit_or_seconds(text: object, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "5x",
        "5 m s",
        "-5s",
        "0s",
        "0",
        0,
        -1,
        True,
        None,
        "²",
        "1e3s",
        ".",
        float("nan"),
        float("inf"),
        "99999999999999d",
        "9" * 400,
        [5],
        timedelta(0),
        timedelta(seconds=-1),
    ],
)
def test_anything_else_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="such as 30s or 5m"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=2), "2d"),
        (timedelta(hours=36), "36h"),
        (timedelta(seconds=90), "90s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=1), "0.001ms"),
        (timedelta(seconds=1_234_567, microseconds=891), "1234567000.891ms"),
    ],
)
def test_a_duration_is_spelled_in_the_largest_unit_that_comes_out_even(span: timedelta, text: str) -> None:
    assert spell_duration(span) == text


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=50_000)))
def test_what_is_spelled_is_read_again_to_the_microsecond(span: timedelta) -> None:
    assert parse_duration(spell_duration(span)) == span

"""Which videos are wanted: what a person may write, and what each look at a video can say."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import FilterRefusedError
from tubewarren.youtube.filter_text import FORMS, read_filter
from tubewarren.youtube.filters import (
    EVERYTHING,
    Filter,
    Sieve,
    against_entry,
    against_page,
    filtered,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Filter()),
        (" , ,", Filter()),
        ("newest 50", Filter(newest=50)),
        ("NEWEST  7", Filter(newest=7)),
        ("2024-01-31..", Filter(dates=(date(2024, 1, 31), None))),
        ("..2024-01-31", Filter(dates=(None, date(2024, 1, 31)))),
        ("2023 .. 2024", Filter(dates=(date(2023, 1, 1), date(2024, 12, 31)))),
        ("2024-02..2024-02", Filter(dates=(date(2024, 2, 1), date(2024, 2, 29)))),
        ("1m..2h", Filter(lengths=(MINUTE, 2 * HOUR))),
        ("..1h30m", Filter(lengths=(None, 1.5 * HOUR))),
        ("90s..", Filter(lengths=(1.5 * MINUTE, None))),
        ("1.5 m ..", Filter(lengths=(1.5 * MINUTE, None))),
        ("title ~ Episode", Filter(titles=("episode",))),
        ("title~episode | ep *", Filter(titles=("episode", "ep *"))),
        ('title ~ "one, two"', Filter(titles=("one, two",))),
        ("title !~ trailer", Filter(not_titles=("trailer",))),
        ("tabs videos Shorts", Filter(tabs=frozenset({"videos", "shorts"}))),
        ("tab live", Filter(tabs=frozenset({"streams"}))),
        ("no live", Filter(without=frozenset({"live"}))),
        ("no live, no shorts", Filter(without=frozenset({"live", "shorts"}))),
        ("5 a day", Filter(a_day=5)),
        ("5/day", Filter(a_day=5)),
        ("5 per day", Filter(a_day=5)),
        (
            "newest 50, 2024-01-01.., 1m..2h, title ~ episode, tabs videos shorts, no live, 5 a day",
            Filter(
                newest=50,
                dates=(date(2024, 1, 1), None),
                lengths=(MINUTE, 2 * HOUR),
                titles=("episode",),
                tabs=frozenset({"videos", "shorts"}),
                without=frozenset({"live"}),
                a_day=5,
            ),
        ),
    ],
)
def test_a_person_types_it_in_one_cell(text: str, wanted: Filter) -> None:
    assert read_filter(text) == wanted


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("latest 50", "The filter has 'latest 50'; what can be written is: newest 50, 2024-01-01.., 1m..2h, title ~"),
        ("..", "The filter has '..'"),
        ("60..120", "The filter has '60..120'"),
        ("2024-01-01", "The filter has '2024-01-01'"),
        ("newest 0", "A filter for 0 videos makes no sense"),
        ("0 a day", "A filter for 0 videos makes no sense"),
        ("newest 5, newest 6", "'newest 6' says once more what another part"),
        ("1m.., ..2h", "'..2h' says once more"),
        ("2024-13-01..", "There is no day 2024-13-01"),
        ("2023-02-29..", "There is no day 2023-02-29"),
        ("2025..2024", "2025..2024 ends before it begins"),
        ("2h..1m", "2h..1m ends before it begins"),
        ("title ~", "asks for a title, and not for which"),
        ("title ~ * | ", "asks for a title, and not for which"),
        ('title ~ "one, two', "has no other one"),
        ("tabs videos podcasts", "no tab 'podcasts' that can be asked for; there are videos, shorts, streams"),
        ("newest 5, ..2024", "the newest before a day cannot be found"),
        ("99999999999999999999h..", "Nothing lasts for"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_can_be_written(text: str, complaint: str) -> None:
    with pytest.raises(FilterRefusedError) as raised:
        read_filter(text)

    assert complaint in raised.value.failure.reason
    assert raised.value.failure.kind is FailureKind.BAD_INPUT


def test_every_form_that_is_advised_can_be_written() -> None:
    assert read_filter(", ".join(FORMS)) != EVERYTHING


@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*FORMS, "..", "~", "title", "2024", "h", '"', "|"])).map(" ".join)
)
def test_whatever_a_person_types_is_read_or_refused(text: str) -> None:
    try:
        wanted = read_filter(text)
    except FilterRefusedError:
        return
    against_entry(wanted, text, 61.0, "videos")


@given(st.lists(st.sampled_from(FORMS), unique=True))
def test_the_order_of_conditions_does_not_count(forms: list[str]) -> None:
    assert read_filter(", ".join(forms)) == read_filter(", ".join(reversed(forms)))


@given(st.lists(st.sampled_from(FORMS), unique=True))
def test_a_filter_travels_as_json(forms: list[str]) -> None:
    wanted, wire = read_filter(", ".join(forms)), TypeAdapter(Filter)

    assert wire.validate_json(wire.dump_json(wanted)) == wanted


def test_what_a_row_says_overrules_what_its_preset_says_of_the_same() -> None:
    preset, row = read_filter("newest 50, 1m..2h, no live"), read_filter("newest 5, ..10m, title ~ a")

    assert preset.overruled_by(row) == read_filter("newest 5, ..10m, title ~ a, no live")
    assert preset.overruled_by(EVERYTHING) == preset
    assert EVERYTHING.overruled_by(row) == row


@pytest.mark.parametrize(
    ("text", "entry", "against"),
    [
        ("", ("", None, ""), ""),
        ("1m..2h", ("A", 59.9, ""), "shorter than 1m"),
        ("1m..2h", ("A", 60.0, ""), ""),
        ("1m..2h", ("A", 7200.0, ""), ""),
        ("1m..2h", ("A", 7200.1, ""), "longer than 2h"),
        ("1m30s..", ("A", 89.0, ""), "shorter than 1m30s"),
        ("1m..2h", ("A", None, ""), ""),
        ("title ~ episode", ("EPISODE 7", None, ""), ""),
        ("title ~ episode", ("Trailer", None, ""), "whose title does not match 'episode'"),
        ("title ~ folge | episode", ("Die Folge", None, ""), ""),
        ("title ~ stra\u00dfe", ("STRASSE", None, ""), ""),
        ("title ~ ep * of", ("My ep 7 of 9", None, ""), ""),
        ("title ~ of * ep", ("My ep 7 of 9", None, ""), "whose title does not match 'of * ep'"),
        ("title ~ [x] (y)", ("a [X]  (y)", None, ""), ""),
        ("title ~ episode", ("", None, ""), ""),
        ("title !~ trailer | teaser", ("A Teaser", None, ""), "whose title matches 'trailer | teaser'"),
        ("tabs videos", ("A", None, "shorts"), "in the tab shorts"),
        ("tabs videos", ("A", None, "videos"), ""),
        ("tabs videos", ("A", None, ""), ""),
        ("no live", ("A", None, "streams"), "in the tab streams"),
        ("no shorts", ("A", None, "shorts"), "in the tab shorts"),
        ("no shorts", ("A", None, "streams"), ""),
        ("2024..", ("A", None, ""), ""),
    ],
)
def test_a_list_tells_what_is_against_an_entry(text: str, entry: tuple[str, float | None, str], against: str) -> None:
    assert against_entry(read_filter(text), *entry) == against


@pytest.mark.parametrize(
    ("text", "info", "against"),
    [
        ("2024-05..2024-05", {"upload_date": "20240430"}, "uploaded before 2024-05-01"),
        ("2024-05..2024-05", {"upload_date": "20240501"}, ""),
        ("2024-05..2024-05", {"upload_date": "20240531"}, ""),
        ("2024-05..2024-05", {"upload_date": "20240601"}, "uploaded after 2024-05-31"),
        ("2024..", {}, "of which nobody tells the day of its upload"),
        ("2024..", {"upload_date": "soon"}, "of which nobody tells the day of its upload"),
        ("1m..", {"duration": 59}, "shorter than 1m"),
        ("1m..", {}, "of which nobody tells the length"),
        ("1m..", {"live_status": "is_live"}, ""),
        ("title ~ a", {"title": "b"}, "whose title does not match 'a'"),
        ("title ~ a", {"title": "A"}, ""),
        ("no live", {"live_status": "is_live"}, "of a live stream"),
        ("no live", {"live_status": "was_live"}, "of a live stream"),
        ("no live", {"live_status": "post_live"}, "of a live stream"),
        ("no live", {"live_status": "is_upcoming"}, ""),
        ("2024.., 1m..", {"live_status": "is_upcoming"}, ""),
        ("title ~ a", {"live_status": "is_upcoming", "title": "b"}, "whose title does not match 'a'"),
        ("no live", {"live_status": "not_live"}, ""),
        ("newest 1, tabs videos, 5 a day", {}, ""),
    ],
)
def test_a_page_tells_the_rest(text: str, info: dict[str, Any], against: str) -> None:
    assert against_page(read_filter(text), info, is_complete=True) == against


@pytest.mark.parametrize("text", ["2024..", "1m.."])
def test_what_the_first_part_of_a_page_does_not_tell_is_left_to_the_rest(text: str) -> None:
    assert against_page(read_filter(text), {}, is_complete=False) == ""


def test_a_title_that_the_list_told_is_not_judged_again_in_another_language() -> None:
    wanted, info = read_filter("title ~ episode"), {"title": "Folge 7"}

    assert against_page(wanted, info, is_complete=True, knows_title=True) == ""
    assert against_page(wanted, info, is_complete=True) != ""


def test_being_left_out_is_told_in_a_sentence_and_by_a_class_of_its_own() -> None:
    failure = filtered("shorter than 1m")

    assert (failure.kind, failure.reason) == (FailureKind.FILTERED, "Left out by the filter: shorter than 1m.")


def test_the_newest_are_the_first_that_fit_and_then_nothing_more_is_wanted() -> None:
    sieve = Sieve(read_filter("newest 2, title ~ a"), NOON)

    taken = [title for title in ("a1", "b", "a2", "a3", "b") if sieve.take(title, None, "")]

    assert (taken, sieve.is_full) == (["a1", "a2"], True)
    assert dict(sieve.dropped) == {"whose title does not match 'a'": 1}


def test_what_is_known_is_among_the_newest_but_is_neither_ordered_again_nor_counted_nor_given_a_day() -> None:
    sieve = Sieve(read_filter("newest 4, 1 a day, title ~ a"), NOON)

    told = [
        sieve.take(title, None, "", is_known=is_known)
        for title, is_known in (("a1", False), ("a2", True), ("b", True), ("a3", True), ("a4", False), ("a5", False))
    ]

    assert told == [True, False, False, False, True, False]
    assert (sieve.taken, sieve.known, sieve.is_full) == (2, 2, True)
    assert (sieve.not_before, sieve.dropped.total()) == (NOON + timedelta(days=1), 0)


def test_what_was_dropped_is_counted_by_what_was_against_it_most_first() -> None:
    sieve = Sieve(read_filter("1m.., title ~ a"), NOON)

    for title, seconds in (("a", 1), ("b", 70), ("a", 2), ("a", 99)):
        sieve.take(title, float(seconds), "")

    assert sieve.notes == ("2 shorter than 1m", "1 whose title does not match 'a'")
    assert (sieve.taken, sieve.dropped.total()) == (1, 3)


def test_nothing_is_noted_when_everything_is_wanted() -> None:
    sieve = Sieve(EVERYTHING, NOON)

    assert sieve.take("", None, "")
    assert (sieve.notes, sieve.dropped.total(), sieve.is_full, sieve.not_before) == ((), 0, False, None)


def test_so_many_a_day_are_spread_over_the_days_from_now_on() -> None:
    sieve = Sieve(read_filter("2 a day, title ~ a"), NOON)

    days = [sieve.not_before for title in ("a", "a", "b", "a", "a", "a") if sieve.take(title, None, "")]

    assert days == [None, None, NOON + timedelta(days=1), NOON + timedelta(days=1), NOON + timedelta(days=2)]
    assert sieve.notes == ("1 whose title does not match 'a'", "2 a day: the last starts on 2026-03-03")


@given(a_day=st.integers(1, 5), newest=st.none() | st.integers(1, 20), fits=st.lists(st.booleans(), max_size=30))
def test_every_entry_until_it_is_full_is_taken_or_counted_and_no_day_has_too_many(
    a_day: int, newest: int | None, fits: list[bool]
) -> None:
    sieve = Sieve(Filter(newest=newest, titles=("yes",), a_day=a_day), NOON)
    days = [sieve.not_before or NOON for each in fits if sieve.take("yes" if each else "no", None, "")]

    assert len(days) == sieve.taken == min(sum(fits), newest or 30)
    assert all(days.count(day) <= a_day for day in days)
    assert days == sorted(days)
    if not sieve.is_full:
        assert sieve.taken + sieve.dropped.total() == len(fits)

"""When something will be there, from yt-dlp's fields and from YouTube's words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.youtube.release import announced, scheduled

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "ahead"),
    [
        ("Premieres in 3 hours", timedelta(hours=3)),
        ("Premieres in 1 hour and 5 minutes", timedelta(hours=1, minutes=5)),
        ("This live event will begin in 20 minutes.", timedelta(minutes=20)),
        ("This live event will begin in a minute.", timedelta(minutes=1)),
        ("This live event will begin in an hour.", timedelta(hours=1)),
        ("This live event will begin in a few moments.", timedelta(minutes=2)),
        ("ERROR: Premieres in 2 days", timedelta(days=2)),
        ("Premieres in 2 weeks", timedelta(weeks=2)),
        ("Premieres in 45 seconds", timedelta(seconds=45)),
    ],
)
def test_the_time_is_read_from_words(words: str, ahead: timedelta) -> None:
    assert announced(words, NOON) == NOON + ahead


@pytest.mark.parametrize(
    "words",
    [
        "We're processing this video. Check back later.",
        "The channel is not currently live",
        "Premieres in a world of its own",
        "Premieres in 999999 years",
        "",
    ],
)
def test_words_without_a_time_give_none(words: str) -> None:
    assert announced(words, NOON) is None


@given(st.text())
def test_no_words_are_too_strange(words: str) -> None:
    announced(f"Premieres in {words}", NOON)


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [(NOON.timestamp(), NOON), (1e18, None), (float("nan"), None), (None, None), ("soon", None), (True, None)],
)
def test_the_time_is_taken_from_the_field_where_it_is_one(stamp: Any, moment: datetime | None) -> None:
    assert scheduled({"release_timestamp": stamp}) == moment

"""The calendar: nothing is forgotten over a restart, and many that are due at once come a few at a time."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren_services.sheet_ingestor.calendar import Calendar
from tubewarren_services.sheet_ingestor.refreshes import Rhythm

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = Rhythm(HOUR)

Open = Callable[[], Calendar]


@pytest.fixture
def open_calendar(tmp_path: Path) -> Iterator[Open]:
    opened: list[Calendar] = []

    def open_calendar() -> Calendar:
        opened.append(Calendar.open(tmp_path / "calendar.sqlite", most_at_once=20))
        return opened[-1]

    yield open_calendar
    for each in opened:
        each.close()


def test_five_thousand_sources_that_are_due_at_once_come_a_few_at_a_time(open_calendar: Open) -> None:
    calendar = open_calendar()
    rhythms = {str(number): HOURLY for number in range(5000)}
    calendar.due(rhythms, NOON)
    after_an_outage = NOON + 48 * HOUR

    ordered = calendar.due(rhythms, after_an_outage)
    for source_id in ordered:
        calendar.note_ordered(source_id, after_an_outage)

    assert len(ordered) == 20
    assert calendar.due(rhythms, after_an_outage) == ()
    calendar.hear(ordered[0], after_an_outage, fresh=0)
    (next_one,) = calendar.due(rhythms, after_an_outage)
    assert next_one not in ordered


def test_one_that_nobody_tells_of_holds_back_no_other_for_ever(open_calendar: Open) -> None:
    calendar = open_calendar()
    rhythms = {str(number): HOURLY for number in range(50)}
    calendar.due(rhythms, NOON)
    for source_id in calendar.due(rhythms, NOON + HOUR):
        calendar.note_ordered(source_id, NOON + HOUR)

    assert len(calendar.due(rhythms, NOON + HOUR + timedelta(minutes=15))) == 20


def test_appointments_and_channels_outlive_a_restart(open_calendar: Open) -> None:
    before = open_calendar()
    before.due({"7": HOURLY}, NOON)
    before.note_ordered("7", NOON)
    before.hear("7", NOON, channel_id="UC1", fresh=1, is_whole=True)
    known = before.appointment("7")

    after = open_calendar()
    after.due({"7": HOURLY}, NOON)

    assert after.appointment("7") == known
    assert after.appointment("7").kind(NOON) == "news"
    assert after.channel("7") == "UC1"


def test_one_that_is_watched_no_more_is_forgotten(open_calendar: Open) -> None:
    calendar = open_calendar()
    calendar.due({"7": HOURLY}, NOON)
    calendar.due({}, NOON)

    again = open_calendar()

    assert again.due({}, NOON + 10 * HOUR) == ()
    with pytest.raises(KeyError):
        again.appointment("7")


def test_what_is_held_back_is_not_due_and_keeps_its_place(open_calendar: Open) -> None:
    calendar = open_calendar()
    calendar.due({"7": HOURLY}, NOON)
    known = calendar.appointment("7")

    assert calendar.due({"7": HOURLY}, NOON + HOUR, held={"7"}) == ()
    assert calendar.appointment("7") == known
    assert calendar.due({"7": HOURLY}, NOON + HOUR) == ("7",)


def test_of_one_channel_that_is_written_twice_the_second_is_told(open_calendar: Open) -> None:
    calendar = open_calendar()
    calendar.hear("10", NOON, channel_id="UC1")
    calendar.hear("9", NOON, channel_id="UC1")
    calendar.hear("8", NOON, channel_id="UC2")

    assert [calendar.twin(each) for each in ("10", "9", "8", "7")] == ["9", "", "", ""]

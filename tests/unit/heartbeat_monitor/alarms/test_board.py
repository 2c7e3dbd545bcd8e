"""What is told, and when: by a clock that is set by hand, and for whatever comes and goes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tubewarren.settings.alarms import AlarmSettings
from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.board import Board, Digest, digest_of, observe, without

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LIMITS = AlarmSettings()
GATHER, PAUSE, REPEAT = LIMITS.gather, LIMITS.pause, LIMITS.repeat
CALM = 10 * GATHER
SECOND = timedelta(seconds=1)

LOST = Alarm(Kind.LOST, "box/downloader", "Silent.")
UNFIT = Alarm(Kind.UNFIT, "box/downloader.2", "No disk.")
BREAKER = Alarm(Kind.BREAKER, "downloader", "The same everywhere.")
FINISHED = Alarm(Kind.FINISHED, "", "Nothing is left to do.")


@dataclass
class Person:
    """Who reads every message at once."""

    board: Board = field(default_factory=Board)
    now: datetime = NOON
    read: list[tuple[datetime, Digest]] = field(default_factory=list)

    def after(self, time: timedelta, *standing: Alarm) -> Digest:
        """What is read when these are the matter at last, and nothing was looked at in between."""
        self.now += time
        self.board, digest = digest_of(observe(self.board, standing, self.now), self.now, LIMITS)
        if digest:
            self.read.append((self.now, digest))
        return digest

    def told_of(self, *standing: Alarm) -> Digest:
        self.after(SECOND, *standing)
        return self.after(max(GATHER, PAUSE), *standing)


def test_what_comes_together_is_one_message_once_it_has_been_gathered() -> None:
    person = Person()

    assert not person.after(SECOND, LOST)
    assert not person.after(GATHER - SECOND, LOST, BREAKER)

    assert person.after(SECOND, LOST, BREAKER, UNFIT) == Digest(begun=(LOST, BREAKER, UNFIT))


def test_what_has_ended_before_it_could_be_told_is_never_told() -> None:
    person = Person()
    person.after(SECOND, LOST)

    assert not person.after(GATHER)
    assert not person.after(REPEAT)


def test_it_is_told_in_the_words_of_the_moment_in_which_it_is_told() -> None:
    person = Person()
    person.after(SECOND, UNFIT)
    newer = Alarm(UNFIT.kind, UNFIT.subject, "Even less disk.")

    assert person.after(GATHER, newer) == Digest(begun=(newer,))


def test_after_a_message_the_next_waits_for_the_pause() -> None:
    person = Person()
    person.told_of(LOST)
    person.after(SECOND, LOST, BREAKER)

    assert not person.after(PAUSE - 2 * SECOND, LOST, BREAKER)
    assert person.after(SECOND, LOST, BREAKER) == Digest(begun=(BREAKER,))


def test_what_goes_on_is_told_again_after_long_with_all_else_that_goes_on() -> None:
    person = Person()
    person.told_of(LOST)
    person.told_of(LOST, BREAKER)

    assert not person.after(REPEAT - PAUSE - 2 * SECOND, LOST, BREAKER)
    assert person.after(SECOND, LOST, BREAKER) == Digest(still=(LOST, BREAKER))
    assert not person.after(REPEAT - SECOND, LOST, BREAKER)


def test_what_is_over_is_told_once_it_has_stayed_so() -> None:
    person = Person()
    person.told_of(LOST)
    person.after(PAUSE)

    assert not person.after(CALM - SECOND)
    assert person.after(SECOND) == Digest(over=(LOST,))
    assert not person.after(REPEAT)


def test_what_comes_back_before_it_was_told_to_be_over_is_no_news() -> None:
    person = Person()
    person.told_of(LOST)
    person.after(PAUSE)
    person.after(CALM - SECOND, LOST)

    assert not person.after(PAUSE, LOST)


def test_what_comes_and_goes_must_stay_away_for_longer_each_time() -> None:
    person = Person()
    calms = []
    for _ in range(10):
        person.told_of(LOST)
        person.after(PAUSE)
        left = person.now
        while not person.after(GATHER):
            pass
        calms.append(person.now - left)

    assert calms[:3] == [CALM, 2 * CALM, 4 * CALM]
    assert calms[-1] == timedelta(hours=6)


def test_what_came_and_went_too_fast_to_be_told_is_held_against_it() -> None:
    person = Person()
    person.told_of(LOST)
    person.after(PAUSE)
    person.after(CALM)
    person.after(SECOND, LOST)
    person.after(SECOND)
    person.told_of(LOST)
    person.after(PAUSE)

    assert not person.after(4 * CALM - SECOND)
    assert person.after(SECOND) == Digest(over=(LOST,))


def test_what_has_not_come_back_for_a_day_begins_anew() -> None:
    person = Person()
    person.told_of(LOST)
    person.after(PAUSE)
    person.after(CALM)
    person.after(timedelta(days=1))

    assert person.board.entries == ()


def test_what_happens_once_is_told_once_and_is_never_over() -> None:
    person = Person()

    assert person.told_of(FINISHED) == Digest(begun=(FINISHED,))
    assert not person.after(REPEAT)
    assert person.board.entries == ()


def test_of_what_is_forgotten_nothing_more_is_told() -> None:
    person = Person()
    person.told_of(LOST)
    person.board = without(person.board, {LOST.key})

    assert not person.after(REPEAT)


def test_a_clock_that_was_set_back_holds_up_nothing_for_longer_than_a_pause() -> None:
    person = Person()
    person.told_of(LOST)
    person.now -= timedelta(days=30)
    person.after(SECOND, LOST, BREAKER)

    person.after(PAUSE, LOST, BREAKER)

    assert BREAKER in [alarm for _, digest in person.read for alarm in digest.begun]


STEPS = st.lists(
    st.tuples(
        st.timedeltas(min_value=SECOND, max_value=timedelta(hours=1)),
        st.sets(st.sampled_from([LOST, UNFIT, BREAKER, FINISHED])),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_comes_and_goes_messages_are_few_and_make_sense(steps: list[tuple[timedelta, set[Alarm]]]) -> None:
    person = Person()
    for time, standing in steps:
        person.after(time, *sorted(standing, key=lambda alarm: alarm.key))
    last = steps[-1][1] if steps else set()
    for _ in range(30):
        person.after(PAUSE, *last)

    times = [at for at, _ in person.read]
    assert all(later - earlier >= PAUSE for earlier, later in pairwise(times))
    believed: set[Alarm] = set()
    for _, digest in person.read:
        begun, over = set(digest.begun) - {FINISHED}, set(digest.over)
        assert not begun & believed, "told once"
        assert over <= believed, "what is over was told to have begun"
        assert set(digest.still) <= believed
        believed = (believed | begun) - over
    assert believed == last - {FINISHED}, "in the end the person knows how it is"

"""Counts that are worth a message."""

from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.milestones import (
    Milestones,
    Tally,
    after_telling,
    news,
    with_dead,
    with_tally,
)


def _told(milestones: Milestones) -> tuple[list[Alarm], Milestones]:
    found = list(news(milestones))
    return found, after_telling(milestones, found)


def _grown(counts: list[int]) -> list[int]:
    milestones, told = Milestones(), []
    for count in counts:
        found, milestones = _told(with_dead(milestones, count))
        told += [count] if found else []
    return told


def test_dead_letters_are_told_seldom_and_the_more_there_are_the_more_it_takes() -> None:
    assert _grown(list(range(500))) == [10, 20, 30, 45, 67, 100, 150, 225, 325, 425]


def test_dead_letters_that_were_there_before_are_no_news() -> None:
    assert _grown([300, 305]) == []


def test_after_a_purge_dead_letters_are_counted_anew() -> None:
    assert _grown([300, 0, 9, 10]) == [10]


def test_the_end_of_a_run_is_told_once_when_it_was_seen_twice() -> None:
    run = with_tally(Milestones(), Tally(done=5, dead=0, errors=0), is_finished=False)
    once = with_tally(run, Tally(done=9, dead=2, errors=0), is_finished=True)
    twice = with_tally(once, Tally(done=9, dead=2, errors=0), is_finished=True)

    assert not list(news(once))
    found, after = _told(twice)
    assert [alarm.kind for alarm in found] == [Kind.FINISHED]
    assert found[0].words == "Nothing is left to do; 9 videos are done. Not done: 2 dead videos."
    assert not list(news(with_tally(after, Tally(done=9, dead=2, errors=0), is_finished=True)))


def test_a_look_that_finds_work_begins_the_counting_of_quiet_looks_anew() -> None:
    milestones = Milestones(tally_told=Tally(0, 0, 0))
    for is_finished in (True, False, True):
        milestones = with_tally(milestones, Tally(9, 0, 0), is_finished=is_finished)

    assert not list(news(milestones))


def test_a_fleet_that_was_finished_before_anybody_looked_and_one_whose_dead_were_purged_are_no_news() -> None:
    milestones = Milestones()
    for tally in (Tally(9, 3, 0), Tally(9, 3, 0), Tally(9, 0, 0), Tally(9, 0, 0)):
        milestones = with_tally(milestones, tally, is_finished=True)

        assert not list(news(milestones))

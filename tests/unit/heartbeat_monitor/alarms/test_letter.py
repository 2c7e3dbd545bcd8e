"""Digests in words."""

from tubewarren_services.heartbeat_monitor.alarms.alarm import Alarm, Kind
from tubewarren_services.heartbeat_monitor.alarms.board import Digest
from tubewarren_services.heartbeat_monitor.alarms.letter import Letter, joined, letter_of

FINISHED = Alarm(Kind.FINISHED, "", "Nothing is left to do.")


def _lost(name: str, words: str = "Silent.") -> Alarm:
    return Alarm(Kind.LOST, name, words)


def test_what_begins_goes_on_and_is_over_is_told_apart() -> None:
    digest = Digest(
        begun=(_lost("b"), Alarm(Kind.BREAKER, "downloader", "The same\neverywhere."), _lost("a"), FINISHED),
        still=(Alarm(Kind.COOKIES, "alice", "Dead."),),
        over=(_lost("c"), _lost("d")),
    )

    assert letter_of(digest) == Letter(
        "Tubewarren: breaker open, worker lost, cookies dead, run finished",
        "Breaker open:\n"
        "- downloader: The same everywhere.\n"
        "Worker lost (2):\n"
        "- a: Silent.\n"
        "- b: Silent.\n"
        "Run finished: Nothing is left to do.\n"
        "Goes on:\n"
        "Cookies dead:\n"
        "- alice: Dead.\n"
        "Over:\n"
        "- Worker lost: c, d",
        "bad",
    )


def test_good_news_look_good() -> None:
    over, finished = letter_of(Digest(over=(_lost("a"),))), letter_of(Digest(begun=(FINISHED,)))

    assert (over.title, over.mood) == ("Tubewarren: over again", "good")
    assert (finished.title, finished.mood) == ("Tubewarren: run finished", "good")
    assert letter_of(Digest(still=(_lost("a"),))).title == "Tubewarren: still worker lost"


def test_of_many_only_some_are_named_and_nothing_is_too_long_for_a_messenger() -> None:
    many = tuple(_lost(f"{number:03}", "x" * 1000) for number in range(200))

    letter = letter_of(Digest(begun=many, over=many))

    assert "Worker lost (200):" in letter.body
    assert "- and 195 more" in letter.body
    assert "- Worker lost: 000, 001, 002, 003, 004 and 195 more" in letter.body
    assert max(map(len, letter.body.splitlines())) <= 300
    assert all(len(joined([letter] * number).body) <= 1800 for number in (1, 5))


def test_letters_that_come_late_come_as_one_the_newest_first() -> None:
    old, new = Letter("old", "1", "bad"), Letter("new", "2", "good")

    assert joined([old]) == old
    assert joined([old, new]) == Letter("Tubewarren: 2 messages that came late", "new\n2\n\nold\n1", "good")

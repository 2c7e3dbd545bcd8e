"""Letters that wait for their address."""

from datetime import UTC, datetime, timedelta

from tubewarren_services.heartbeat_monitor.alarms.letter import Letter
from tubewarren_services.heartbeat_monitor.alarms.outbox import Outbox, failed, is_due, put

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def _letter(number: int = 0) -> Letter:
    return Letter(f"{number}", "", "bad")


def test_a_letter_goes_at_once_and_after_each_failure_later() -> None:
    outbox, now, waits = put(Outbox(), _letter()), NOON, []
    assert is_due(outbox, now)
    for _ in range(9):
        outbox, begin = failed(outbox, now), now
        while not is_due(outbox, now):
            now += timedelta(minutes=1)
        waits.append((now - begin) // timedelta(minutes=1))

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_new_letter_waits_with_the_others() -> None:
    outbox = put(failed(put(Outbox(), _letter(1)), NOON), _letter(2))

    assert not is_due(outbox, NOON)
    assert [letter.title for letter in outbox.letters] == ["1", "2"]


def test_only_the_newest_letters_are_kept() -> None:
    outbox = Outbox()
    for number in range(100):
        outbox = put(outbox, _letter(number))

    assert [letter.title for letter in outbox.letters] == ["95", "96", "97", "98", "99"]


def test_an_empty_outbox_is_never_due() -> None:
    assert not is_due(Outbox(), NOON)

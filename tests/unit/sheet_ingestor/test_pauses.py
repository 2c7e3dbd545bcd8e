"""The column Pause: what counts as yes, and whose pauses are ended."""

from datetime import UTC, datetime

import pytest

from tubewarren.messages.events import FleetGates, Gate, Taken
from tubewarren.messages.permits import PAUSED_IN_THE_LIST
from tubewarren_services.sheet_ingestor.pauses import Held, changes, pause_of
from tubewarren_services.sheet_ingestor.rows import ListRow, Wording

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(*gates: tuple[str, str, str]) -> Held:
    made = tuple(Gate(kind=kind, name=name, reason=reason, since=NOON) for kind, name, reason in gates)
    return Held.of(FleetGates(at=NOON, gates=made))


def changed(pause: str, held: Held) -> list[Taken]:
    rows = [ListRow("7", Wording("https://www.youtube.com/@a"), "7", pause=pause)]
    return [what for _, what in changes(rows, held)]


@pytest.mark.parametrize("text", ["yes", " YES ", "true", "TRUE", "x", "1", "paused", "✓"])
def test_these_words_pause(text: str) -> None:
    assert pause_of(text) is True


@pytest.mark.parametrize("text", ["", "  ", "no", "False", "0"])
def test_these_words_do_not(text: str) -> None:
    assert pause_of(text) is False


def test_of_other_words_nobody_can_tell_and_nothing_changes() -> None:
    assert pause_of("until Monday") is None
    assert changed("until Monday", told()) == []
    assert changed("until Monday", told(("pause", "7", PAUSED_IN_THE_LIST))) == []


def test_a_source_that_is_paused_already_is_not_paused_again() -> None:
    assert changed("yes", told()) == [Taken.PAUSED]
    assert changed("yes", told(("pause", "7", PAUSED_IN_THE_LIST))) == []
    assert changed("yes", told(("pause", "7", "It is being moved."))) == []
    assert changed("yes", told(("cancelled", "7", ""), ("pause", "8", ""))) == [Taken.PAUSED]


def test_only_the_lists_own_pauses_end_with_an_empty_cell() -> None:
    assert changed("", told(("pause", "7", PAUSED_IN_THE_LIST))) == [Taken.RESUMED]
    assert changed("", told(("pause", "7", "It is being moved."))) == []
    assert changed("", told()) == []


def test_what_is_cancelled_is_known_by_its_gate() -> None:
    assert told(("cancelled", "7", ""), ("pause", "8", "")).cancelled == {"7"}

"""What the list asks for: what is ordered, what is refused, what is taken of an edit, and with which words."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from tubewarren.failures import FailureKind
from tubewarren.messages.events import Taken
from tubewarren.sheets.table import Table
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.decisions import Accept, Decision, Find, Note, Refuse, Take
from tubewarren_services.sheet_ingestor.entries import Entry, Terms
from tubewarren_services.sheet_ingestor.handler import decide
from tubewarren_services.sheet_ingestor.memory import Memory
from tubewarren_services.sheet_ingestor.pauses import Held
from tubewarren_services.sheet_ingestor.rows import read_rows

A, B, C = (f"https://www.youtube.com/@{name}" for name in "abc")
TERMS = Terms(partial(check_address, allowed_hosts=("www.youtube.com", "youtu.be")), ("audio", "Small"))
HEADER = ("ID", "URL", "Status", "Name", "Priority", "Preset", "Pause", "Action", "ClaimedBy", "LastError", "Filter")


def row(
    source_id: str,
    url: str,
    status: str = "",
    name: str = "",
    priority: str = "",
    *,
    preset: str = "",
    pause: str = "",
    action: str = "",
    claimed_by: str = "",
    error: str = "",
) -> tuple[str, ...]:
    return (source_id, url, status, name, priority, preset, pause, action, claimed_by, error)


def filtered_row(text: str) -> tuple[str, ...]:
    return (*row("7", A), text)


@dataclass
class Desk:
    """One process that looks at the list, and carries out what it decides; findings are left out."""

    terms: Terms = TERMS
    memory: Memory = field(default_factory=Memory)
    held: Held = field(default_factory=Held)
    looks: int = 1

    def look(self, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> list[Decision]:
        seen = self.memory.see(read_rows(Table.of([header, *rows])), self.looks)
        decisions = decide(seen, self.memory, self.held, self.terms)
        for decision in decisions:
            self.memory.note(decision)
        return [decision for decision in decisions if not isinstance(decision, Find)]

    def accepted(self, *rows: tuple[str, ...]) -> list[tuple[str, Entry]]:
        return [(each.row.source_id, each.entry) for each in self.look(*rows) if isinstance(each, Accept)]

    def taken(self, *rows: tuple[str, ...]) -> list[tuple[str, Taken]]:
        return [(each.row.source_id, each.what) for each in self.look(*rows) if isinstance(each, Take)]

    def note(self, *rows: tuple[str, ...]) -> str | None:
        notes = [each.note for each in self.look(*rows) if isinstance(each, Note)]
        assert len(notes) <= 1
        return notes[0] if notes else None

    def refusal(self, *rows: tuple[str, ...]) -> Refuse:
        (refusal,) = (decision for decision in self.look(*rows) if isinstance(decision, Refuse))
        assert refusal.failure.kind is FailureKind.BAD_INPUT
        return refusal


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("status", ["", "pending", " Pending "])
def test_a_row_that_waits_is_accepted_with_all_that_the_person_wrote(desk: Desk, status: str) -> None:
    assert desk.accepted(row("7", A, status, "Ada", "2")) == [("7", Entry(A, {"Name": "Ada"}, 2))]


@pytest.mark.parametrize("status", ["in-progress", "done", "error", "paused"])
def test_a_row_that_was_at_work_before_is_left_alone(desk: Desk, status: str) -> None:
    assert desk.look(row("7", A, status)) == []


def test_what_was_accepted_is_not_accepted_again_whatever_its_status_says(desk: Desk) -> None:
    desk.look(row("7", A, "pending"))

    assert desk.look(row("7", A, "pending")) == []
    assert desk.look(row("7", A, "")) == []


def test_rows_without_an_id_or_an_address_are_not_decided_on(desk: Desk) -> None:
    assert desk.look(row("", A), row("7", ""), row("8", "  "), row(" ", B)) == []


def test_a_blank_priority_is_the_usual_one(desk: Desk) -> None:
    ((_, entry),) = desk.accepted(row("7", A, "", "", " "))

    assert entry.priority == 5


@pytest.mark.parametrize("text", ["0", "11", "-1", "high", "1.5", "٣", "²"])
def test_a_priority_that_is_no_number_from_1_to_10_is_refused_with_its_text(desk: Desk, text: str) -> None:
    refusal = desk.refusal(row("7", A, "", "", text))

    assert refusal.failure.reason == f"Priority is {text!r}: write a number from 1 (first) to 10."


@pytest.mark.parametrize("url", [A, f"{A}/", "https://youtube.com/@A", "https://m.youtube.com/@a?si=x", f" {A} "])
def test_the_second_row_of_one_source_is_refused_with_the_id_of_the_first(desk: Desk, url: str) -> None:
    refusal = desk.refusal(row("7", A), row("8", url))

    assert refusal.row.source_id == "8"
    assert "the row with ID 7" in refusal.failure.reason


def test_a_row_is_compared_with_those_that_were_accepted_long_ago_too(desk: Desk) -> None:
    assert "ID 3" in desk.refusal(row("3", A, "done"), row("8", A)).failure.reason


def test_of_two_rows_with_one_id_the_first_counts(desk: Desk) -> None:
    accepted = desk.accepted(row("7", A), row("7", B), row(" 7 ", C), row("8", C))

    assert [(source_id, entry.url) for source_id, entry in accepted] == [("7", A), ("8", C)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("not an address", "this is not an address"),
        ("file:///etc/passwd", "only http and https"),
        ("http://127.0.0.1/", "private network"),
        ("http://192.168.0.1/x", "private network"),
        ("http://[::1]/", "private network"),
        ("http://2130706433/", "private network"),
        ("http://localhost:8000/", "private network"),
        ("https://example.org/feed.xml", "the host example.org is not allowed"),
        ("https://user:pw@www.youtube.com/", "user name"),
    ],
)
def test_an_address_that_may_not_be_worked_on_is_refused_with_the_reason(desk: Desk, url: str, words: str) -> None:
    refusal = desk.refusal(row("7", url), row("8", A))

    assert refusal.row.source_id == "7"
    assert words in refusal.failure.reason


def test_a_bad_row_does_not_stop_the_rest(desk: Desk) -> None:
    decisions = desk.look(
        row("1", "not an address"), row("2", A), row("3", B, "", "", "high"), row("4", C), row("5", f"{C}5", preset="x")
    )

    assert [type(decision) for decision in decisions] == [Refuse, Accept, Refuse, Accept, Refuse]


@pytest.mark.parametrize("presets", [("audio", "Small"), ()])
def test_a_preset_that_there_is_not_is_refused_with_those_that_there_are(presets: tuple[str, ...]) -> None:
    refusal = Desk(Terms(TERMS.check_address, presets)).refusal(row("7", A, preset="adio"))

    there_are = "Small, audio." if presets else "none at all; they are made in the settings, as youtube.presets."
    assert refusal.failure.reason == f"There is no preset 'adio'; there are {there_are}"


def test_a_filter_that_cannot_be_understood_is_refused_with_what_can_be_written(desk: Desk) -> None:
    refusal = desk.refusal(filtered_row("the best ones"))

    assert refusal.failure.kind is FailureKind.BAD_INPUT
    assert refusal.failure.reason.startswith("The filter has 'the best ones'; what can be written is: newest 50, ")


def test_a_filter_reaches_the_worker_as_it_was_written_like_every_column(desk: Desk) -> None:
    ((_, entry),) = desk.accepted(filtered_row("newest 5, no live"))

    assert entry.columns["Filter"] == "newest 5, no live"


@pytest.mark.parametrize("text", ["small", "Small", " SMALL "])
def test_a_preset_is_known_in_any_case_and_reaches_the_worker_and_the_manifest(desk: Desk, text: str) -> None:
    ((_, entry),) = desk.accepted(row("7", A, "", "Ada", preset=text))

    assert entry == Entry(A, {"Name": "Ada", "Preset": "Small"}, 5, "Small")


def test_a_refused_row_rests_until_it_is_corrected(desk: Desk) -> None:
    desk.refusal(row("7", "not an address"))

    assert desk.look(row("7", "not an address", "error")) == []
    assert desk.accepted(row("7", A, "error")) == [("7", Entry(A))]
    assert desk.look(row("7", A, "error")) == []


@pytest.mark.parametrize(
    "corrected",
    [row("7", A, "error", priority="2"), row("7", A, "error", preset="audio")],
    ids=["its priority", "its preset"],
)
def test_whatever_was_wrong_with_a_refused_row_can_be_corrected(desk: Desk, corrected: tuple[str, ...]) -> None:
    desk.refusal(row("7", A, "", "", "high") if corrected[4] else row("7", A, preset="adio"))

    assert [source_id for source_id, _ in desk.accepted(corrected)] == ["7"]


def test_a_row_that_was_the_second_of_its_source_is_accepted_when_the_first_is_gone(desk: Desk) -> None:
    desk.refusal(row("7", A), row("8", A))

    assert desk.accepted(row("8", A, "error")) == [("8", Entry(A))]


def test_a_corrected_row_that_is_wrong_again_is_refused_again_and_then_rests(desk: Desk) -> None:
    desk.refusal(row("7", "not an address"))

    assert [type(decision) for decision in desk.look(row("7", "not one either", "error"))] == [Refuse]
    assert desk.look(row("7", "not one either", "error")) == []


def test_a_row_that_was_refused_before_a_restart_can_be_corrected_after_it(desk: Desk) -> None:
    desk.refusal(row("7", A, "error", "", "high"))

    assert desk.accepted(row("7", A, "error", "", "3")) == [("7", Entry(A, {}, 3))]


def test_columns_of_the_persons_own_are_passed_through_and_ours_are_not(desk: Desk) -> None:
    header = ("Mood", "ID", "URL", "Status", "ClaimedBy", "Videos", "LastError", "Name", "Pause", "Action", "ETA", "")
    written = ("good", "7", A, "", "", "9", "old", "Ada", "no", "retry", "5m", "stray")

    accepted = [each for each in desk.look(written, header=header) if isinstance(each, Accept)]

    assert [each.entry for each in accepted] == [Entry(A, {"Mood": "good", "Name": "Ada"})]


def test_another_address_is_another_source_under_the_same_id(desk: Desk) -> None:
    desk.look(row("7", A), row("8", B, "done"))

    accepted = desk.accepted(row("7", C, "done"), row("8", f"{B}2", "done"))

    assert [(source_id, entry.url) for source_id, entry in accepted] == [("7", C), ("8", f"{B}2")]
    (again,) = desk.look(row("7", A, "done"), row("8", f"{B}2", "done"))
    assert isinstance(again, Accept)
    assert again.is_another
    desk.look(row("7", C, "done"), row("8", f"{B}2", "done"))
    assert desk.look(row("7", C, "done"), row("8", f"{B}2", "done")) == []


def test_another_spelling_of_the_same_address_is_no_other_source(desk: Desk) -> None:
    desk.look(row("7", A))

    assert desk.look(row("7", f"{A}/", "done")) == []


@pytest.mark.parametrize(
    ("edited", "entry"),
    [
        (row("7", A, "done", "Ada", "5"), Entry(A, {"Name": "Ada"}, 5)),
        (row("7", A, "done", "", "1"), Entry(A, {}, 1)),
        (row("7", A, "done", preset="audio"), Entry(A, {"Preset": "audio"}, 5, "audio")),
    ],
    ids=["details", "priority", "preset"],
)
def test_an_edit_of_a_source_at_work_is_taken_once_with_what_it_says_now(
    desk: Desk, edited: tuple[str, ...], entry: Entry
) -> None:
    desk.look(row("7", A))

    (taken,) = desk.look(edited)

    assert isinstance(taken, Take)
    assert (taken.what, taken.entry) == (Taken.EDITED, entry)
    assert desk.look(edited) == []
    assert desk.memory.entry("7") == entry


def test_what_was_found_at_work_counts_as_it_is_and_an_edit_of_it_is_seen(desk: Desk) -> None:
    assert desk.look(row("7", A, "done", "Ada")) == []

    assert desk.taken(row("7", A, "done", "Eve")) == [("7", Taken.EDITED)]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row("7", "not an address", "done"), "this is not an address"),
        (row("7", A, "done", "", "high"), "Priority is 'high': write a number"),
        (row("7", A, "done", preset="adio"), "There is no preset 'adio'; there are Small, audio."),
        (row("7", A, "done", action="delete"), "There is no Action 'delete'; there are retry, cancel, expand again."),
        (row("7", A, "done", pause="maybe"), "Pause is 'maybe': write yes, or empty the cell."),
    ],
    ids=["address", "priority", "preset", "action", "pause"],
)
def test_a_bad_edit_of_a_source_at_work_is_noted_once_and_changes_nothing_else(
    desk: Desk, bad: tuple[str, ...], words: str
) -> None:
    desk.look(row("7", A))

    (note,) = desk.look(bad)

    assert isinstance(note, Note)
    assert note.note.startswith("Not taken: ")
    assert words in note.note
    assert desk.look(bad) == []
    assert desk.note(row("7", A, "done")) == ""
    assert desk.look(row("7", A, "done")) == []


def test_all_that_is_wrong_with_a_row_is_noted_together(desk: Desk) -> None:
    note = desk.note(row("7", A, "done", "", "high", action="go", pause="?"))

    assert note is not None
    assert note.count("Not taken: ") == 3


def test_a_note_that_the_taking_of_something_else_took_away_is_made_again(desk: Desk) -> None:
    desk.note(row("7", A, "done", action="go"))

    assert desk.taken(row("7", A, "done", "Ada", action="go")) == [("7", Taken.EDITED)]
    assert desk.note(row("7", A, "done", "Ada", action="go")) is not None


def test_a_note_of_a_process_before_is_taken_back_when_the_row_is_mended(desk: Desk) -> None:
    left = row("7", A, "done", error="Not taken: Priority is 'high': write a number from 1 (first) to 10.")

    assert desk.note(left) == ""
    assert desk.note(left) is None


def test_an_error_that_is_no_note_is_left_alone(desk: Desk) -> None:
    assert desk.note(row("7", A, "error", error="It is private.")) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("retry", Taken.RETRY),
        (" Cancel ", Taken.CANCEL),
        ("EXPAND  again", Taken.EXPAND_AGAIN),
    ],
)
def test_an_action_is_taken_once_in_any_case_though_it_stands_there_still(desk: Desk, text: str, what: Taken) -> None:
    desk.look(row("7", A))

    assert desk.taken(row("7", A, "done", action=text)) == [("7", what)]
    assert desk.look(row("7", A, "done", action=text)) == []
    assert desk.memory.actions == {"7": text}


def test_an_action_that_is_written_again_is_taken_again(desk: Desk) -> None:
    desk.look(row("7", A, "done", action="retry"))
    desk.look(row("7", A, "done"))

    assert desk.taken(row("7", A, "done", action="retry")) == [("7", Taken.RETRY)]


def test_an_action_in_a_row_that_cannot_be_taken_is_carried_out_if_it_needs_no_address(desk: Desk) -> None:
    desk.look(row("7", A), row("8", B))
    bad = (row("7", A, "done", "", "high", action="cancel"), row("8", B, "done", "", "high", action="expand again"))

    taken = desk.look(*bad)

    assert [(each.row.source_id, type(each)) for each in taken] == [("7", Take), ("7", Note), ("8", Note)]


def test_a_row_that_a_person_set_back_is_tried_and_listed_again_once(desk: Desk) -> None:
    desk.look(row("7", A))
    desk.look(row("7", A, "done", claimed_by="box"))
    set_back = row("7", A, "Pending", claimed_by="box")

    assert desk.taken(set_back) == [("7", Taken.PENDING)]
    assert desk.look(set_back) == []
    desk.look(row("7", A, "in-progress", claimed_by="box"))
    assert desk.taken(set_back) == [("7", Taken.PENDING)]


def test_a_row_that_was_set_back_while_nobody_looked_is_taken_too(desk: Desk) -> None:
    (taken,) = desk.look(row("7", A, "pending", "Ada", claimed_by="box"))

    assert isinstance(taken, Take)
    assert (taken.what, taken.entry) == (Taken.PENDING, Entry(A, {"Name": "Ada"}))


def test_a_row_that_waits_for_its_listing_was_not_set_back(desk: Desk) -> None:
    desk.look(row("7", A))
    desk.look(row("7", A, "in-progress"))

    assert desk.look(row("7", A, "pending")) == []


def test_a_source_that_is_put_on_the_list_paused_is_ordered_when_it_may_go_on(desk: Desk) -> None:
    assert desk.taken(row("7", A, pause="yes")) == [("7", Taken.PAUSED)]
    desk.held = Held(frozenset({"7"}), frozenset({"7"}))
    assert desk.look(row("7", A, pause="yes")) == []

    resumed, accepted = desk.look(row("7", A))

    assert isinstance(resumed, Take)
    assert resumed.what is Taken.RESUMED
    assert isinstance(accepted, Accept)


def test_a_bad_row_is_told_so_though_it_is_paused(desk: Desk) -> None:
    assert "no preset" in desk.refusal(row("7", A, preset="adio", pause="yes")).failure.reason


def test_a_row_in_which_somebody_is_typing_is_taken_when_it_stays_as_it_is() -> None:
    desk = Desk(looks=2)
    desk.look(row("6", C, "done"))

    assert desk.look(row("6", C, "done"), row("7", "https://www.youtube.com/@")) == []
    assert desk.look(row("6", C, "done", "A"), row("7", A)) == []
    assert desk.look(row("6", C, "done", "Ada"), row("7", A)) != []
    assert desk.taken(row("6", C, "done", "Ada"), row("7", A)) == [("6", Taken.EDITED)]
    assert desk.look(row("6", C, "done", "Ada"), row("7", A)) == []


def test_what_the_system_writes_into_a_row_does_not_count_as_typing() -> None:
    desk = Desk(looks=2)
    desk.look(row("7", A, "done"))

    desk.look(row("7", A, "in-progress", error="retry soon"))

    assert desk.memory.entry("7") == Entry(A)

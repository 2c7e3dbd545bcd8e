"""What the list asks for: which rows are ordered, which are refused, and with which words."""

from functools import partial

import pytest

from tubewarren.failures import FailureKind
from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.patch import apply
from tubewarren.sheets.table import Table
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.handler import (
    Accept,
    Decision,
    Memory,
    Refuse,
    Wish,
    decide,
    take_in,
    told_of_doubled_ids,
)

A, B, C = (f"https://www.youtube.com/@{name}" for name in "abc")
check = partial(check_address, allowed_hosts=("www.youtube.com", "youtu.be"))


def sheet(*rows: tuple[str, ...], header: tuple[str, ...] = ("ID", "URL", "Status", "Name", "Priority")) -> Table:
    return Table.of([header, *rows])


def decided(table: Table, memory: Memory | None = None) -> tuple[Decision, ...]:
    return decide(table, memory or Memory(), check)


def only_refusal(table: Table) -> Refuse:
    (refusal,) = (decision for decision in decided(table) if isinstance(decision, Refuse))
    assert refusal.failure.kind is FailureKind.BAD_INPUT
    return refusal


@pytest.mark.parametrize("status", ["", "pending", " Pending "])
def test_a_row_that_waits_is_accepted_with_all_that_the_person_wrote(status: str) -> None:
    table = sheet(("7", A, status, "Ada", "2"))

    assert decided(table) == (Accept("7", A, {"Name": "Ada"}, 2),)


@pytest.mark.parametrize("status", ["in-progress", "done", "error", "paused"])
def test_a_row_with_another_status_is_left_alone(status: str) -> None:
    assert decided(sheet(("7", A, status))) == ()


def test_what_was_accepted_is_not_accepted_again_whatever_its_status_says() -> None:
    table = sheet(("7", A, "pending"))
    memory = Memory().with_decisions(decided(table))

    assert decided(table, memory) == ()
    assert decided(sheet(("7", B, "")), memory) == ()


def test_rows_without_an_id_or_an_address_are_not_decided_on() -> None:
    assert decided(sheet(("", A), ("7", ""), ("8", "  "), (" ", B))) == ()


def test_a_blank_priority_is_the_usual_one() -> None:
    (accept,) = decided(sheet(("7", A, "", "", " ")))

    assert isinstance(accept, Accept)
    assert accept.priority == 5


@pytest.mark.parametrize("text", ["0", "11", "-1", "high", "1.5", "٣", "²"])
def test_a_priority_that_is_no_number_from_1_to_10_is_refused_with_its_text(text: str) -> None:
    refusal = only_refusal(sheet(("7", A, "", "", text)))

    assert refusal.failure.reason == f"Priority is {text!r}: write a number from 1 (first) to 10."


@pytest.mark.parametrize("url", [A, f"{A}/", "https://youtube.com/@A", "https://m.youtube.com/@a?si=x", f" {A} "])
def test_the_second_row_of_one_source_is_refused_with_the_id_of_the_first(url: str) -> None:
    refusal = only_refusal(sheet(("7", A), ("8", url)))

    assert refusal.source_id == "8"
    assert "the row with ID 7" in refusal.failure.reason


def test_a_row_is_compared_with_those_that_were_accepted_long_ago_too() -> None:
    refusal = only_refusal(sheet(("3", A, "done"), ("8", A, "")))

    assert "ID 3" in refusal.failure.reason


def test_of_two_rows_with_one_id_the_first_counts_and_the_person_is_told() -> None:
    table = sheet(("7", A), ("7", B), (" 7 ", C), ("8", C))

    assert [decision.url for decision in decided(table)] == [A, C]
    assert told_of_doubled_ids(table) == (
        "More than one row has the ID 7: only the first is worked on. Clear the ID of a new source."
    )


def test_rows_without_an_id_are_no_doubles() -> None:
    assert told_of_doubled_ids(sheet(("", A), ("", B), ("7", C))) == ""


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
def test_an_address_that_may_not_be_worked_on_is_refused_with_the_reason(url: str, words: str) -> None:
    refusal = only_refusal(sheet(("7", url), ("8", A)))

    assert refusal.source_id == "7"
    assert words in refusal.failure.reason


def test_a_bad_row_does_not_stop_the_rest() -> None:
    table = sheet(("1", "not an address"), ("2", A), ("3", B, "", "", "high"), ("4", C))

    assert [type(decision) for decision in decided(table)] == [Refuse, Accept, Refuse, Accept]


def test_a_refused_row_is_tried_again_only_when_its_address_is_corrected() -> None:
    wrong = sheet(("7", "not an address"))
    memory = Memory().with_decisions(decided(wrong))

    assert decided(sheet(("7", "not an address", "error")), memory) == ()
    assert decided(sheet(("7", A, "error")), memory) == (Accept("7", A, {}, 5),)


def test_a_corrected_row_that_is_wrong_again_is_refused_again_and_then_rests() -> None:
    memory = Memory().with_decisions(decided(sheet(("7", "not an address"))))
    worse = sheet(("7", "not one either", "error"))

    again = decided(worse, memory)

    assert [type(decision) for decision in again] == [Refuse]
    assert decided(worse, memory.with_decisions(again)) == ()


def test_columns_of_the_persons_own_are_passed_through_and_ours_are_not() -> None:
    header = ("Mood", "ID", "URL", "Status", "ClaimedBy", "Videos", "LastError", "Name", "Accent", "Priority", "")
    table = sheet(("good", "7", A, "", "x", "9", "old", "Ada", "", "3", "stray"), header=header)

    assert decided(table) == (Accept("7", A, {"Mood": "good", "Name": "Ada"}, 3),)


def test_a_wish_is_added_once_with_a_number_and_its_columns() -> None:
    table = sheet(("7", A))

    taken_in = take_in(table, [Wish(B, {"Name": "Ben", "Unheard": "x"}), Wish(f"{B}/"), Wish(A)])

    assert taken_in.ids == ("8",)
    assert apply(table, taken_in.patch).rows[1:] == (("8", B, "pending", "Ben", ""),)


def test_rows_that_wait_for_a_number_get_one_without_being_moved() -> None:
    table = sheet(("", A), ("7", B), (" ", C))

    taken_in = take_in(table, [])

    assert apply(table, taken_in.patch).rows == (("8", A, "", "", ""), ("7", B, "", "", ""), ("9", C, "", "", ""))


def test_a_number_that_is_taken_is_not_given_though_no_row_has_it() -> None:
    assert take_in(sheet(("7", A)), [Wish(B)], taken=("41",)).ids == ("42",)


def test_nothing_new_is_nothing_to_write() -> None:
    assert not take_in(sheet(("7", A), ("", ""), ("", "  ")), [Wish(A)]).patch


def test_a_tab_without_a_column_that_is_needed_cannot_take_anything_in() -> None:
    with pytest.raises(TabUnreadableError, match='"URL" is missing'):
        take_in(Table.of([("ID", "Name"), ("7", "Ada")]), [Wish(A)])

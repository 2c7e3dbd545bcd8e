"""Dead letters with their reasons."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.bus.dead_letters import DeadLetter, settled
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo, QueryLedger
from tubewarren.messages.events import Fate, MessageBuried
from tubewarren_services.cli.dead_view import (
    Filters,
    cases_of,
    dead_json,
    dead_page,
    dead_table,
    groups_table,
    is_of_class,
    short_id,
)
from tubewarren_services.cli.tables import Row
from tubewarren_services.results_manager.ledger import Ledger
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VIDEO = DownloadVideo(video_id="vvvvvvvvvvv", url="https://y.test/v", source_id="7")
LETTER = DeadLetter(
    "downloader",
    str(VIDEO.message_id),
    VIDEO.type,
    3,
    VIDEO.model_dump_json().encode(),
    "rejected",
    NOW - timedelta(hours=2),
)
STRANGER = DeadLetter("status-writer.events", "sha256:0123456789abcdef", "", 1, b"\xff not json")
BURIAL: Row = {
    "queue": "downloader",
    "buried_id": LETTER.buried_id,
    "kind": "gone",
    "reason": "It is private, so it will not come back.",
    "rule": "private-video",
    "buried_at": "2026-11-22T09:00:00+00:00",
}


def test_the_reason_is_the_ledgers() -> None:
    (case,) = cases_of([LETTER], [BURIAL])

    assert (case.kind, case.reason) == ("gone", "It is private, so it will not come back.")
    assert (case.source_id, case.subject) == ("7", "vvvvvvvvvvv")


@pytest.mark.parametrize("burial", [{**BURIAL, "queue": "source-expander"}, {**BURIAL, "buried_id": "another"}])
def test_the_burial_of_something_else_tells_nothing(burial: Row) -> None:
    (case,) = cases_of([LETTER], [burial])

    assert case.kind == "unknown"


def test_without_the_ledger_the_brokers_own_word_is_told() -> None:
    limit = DeadLetter("downloader", "x", VIDEO.type, 1, b"{}", "delivery_limit")

    reasons = [case.reason for case in cases_of([limit, STRANGER], [])]

    assert reasons == ["Its worker died several times while it had it.", "Nobody says why."]


MEANT = {
    "anything": (Filters(), True),
    "its queue": (Filters(queue="downloader"), True),
    "its dead queue": (Filters(queue="downloader.dead"), True),
    "another queue": (Filters(queue="source-expander"), False),
    "its source": (Filters(source_id="7"), True),
    "another source": (Filters(source_id="77"), False),
    "words of its reason": (Filters(reason="PRIVATE"), True),
    "other words": (Filters(reason="public"), False),
    "its class": (Filters(kind="gone"), True),
    "another class": (Filters(kind="gated"), False),
    "its rule": (Filters(kind="private-video"), True),
    "the first word of its rule": (Filters(kind="private"), True),
    "a part of a word of it": (Filters(kind="priv"), False),
    "since before it died": (Filters(since=NOW - timedelta(hours=3)), True),
    "since it died": (Filters(since=NOW - timedelta(hours=2)), True),
    "since after it died": (Filters(since=NOW - timedelta(hours=1)), False),
    "until after it died": (Filters(until=NOW - timedelta(hours=1)), True),
    "until it died": (Filters(until=NOW - timedelta(hours=2)), True),
    "until before it died": (Filters(until=NOW - timedelta(hours=3)), False),
    "the beginning of its id": (Filters(identity=LETTER.buried_id[:8]), True),
    "another id": (Filters(identity="nonsense"), False),
    "one of two": (Filters(queue="downloader", kind="gated"), False),
}


@pytest.mark.parametrize(("filters", "is_meant"), MEANT.values(), ids=MEANT)
def test_what_filters_mean(filters: Filters, is_meant: bool) -> None:  # noqa: FBT001 - the expected value
    (case,) = cases_of([LETTER], [BURIAL])

    assert filters.mean(case) is is_meant


def test_where_the_broker_does_not_say_when_it_died_whoever_gave_it_up_does() -> None:
    letter = replace(LETTER, died_at=None)

    (told,), (untold,) = cases_of([letter], [BURIAL]), cases_of([letter], [])

    assert told.died_at == NOW - timedelta(hours=3)
    assert not Filters(since=NOW - timedelta(days=99)).mean(untold)
    assert not Filters(until=NOW).mean(untold)


def test_groups_say_how_many_there_are_of_each_class_rule_and_source() -> None:
    other = replace(LETTER, buried_id="other", body=b'{"source_id": "8"}')

    lines = drawn(groups_table(cases_of([LETTER, LETTER, other, STRANGER], [BURIAL])), 80).splitlines()

    assert lines[2].split() == ["gone", "private-video", "7", "2"]
    assert [line.split() for line in lines[3:]] == [["unknown", "1"], ["unknown", "8", "1"]]


def test_a_class_means_no_rule_that_only_begins_with_its_name() -> None:
    assert not is_of_class("blocked", "gated", "blocked-in-country")
    assert is_of_class("blocked", "blocked", "bot-check")


@pytest.mark.parametrize("width", [80, 200])
def test_the_list_fits_and_no_reason_is_cut(width: int) -> None:
    text = drawn(dead_table(cases_of([LETTER, STRANGER], [BURIAL]), width, NOW), width)

    assert max(len(line) for line in text.splitlines()) <= width
    for words in (LETTER.buried_id[:8], "vvvvvvvvvvv", "gone", "back."):
        assert words in text
    assert ("2 h ago" in text) is (width == 200)


def test_nothing_dead_is_good_news() -> None:
    assert drawn(dead_table((), 80, NOW), 80) == "Nothing is dead.\n"


def test_a_page_shows_the_body_readable_or_not() -> None:
    readable, unreadable = cases_of([LETTER, STRANGER], [BURIAL])

    assert '"url": "https://y.test/v"' in drawn(dead_page(readable), 80)
    assert "\\xff not json" in drawn(dead_page(unreadable), 80)


def test_the_json_of_a_letter_has_everything_even_when_it_is_unreadable() -> None:
    (case,) = cases_of([STRANGER], [])

    assert dead_json(case) == {
        "id": "sha256:0123456789abcdef",
        "queue": "status-writer.events",
        "message_type": "",
        "source_id": None,
        "subject": None,
        "kind": "unknown",
        "rule": None,
        "reason": "Nobody says why.",
        "attempt": 1,
        "died_at": None,
        "broker_reason": None,
        "body": "\\xff not json",
    }


def test_a_short_id_is_still_a_beginning_of_the_long_one() -> None:
    for letter in (LETTER, STRANGER):
        assert letter.buried_id.startswith(short_id(letter.buried_id))
        assert len(short_id(letter.buried_id)) < len(letter.buried_id)


@pytest.mark.parametrize(
    ("letter", "burials", "redriven", "purged"),
    [
        (LETTER, [BURIAL], timedelta(hours=-3, microseconds=1), timedelta(0)),
        (LETTER, [{**BURIAL, "buried_at": "2026-11-22T13:00:00+00:00"}], timedelta(hours=1, microseconds=1), None),
        (LETTER, [], timedelta(0), timedelta(0)),
        (replace(LETTER, broker_reason="delivery_limit"), [BURIAL], timedelta(0), timedelta(0)),
    ],
    ids=["buried before", "buried by a clock that is ahead", "nobody tells", "given up by the broker"],
)
def test_what_a_person_did_comes_after_the_burial_and_a_redrive_before_every_claim(
    letter: DeadLetter, burials: list[Row], redriven: timedelta, purged: timedelta | None
) -> None:
    (case,) = cases_of([letter], burials)

    assert settled(letter, Fate.REDRIVEN, NOW, case.buried_at).at - NOW == redriven
    assert settled(letter, Fate.PURGED, NOW, case.buried_at).at - NOW == (redriven if purged is None else purged)


def test_a_settled_letter_names_what_it_ordered_and_a_strangers_names_nothing() -> None:
    order, stranger = (settled(letter, Fate.PURGED, NOW) for letter in (LETTER, STRANGER))

    assert (order.queue, order.buried_id, order.message_type) == ("downloader", LETTER.buried_id, VIDEO.type)
    assert (order.source_id, order.video_id) == ("7", "vvvvvvvvvvv")
    assert (stranger.source_id, stranger.video_id) == ("", "")


@pytest.mark.parametrize(("rule", "is_meant"), [("members-only", True), ("private", False)])
def test_the_ledger_remembers_the_rule_by_which_letters_are_chosen(rule: str, *, is_meant: bool) -> None:
    ledger = Ledger.open("sqlite://")
    failure = Failure(kind=FailureKind.GATED, reason="Members only.", rule=rule)
    told = {"queue": LETTER.queue, "buried_id": LETTER.buried_id, "message_type": VIDEO.type, "attempt": 1}
    ledger.apply([MessageBuried(at=NOW, **told, failure=failure)])

    (case,) = cases_of([LETTER], ledger.answer(QueryLedger(topic="burials")).rows)
    ledger.close()

    assert case.rule == rule
    assert Filters(kind="members").mean(case) is is_meant

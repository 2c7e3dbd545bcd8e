"""Of a share of traces all is sent, and of the others what fails."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from opentelemetry.trace import get_current_span

from standins.listener import Listener, listening, trace_id
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Done, Outcome, Retry
from tubewarren.settlement import Forward, Settlement, settle
from tubewarren.telemetry.messaging import forwarding, processing, publishing
from tubewarren.telemetry.stories import Trace, new_story
from tubewarren.topology import COMMANDS, DEFAULT_LADDER, DOWNLOADER, topology

VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")
CUT = Retry(Failure(kind=FailureKind.TRANSIENT, reason="It was cut."))
UNSAMPLED = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-00"}
SAMPLED = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
MANY = 400
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def none_of_all() -> Iterator[Listener]:
    with listening(sample=0.0) as somebody:
        yield somebody


def attempted(listener: Listener, told: Trace, outcome: Outcome) -> Trace:
    """An attempt with a step of its own; the headers with which its order goes round."""
    delivery, settlement = Delivery(VIDEO, "id-1", trace=told), settled(outcome)
    with processing(listener.telemetry, delivery, DOWNLOADER) as handling:
        listener.telemetry.past_span("extract", 1, 2, {})
        handling.becomes(outcome, settlement)
        with forwarding(listener.telemetry, VIDEO.type, "id-1", told, Forward("rung", 2)) as onward:
            return onward


def settled(outcome: Outcome) -> Settlement:
    queue = topology(DEFAULT_LADDER, "main").work_queue(DOWNLOADER)
    return settle(outcome, 1, queue, NOON)


def test_what_is_not_in_the_share_is_not_sent_and_says_so_to_those_who_go_on_with_it(none_of_all: Listener) -> None:
    with publishing(none_of_all.telemetry, VIDEO, COMMANDS) as headers:
        pass
    onward = attempted(none_of_all, headers, Done())

    assert none_of_all.spans == ()
    assert int(headers["traceparent"][-2:], 16) % 2 == 0
    assert onward == headers


def test_what_belongs_to_the_share_elsewhere_is_sent_here_too(none_of_all: Listener) -> None:
    attempted(none_of_all, SAMPLED, Done())

    assert [span.name for span in none_of_all.spans] == ["extract", "publish rung", "process downloader"]


def test_a_story_that_began_where_nothing_is_sent_is_sent_from_here_on(listener: Listener) -> None:
    attempted(listener, new_story(), Done())

    assert [span.name for span in listener.spans] == ["extract", "publish rung", "process downloader"]


def test_an_attempt_that_fails_is_sent_with_all_its_steps_and_the_story_is_sent_from_there_on(
    none_of_all: Listener,
) -> None:
    onward = attempted(none_of_all, UNSAMPLED, CUT)
    attempted(none_of_all, onward, Done())

    first, second = none_of_all.spans[:3], none_of_all.spans[3:]
    assert [span.name for span in first] == ["extract", "publish rung", "process downloader"]
    assert onward == SAMPLED
    assert [span.name for span in second] == ["extract", "publish rung", "process downloader"]
    assert {trace_id(span) for span in none_of_all.spans} == {int("a" * 32, 16)}
    assert all(span.context and span.context.trace_flags.sampled for span in first)
    *_, attempt = first
    assert attempt.parent is not None
    assert (attempt.attributes or {})["error.type"] == "transient"


def test_a_story_that_goes_well_after_another_has_failed_is_not_sent(none_of_all: Listener) -> None:
    other = {"traceparent": "00-" + "c" * 32 + "-" + "d" * 16 + "-00"}

    with processing(none_of_all.telemetry, Delivery(VIDEO, "id-2", trace=other), DOWNLOADER) as handling:
        handling.becomes(CUT, settled(CUT))
        attempted(none_of_all, UNSAMPLED, Done())

    assert {trace_id(span) for span in none_of_all.spans} == {int("c" * 32, 16)}


def test_of_a_trace_without_end_the_newest_are_kept_and_the_failed_whole_that_they_are_part_of(
    none_of_all: Listener,
) -> None:
    with none_of_all.telemetry.span("whole", "internal") as whole:
        for number in range(MANY):
            none_of_all.telemetry.past_span(f"part {number}", 1, 2, {})
        whole.fail("cut", "It was cut.")

    names = [span.name for span in none_of_all.spans]
    assert names[-2:] == [f"part {MANY - 1}", "whole"]
    assert len(names) < MANY


def test_an_error_out_of_a_span_makes_it_a_failure(none_of_all: Listener) -> None:
    def fail() -> None:
        with none_of_all.telemetry.span("work", "internal"):
            raise ValueError("so it is")

    with pytest.raises(ValueError, match="so it is"):
        fail()

    assert (none_of_all.span("work").attributes or {})["error.type"] == "ValueError"
    assert none_of_all.span("work").status.description == "so it is"


def test_about_a_share_of_traces_is_sent() -> None:
    with listening(sample=0.25) as somebody:
        for _ in range(MANY):
            with somebody.telemetry.span("work", "internal"):
                assert get_current_span().is_recording()

    assert MANY * 0.1 < len(somebody.spans) < MANY * 0.4

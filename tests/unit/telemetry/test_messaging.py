"""Messages as they are told of: each source's expansion is one trace, each video's life another."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from opentelemetry.trace import SpanKind, StatusCode

from standins.listener import Listener, span_id, trace_id
from tubewarren.delivery import Death, Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults
from tubewarren.messages.events import Verdict, VideoClaimed
from tubewarren.outcomes import Bury, Done, Outcome, Park, PassOn, Refund, Retry
from tubewarren.settlement import Forward, Settlement, settle
from tubewarren.telemetry.messaging import count_task, forwarding, hearing, processing, publishing, rejecting
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren.topology import COMMANDS, DOWNLOADER, EVENTS, topology

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = ExpandSource(source_id="7", url="https://x.invalid/7")
VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7", title="A secret title")
CLAIMED = VideoClaimed(at=NOON, video_id="v1", source_id="7", worker="w", attempt=1)
CUT = Failure(kind=FailureKind.TRANSIENT, reason="It was cut.", rule="cut")
GONE = Failure(kind=FailureKind.GONE, reason="It is private.", rule="private")
EARLY = Failure(kind=FailureKind.NOT_YET, reason="It has not begun.", rule="live-upcoming")
QUEUE = topology((timedelta(seconds=30), timedelta(minutes=5)), "main").work_queue(DOWNLOADER)


def published(telemetry: Telemetry, message: Message) -> Mapping[str, str]:
    with publishing(telemetry, message, COMMANDS) as headers:
        return headers


def order(trace: Mapping[str, str], attempt: int = 1, message: Message = VIDEO) -> Delivery:
    return Delivery(message, "id-1", attempt=attempt, trace=trace)


def settled(outcome: Outcome, attempt: int = 1) -> Settlement:
    return settle(outcome, attempt, QUEUE, NOON)


def in_headers(headers: Mapping[str, str]) -> tuple[int, int]:
    _, trace, span, _ = headers["traceparent"].split("-")
    return int(trace, 16), int(span, 16)


def test_an_order_for_a_video_begins_a_trace_linked_to_the_expansion_that_gave_it(listener: Listener) -> None:
    telemetry = listener.telemetry

    with processing(telemetry, order(published(telemetry, SOURCE), message=SOURCE), "source-expander"):
        headers = published(telemetry, VIDEO)

    expansion = listener.span("process source-expander")
    publication = listener.span("publish tubewarren.commands:video.download.v1")
    assert trace_id(publication) != trace_id(expansion)
    assert publication.parent is None
    assert [link.context for link in publication.links] == [expansion.context]
    assert in_headers(headers) == (trace_id(publication), span_id(publication))


def test_a_story_that_nothing_caused_is_linked_to_nothing(listener: Listener) -> None:
    published(listener.telemetry, SOURCE)

    (publication,) = listener.spans
    assert publication.links == ()
    assert publication.parent is None


def test_all_attempts_at_one_video_share_its_trace_and_its_first_publication(listener: Listener) -> None:
    headers = published(listener.telemetry, VIDEO)

    for attempt in (1, 2, 3):
        with processing(listener.telemetry, order(headers, attempt), DOWNLOADER):
            pass

    publication, *attempts = listener.spans
    assert {trace_id(span) for span in attempts} == {trace_id(publication)}
    assert [span.parent and span.parent.span_id for span in attempts] == [span_id(publication)] * 3
    assert [(span.attributes or {})["tubewarren.attempt"] for span in attempts] == [1, 2, 3]


def test_what_goes_round_is_a_span_of_the_attempt_and_the_copy_stays_a_child_of_the_first_publication(
    listener: Listener,
) -> None:
    headers = published(listener.telemetry, VIDEO)
    forward = Forward("downloader.retry.30s", 2, not_before=NOON)

    with (
        processing(listener.telemetry, order(headers), DOWNLOADER),
        forwarding(listener.telemetry, VIDEO.type, "id-1", headers, forward) as onward,
    ):
        pass

    _, retry, attempt = listener.spans
    assert (retry.name, retry.kind) == ("publish downloader.retry.30s", SpanKind.PRODUCER)
    assert retry.parent == attempt.context
    assert dict(retry.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "downloader.retry.30s",
        "messaging.rabbitmq.destination.routing_key": "downloader.retry.30s",
        "messaging.message.id": "id-1",
        "tubewarren.message.type": "video.download.v1",
        "tubewarren.attempt": 2,
        "tubewarren.not_before": "2026-03-01T12:00:00+00:00",
    }
    assert onward == headers


def test_what_waits_goes_round_in_its_own_trace_also_when_nobody_has_it_in_hand(listener: Listener) -> None:
    headers = published(listener.telemetry, VIDEO)

    with (
        listener.telemetry.span("something else", "internal"),
        forwarding(listener.telemetry, VIDEO.type, "id-1", headers, Forward("downloader.retry.30s", 1)),
    ):
        pass

    hop = listener.span("publish downloader.retry.30s")
    assert (trace_id(hop), hop.parent and hop.parent.span_id) == in_headers(headers)


@pytest.mark.parametrize(
    ("outcome", "word", "status", "kind"),
    [
        (Done(), "done", StatusCode.UNSET, None),
        (Retry(CUT), "retry", StatusCode.ERROR, "transient"),
        (Refund(CUT), "refund", StatusCode.ERROR, "transient"),
        (Bury(GONE), "bury", StatusCode.ERROR, "gone"),
        (Park(EARLY, NOON + timedelta(hours=1)), "park", StatusCode.UNSET, None),
        (PassOn(), "passon", StatusCode.UNSET, None),
    ],
)
def test_an_attempt_tells_what_became_of_it_and_only_a_failure_is_one(
    outcome: Outcome, word: str, status: StatusCode, kind: str | None, listener: Listener
) -> None:
    with processing(listener.telemetry, order({}), DOWNLOADER) as handling:
        handling.becomes(outcome, settled(outcome))

    (attempt,) = listener.spans
    attributes = attempt.attributes or {}
    assert attributes["tubewarren.outcome"] == word
    assert attempt.status.status_code is status
    assert attributes.get("error.type") == kind
    ((attributes_of_duration, (count, _)),) = listener.figures("messaging.process.duration").items()
    assert (dict(attributes_of_duration).get("error.type"), count) == (kind, 1)


def test_the_last_retry_is_told_of_as_a_burial_because_that_is_what_it_comes_to(listener: Listener) -> None:
    settlement = settled(Retry(CUT), attempt=3)

    count_task(listener.telemetry, DOWNLOADER, Retry(CUT), settlement)

    assert settlement.verdict is Verdict.BURY
    assert listener.figures("tubewarren.tasks") == {
        (("error.type", "transient"), ("tubewarren.outcome", "bury"), ("tubewarren.stage", "downloader")): 1
    }


def test_a_burial_is_a_span_of_the_attempt_and_everybody_who_hears_of_it_is_one_of_the_same_trace(
    listener: Listener,
) -> None:
    headers = published(listener.telemetry, VIDEO)
    heard = Delivery(VIDEO, "id-1", trace=headers, death=Death(DOWNLOADER, "rejected"))
    news = Delivery(CLAIMED, "id-2", trace=headers)

    with (
        processing(listener.telemetry, order(headers), DOWNLOADER),
        rejecting(listener.telemetry, DOWNLOADER, VIDEO.type, "id-1", headers, GONE),
    ):
        pass
    with hearing(listener.telemetry, [news, heard], "status-writer.events"):
        pass

    publication, burial, attempt, hearsay = listener.spans
    assert (burial.name, burial.kind, burial.parent) == ("reject downloader", SpanKind.CLIENT, attempt.context)
    assert (burial.attributes or {})["messaging.operation.type"] == "settle"
    assert (burial.attributes or {})["error.type"] == "gone"
    assert (hearsay.name, hearsay.parent and hearsay.parent.span_id) == (
        "process status-writer.events",
        span_id(publication),
    )
    assert (hearsay.attributes or {})["tubewarren.died_of"] == "rejected"
    assert {trace_id(span) for span in listener.spans} == {trace_id(publication)}


@pytest.mark.parametrize(("reason", "status"), [("rejected", StatusCode.UNSET), ("delivery_limit", StatusCode.ERROR)])
def test_what_the_broker_gave_up_by_itself_is_a_failure_of_which_nobody_else_tells(
    reason: str, status: StatusCode, listener: Listener
) -> None:
    heard = Delivery(VIDEO, "id-1", death=Death(DOWNLOADER, reason))

    with hearing(listener.telemetry, [heard], "status-writer.events"):
        pass

    assert listener.spans[0].status.status_code is status


def test_an_order_that_came_without_a_story_goes_round_with_that_of_its_first_attempt(listener: Listener) -> None:
    with (
        processing(listener.telemetry, order({}), DOWNLOADER),
        forwarding(listener.telemetry, VIDEO.type, "id-1", {}, Forward("downloader.retry.30s", 2)) as onward,
        rejecting(listener.telemetry, DOWNLOADER, VIDEO.type, "id-1", {}, GONE),
    ):
        pass

    attempt = listener.span("process downloader")
    assert {trace_id(span) for span in listener.spans} == {trace_id(attempt)}
    assert in_headers(onward) == (trace_id(attempt), span_id(attempt))


def test_an_event_is_no_span_and_carries_the_context_of_what_it_tells_of(listener: Listener) -> None:
    with (
        processing(listener.telemetry, order({}), DOWNLOADER),
        publishing(listener.telemetry, CLAIMED, EVENTS) as headers,
    ):
        pass

    (attempt,) = listener.spans
    assert in_headers(headers) == (trace_id(attempt), span_id(attempt))


def test_an_order_that_begins_no_story_stays_in_the_one_that_gave_it(listener: Listener) -> None:
    with listener.telemetry.span("svc results return", "internal"):
        published(listener.telemetry, ReturnResults())

    publication, command = listener.spans
    assert trace_id(publication) == trace_id(command)
    assert publication.links == ()


@pytest.mark.parametrize("trace", [{}, {"traceparent": "garbage"}, {"tracestate": "a=b"}])
def test_a_message_without_a_trace_begins_one_even_inside_another(trace: dict[str, str], listener: Listener) -> None:
    with (
        listener.telemetry.span("something else", "internal"),
        processing(listener.telemetry, order(trace), DOWNLOADER),
    ):
        pass

    assert listener.span("process downloader").parent is None


def test_spans_are_named_and_described_as_the_conventions_say(listener: Listener) -> None:
    with publishing(listener.telemetry, VIDEO, COMMANDS, "question-9") as headers:
        pass
    with processing(listener.telemetry, order(headers, attempt=2), DOWNLOADER):
        pass

    publication, attempt = listener.spans
    assert publication.kind is SpanKind.PRODUCER
    assert dict(publication.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": "tubewarren.commands:video.download.v1",
        "messaging.rabbitmq.destination.routing_key": "video.download.v1",
        "messaging.message.id": str(VIDEO.message_id),
        "messaging.message.conversation_id": "question-9",
    }
    assert attempt.kind is SpanKind.CONSUMER
    assert dict(attempt.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "downloader",
        "messaging.rabbitmq.destination.routing_key": "video.download.v1",
        "messaging.message.id": "id-1",
        "tubewarren.attempt": 2,
    }
    assert "secret" not in publication.to_json() + attempt.to_json()


def test_messages_are_counted_by_destination_and_never_by_what_there_is_no_end_of(listener: Listener) -> None:
    telemetry = listener.telemetry
    due = datetime.now(UTC) - timedelta(seconds=90)

    published(telemetry, VIDEO)
    with publishing(telemetry, CLAIMED, EVENTS):
        pass
    with forwarding(telemetry, VIDEO.type, "id-1", {}, Forward("downloader.retry.30s", 2)):
        pass
    with processing(telemetry, Delivery(VIDEO, "id-1", due_since=due), DOWNLOADER):
        pass
    with hearing(telemetry, [Delivery(CLAIMED, "id-2")] * 3, "status-writer.events"):
        pass

    sent, consumed = (listener.figures(f"messaging.client.{each}.messages") for each in ("sent", "consumed"))
    assert {dict(each)["messaging.destination.name"]: count for each, count in sent.items()} == {
        "tubewarren.commands:video.download.v1": 1,
        "tubewarren.events:video.claimed.v1": 1,
        "downloader.retry.30s": 1,
    }
    assert {dict(each)["messaging.destination.name"]: count for each, count in consumed.items()} == {
        "downloader": 1,
        "status-writer.events": 3,
    }
    ((waited_in, (count, seconds)),) = listener.figures("tubewarren.queue.wait").items()
    assert (waited_in, count) == ((("messaging.destination.name", "downloader"),), 1)
    assert seconds == pytest.approx(90, abs=30)
    assert "id-1" not in str((sent, consumed))


def test_while_nobody_listens_a_story_has_its_id_all_the_same() -> None:
    nobody = Telemetry()
    told = published(nobody, VIDEO)

    with processing(nobody, Delivery(VIDEO, "id-1", trace=told), DOWNLOADER):
        assert structlog.contextvars.get_contextvars()["trace_id"] == told["traceparent"].split("-")[1]
        assert published(nobody, CLAIMED) == told
        assert published(nobody, VIDEO) not in ({}, told)

    assert published(nobody, CLAIMED) == {}
    with forwarding(nobody, VIDEO.type, "id-1", told, Forward("downloader", 1)) as onward:
        assert onward == told

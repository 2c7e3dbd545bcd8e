"""Traces: each source's expansion is one, each video's life another, and the context rides in the headers."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults
from tubewarren.messages.events import VideoClaimed
from tubewarren.telemetry.tracing import open_provider, processing, publishing
from tubewarren.topology import COMMANDS, EVENTS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = ExpandSource(source_id="7", url="https://x.invalid/7")
VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7", title="A secret title")
CLAIMED = VideoClaimed(at=NOON, video_id="v1", source_id="7", worker="w", attempt=1)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


def published(tracer: Tracer, message: Message) -> Mapping[str, str]:
    with publishing(tracer, message, COMMANDS) as headers:
        return headers


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def trace_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def in_headers(headers: Mapping[str, str]) -> tuple[int, int]:
    _, trace, span, _ = headers["traceparent"].split("-")
    return int(trace, 16), int(span, 16)


def test_an_order_for_a_video_begins_a_trace_linked_to_the_expansion_that_gave_it(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with processing(tracer, SOURCE, "source-expander", "id", 1, published(tracer, SOURCE)):
        headers = published(tracer, VIDEO)

    expansion = spans(exporter)["process source-expander"]
    order = spans(exporter)["publish video.download.v1"]
    assert trace_id(order) != trace_id(expansion)
    assert order.parent is None
    assert [link.context for link in order.links] == [expansion.context]
    assert order.context is not None
    assert in_headers(headers) == (order.context.trace_id, order.context.span_id)


def test_a_story_that_nothing_caused_is_linked_to_nothing(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    published(tracer, SOURCE)

    (order,) = exporter.get_finished_spans()
    assert order.links == ()
    assert order.parent is None


def test_all_attempts_at_one_video_share_its_trace(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    headers = published(tracer, VIDEO)

    for attempt in (1, 2, 3):
        with processing(tracer, VIDEO, "downloader", "id", attempt, headers):
            pass

    order, *attempts = exporter.get_finished_spans()
    assert {trace_id(span) for span in attempts} == {trace_id(order)}
    assert [span.parent and span.parent.span_id for span in attempts] == [in_headers(headers)[1]] * 3
    assert [(span.attributes or {})["tubewarren.attempt"] for span in attempts] == [1, 2, 3]


def test_an_event_is_no_span_and_carries_the_context_of_what_it_tells_of(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with processing(tracer, VIDEO, "downloader", "id", 1, {}), publishing(tracer, CLAIMED, EVENTS) as headers:
        pass

    (attempt,) = exporter.get_finished_spans()
    assert attempt.context is not None
    assert in_headers(headers) == (attempt.context.trace_id, attempt.context.span_id)


def test_an_order_that_begins_no_story_stays_in_the_one_that_gave_it(
    tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("svc results return"):
        published(tracer, ReturnResults())

    order, command = exporter.get_finished_spans()
    assert trace_id(order) == trace_id(command)
    assert order.links == ()


@pytest.mark.parametrize("trace", [{}, {"traceparent": "garbage"}, {"tracestate": "a=b"}])
def test_a_message_without_a_trace_begins_one_even_inside_another(
    trace: dict[str, str], tracer: Tracer, exporter: InMemorySpanExporter
) -> None:
    with (
        tracer.start_as_current_span("something else"),
        processing(tracer, VIDEO, "downloader", "id", 1, trace),
    ):
        pass

    assert spans(exporter)["process downloader"].parent is None


def test_spans_are_named_and_described_as_the_conventions_say(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with processing(tracer, VIDEO, "downloader", "id-1", 2, published(tracer, VIDEO)):
        pass

    order, attempt = exporter.get_finished_spans()
    assert (order.name, order.kind) == ("publish video.download.v1", SpanKind.PRODUCER)
    assert dict(order.attributes or {}) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": "tubewarren.commands",
        "messaging.rabbitmq.destination.routing_key": "video.download.v1",
        "messaging.message.id": str(VIDEO.message_id),
    }
    assert (attempt.name, attempt.kind) == ("process downloader", SpanKind.CONSUMER)
    assert (attempt.attributes or {})["messaging.message.id"] == "id-1"
    assert "secret" not in order.to_json() + attempt.to_json()


def test_without_export_messages_carry_a_trace_all_the_same() -> None:
    provider = open_provider("downloader", "box/downloader", exports=False)
    try:
        with publishing(provider.get_tracer("test"), VIDEO, COMMANDS) as headers:
            assert in_headers(headers)[0] != 0
        assert provider.resource.attributes["service.name"] == "tubewarren.downloader"
        assert provider.resource.attributes["service.instance.id"] == "box/downloader"
    finally:
        provider.shutdown()

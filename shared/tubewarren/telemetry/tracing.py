"""Traces by the current messaging conventions of OpenTelemetry.

Each source's expansion is one trace and each video's life is another, linked to it; the W3C context rides in the
message headers. Payloads never become attributes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Tracer, get_current_span

from tubewarren.messages import Command, Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource

_STORIES = (ExpandSource, DownloadVideo)
"""Commands that begin a trace of their own."""


def open_provider(service: str, worker: str, *, exports: bool) -> TracerProvider:
    """The source of tracers for one process; `exports` sends spans where the standard OTEL_* variables say.

    Without export spans still get ids, so that logs and messages carry them. The caller shuts the provider down.
    """
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"tubewarren.{service}", "service.instance.id": worker}),
        shutdown_on_exit=False,
    )
    if exports:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - heavy, rarely needed
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


@contextmanager
def publishing(tracer: Tracer, message: Message, exchange: str) -> Iterator[Mapping[str, str]]:
    """The headers to send along; a command's publication is a span, an event only carries the context."""
    if not isinstance(message, Command):
        yield _headers()
        return
    begins_story = isinstance(message, _STORIES)
    cause = get_current_span().get_span_context()
    with tracer.start_as_current_span(
        f"publish {message.type}",
        context=Context() if begins_story else None,
        kind=SpanKind.PRODUCER,
        links=[Link(cause)] if begins_story and cause.is_valid else None,
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "send",
            "messaging.operation.name": "publish",
            "messaging.destination.name": exchange,
            "messaging.rabbitmq.destination.routing_key": message.type,
            "messaging.message.id": str(message.message_id),
        },
    ):
        yield _headers()


@contextmanager
def processing(
    tracer: Tracer, message: Message, queue: str, message_id: str, attempt: int, trace: Mapping[str, str]
) -> Iterator[Span]:
    """The span of one handling; every attempt of one command is a child of the same publication."""
    with tracer.start_as_current_span(
        f"process {queue}",
        context=extract(trace),
        kind=SpanKind.CONSUMER,
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": queue,
            "messaging.rabbitmq.destination.routing_key": message.type,
            "messaging.message.id": message_id,
            "tubewarren.attempt": attempt,
        },
    ) as span:
        yield span


def _headers() -> dict[str, str]:
    headers: dict[str, str] = {}
    inject(headers)
    return headers

"""Somebody who listens to telemetry in the same process, instead of a collector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tubewarren.telemetry.otlp import OtlpTelemetry, telemetry_of

Figures = dict[tuple[tuple[str, Any], ...], Any]
"""Values by their sorted attributes: a number, or of what was measured the number and the sum."""


@dataclass(frozen=True)
class Listener:
    telemetry: OtlpTelemetry
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Those that were sent, in the order of their ends."""
        return self.exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        (found,) = (each for each in self.spans if each.name == name)
        return found

    def figures(self, name: str) -> Figures:
        data = self.reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        found: Figures = {}
        for metric in metrics:
            for point in metric.data.data_points:
                value = point.value if hasattr(point, "value") else (point.count, point.sum)
                found[tuple(sorted((point.attributes or {}).items()))] = value
        return found


@contextmanager
def listening(sample: float = 1.0) -> Iterator[Listener]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    with telemetry_of("downloader", "box/downloader", [SimpleSpanProcessor(exporter)], [reader], sample) as telemetry:
        yield Listener(telemetry, exporter, reader)


def trace_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)

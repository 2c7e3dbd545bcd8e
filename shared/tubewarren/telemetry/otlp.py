"""Telemetry by OpenTelemetry's SDK: traces and metrics, to where the standard OTEL_* variables say."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from threading import Thread
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, NoOpMeter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

from tubewarren.telemetry.instruments import Counter, Gauge, Histogram
from tubewarren.telemetry.sampling import FailureKeeper, ShareSampler
from tubewarren.telemetry.stories import Trace
from tubewarren.telemetry.telemetry import NOTHING, Attributes, Exports, Reading, Span, SpanKind, Telemetry

_SCOPE: Final = "tubewarren"
_LAST_WORDS: Final = timedelta(seconds=3)
"""Nobody waits longer for a collector that does not answer."""
_KINDS: Final[Mapping[SpanKind, trace.SpanKind]] = {
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
    "client": trace.SpanKind.CLIENT,
    "internal": trace.SpanKind.INTERNAL,
}


class OtlpTelemetry(Telemetry):
    """Tells by a tracer and a meter, of which one may be of the kind that does nothing."""

    is_on = True

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._meter = meter
        self._propagator = TraceContextTextMapPropagator()
        self._counter = cache(self._new_counter)
        self._histogram = cache(self._new_histogram)

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes = NOTHING,
        *,
        within: Trace | None = None,
        begins_story: bool = False,
    ) -> Iterator[Span]:
        """As in `Telemetry`; what is logged meanwhile has the trace's id."""
        current = trace.get_current_span().get_span_context()
        with self._tracer.start_as_current_span(
            name,
            context=Context() if begins_story else self._context(within),
            kind=_KINDS[kind],
            attributes=attributes,
            links=[trace.Link(current)] if begins_story and current.is_valid else None,
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            span = _OtlpSpan(started)
            context = started.get_span_context()
            if not context.is_valid:
                yield span
                return
            with bound_contextvars(trace_id=trace.format_trace_id(context.trace_id)):
                try:
                    yield span
                except Exception as error:
                    span.fail(type(error).__name__, str(error))
                    raise

    def past_span(self, name: str, begun_ns: int, ended_ns: int, attributes: Attributes, *, failed: str = "") -> None:
        """As in `Telemetry`."""
        span = self._tracer.start_span(name, attributes=attributes, start_time=begun_ns)
        if failed:
            _OtlpSpan(span).fail(failed, "")
        span.end(end_time=ended_ns)

    def headers(self) -> Trace:
        """As in `Telemetry`."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers

    def onward(self, told: Trace) -> Trace:
        """As in `Telemetry`."""
        current = trace.get_current_span()
        has_failed = isinstance(current, ReadableSpan) and current.status.status_code is StatusCode.ERROR
        context = _remote(self._propagator.extract(told))
        if not context.is_valid:
            return self.headers() or told
        if not has_failed or context.trace_flags.sampled:
            return told
        flags = context.trace_flags | TraceFlags.SAMPLED
        return {**told, "traceparent": f"{told['traceparent'].rpartition('-')[0]}-{flags:02x}"}

    def count(self, counter: Counter, number: int, attributes: Attributes = NOTHING) -> None:
        """As in `Telemetry`."""
        self._counter(counter).add(number, attributes)

    def record(self, histogram: Histogram, value: float, attributes: Attributes = NOTHING) -> None:
        """As in `Telemetry`."""
        self._histogram(histogram).record(value, attributes)

    def observe(self, gauge: Gauge, reading: Reading) -> None:
        """As in `Telemetry`."""

        def look(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, attributes) for value, attributes in reading()]

        self._meter.create_observable_gauge(gauge.name, [look], gauge.unit, gauge.description)

    def _context(self, within: Trace | None) -> Context | None:
        """What is under way here when it belongs to the story, and otherwise where its headers say."""
        if within is None:
            return None
        told = self._propagator.extract(within, Context())
        current = trace.get_current_span().get_span_context()
        is_same = current.is_valid and _remote(told).trace_id == current.trace_id
        return None if is_same else told

    def _new_counter(self, counter: Counter) -> metrics.Counter:
        return self._meter.create_counter(counter.name, counter.unit, counter.description)

    def _new_histogram(self, histogram: Histogram) -> metrics.Histogram:
        return self._meter.create_histogram(
            histogram.name,
            histogram.unit,
            histogram.description,
            explicit_bucket_boundaries_advisory=histogram.bounds,
        )


class _OtlpSpan(Span):
    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def describe(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def fail(self, kind: str, reason: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR, reason or None))


@contextmanager
def open_otlp(service: str, worker: str, exports: Exports, sample: float) -> Iterator[OtlpTelemetry]:
    """As `open_telemetry`. At the end what is left is sent, for a moment."""
    processors: list[SpanProcessor] = []
    readers: list[MetricReader] = []
    # Each is loaded only when it is wanted.
    if exports.traces:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        processors.append(BatchSpanProcessor(OTLPSpanExporter()))
    if exports.metrics:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415

        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    with telemetry_of(service, worker, processors, readers, sample) as telemetry:
        yield telemetry


@contextmanager
def telemetry_of(
    service: str,
    worker: str,
    processors: Sequence[SpanProcessor],
    readers: Sequence[MetricReader],
    sample: float = 1.0,
    patience: timedelta = _LAST_WORDS,
) -> Iterator[OtlpTelemetry]:
    """Telemetry that ends in these processors and readers; without processors spans are no more than their ids."""
    resource = Resource.create({"service.name": f"tubewarren.{service}", "service.instance.id": worker})
    tracers = TracerProvider(ShareSampler(sample) if processors else ALWAYS_OFF, resource, shutdown_on_exit=False)
    for each in processors:
        tracers.add_span_processor(FailureKeeper(each))
    meters = MeterProvider(readers, resource, shutdown_on_exit=False)
    try:
        yield OtlpTelemetry(
            tracers.get_tracer(_SCOPE),
            meters.get_meter(_SCOPE) if readers else NoOpMeter(_SCOPE),
        )
    finally:
        _close((tracers.shutdown, meters.shutdown), patience)


def _close(closings: Iterable[Callable[[], None]], patience: timedelta) -> None:
    """In threads that do not keep the process: a collector that is silent would hold us up for half a minute."""
    threads = [Thread(target=each, daemon=True) for each in closings]
    for each in threads:
        each.start()
    end = time.monotonic() + patience.total_seconds()
    for each in threads:
        each.join(max(0.0, end - time.monotonic()))


def _remote(context: Context) -> SpanContext:
    return trace.get_current_span(context).get_span_context()

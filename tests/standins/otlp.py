"""A stand-in for a collector: takes OTLP over HTTP, and keeps the spans and the newest figures."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.trace import SpanKind


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """What a test looks at; ids are hexadecimal.

    Attributes:
        links: the trace and the span of each.
    """

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str | int]
    links: tuple[tuple[str, str], ...]
    kind: SpanKind
    seconds: float
    is_failure: bool


Attributes = frozenset[tuple[str, str | int]]


@dataclass(frozen=True, slots=True)
class Series:
    """What a figure is of."""

    worker: str
    name: str
    unit: str
    attributes: Attributes


@dataclass
class Collector:
    """Every span that came in, and of each figure the newest: of what is measured, how often it was."""

    endpoint: str
    spans: list[CollectedSpan] = field(default_factory=list)
    figures: dict[Series, float] = field(default_factory=dict)

    def figure(self, name: str, **attributes: str) -> float:
        """The sum of a figure over all workers and whatever else it is parted by; `_` stands for a dot."""
        wanted = {(key.replace("_", "."), value) for key, value in attributes.items()}
        found = dict(self.figures).items()
        return sum(value for series, value in found if series.name == name and wanted <= series.attributes)


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector on a free loopback port for as long as the context lasts."""
    with _Server() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield server.collector
        finally:
            server.shutdown()
            serving.join()


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.collector = Collector(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/v1/traces":
                self.server.collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(sent)))
                self._answer(HTTPStatus.OK, ExportTraceServiceResponse().SerializeToString())
            case "/v1/metrics":
                self.server.collector.figures.update(_figures(ExportMetricsServiceRequest.FromString(sent)))
                self._answer(HTTPStatus.OK, ExportMetricsServiceResponse().SerializeToString())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"")

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Be quiet: a test looks at the spans, not at a log."""


def _spans(request: ExportTraceServiceRequest) -> Iterator[CollectedSpan]:
    for resource in request.resource_spans:
        service = str(_attributes(resource.resource.attributes)["service.name"])
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            yield CollectedSpan(
                service=service,
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                attributes=_attributes(span.attributes),
                links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                kind=SpanKind(span.kind - 1),
                seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                is_failure=span.status.code == Status.STATUS_CODE_ERROR,
            )


def _figures(request: ExportMetricsServiceRequest) -> Iterator[tuple[Series, float]]:
    for resource in request.resource_metrics:
        worker = str(_attributes(resource.resource.attributes)["service.instance.id"])
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            for kind in (metric.sum, metric.gauge, metric.histogram):
                for point in kind.data_points:
                    attributes = frozenset(_attributes(point.attributes).items())
                    value = point.count if kind is metric.histogram else point.as_double or point.as_int
                    yield Series(worker, metric.name, metric.unit, attributes), value


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in pairs}

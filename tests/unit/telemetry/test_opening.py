"""Telemetry that nobody wants says nothing; every instrument has one name."""

import dataclasses
import threading
import time
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import TraceFlags

from standins.listener import Listener, listening
from tubewarren.telemetry import instruments
from tubewarren.telemetry.instruments import Counter, Gauge, Histogram
from tubewarren.telemetry.otlp import telemetry_of
from tubewarren.telemetry.telemetry import Exports, Telemetry, open_telemetry
from tubewarren_services.cli.starting import exports_in

ALL = [each for each in vars(instruments).values() if isinstance(each, Counter | Gauge | Histogram)]


def test_while_nobody_listens_every_span_is_the_same_nobodys() -> None:
    nobody = Telemetry()

    with nobody.span("a", "internal") as one, nobody.span("b", "internal") as other:
        pass

    assert one is other
    assert nobody.headers() == {}


@pytest.mark.parametrize(
    ("environment", "traces", "metrics"),
    [
        ({}, False, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/v1/traces"}, True, False),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318/v1/metrics"}, False, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318", "OTEL_METRICS_EXPORTER": "none"}, True, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, False),
    ],
)
def test_what_goes_out_is_said_by_the_variables_of_opentelemetry(
    environment: dict[str, str], *, traces: bool, metrics: bool
) -> None:
    assert exports_in(environment) == Exports(traces=traces, metrics=metrics)


def test_metrics_may_go_out_without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:9/v1/metrics")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "0.1")

    with (
        open_telemetry("downloader", "box/downloader", Exports(metrics=True), 1.0) as telemetry,
        telemetry.span("work", "internal"),
    ):
        assert telemetry.is_on
        flags = telemetry.headers()["traceparent"].rpartition("-")[2]
        assert not int(flags, 16) & TraceFlags.SAMPLED


def test_who_tells_is_said_with_all_that_is_told(listener: Listener) -> None:
    with listener.telemetry.span("work", "internal"):
        pass

    resource = listener.spans[0].resource.attributes
    assert (resource["service.name"], resource["service.instance.id"]) == ("tubewarren.downloader", "box/downloader")


def test_instruments_have_names_of_their_own_units_without_multiples_and_bounds_that_grow() -> None:
    assert len({each.name for each in ALL}) == len(ALL) > 10
    for each in ALL:
        assert each.name.startswith(("messaging.", "tubewarren."))
        assert each.unit in ("s", "By") or each.unit.startswith("{")
        assert each.description.endswith(".")
        bounds = each.bounds if isinstance(each, Histogram) else ()
        assert list(bounds) == sorted(bounds)


def test_a_histogram_counts_in_its_own_ranges() -> None:
    narrow = dataclasses.replace(instruments.DOWNLOADS, bounds=(1.0, 2.0))

    with listening() as listener:
        listener.telemetry.record(narrow, 1.5)
        data = listener.reader.get_metrics_data()

    assert data is not None
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert point.explicit_bounds == (1.0, 2.0)  # type: ignore[union-attr] # it is a histogram's


class Silent(SpanProcessor):
    """Waits for a collector that never answers."""

    def __init__(self) -> None:
        self.is_over = threading.Event()

    def shutdown(self) -> None:
        self.is_over.wait(60)


def test_a_collector_that_is_silent_holds_up_nobodys_end() -> None:
    silent, begun = Silent(), time.monotonic()

    with telemetry_of("downloader", "box/downloader", [silent], [], patience=timedelta(milliseconds=50)):
        pass

    assert time.monotonic() - begun < 30
    silent.is_over.set()

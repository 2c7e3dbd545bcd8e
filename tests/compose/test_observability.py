"""The demo's run as those see it who watch: its traces in Jaeger, the broker's figures and the alerts in Prometheus."""

import json
import urllib.parse
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from compose.stacks import Stack
from dashboards import ALERT_TESTS, alerts, expressions, metrics_in
from fleets import wait_until
from tubewarren.messages.commands import DownloadVideo
from tubewarren.topology import COMMANDS, DOWNLOADER

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

PATIENCE = timedelta(minutes=4)
TRACED = "tubewarren.downloader"


def test_the_story_of_a_video_is_a_trace_in_jaeger_that_is_linked_to_that_of_its_source(stack: Stack) -> None:
    row = wait_until(lambda: [row for row in stack.rows("Video Tasks") if row["URL"].endswith("/kiln.wav")], PATIENCE)[
        0
    ]
    order = DownloadVideo(video_id=row["ID"], url="", source_id=row["SourceID"])

    story = wait_until(lambda: story_of(stack, order), PATIENCE, holds=lambda spans: "done" in outcomes(spans))
    (published,) = named(story, f"publish {COMMANDS}:{order.type}")
    ((kind, source, expansion),) = references(published)
    attempts = named(story, f"process {DOWNLOADER}")
    listing = ask(stack, "JAEGER_PORT", f"/api/traces/{source}")[0]["spans"]

    assert outcomes(story) == ["done", "retry", "retry"]
    assert {references(attempt) for attempt in attempts} == {(("CHILD_OF", published["traceID"], published["spanID"]),)}
    failed = {attempt["spanID"] for attempt in attempts if "error" in tags(attempt)}
    retries = [span for span in story if span["operationName"].startswith(f"publish {DOWNLOADER}.retry.")]
    assert {span for retry in retries for _, _, span in references(retry)} == failed
    assert len(failed) == 2
    assert {"extract", "download"} <= {span["operationName"] for span in story}
    assert (kind, source != published["traceID"]) == ("FOLLOWS_FROM", True)
    assert [span["spanID"] for span in named(listing, "process source-expander")] == [expansion]


def test_prometheus_has_the_brokers_figures_by_queue(stack: Stack) -> None:
    wanted = {name for each in expressions() for name in metrics_in(each) if name.startswith("rabbitmq_")}

    wait_until(lambda: ask(stack, "PROMETHEUS_PORT", "/api/v1/label/__name__/values"), PATIENCE, holds=wanted.issubset)
    expression = f'rabbitmq_detailed_queue_consumers{{queue="{DOWNLOADER}"}}'
    taken = wait_until(
        lambda: [each["value"][1] for each in query(stack, expression)], PATIENCE, holds=lambda counts: counts > ["0"]
    )

    assert len(taken) == 1


def test_prometheus_can_answer_all_that_the_dashboard_asks_and_watches_every_alert(stack: Stack) -> None:
    for expression in expressions():
        query(stack, expression.replace("$__rate_interval", "1m"))
    groups = wait_until(
        lambda: ask(stack, "PROMETHEUS_PORT", "/api/v1/rules")["groups"],
        PATIENCE,
        holds=lambda groups: {rule["health"] for group in groups for rule in group["rules"]} == {"ok"},
    )

    assert [rule["name"] for group in groups for rule in group["rules"]] == [alert["alert"] for alert in alerts()]


def test_alerts_come_when_they_should(stack: Stack) -> None:
    tests = ("--entrypoint", "promtool", "--volume", f"{ALERT_TESTS}:/tests/alerts.yaml:ro")

    said = stack.compose(
        *("--profile", "observability", "run", "--rm", "--no-TTY", "--no-deps", *tests),
        *("prometheus", "test", "rules", "/tests/alerts.yaml"),
    )

    assert "SUCCESS" in said


def story_of(stack: Stack, order: DownloadVideo) -> list[dict[str, Any]]:
    """All that is known of it so far."""
    wanted = json.dumps({"messaging.message.id": str(order.message_id)})
    asked = urllib.parse.urlencode({"service": TRACED, "tags": wanted})
    traces = ask(stack, "JAEGER_PORT", f"/api/traces?{asked}")
    assert len(traces) < 2
    return [span for trace in traces for span in trace["spans"]]


def outcomes(spans: list[dict[str, Any]]) -> list[str]:
    return sorted(tags(span)["tubewarren.outcome"] for span in named(spans, f"process {DOWNLOADER}"))


def named(spans: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [span for span in spans if span["operationName"] == name]


def references(span: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    return tuple((each["refType"], each["traceID"], each["spanID"]) for each in span["references"])


def tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def query(stack: Stack, expression: str) -> Any:
    return ask(stack, "PROMETHEUS_PORT", f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")["result"]


def ask(stack: Stack, port: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.settings[port]}{path}", timeout=30) as answer:
        return json.load(answer)["data"]

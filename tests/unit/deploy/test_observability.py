"""What `--profile observability` shows: every figure that is asked for is one that somebody tells, by that name."""

import re
from collections.abc import Iterator

import pytest
import yaml

from dashboards import ALERT_TESTS, ROOT, alerts, dashboard, expressions, labels_in, metrics_in, panels, read
from tubewarren.telemetry import instruments
from tubewarren.telemetry.instruments import Counter, Gauge, Histogram
from tubewarren.topology import topology

OBSERVERS = {"collector", "jaeger", "prometheus", "grafana"}
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
UNITS = {"s": "_seconds", "By": "_bytes"}
OF_THE_BROKER = {
    *("rabbitmq_alarms_memory_used_watermark", "rabbitmq_alarms_free_disk_space_watermark"),
    *("rabbitmq_process_resident_memory_bytes", "rabbitmq_resident_memory_limit_bytes"),
    *("rabbitmq_disk_space_available_bytes", "rabbitmq_disk_space_available_limit_bytes"),
    *("rabbitmq_connections", "rabbitmq_channels", "rabbitmq_global_messages_redelivered_total"),
    *("rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_messages_ready"),
    *("rabbitmq_detailed_queue_messages_unacked", "rabbitmq_detailed_queue_consumers"),
}
"""Looked up in what its plugin answers; a test in containers asks a real one for them."""
OF_PROMETHEUS = {"up", "ALERTS"}


def test_every_figure_that_is_shown_or_watched_is_told_by_somebody() -> None:
    known = set(told()) | OF_THE_BROKER | OF_PROMETHEUS

    for expression in expressions():
        assert metrics_in(expression) - known == set(), expression


def test_every_figure_that_is_told_is_shown() -> None:
    shown = {metric for expression in expressions() for metric in metrics_in(expression)}

    assert [names for names in told_by_instrument() if not shown & set(names)] == []
    assert shown >= OF_THE_BROKER


def test_figures_are_parted_by_what_they_are_told_with() -> None:
    sources = [path.read_text() for part in ("shared", "services") for path in (ROOT / part).rglob("*.py")]
    attributes = {
        name for text in sources for name in re.findall(r'"((?:tubewarren|messaging|error)\.[a-z_.]+)"', text)
    }
    known = {name.replace(".", "_") for name in attributes} | {"le", "job", "instance", "queue", "work", "alertstate"}

    for expression in expressions():
        assert labels_in(expression) - known == set(), expression


def test_queues_that_are_named_exist_and_none_is_left_out() -> None:
    queues = {queue.name for queue in topology().queues}

    for expression in expressions():
        assert set(re.findall(r'queue="([^"]*)"', expression)) <= queues, expression
        assert set(re.findall(r'tubewarren_stage="([^"]*)"', expression)) <= queues, expression
    # No queue is left out, and none is shown twice.
    depths = [panel["targets"][0]["expr"] for panel in panels() if panel["title"].startswith("Depth: ")]
    selected = [queue for expression in depths for queue in queues if selects(expression, queue)]
    assert sorted(selected) == sorted(queues)


def test_the_dashboard_has_what_it_is_for() -> None:
    board = dashboard()
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]

    assert rows == ["Throughput", "Queues", "Failures", "Workers and egresses", "Sheet", "Broker"]
    assert len({panel["id"] for panel in board["panels"]}) == len(set(places)) == len(board["panels"])
    assert all(panel["datasource"]["uid"] == "prometheus" for panel in panels())
    assert all(x + w <= 24 for x, _, w, _ in places)


def test_every_alert_says_what_is_so_and_what_to_do_and_is_tried() -> None:
    tried = ALERT_TESTS.read_text()

    for alert in alerts():
        assert set(alert["annotations"]) == {"summary", "description"}, alert
        assert alert["labels"]["severity"] in {"warning", "critical"}, alert
        assert re.search(rf"alertname: {alert['alert']}\n +exp_alerts: ", tried), alert


@pytest.mark.parametrize("name", ["collector", "jaeger"])
def test_pipelines_have_all_their_parts_and_nothing_stands_beside_them(name: str) -> None:
    config = read(f"{name}.yaml")
    pipelines = config["service"]["pipelines"].values()

    for kind in ("receivers", "processors", "exporters"):
        used = {part for pipeline in pipelines for part in pipeline.get(kind, ())}
        assert used == set(config.get(kind, {})), kind
    assert set(config["service"].get("extensions", ())) == set(config.get("extensions", {}))


def test_each_finds_the_next() -> None:
    collector, jaeger, prometheus = read("collector.yaml"), read("jaeger.yaml"), read("prometheus.yaml")
    scraped = {job["job_name"]: job for job in prometheus["scrape_configs"]}
    plugins = (ROOT / "deploy" / "rabbitmq" / "enabled_plugins").read_text()
    named = re.search(r"^#OTEL_EXPORTER_OTLP_ENDPOINT=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert named is not None
    assert named[1] == f"http://collector:{port_of(collector['receivers']['otlp']['protocols']['http'])}"
    assert collector["exporters"]["otlp_http"]["endpoint"] == (
        f"http://jaeger:{port_of(jaeger['receivers']['otlp']['protocols']['http'])}"
    )
    assert scraped["collector"]["static_configs"] == [
        {"targets": [f"collector:{port_of(collector['exporters']['prometheus'])}"]}
    ]
    assert scraped["collector"]["honor_labels"]
    assert "rabbitmq_prometheus" in plugins
    for job in ("rabbitmq", "rabbitmq-queues"):
        assert (
            scraped[job]["dns_sd_configs"][0]["names"]
            == COMPOSE["services"]["rabbitmq"]["networks"]["default"]["aliases"]
        )
    (source,) = read("grafana/provisioning/datasources/datasources.yaml")["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    store = jaeger["extensions"]["jaeger_query"]["storage"]["traces"]
    assert store == jaeger["exporters"]["jaeger_storage_exporter"]["trace_storage"]
    assert set(jaeger["extensions"]["jaeger_storage"]["backends"]) == {store}


def test_whoever_watches_may_do_no_more_than_the_others() -> None:
    downloader = COMPOSE["services"]["downloader"]

    for name in OBSERVERS:
        service = COMPOSE["services"][name]
        for key in ("read_only", "cap_drop", "security_opt", "user", "init", "restart", "logging"):
            assert service[key] == downloader[key], (name, key)
        assert service["profiles"] == ["observability"], name
        assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z/-]+:v?\d+\.\d+\.\d+\}", service["image"]), name
        assert all(volume.endswith(":ro") for volume in service["volumes"] if volume.startswith("./")), name
    assert not any("PASSWORD" in name for name in COMPOSE["services"]["grafana"]["environment"])


def test_no_port_is_opened_to_others() -> None:
    opened = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]

    assert len(opened) == 4
    assert all(port.startswith("127.0.0.1:") for port in opened)


def test_files_that_are_mounted_exist() -> None:
    mounted = [volume for service in COMPOSE["services"].values() for volume in service.get("volumes", ())]

    for volume in mounted:
        source = volume.partition(":")[0]
        assert not source.startswith("./") or (ROOT / source).exists(), source


def told_by_instrument() -> Iterator[list[str]]:
    """The names that a collector makes of each of ours."""
    for each in vars(instruments).values():
        if isinstance(each, Counter | Gauge | Histogram):
            name = each.name.replace(".", "_") + UNITS.get(each.unit, "")
            match each:
                case Counter():
                    yield [f"{name}_total"]
                case Histogram():
                    yield [f"{name}_{part}" for part in ("bucket", "sum", "count")]
                case Gauge():
                    yield [name]


def told() -> Iterator[str]:
    for names in told_by_instrument():
        yield from names


def selects(expression: str, queue: str) -> bool:
    """Whether what is asked for by the name of a queue includes this one; Prometheus' patterns match as a whole."""
    found = re.search(r'queue(=~|!~)"((?:[^"\\]|\\.)*)"', expression)
    assert found is not None, expression
    is_matched = re.fullmatch(found[2].replace(r"\\", "\\"), queue) is not None
    return is_matched is (found[1] == "=~")


def port_of(listening: dict[str, str]) -> str:
    return listening["endpoint"].rpartition(":")[2]

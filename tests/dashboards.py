"""What Grafana shows and Prometheus watches, as the files of deploy/observability ask for it."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
OBSERVABILITY = ROOT / "deploy" / "observability"
ALERT_TESTS = ROOT / "tests" / "compose" / "alerts.yaml"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)|([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
_METRIC = re.compile(r"\b(?:tubewarren|messaging|rabbitmq|up|ALERTS)[a-z_]*\b")


def expressions() -> list[str]:
    """Every one, of the dashboard's panels and of the alerts."""
    return [target["expr"] for panel in panels() for target in panel["targets"]] + [each["expr"] for each in alerts()]


def metrics_in(expression: str) -> set[str]:
    """The names of figures in it."""
    return set(_METRIC.findall(_STRING.sub('""', expression))) - labels_in(expression)


def labels_in(expression: str) -> set[str]:
    """The names of labels in it."""
    found = set[str]()
    for grouped, matched in _LABELS.findall(_STRING.sub('""', expression)):
        found |= {label.strip() for label in (*grouped.split(","), matched) if label.strip()}
    return found


def panels() -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard() -> dict[str, Any]:
    """The whole."""
    board: dict[str, Any] = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "tubewarren.json").read_text())
    return board


def alerts() -> list[dict[str, Any]]:
    """Their rules."""
    return [rule for group in read("alerts.yaml")["groups"] for rule in group["rules"]]


def read(name: str) -> Any:
    """One of the files."""
    return yaml.safe_load((OBSERVABILITY / name).read_text())

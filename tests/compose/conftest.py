"""Tests in containers: only when asked for by their mark, for they need an engine and minutes."""

from collections.abc import Iterator

import pytest

from compose.stacks import Stack, free_port, new_stack

_MARK = "compose"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}: runs the fleet in containers; only collected with `-m {_MARK}`")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if _MARK in config.getoption("markexpr") else True


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The fleet, built and brought up with the demo as a person does it, and taken down with all its volumes."""
    settings = {
        "JAEGER_PORT": str(free_port()),
        "PROMETHEUS_PORT": str(free_port()),
        # Past the collector, whose image is nowhere but in a registry.
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318",
        "BROKER_PASSWORD_OPERATOR": "chosen by a person: 1/2 @ home",
        "TUBEWARREN_YOUTUBE__ALLOWED_HOSTS": "demo-site:8080,site:8080",
        "TUBEWARREN_RETRY__LADDER": "1s,2s,4s",
        # Less than a video takes, so that work is handed back.
        "TUBEWARREN_GRACE": "2s",
    }
    with new_stack(tmp_path_factory.mktemp("fleet"), settings) as made:
        made.compose("build")
        made.compose("--profile", "observability", "up", "--detach", "--wait", "jaeger", "prometheus")
        made.compose("--profile", "demo", "up", "--detach", "--no-build", "--wait")
        yield made

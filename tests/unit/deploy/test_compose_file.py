"""What `docker-compose.yml` promises: it is read as text, since no engine is needed for that."""

import re
from pathlib import Path

from tubewarren.broker.users import USERS
from tubewarren.settings import Settings
from tubewarren.settings.reading import _variables
from tubewarren.topology import SERVICES

ROOT = Path(__file__).parent.parent.parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
CLUSTER = (ROOT / "deploy" / "cluster" / "compose.yml").read_text()
TAKEN = {
    "COMPOSE_FILE",
    *re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE + CLUSTER),
    *re.findall(r"^ +([A-Z_]+):$", COMPOSE, re.MULTILINE),
}


def test_the_example_names_every_variable_that_can_be_set_and_no_other() -> None:
    assert set(re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == TAKEN


def test_each_variable_of_ours_is_a_setting() -> None:
    ours = {name.removeprefix("TUBEWARREN_") for name in re.findall(r"TUBEWARREN_[A-Z_]+", COMPOSE)}

    assert ours - {name.upper() for name in _variables(Settings, "")} == {"SECRETS_DIR"}


def test_every_service_runs_and_keeps_its_secret_to_itself() -> None:
    assert set(re.findall(r"command: \[run, ([a-z-]+)\]", COMPOSE)) == set(SERVICES)
    for service in SERVICES:
        assert COMPOSE.count(f"- {service}:") == 2, service  # in its own container, and where it is made


def test_every_user_may_be_given_a_password() -> None:
    assert {user.upper().replace("-", "_") for user in USERS} == {
        name.removeprefix("BROKER_PASSWORD_") for name in TAKEN if name.startswith("BROKER_PASSWORD_")
    }


def test_only_who_touches_the_sheet_has_the_key_of_google() -> None:
    services = re.split(r"^  (?=[a-z-]+:$)", COMPOSE, flags=re.MULTILINE)

    holders = {part.partition(":")[0] for part in services if "/google:/google:ro" in part}

    assert holders == {"sheet-ingestor", "status-writer", "svc"}


def test_every_place_names_the_same_nodes_of_the_cluster() -> None:
    folder = ROOT / "deploy" / "cluster"
    (hosts,) = re.findall(r"--host=(\S+)", CLUSTER)
    (script,) = re.findall(r"for node in ([a-z0-9 ]+);", (folder / "start-node").read_text())

    nodes = re.findall(r"^  (rabbitmq\d?):$", CLUSTER.partition("\nvolumes:")[0], re.MULTILINE)

    assert len(nodes) == 3
    assert hosts.split(",") == nodes
    assert script.split() == nodes
    assert re.findall(r"= rabbit@(\S+)", (folder / "peers.conf").read_text()) == nodes


def test_nothing_is_fetched_that_only_newer_engines_or_a_registry_could_give() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()

    assert "# syntax=" not in dockerfile
    assert "<<" not in dockerfile
    assert "start_interval" not in COMPOSE

"""`svc deploy`, as far as it needs no broker."""

from pathlib import Path

import pytest
from typer.testing import CliRunner
from yarl import URL

from tubewarren_services.cli.main import app


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    path = tmp_path / "definitions.json"
    path.write_text("{}")
    return path


def test_users_get_the_passwords_that_a_person_chose(
    tmp_path: Path, definitions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD_SOURCE_EXPANDER", "chosen")
    folder = tmp_path / "fleet"

    made = CliRunner().invoke(app, ["deploy", "users", str(folder), "--definitions", str(definitions), "--host", "b:1"])

    assert made.exit_code == 0
    assert "chosen" not in made.output
    address = (folder / "source-expander" / "secrets" / "tubewarren_broker_url").read_text()
    assert URL(address) == URL("amqp://source-expander:chosen@b:1/")


def test_an_owner_is_two_numbers(tmp_path: Path, definitions: Path) -> None:
    command = ["deploy", "users", str(tmp_path), "--definitions", str(definitions), "--owner", "somebody"]

    refused = CliRunner().invoke(app, command)

    assert refused.exit_code == 2
    assert "1000:1000" in refused.output


def test_the_password_of_the_command_line_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tubewarren_broker_url").write_text("amqp://operator:p%40ss@rabbitmq/")
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", str(tmp_path))

    shown = CliRunner().invoke(app, ["deploy", "password"])

    assert shown.stdout == "p@ss\n"

"""`svc alarms test`, to a webhook on loopback."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from standins.webhook import open_webhook
from tubewarren_services.cli.main import app


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test gives."""
    monkeypatch.chdir(tmp_path)


def test_a_message_goes_to_each_address_and_it_is_said_which_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_webhook() as webhook:
        monkeypatch.setenv("TUBEWARREN_ALARMS__URLS", f"{webhook.url('taken')},nosuch://secret-word")
        result = CliRunner().invoke(app, ["alarms", "test", "--json"])

    assert result.exit_code == 1
    assert [(each["address"], each["result"]) for each in json.loads(result.stdout)] == [
        ("json://***", "delivered"),
        ("nosuch://***", "unknown"),
    ]
    assert "secret" not in result.output
    assert [call.body["title"] for call in webhook.calls] == ["Tubewarren: a test"]

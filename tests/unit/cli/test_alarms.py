"""`svc alarms test`, where nobody is to be told."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tubewarren_services.cli.main import app


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test gives."""
    monkeypatch.chdir(tmp_path)


def test_without_addresses_it_is_said_how_to_give_some() -> None:
    result = CliRunner().invoke(app, ["alarms", "test"])

    assert result.exit_code == 1
    assert "TUBEWARREN_ALARMS__URLS=" in result.stderr

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours, and a folder without a settings file."""
    for name in tuple(os.environ):
        if name.upper().startswith("TUBEWARREN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

"""Commands that are loaded when they are asked for."""

import importlib
import pkgutil
import sys
from pathlib import Path

import pytest
import typer

from tubewarren_services.cli import commands
from tubewarren_services.cli.loading import LoadedWhenAsked
from tubewarren_services.cli.main import COMMANDS

_MODULE = "def register(app):\n    app.command('{name}')(lambda: None)\n"


def test_asking_for_a_command_loads_its_module_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "orders_of_this_test"
    package.mkdir()
    for name in ("go", "halt"):
        (package / f"{name}.py").write_text(_MODULE.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    orders = LoadedWhenAsked(package.name, {"go": "go", "halt": "halt"})

    found = orders["go"]

    assert found.name == "go"
    assert list(orders) == ["go", "halt"]
    assert orders.get("turn") is None
    assert f"{package.name}.go" in sys.modules
    assert f"{package.name}.halt" not in sys.modules


def test_each_command_stands_beside_the_module_that_has_it() -> None:
    had = {}
    for module in pkgutil.iter_modules(commands.__path__):
        part = typer.Typer()
        importlib.import_module(f"{commands.__name__}.{module.name}").register(part)
        had |= dict.fromkeys(typer.main.get_group(part).commands, module.name)

    assert had == COMMANDS

"""Commands by their names: each is loaded when it is asked for, and all of them only for the list of them."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

Command = Any
"""Typer's own type of a command, which it keeps to itself."""


class LoadedWhenAsked(Mapping[str, Command]):
    """The commands of modules that are imported when one of their commands is looked up.

    Args:
        package: which has the modules.
        modules: the module of each command, in the order of the help; its `register` adds the command to an app.
    """

    def __init__(self, package: str, modules: Mapping[str, str]) -> None:
        self._package = package
        self._modules = modules
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            module = import_module(f"{self._package}.{self._modules[name]}")
            part = typer.Typer()
            module.register(part)
            self._loaded |= typer.main.get_group(part).commands
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

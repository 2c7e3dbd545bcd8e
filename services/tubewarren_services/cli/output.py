"""Printing: for a person as wide as the terminal, for a machine as JSON."""
# ruff: noqa: PLC0415 - rich is loaded by what prints with it

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDE = 200
"""Columns where there is no terminal to fit into: nothing is cut off in a file or a pipe."""


def person() -> "Console":
    """Standard output for a person; no colour where there is no terminal."""
    from rich.console import Console

    is_bound = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if is_bound else _WIDE)


def show(renderable: "RenderableType") -> None:
    """Print something for a person."""
    person().print(renderable)


def say(text: str) -> None:
    """Print a sentence for a person, as it is."""
    person().print(text, markup=False, soft_wrap=True)


def show_json(value: object) -> None:
    """Print something for a machine."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

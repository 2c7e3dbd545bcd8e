"""The settings as a table of dotted names."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tubewarren_services.cli.tables import Column, plain_table, text

_COLUMNS = (Column("name", "Setting", text), Column("value", "Value", text, may_wrap=True))


def settings_table(values: Mapping[str, Any]) -> RenderableType:
    """Every setting with its value."""
    table = plain_table(*_COLUMNS)
    for name, value in flat(values):
        table.add_row(Text(name), Text(value))
    return table


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings by their dotted names; what is free text inside stays one value."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _spelled(value)


def _spelled(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return ", ".join(map(str, value))
        case Mapping():
            return json.dumps(dict(value))
        case _:
            return str(value)

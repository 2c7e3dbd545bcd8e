"""The presets for a person and for a machine: whose they are, and what they do."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tubewarren.youtube.presets import BUILT_IN, with_built_in
from tubewarren_services.cli.tables import Column, plain_table, text

_LONGEST = 60
_COLUMNS = (
    Column("name", "Preset", text),
    Column("origin", "From", text),
    Column("about", "What it does", text, may_wrap=True, least=30),
)

Presets = Mapping[str, Mapping[str, Any]]


def presets_table(own: Presets) -> RenderableType:
    """One line for each; `own` are a person's, with their secrets masked."""
    table = plain_table(*_COLUMNS)
    for each in _rows(own):
        table.add_row(*(Text(str(each[column.key])) for column in _COLUMNS))
    return table


def presets_json(own: Presets) -> list[dict[str, Any]]:
    """The same with all that stands in each."""
    return list(_rows(own))


def _rows(own: Presets) -> Iterator[dict[str, Any]]:
    replaced = {name.casefold() for name in BUILT_IN}
    for name, chosen in with_built_in(own).items():
        if name not in own:
            origin, about = "built in", BUILT_IN[name].about
        else:
            origin = "settings, instead of the one built in" if name.casefold() in replaced else "settings"
            about = "; ".join(f"{option}: {_brief(value)}" for option, value in chosen.items()) or "as without a preset"
        yield {"name": name, "origin": origin, "about": about, "chosen": dict(chosen)}


def _brief(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case [Mapping(), *_] as steps:
            return ", ".join(str(step.get("key", "?")) for step in steps if isinstance(step, Mapping))
        case list():
            return ", ".join(map(str, value))
        case _:
            words = str(value)
            return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}\u2026"

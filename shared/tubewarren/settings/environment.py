"""Settings as environment variables, to hand one process's effective settings on to another."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr

from tubewarren.settings.durations import spell_duration
from tubewarren.settings.model import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables from which `read_settings` reads the same settings again; secrets are in it, paths absolute."""
    # An empty file instead of the one that lies where the reader starts, which could add to the options.
    return {"TUBEWARREN_CONFIG": os.devnull, **dict(_variables(settings, "TUBEWARREN_"))}


def _variables(part: BaseModel, prefix: str) -> Iterator[tuple[str, str]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _variables(value, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", "" if value is None else _spell(value)


def _spell(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case timedelta():
            return spell_duration(value)
        case tuple():
            return ",".join(_spell(part) for part in value)
        case Mapping():
            return json.dumps({name: _spell_inside(part) for name, part in value.items()})
        case _:
            return str(value)


def _spell_inside(value: object) -> object:
    """As JSON holds it: what stands in a table of the settings file."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case timedelta():
            return spell_duration(value)
        case _:
            return value

"""Flags as settings: what was given on the command line, nested like the settings file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RootFlags:
    """What stands before the command's name; None was not given."""

    config: Path | None = None
    broker: str | None = None
    data_dir: Path | None = None
    log_level: str | None = None

    def nested(self) -> dict[str, Any]:
        """As the settings know them."""
        return nested({"broker_url": self.broker, "data_dir": self.data_dir, "log.level": self.log_level})


def nested(flags: Mapping[str, object]) -> dict[str, Any]:
    """Flags by their dotted names, nested; those that were not given are left out."""
    values: dict[str, Any] = {}
    for name, value in flags.items():
        if value is None:
            continue
        *parts, last = name.split(".")
        place = values
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return values


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both, part by part; the second wins."""
    values = dict(first)
    for name, value in second.items():
        known = values.get(name)
        both_nested = isinstance(known, Mapping) and isinstance(value, Mapping)
        values[name] = merged(known, value) if both_nested and known is not None else value
    return values


def sheet_flags(workbook: Path | None, spreadsheet: str | None, credentials: Path | None) -> dict[str, Any]:
    """The flags that name the sheet, as settings."""
    if workbook is not None and spreadsheet is None:
        # Whoever names a folder does not mean the spreadsheet of the environment.
        spreadsheet = ""
    return nested(
        {"sheet.workbook": workbook, "sheet.spreadsheet_id": spreadsheet, "sheet.credentials_file": credentials}
    )

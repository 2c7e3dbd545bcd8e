"""Entries: what a row orders, when it can be taken as it is written."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from tubewarren.failures import Failure, FailureKind
from tubewarren.sheets.tabs import FILTER, PRESET
from tubewarren.youtube.errors import AddressRefusedError, FilterRefusedError
from tubewarren.youtube.filter_text import read_filter
from tubewarren_services.sheet_ingestor.refreshes import Rhythm, rhythm_of
from tubewarren_services.sheet_ingestor.rows import ListRow

DEFAULT_PRIORITY: Final = 5
_PRIORITIES: Final = range(1, 11)

CheckAddress = Callable[[str], str]
"""Cleans an address, or raises AddressRefusedError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is ordered for a row.

    Attributes:
        columns: what the person says of the source, columns of their own and the preset included; they reach the
            worker and the manifest.
        rhythm: how often it is looked through for what is new; None for never.
    """

    url: str
    columns: Mapping[str, str] = field(default_factory=dict)
    priority: int = DEFAULT_PRIORITY
    preset: str = ""
    rhythm: Rhythm | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row must keep to.

    Attributes:
        presets: the names that there are.
    """

    check_address: CheckAddress
    presets: Collection[str] = ()


def entry_of(row: ListRow, terms: Terms) -> Entry | Failure:
    """What the row orders, or why it orders nothing, with what to do."""
    if row.twin != row.source_id:
        return _bad(f"The same source as the row with ID {row.twin}: remove one of the two.")
    said = row.wording
    priority = _priority(said.priority)
    if priority is None:
        return _bad(f"Priority is {said.priority!r}: write a number from 1 (first) to 10.")
    preset = _preset(said.preset, terms.presets)
    if preset is None:
        known = ", ".join(sorted(terms.presets)) or "none at all; they are made in the settings, as youtube.presets"
        return _bad(f"There is no preset {said.preset!r}; there are {known}.")
    try:
        rhythm = rhythm_of(said.refresh)
        read_filter(said.columns.get(FILTER, ""))
        url = terms.check_address(said.url)
    except ValueError as error:
        return _bad(str(error))
    except (AddressRefusedError, FilterRefusedError) as error:
        return error.failure
    return Entry(url, {**said.columns, PRESET: preset} if preset else said.columns, priority, preset, rhythm)


def _bad(reason: str) -> Failure:
    return Failure(kind=FailureKind.BAD_INPUT, reason=reason)


def _priority(text: str) -> int | None:
    if not text:
        return DEFAULT_PRIORITY
    return int(text) if text.isascii() and text.isdigit() and int(text) in _PRIORITIES else None


def _preset(text: str, known: Collection[str]) -> str | None:
    if not text:
        return ""
    return next((name for name in known if name.casefold() == text.casefold()), None)

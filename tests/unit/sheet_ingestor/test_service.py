"""The ingestor's rhythm: as often as is set, and more seldom while the list cannot be used."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.backoff import Backoff
from tubewarren_services.sheet_ingestor.service import keep_looking, settle_looks


class EnoughError(Exception):
    """The time that a test gives has passed."""


@dataclass
class Rhythm:
    """A list that can be used, or not, as it is told to; and the pauses between two looks."""

    found: deque[bool]
    pauses: list[float] = field(default_factory=list)

    async def look(self) -> bool:
        if not self.found:
            raise EnoughError
        return self.found.popleft()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def pauses(looks: str, every: float = 2, chance: float = 1.0) -> list[float]:
    """Between looks of which some find the list usable, `+`, and some do not, `-`."""
    rhythm = Rhythm(deque(look == "+" for look in looks))
    with pytest.raises(EnoughError):
        await keep_looking(rhythm.look, timedelta(seconds=every), Backoff(chance=lambda: chance), rhythm.pause)
    return rhythm.pauses


async def test_a_list_that_can_be_used_is_looked_at_as_often_as_is_set() -> None:
    assert await pauses("++", every=0.5) == [0.5, 0.5]


async def test_one_that_cannot_is_left_alone_for_longer_each_time_and_never_looked_at_more_often() -> None:
    assert await pauses("--------") == [2, 4, 8, 16, 32, 64, 64, 64]
    assert await pauses("--", chance=0.1) == [2, 2]


async def test_when_it_is_back_it_is_looked_at_as_before() -> None:
    assert await pauses("--+-") == [2, 4, 2, 2]


def test_a_spreadsheet_is_looked_at_twice_because_a_browser_sends_each_cell_on_its_own() -> None:
    google = SheetSettings.model_validate({"spreadsheet_id": "abc", "credentials_file": "key.json"})

    assert (settle_looks(SheetSettings()), settle_looks(google)) == (1, 2)

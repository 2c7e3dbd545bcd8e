"""Adoption: what a sheet of the older coordinator holds that nobody works on any more, and what puts it right.

Pure: tables in, findings and patches out. What was adopted is not found again, so all of it may be repeated.
"""

from collections.abc import Mapping
from typing import Final

from tubewarren.sheets.adoption.findings import Adopted, Found, Kind, Terms
from tubewarren.sheets.adoption.sources import adopt_sources
from tubewarren.sheets.adoption.videos import adopt_dead_letters, adopt_videos
from tubewarren.sheets.adoption.workers import adopt_workers, at_work
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, WORKERS, Tab

__all__ = ["TABS_TO_ADOPT", "Adopted", "Found", "Kind", "Terms", "adopt", "at_work"]

TABS_TO_ADOPT: Final = (SOURCES, VIDEO_TASKS, DEAD_LETTER_TASKS, WORKERS)
"""In the order in which they are written: a row leaves one tab only after it is in the other."""


def adopt(tab: Tab, tables: Mapping[Tab, Table], terms: Terms) -> Adopted:
    """Look through one of those tabs; the others are as they were read last.

    Raises:
        ValueError: nothing in this tab is adopted.
    """
    match tab.name:
        case SOURCES.name:
            return adopt_sources(tables[SOURCES], tables[VIDEO_TASKS], terms)
        case VIDEO_TASKS.name:
            return adopt_videos(tables[VIDEO_TASKS], tables[DEAD_LETTER_TASKS], terms)
        case DEAD_LETTER_TASKS.name:
            return adopt_dead_letters(tables[DEAD_LETTER_TASKS], tables[VIDEO_TASKS], terms)
        case WORKERS.name:
            return adopt_workers(tables[WORKERS], terms)
        case _:
            raise ValueError(f'Nothing in "{tab.name}" is adopted.')

"""What is wrong with a sheet, in words, and how to mend it. Pure: what was read in, problems out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from tubewarren.sheets.reconcile import rows_by_key
from tubewarren.sheets.table import Table, is_blank, missing_names
from tubewarren.sheets.tabs import SOURCES, STATUS, VIDEO_TASKS, StatusWord, Tab, problems

MOST_CELLS: Final = 10_000_000
"""What a Google spreadsheet holds."""

_NEARLY_FULL: Final = 8_000_000
_SHOWN: Final = 3
_LONGEST_QUOTE: Final = 60
_INIT: Final = "`svc sheet init` makes what is missing"
_ADOPT: Final = "`svc sheet adopt` puts that right"
_WITH_STATUS: Final = (SOURCES, VIDEO_TASKS)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Attributes:
        where: the tab, by its title, or the whole.
        what: what is wrong.
        remedy: what to do.
        is_grave: work cannot be done, or not rightly; otherwise it only could be better.
    """

    where: str
    what: str
    remedy: str
    is_grave: bool = True


def missing_tab(title: str) -> Problem:
    """A tab that is not there."""
    return Problem(title, "there is no such tab", f"{_INIT}.")


def unreadable(title: str, sentences: Iterable[str]) -> tuple[Problem, ...]:
    """What keeps a tab from being read; each sentence says what, a colon, and what to do."""
    split = (sentence.partition(": ") for sentence in sentences)
    return tuple(Problem(title, what, _capital(remedy) or "Mend it in the tab.") for what, _, remedy in split)


def tab_problems(
    tab: Tab,
    title: str,
    table: Table,
    problem_with: Callable[[str], str | None],
    words: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Problem, ...]:
    """What is wrong with a tab as it stands there.

    Args:
        tab: which tab it is.
        title: what it is called in this sheet.
        table: its content.
        problem_with: why an address cannot be worked on; None for one that can.
        words: the owner's words for ours in Status.
    """
    if not table.header:
        return (Problem(title, "the tab is empty", f"{_INIT}."),)
    if sentences := problems(tab, table):
        return unreadable(title, sentences)
    found = [*_of_columns(tab, title, table), *_of_keys(tab, title, table)]
    if tab in _WITH_STATUS:
        found += _of_statuses(title, table, words)
    if tab == SOURCES:
        found += _of_addresses(title, table, problem_with)
    return tuple(found)


def spreadsheet_problems(metadata: Mapping[str, Any], titles: Mapping[Tab, str]) -> tuple[Problem, ...]:
    """What is wrong with a Google spreadsheet as a whole.

    Args:
        metadata: with the properties of its sheets.
        titles: of our tabs.
    """
    sheets = [sheet.get("properties", {}) for sheet in metadata.get("sheets", ())]
    return (*_of_size(sheets), *_of_titles(sheets, titles))


def _of_size(sheets: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    cells = 0
    for sheet in sheets:
        grid = sheet.get("gridProperties", {})
        cells += grid.get("rowCount", 0) * grid.get("columnCount", 0)
    if cells > _NEARLY_FULL:
        yield Problem(
            "spreadsheet",
            f"{cells:,} of the {MOST_CELLS:,} cells that a spreadsheet may have are there, empty ones included",
            "Delete empty rows and columns, or tabs that nobody needs, or make sheet.most_videos smaller.",
        )


def _of_titles(sheets: Iterable[Mapping[str, Any]], titles: Mapping[Tab, str]) -> Iterator[Problem]:
    # Google takes large and small letters for the same.
    ours = Counter(title.casefold() for title in titles.values())
    doubled = [title for title in titles.values() if ours[title.casefold()] > 1]
    if doubled:
        yield Problem(
            "spreadsheet",
            f"{_some(doubled)} would be one and the same tab: Google takes large and small letters for the same",
            "Give them other names in the setting sheet.tabs.",
        )
    for sheet in sheets:
        title = sheet.get("title", "")
        if ours[title.casefold()] and sheet.get("sheetType", "GRID") != "GRID":
            yield Problem(
                title,
                "a chart, or something else without cells, has the name of a tab that Tubewarren needs",
                "Rename it, or name another tab in the setting sheet.tabs.",
            )


def _of_columns(tab: Tab, title: str, table: Table) -> Iterator[Problem]:
    if missing := missing_names(table, tab.columns):
        yield Problem(title, f"columns that are not there: {', '.join(missing)}", f"{_INIT}.", is_grave=False)


def _of_keys(tab: Tab, title: str, table: Table) -> Iterator[Problem]:
    doubled = [" ".join(key) for key, positions in rows_by_key(tab, table).items() if len(positions) > 1]
    if doubled:
        yield Problem(
            title,
            f"several rows have the same {' and '.join(tab.key)}: {_some(doubled)}",
            f"{_ADOPT} where it can; otherwise remove all but one of each."
            if tab in _WITH_STATUS
            else "Remove all but one of each.",
        )
    places = [table.names.index(name) for name in tab.key]
    bare = [row for row in table.rows if not is_blank(row) and not all(row[place].strip() for place in places)]
    if tab == SOURCES:
        url_at = table.names.index("URL")
        number = sum(bool(row[url_at].strip()) for row in bare)
        remedy = "The sheet-ingestor gives them one when it runs; `svc sheet adopt` does so now."
    else:
        number, remedy = len(bare), f"{_ADOPT} where the URL tells it; remove the others."
    if number:
        yield Problem(title, f"rows without {' or '.join(tab.key)}: {number:,}", remedy, is_grave=False)


def _of_statuses(title: str, table: Table, words: Mapping[str, str]) -> Iterator[Problem]:
    known = {"", *StatusWord, *(word.lower() for word in words.values())}
    told = (record.get(STATUS, "").strip() for record in table.records())
    strange = [word for word in dict.fromkeys(told) if word.lower() not in known]
    if strange:
        yield Problem(
            title,
            f"words in Status that mean nothing: {_some(strange)}",
            "Write `pending` into those rows, or name your words in the setting sheet.words.",
            is_grave=False,
        )


def _of_addresses(title: str, table: Table, problem_with: Callable[[str], str | None]) -> Iterator[Problem]:
    without, bad = 0, []
    for record in table.records():
        url = record["URL"].strip()
        if not url:
            without += 1
        elif problem := problem_with(url):
            bad.append(f"{url[:_LONGEST_QUOTE]} ({problem})")
    if without:
        yield Problem(title, f"rows without URL: {without:,}", "Write one into each, or remove them.", is_grave=False)
    if bad:
        yield Problem(title, f"rows that cannot be worked on: {_some(bad)}", "Correct what stands in the column URL.")


def _some(things: Sequence[str]) -> str:
    """The first few."""
    more = len(things) - _SHOWN
    return f"{', '.join(things[:_SHOWN])}{f' and {more:,} more' if more > 0 else ''}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]

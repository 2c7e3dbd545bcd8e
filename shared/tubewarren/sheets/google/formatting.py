"""What makes a spreadsheet easy for people: a header that stays, drop-downs, colours, warnings before what is ours.

Pure: what Google says of the spreadsheet in, the requests that are still missing out. What a person has made stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any, Final

from tubewarren.messages.events import Taken
from tubewarren.sheets.google.grid import Request
from tubewarren.sheets.table import Row
from tubewarren.sheets.tabs import (
    ACTION,
    DEAD_LETTER_SOURCES,
    DEAD_LETTER_TASKS,
    PAUSE,
    SOURCES,
    STATUS,
    SUMMARY,
    VIDEO_TASKS,
    WORKERS,
    StatusWord,
    Tab,
)

FORMATTING_FIELDS: Final = (
    "sheets(properties(sheetId,title,gridProperties),conditionalFormats,protectedRanges,"
    "data(startRow,startColumn,rowData(values(dataValidation(condition(type))))))"
)
"""The mask of the metadata that says what is there."""

PROTECTED: Final = "Tubewarren writes here"
"""The description of our protected ranges, by which a person knows them too."""

_PROGRESS: Final = (StatusWord.PENDING, StatusWord.IN_PROGRESS, StatusWord.DONE, StatusWord.ERROR)
_WORDS: Final[Mapping[str, tuple[StatusWord, ...]]] = {
    SOURCES.name: _PROGRESS,
    VIDEO_TASKS.name: (*_PROGRESS, StatusWord.FILTERED),
    DEAD_LETTER_SOURCES.name: (StatusWord.ERROR,),
    DEAD_LETTER_TASKS.name: (StatusWord.ERROR,),
    WORKERS.name: (StatusWord.ACTIVE, StatusWord.STALE, StatusWord.LOST, StatusWord.STOPPED, StatusWord.UNFIT),
    SUMMARY.name: (),
}
_SET_BY_PEOPLE: Final = (SOURCES, VIDEO_TASKS)
"""Where a person may write `pending` into Status."""

_GREEN, _BLUE, _YELLOW, _RED, _GREY = (0xD9EAD3, 0xCFE2F3, 0xFFF2CC, 0xF4CCCC, 0xEFEFEF)
_COLOURS: Final[Mapping[StatusWord, int]] = {
    StatusWord.PENDING: _GREY,
    StatusWord.IN_PROGRESS: _BLUE,
    StatusWord.DONE: _GREEN,
    StatusWord.ERROR: _RED,
    StatusWord.FILTERED: _GREY,
    StatusWord.ACTIVE: _GREEN,
    StatusWord.STALE: _YELLOW,
    StatusWord.LOST: _RED,
    StatusWord.STOPPED: _GREY,
    StatusWord.UNFIT: _YELLOW,
}
"""Each as red, green and blue in one number."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is missing.

    Attributes:
        what: in words, such as `drop-downs in Status and Pause`.
        requests: what makes it.
    """

    tab: Tab
    what: str
    requests: tuple[Request, ...]


def missing_changes(
    metadata: Mapping[str, Any], headers: Mapping[Tab, tuple[str, Row]], words: Mapping[str, str]
) -> tuple[Change, ...]:
    """What these tabs lack.

    Args:
        metadata: of the spreadsheet, by `FORMATTING_FIELDS`.
        headers: the title and the column names of each tab that is ours and can be read.
        words: the owner's words for ours in Status.
    """
    sheets = {
        _spelled(each["properties"].get("title", "")): sheet
        for each in metadata.get("sheets", ())
        # A tab of one row has nothing below its header that Google could be told of; nobody has one for long.
        if (sheet := _Sheet(each)).rows > 1
    }
    return tuple(
        change
        for tab, (title, header) in headers.items()
        if (found := sheets.get(_spelled(title)))
        for change in _changes(tab, header, found, words)
        if change.requests
    )


class _Sheet:
    """A tab as Google describes it."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        properties = described["properties"]
        grid = properties.get("gridProperties", {})
        self.sheet_id: int = properties.get("sheetId", 0)
        self.rows: int = grid.get("rowCount", 0)
        self.frozen_rows: int = grid.get("frozenRowCount", 0)
        self.rules: Sequence[Mapping[str, Any]] = described.get("conditionalFormats", ())
        self.protections: Sequence[Mapping[str, Any]] = described.get("protectedRanges", ())
        self.validated = frozenset(_validated(described.get("data", ())))

    def column(self, first: int, number: int = 1, *, below_header: bool = True) -> Request:
        """A range of whole columns, those included that are yet to come below."""
        columns = {"sheetId": self.sheet_id, "startColumnIndex": first, "endColumnIndex": first + number}
        return {**columns, "startRowIndex": 1} if below_header else columns


def _changes(tab: Tab, header: Row, sheet: _Sheet, words: Mapping[str, str]) -> Iterator[Change]:
    place = {name: position for position, name in reversed([*enumerate(header)]) if name}
    yield Change(tab, "a header that stays in sight", () if sheet.frozen_rows else (_freeze(sheet),))
    lists = {name: choices for name, choices in _choices(tab, words).items() if name in place}
    chosen = {name: choices for name, choices in lists.items() if place[name] not in sheet.validated}
    yield Change(
        tab,
        f"a drop-down in {_joined(chosen)}",
        tuple(_drop_down(sheet, place[name], choices) for name, choices in chosen.items()),
    )
    if STATUS in place:
        yield Change(tab, "colours by Status", tuple(_colours(tab, sheet, place[STATUS], words)))
    ours = sorted(position for name, position in place.items() if name in _written_by_us(tab))
    yield Change(tab, "a warning before a column of Tubewarren's is edited", tuple(_warnings(sheet, ours)))


def _choices(tab: Tab, words: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    choices = {}
    if tab in _SET_BY_PEOPLE:
        choices[STATUS] = tuple(words.get(word, word) for word in _PROGRESS)
    if tab == SOURCES:
        choices |= {PAUSE: ("yes", "no"), ACTION: (Taken.RETRY, Taken.CANCEL, Taken.EXPAND_AGAIN)}
    return choices


def _written_by_us(tab: Tab) -> frozenset[str]:
    """System columns and keys; not a Status that a person may set back, which would warn each time."""
    may_be_set = {STATUS} if tab in _SET_BY_PEOPLE else set[str]()
    return frozenset({*tab.system, *tab.key} - may_be_set)


def _freeze(sheet: _Sheet) -> Request:
    properties = {"sheetId": sheet.sheet_id, "gridProperties": {"frozenRowCount": 1}}
    return {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}


def _drop_down(sheet: _Sheet, position: int, choices: Iterable[str]) -> Request:
    values = [{"userEnteredValue": str(choice)} for choice in choices]
    # Not strict: what else a person writes is kept, and only marked.
    rule = {"condition": {"type": "ONE_OF_LIST", "values": values}, "strict": False, "showCustomUi": True}
    return {"setDataValidation": {"range": sheet.column(position), "rule": rule}}


def _colours(tab: Tab, sheet: _Sheet, position: int, words: Mapping[str, str]) -> Iterator[Request]:
    # Behind those that are there, which so win over ours.
    index = count(len(sheet.rules))
    for word in _WORDS[tab.name]:
        text = words.get(word, word)
        if not any(_colours_this(rule, position, text) for rule in sheet.rules):
            condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": str(text)}]}
            boolean = {"condition": condition, "format": {"backgroundColor": _colour(_COLOURS[word])}}
            rule = {"ranges": [sheet.column(position)], "booleanRule": boolean}
            yield {"addConditionalFormatRule": {"rule": rule, "index": next(index)}}


def _colours_this(rule: Mapping[str, Any], position: int, text: str) -> bool:
    condition = rule.get("booleanRule", {}).get("condition", {})
    values = [str(value.get("userEnteredValue", "")) for value in condition.get("values", ())]
    return (
        condition.get("type") == "TEXT_EQ"
        and values == [text]
        and any(_covers(grid_range, position) for grid_range in rule.get("ranges", ()))
    )


def _warnings(sheet: _Sheet, positions: Iterable[int]) -> Iterator[Request]:
    protected = [each["range"] for each in sheet.protections if _is_of_columns(each, sheet.rows)]
    bare = [at for at in positions if not any(_covers(grid_range, at) for grid_range in protected)]
    for _, group in groupby(enumerate(bare), lambda pair: pair[1] - pair[0]):
        neighbours = [at for _, at in group]
        place = sheet.column(neighbours[0], len(neighbours), below_header=False)
        yield {"addProtectedRange": {"protectedRange": {"range": place, "description": PROTECTED, "warningOnly": True}}}


def _is_of_columns(protection: Mapping[str, Any], rows: int) -> bool:
    """Whether it is ours, or one of a person's that reaches to the end; a few cells, or the header, are not enough."""
    grid_range = protection.get("range")
    if grid_range is None:
        return False
    return protection.get("description") == PROTECTED or grid_range.get("endRowIndex", rows) >= rows


def _covers(grid_range: Mapping[str, Any], position: int) -> bool:
    """Whether a range holds cells of this column; one without limits is the whole tab."""
    end = grid_range.get("endColumnIndex")
    return bool(grid_range.get("startColumnIndex", 0) <= position and (end is None or position < end))


def _validated(data: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """The columns that have a rule for what may be in a cell, in any cell at all."""
    for part in data:
        for row in part.get("rowData", ()):
            for position, cell in enumerate(row.get("values", ()), start=part.get("startColumn", 0)):
                if cell.get("dataValidation"):
                    yield position


def _colour(rgb: int) -> dict[str, float]:
    return {name: (rgb >> shift & 0xFF) / 0xFF for name, shift in (("red", 16), ("green", 8), ("blue", 0))}


def _joined(names: Iterable[str]) -> str:
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _spelled(title: str) -> str:
    return title.casefold()

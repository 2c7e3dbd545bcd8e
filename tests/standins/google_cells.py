"""What a cell holds: typed values, what typing makes of text, and how a value is shown. Locale en_US.

A cell is a plain Python value where it can be, so that large tabs stay cheap: text, number, truth value; None is an
empty cell. `Shown` is a number that looks otherwise than numbers do, `Formula` is a formula.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from standins.google_errors import Json, bad_request

LONGEST_TEXT = 50_000
_DAY_ZERO = date(1899, 12, 30)
_EXACT = 2**53

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_SCIENTIFIC = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}")
_PERCENT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))%")
_MONEY = re.compile(r"(-?)\$(\d[\d,]*(?:\.\d*)?)")
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\s*(?P<half>[AaPp])[Mm])?"
_CLOCK = re.compile(_TIME)
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}})[-/](?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})(?:\s+{_TIME})?")
_MONTH_FIRST = re.compile(
    rf"(?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})(?:[-/](?P<year>\d{{4}}|\d{{2}}))?(?:\s+{_TIME})?"
)
_LINK = re.compile(r"""=HYPERLINK\(\s*"[^"]*"\s*[,;]\s*"(?P<label>[^"]*)"\s*\)""", re.IGNORECASE)
_LITERAL = re.compile(r"""=\s*(?:"(?P<text>[^"]*)"|(?P<number>[+-]?\d+(?:\.\d+)?))\s*""")


@dataclass(frozen=True, slots=True)
class Shown:
    """A number with a format of its own, like a date or a percentage."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula. Only links and literals are worked out; all else is the error that an unknown name is."""

    text: str

    @property
    def result(self) -> str | float | None:
        """What it comes to; None is an error."""
        if link := _LINK.fullmatch(self.text):
            return link["label"]
        if literal := _LITERAL.fullmatch(self.text):
            return literal["text"] if literal["number"] is None else float(literal["number"])
        return None


Cell = str | int | float | Shown | Formula | None
_ERROR = "#NAME?"


def raw(value: Any) -> Cell:
    """Take a value of the values API as it is (RAW).

    Raises:
        RefusedError: it is no single value, or too long a text.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    raise bad_request(f"Invalid values: a cell takes text, a number or a truth value, not {value!r}")


def typed(value: Any, this_year: int) -> Cell:
    """Take a value as typing it into the cell would (USER_ENTERED).

    Raises:
        RefusedError: it is no single value, or too long a text.
    """
    if not isinstance(value, str):
        return raw(value)
    _text(value)
    text = value.strip()
    if value.startswith("'"):
        return value[1:] or None
    if text.startswith("=") and len(text) > 1:
        return Formula(text)
    if text.upper() in {"TRUE", "FALSE"}:
        return text.upper() == "TRUE"
    found = _typed_number(text)
    if found is None:
        found = _typed_moment(text, this_year)
    if found is None and text[:1] in {"+", "-"} and len(text) > 1:
        found = Formula(f"={text}")
    return found if found is not None else value or None


def shown(cell: Cell) -> str:
    """The text that a person sees."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, Shown):
        return cell.text
    if isinstance(cell, Formula):
        return _ERROR if cell.result is None else shown(cell.result)
    return _general(cell)


def unformatted(cell: Cell) -> str | float:
    """The value itself, as the values API gives it."""
    if isinstance(cell, Shown):
        return _number(cell.value)
    if isinstance(cell, Formula):
        return _ERROR if cell.result is None else unformatted(cell.result)
    return "" if cell is None else cell


def as_written(cell: Cell) -> str | float:
    """The formula, where there is one."""
    return cell.text if isinstance(cell, Formula) else unformatted(cell)


RENDERERS: dict[str, Callable[[Cell], str | float]] = {
    "FORMATTED_VALUE": shown,
    "UNFORMATTED_VALUE": unformatted,
    "FORMULA": as_written,
}


def from_extended(value: Json | None) -> Cell:
    """Read an ExtendedValue; none of it is an empty cell.

    Raises:
        RefusedError: it holds what none does.
    """
    if not value:
        return None
    if len(value) > 1:
        raise bad_request("Only one of stringValue, numberValue, boolValue and formulaValue may be set.")
    match value:
        case {"stringValue": str() as text}:
            return _text(text)
        case {"boolValue": bool() as truth}:
            return truth
        case {"numberValue": int() | float() as number} if not isinstance(number, bool):
            return _number(number)
        case {"formulaValue": str() as text} if text.startswith("="):
            return Formula(text)
        case _:
            raise bad_request(f"Invalid value at 'user_entered_value': {value}")


def to_extended(cell: Cell) -> Json:
    """What was entered, as an ExtendedValue."""
    if isinstance(cell, Formula):
        return {"formulaValue": cell.text}
    return _effective(cell)


def effective(cell: Cell) -> Json:
    """What it comes to, as an ExtendedValue."""
    if isinstance(cell, Formula) and cell.result is None:
        return {"errorValue": {"type": "NAME", "message": "Unknown function or name."}}
    return _effective(cell.result if isinstance(cell, Formula) else cell)


def trimmed(cells: Iterable[Cell]) -> list[Cell]:
    """Without the empty cells at the end."""
    row = list(cells)
    while row and row[-1] is None:
        row.pop()
    return row


def sort_key(cell: Cell) -> tuple[int, float, str]:
    """Numbers before texts, texts before truth values, errors last. Empty cells have no place of their own."""
    value = cell.result if isinstance(cell, Formula) else cell
    if value is None:
        return (3, 0, "")
    if isinstance(value, bool):
        return (2, value, "")
    if isinstance(value, str):
        return (1, 0, value.casefold())
    return (0, value.value if isinstance(value, Shown) else value, "")


def _text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        raise bad_request(f"Your input contains more than the maximum of {LONGEST_TEXT} characters in a single cell.")
    return text or None


def _number(number: float) -> int | float:
    if isinstance(number, int):
        return number if abs(number) <= _EXACT else float(number)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _general(number: float) -> str:
    if number == 0:
        return "0"
    if abs(number) >= 1e15 or abs(number) < 1e-9:
        mantissa, exponent = f"{number:.5E}".split("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    if float(number).is_integer():
        return str(int(number))
    # As many digits as the automatic format shows.
    decimals = max(0, 9 - math.floor(math.log10(abs(number))))
    return f"{number:.{decimals}f}".rstrip("0").rstrip(".")


def _effective(cell: Cell) -> Json:
    match unformatted(cell):
        case bool() as truth:
            return {"boolValue": truth}
        case str() as text:
            return {"stringValue": text}
        case number:
            return {"numberValue": number}


def _typed_number(text: str) -> Cell:
    if _NUMBER.fullmatch(text):
        return _number(float(text))
    if _GROUPED.fullmatch(text):
        return Shown(float(text.replace(",", "")), text)
    if _SCIENTIFIC.fullmatch(text):
        return Shown(float(text), f"{float(text):.2E}")
    if percent := _PERCENT.fullmatch(text):
        return Shown(float(percent[1]) / 100, text)
    if money := _MONEY.fullmatch(text):
        amount = float(f"{money[1]}{money[2].replace(',', '')}")
        return Shown(amount, f"{money[1]}${abs(amount):,.2f}")
    return None


def _typed_moment(text: str, this_year: int) -> Shown | None:
    match = _YEAR_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    days = 0
    if match:
        written = match["year"] or str(this_year)
        year = int(written) + (2000 if len(written) == 2 else 0)
        try:
            days = (date(year, int(match["month"]), int(match["day"])) - _DAY_ZERO) // timedelta(days=1)
        except ValueError:
            return None
    else:
        match = _CLOCK.fullmatch(text)
        if not match:
            return None
    fraction = _day_fraction(match)
    return None if fraction is None else Shown(days + fraction, text)


def _day_fraction(match: re.Match[str]) -> float | None:
    if match["hour"] is None:
        return 0
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    return None if minute > 59 or second > 59 else (hour * 3600 + minute * 60 + second) / 86_400

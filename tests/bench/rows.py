"""What a measure finds: rows of values, one for each round."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

TIMES: Final = "times"
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One subject in one measure.

    Attributes:
        measure: what was measured, as the table says it.
        subject: of whom.
        unit: of the values.
        values: of each round.
        target: in words; empty where there is none.
        note: what one must know to read it.
    """

    measure: str
    subject: str
    unit: str
    values: tuple[float, ...]
    target: str = ""
    note: str = ""

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)


def ratios(measure: str, values: Mapping[str, Sequence[float]], one: str, other: str, target: str = "") -> list[Row]:
    """How many times as much the one has as the other, round by round; nothing unless both are there."""
    if not {one, other} <= values.keys():
        return []
    pairs = zip(values[one], values[other], strict=True)
    return [Row(measure, f"{one} / {other}", TIMES, tuple(first / second for first, second in pairs), target)]


def table(rows: Iterable[Row]) -> list[str]:
    """For a terminal."""
    lines = []
    measure = ""
    for row in rows:
        if row.measure != measure:
            measure = row.measure
            lines += ["", measure]
        span = f"{spell(min(row.values))} to {spell(max(row.values))}" if len(row.values) > 1 else ""
        line = f"  {row.subject:<34}{spell(row.middle):>10} {row.unit:<10}{span:<22}"
        lines.append(f"{line}{row.target:<16}{row.note}".rstrip())
    return lines


def spell(value: float) -> str:
    """With three digits that count, and no exponent."""
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.3g}"

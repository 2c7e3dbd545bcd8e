"""The results as one picture, in SVG: medians as bars, from the least to the most of all rounds as whiskers."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from bench.rows import Row, spell

_WIDTH: Final = 860
_LEFT: Final = 210
_RIGHT: Final = 170
_BAR: Final = 18
_GAP: Final = 6
_HEAD: Final = 34
_COLOURS: Final = {"ours": "#2b7a4b", "ours on one queue": "#6aa882", "bare": "#8a8f98"}
_OTHER: Final = "#b9c3d4"


def plot(measures: Mapping[str, Sequence[Row]]) -> str:
    """A chart for each measure that has ours and another one beside it."""
    charts = [rows for rows in _by_title(measures) if len(rows) > 1]
    parts: list[str] = []
    top = 10
    for rows in charts:
        parts += _chart(rows, top)
        top += _HEAD + len(rows) * (_BAR + _GAP) + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{_WIDTH}" height="{top}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _by_title(measures: Mapping[str, Sequence[Row]]) -> Iterator[list[Row]]:
    for rows in measures.values():
        titles = dict.fromkeys((row.measure, row.unit) for row in rows)
        for title in titles:
            shown = [row for row in rows if (row.measure, row.unit) == title and " / " not in row.subject]
            if any(row.subject == "ours" for row in shown):
                yield shown


def _chart(rows: Sequence[Row], top: int) -> Iterator[str]:
    most = max(max(row.values) for row in rows) or 1
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    title = f"{rows[0].measure}, {rows[0].unit}"
    yield f'<text x="10" y="{top + 20}" font-weight="bold">{escape(title)}</text>'
    for number, row in enumerate(rows):
        yield from _bar(row, top + _HEAD + number * (_BAR + _GAP), scale)


def _bar(row: Row, y: int, scale: float) -> Iterator[str]:
    middle, low, high = (_LEFT + scale * value for value in (row.middle, min(row.values), max(row.values)))
    centre, colour = y + _BAR / 2, _COLOURS.get(row.subject, _OTHER)
    yield f'<text x="{_LEFT - 8}" y="{centre + 4.5}" text-anchor="end">{escape(row.subject)}</text>'
    yield f'<rect x="{_LEFT}" y="{y}" width="{middle - _LEFT:.1f}" height="{_BAR}" fill="{colour}"/>'
    ends = "".join(f"M{end:.1f} {y + 4}V{y + 14}" for end in (low, high))
    yield f'<path d="M{low:.1f} {centre}H{high:.1f}{ends}" stroke="#222"/>'
    yield f'<text x="{max(high, middle) + 8:.1f}" y="{centre + 4.5}">{spell(row.middle)}</text>'

"""Rows as tables: which columns, in which words, and which of them only a wide terminal has room for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tubewarren_services.cli.units import spell_bytes, spell_span

WIDE = 120
"""From so many columns on, everything is shown."""

Value = str | int | float | bool | None
Row = Mapping[str, Value]

_STYLES = {
    "done": "green",
    "active": "green",
    "ok": "green",
    "in-progress": "cyan",
    "waiting": "yellow",
    "stale": "yellow",
    "warn": "yellow",
    "draining": "yellow",
    "dead": "red",
    "error": "red",
    "lost": "red",
    "unfit": "red",
    "bad": "red",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        key: the field of the row.
        spell: how its value is written; the second argument is the present.
        is_wide: shown only where there is room.
        may_wrap: takes several lines rather than losing its end.
        least: characters that a narrow terminal must leave it.
    """

    key: str
    heading: str
    spell: Callable[[Value, datetime], str]
    justify: Literal["left", "right"] = "left"
    is_wide: bool = False
    may_wrap: bool = False
    least: int | None = None


def text(value: Value, now: datetime) -> str:
    """As it is."""
    del now
    return "" if value is None else str(value)


def size(value: Value, now: datetime) -> str:
    """Bytes."""
    del now
    return spell_bytes(value) if isinstance(value, int | float) else ""


def ago(value: Value, now: datetime) -> str:
    """How long a moment is past."""
    moment = moment_of(value)
    return f"{spell_span(now - moment)} ago" if moment else ""


def ahead(value: Value, now: datetime) -> str:
    """How far off a moment is; nothing for one that is past."""
    moment = moment_of(value)
    return f"in {spell_span(moment - now)}" if moment and moment > now else ""


def yes(value: Value, now: datetime) -> str:
    """Yes or nothing."""
    del now
    return "yes" if value else ""


def beginning(value: Value, now: datetime) -> str:
    """The first characters of something long."""
    return text(value, now)[:12]


SOURCES = (
    Column("source_id", "ID", text),
    Column("state", "Status", text),
    Column("videos", "Videos", text, justify="right"),
    Column("done", "Done", text, justify="right"),
    Column("failed", "Failed", text, justify="right"),
    Column("priority", "Priority", text, justify="right", is_wide=True),
    Column("ordered_at", "Ordered", ago, is_wide=True),
    Column("url", "URL", text, may_wrap=True, least=16),
    Column("failure_reason", "Problem", text, may_wrap=True, least=20),
)
TASKS = (
    Column("video_id", "Video", text, least=11),
    Column("source_id", "Source", text),
    Column("state", "Status", text),
    Column("attempts", "Tries", text, justify="right"),
    Column("title", "Title", text, is_wide=True),
    Column("worker", "Worker", text, is_wide=True),
    Column("state_at", "Since", ago),
    Column("next_at", "Next", ahead),
    Column("failure_reason", "Problem", text, may_wrap=True, least=20),
)
RESULTS = (
    Column("video_id", "Video", text, least=11),
    Column("storage", "Storage", text),
    Column("size_bytes", "Size", size, justify="right"),
    Column("finished_at", "Finished", ago),
    Column("selected", "Selected", yes),
    Column("sha256", "SHA-256", beginning, is_wide=True),
)
WORKERS = (
    Column("worker", "Worker", text),
    Column("status", "Status", text),
    Column("last_seen", "Seen", ago),
    Column("in_hand", "In hand", text, justify="right"),
    Column("settled", "Settled", text, justify="right", is_wide=True),
    Column("version", "Version", text, is_wide=True),
    Column("doing", "Doing", text, may_wrap=True, least=16),
)


def rows_table(rows: Sequence[Row], columns: Sequence[Column], width: int, now: datetime) -> RenderableType:
    """The rows as a table; a column in which no row has anything is left out."""
    if not rows:
        return Text("Nothing.")
    chosen = [column for column in columns if _has_room(column, width) and any(_cell(row, column, now) for row in rows)]
    table = plain_table(*chosen)
    for row in rows:
        table.add_row(*(Text(_cell(row, column, now), style=_style(row, column)) for column in chosen))
    return table


def plain_table(*columns: Column) -> Table:
    """An empty table in the way that all of ours look."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(
            column.heading,
            justify=column.justify,
            overflow="fold" if column.may_wrap else "ellipsis",
            no_wrap=not column.may_wrap,
            min_width=column.least,
        )
    return table


def style_of(state: str) -> str:
    """The colour of a state."""
    return _STYLES.get(state, "")


def moment_of(value: Value) -> datetime | None:
    """A moment as it is told in a row; None for what is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _has_room(column: Column, width: int) -> bool:
    return width >= WIDE or not column.is_wide


def _cell(row: Row, column: Column, now: datetime) -> str:
    return column.spell(row.get(column.key), now)


def _style(row: Row, column: Column) -> str:
    return style_of(str(row.get(column.key))) if column.key in ("state", "status") else ""

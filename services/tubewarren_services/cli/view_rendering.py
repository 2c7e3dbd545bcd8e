"""The live view for a terminal of any size from 80 columns on: first what matters from afar, then what runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tubewarren.messages.events import Gate, Verdict
from tubewarren_services.cli.lines import Words, at_most, in_a_row, more, one_line
from tubewarren_services.cli.overview import NO_MONITOR
from tubewarren_services.cli.tables import plain_table
from tubewarren_services.cli.units import count, spell_bytes, spell_clock, spell_span
from tubewarren_services.cli.view import RECENT, LiveState, Running, Setback, rate_per_minute, speed_of, time_left
from tubewarren_services.cli.workers_view import worker_lines

_SHARE_OF_HEIGHT = 7
"""What holds work back, workers in trouble and setbacks take at most one in so many lines each."""
_FEWEST_LINES = 3
_TABLE_HEAD = 2
_ROOMY = 150
"""Columns from which on source, worker and size have a place without costing the titles theirs."""
_LONGEST_PERCENT = 100
_TRANSFER = "downloading"
"""The one phase of which it is known how far it is."""
_VERDICTS = {
    Verdict.RETRY: ("retry", "yellow"),
    Verdict.REFUND: ("again", "yellow"),
    Verdict.PARK: ("parked", "yellow"),
    Verdict.BURY: ("dead", "red"),
}


def render(
    state: LiveState, width: int, now: datetime, height: int = 40, away: timedelta | None = None
) -> RenderableType:
    """The view at one moment, within so many columns and lines.

    Args:
        state: what is shown.
        width: of the terminal.
        now: the moment.
        height: of the terminal.
        away: how long the broker has been gone; None while it is there.
    """
    most = max(_FEWEST_LINES, height // _SHARE_OF_HEIGHT)
    above = [
        *summary_of(state, width, now),
        *_notes(state, width, away),
        *at_most(most, [_gate(gate, width, now) for gate in state.gates or ()]),
        Text(),
        *worker_lines(state.workers, width, now, most),
        Text(),
    ]
    if state.setbacks:
        setbacks = [_setback(setback, width, now) for setback in state.setbacks[:most]]
        above += [*setbacks, Text()]
    return Group(*above, *_running(state, width, max(1, height - len(above)), now))


def summary_of(state: LiveState, width: int, now: datetime) -> list[Text]:
    """How far everything is, and how fast."""
    books, running = state.books, len(state.running)
    buried, retried = state.buried.within(RECENT, now), state.retried.within(RECENT, now)
    speed = sum(speed_of(each, now) or 0 for each in state.running.values())
    counts: list[Words] = [
        (f"{count(books.sources, 'source')} ({books.sources_ended:,} ended)", ""),
        (count(books.videos, "video"), ""),
        (f"{books.done:,} done", "green"),
        (f"{books.failed:,} failed" + (f" (+{buried:,} in 10 min)" if buried else ""), "red" if books.failed else ""),
        *([(f"{books.filtered:,} filtered", "")] if books.filtered else []),
        (f"{running:,} running", "cyan"),
        (f"{max(0, books.left - running):,} waiting", ""),
    ]
    pace: list[Words] = [
        (f"{rate_per_minute(state, now):,}/min", ""),
        (f"{spell_bytes(speed)}/s", ""),
        (f"{spell_bytes(books.size_bytes)} stored", ""),
        (f"{retried:,} retried in 10 min", "yellow" if retried else ""),
    ]
    if books.waiting_since is not None:
        pace.append((f"oldest waits {spell_span(now - books.waiting_since)}", ""))
    if (left := time_left(state, now)) is not None:
        pace.append((f"about {spell_span(left)} left", ""))
    pace.append((f"{now.astimezone():%H:%M}", "dim"))
    return [*in_a_row(counts, width), *in_a_row(pace, width)]


def _notes(state: LiveState, width: int, away: timedelta | None) -> list[Text]:
    """What the view itself lacks."""
    if away is not None:
        words = f"The broker has been away for {spell_span(away)}: this is from before. It goes on by itself."
        return [one_line(width, (words, "bold red"))]
    notes = []
    if not state.is_ledger_there:
        since = "these are the last counts." if state.began_at else "only what is heard here is counted."
        notes.append(f"No results-manager answers: {since}")
    if state.gates is None:
        notes.append(NO_MONITOR)
    return [one_line(width, (note, "yellow")) for note in notes]


def _gate(gate: Gate, width: int, now: datetime) -> Text:
    # Times come first: a narrow terminal cuts the end.
    times = f"for {spell_span(now - gate.since)}"
    if gate.until is not None and gate.until > now:
        times += f", next look in {spell_span(gate.until - now)}"
    return one_line(width, (f"{gate.kind.capitalize()} {gate.name} ({times}): {gate.reason}", "yellow"))


def _setback(setback: Setback, width: int, now: datetime) -> Text:
    word, style = _VERDICTS[setback.verdict]
    # The reason tells more than the end of a long title, and a narrow terminal cuts the end of the line.
    title = Text(setback.what)
    title.truncate(max(16, width // 4), overflow="ellipsis")
    again = ""
    if setback.next_at is not None and setback.next_at > now:
        again = f" (again in {spell_span(setback.next_at - now)})"
    age = (f"{spell_span(now - setback.at):>6} ago  ", "dim")
    return one_line(width, (f"{word:<7}", style), age, (f"{title.plain}: {setback.reason}{again}", ""))


def _running(state: LiveState, width: int, lines: int, now: datetime) -> Sequence[RenderableType]:
    if not state.running:
        return [Text("Nothing is running.", style="dim")]
    rows = max(0, lines - _TABLE_HEAD)
    if len(state.running) > rows:
        rows = max(0, rows - 1)
    is_wide = width >= _ROOMY
    table = _table(is_wide=is_wide)
    for video in list(state.running.values())[:rows]:
        table.add_row(*_cells(video, state.titles.get(video.video_id, ""), now, is_wide=is_wide))
    left = len(state.running) - rows
    return [table, more(left)] if left > 0 else [table]


def _table(*, is_wide: bool) -> Table:
    table = plain_table()
    table.expand = True
    table.add_column("Video", ratio=1, no_wrap=True, overflow="ellipsis")
    if is_wide:
        table.add_column("Source", max_width=16, no_wrap=True, overflow="ellipsis")
        table.add_column("Worker", max_width=32, no_wrap=True, overflow="ellipsis")
        table.add_column("Phase", width=20, no_wrap=True, overflow="ellipsis")
    table.add_column("Progress", width=30 if is_wide else 11, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=4, justify="right")
    if is_wide:
        table.add_column("Size", width=17, justify="right")
    table.add_column("Speed", width=9, justify="right")
    table.add_column("ETA", width=7, justify="right")
    return table


def _cells(video: Running, title: str, now: datetime, *, is_wide: bool) -> Sequence[RenderableType]:
    total, speed = video.total_bytes, speed_of(video, now)
    eta = None if speed is None else video.eta_seconds
    is_transfer = video.phase == _TRANSFER
    share = min(1.0, video.done_bytes / total) if total and is_transfer else None
    bar: RenderableType = Text(spell_bytes(video.done_bytes) if is_transfer or is_wide else video.phase)
    if share is not None:
        bar = ProgressBar(total=1, completed=share)
    of_total = f" of {spell_bytes(total)}" if total else ""
    return [
        Text(title or video.video_id),
        *([Text(video.source_id), Text(video.worker), Text(video.phase)] if is_wide else []),
        bar,
        Text(f"{int(share * _LONGEST_PERCENT)}%" if share is not None else ""),
        *([Text(f"{spell_bytes(video.done_bytes)}{of_total}")] if is_wide else []),
        Text(f"{spell_bytes(speed)}/s" if speed is not None else ""),
        Text(spell_clock(eta) if eta is not None else ""),
    ]

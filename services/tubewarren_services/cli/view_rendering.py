"""The live view for a terminal of any width from 80 columns on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tubewarren.messages.events import SourceState, Verdict
from tubewarren_services.cli.tables import style_of
from tubewarren_services.cli.units import count, spell_bytes, spell_clock, spell_span
from tubewarren_services.cli.view import LiveState, Running, Setback, WorkerLine, rate_per_minute

_LONGEST_PERCENT = 100
_SETBACKS_SHOWN = 4
_FRAME_LINES = 12
"""Lines besides those of videos: totals, headings, setbacks, workers and the gaps between."""
_FEWEST_ROWS = 3
_NARROWEST_TITLE = 20
_ROOMY = 150
"""Columns from which on source, worker and size have a place without costing the titles theirs."""
_VERDICTS = {
    Verdict.RETRY: ("retry", "yellow"),
    Verdict.REFUND: ("again", "yellow"),
    Verdict.PARK: ("parked", "yellow"),
    Verdict.BURY: ("dead", "red"),
}


def render(state: LiveState, width: int, now: datetime, height: int = 40) -> RenderableType:
    """The view at one moment, within so many columns and lines."""
    parts: list[RenderableType] = [_totals(state, now), Text()]
    parts += _running(state, width, max(_FEWEST_ROWS, height - _FRAME_LINES))
    if state.setbacks:
        parts += [Text(), *(_setback(setback, now) for setback in state.setbacks[:_SETBACKS_SHOWN])]
    parts += [Text(), *_workers(state.workers.items())]
    return Group(*parts)


def _totals(state: LiveState, now: datetime) -> Text:
    videos = sum(counts.videos for counts in state.sources.values())
    done = sum(counts.done for counts in state.sources.values())
    failed = sum(counts.failed for counts in state.sources.values())
    filtered = sum(counts.filtered for counts in state.sources.values())
    waiting = max(0, videos - done - failed - filtered - len(state.running))
    ended_sources = sum(counts.state in (SourceState.DONE, SourceState.ERROR) for counts in state.sources.values())
    speed = sum(each.speed_bytes_per_second or 0 for each in state.running.values())
    counts = (
        (f"{count(len(state.sources), 'source')} ({ended_sources} ended)", ""),
        (count(videos, "video"), ""),
        (f"{done:,} done", "green"),
        (f"{failed:,} failed", "red" if failed else ""),
        (f"{len(state.running)} running", "cyan"),
        (f"{waiting:,} waiting", ""),
    )
    pace = (
        (f"{rate_per_minute(state, now)}/min", ""),
        (f"{spell_bytes(speed)}/s", ""),
        (f"{spell_bytes(state.size_bytes)} stored", ""),
        (f"{state.retried} retried", ""),
    )
    return Text("\n").join((_in_a_row(counts), _in_a_row(pace)))


def _in_a_row(parts: Iterable[tuple[str, str]]) -> Text:
    return Text("  ").join(Text(words, style=style) for words, style in parts)


def _running(state: LiveState, width: int, rows: int) -> Iterable[RenderableType]:
    if not state.running:
        return [Text("Nothing is running.", style="dim")]
    is_wide = width >= _ROOMY
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True, header_style="bold")
    table.add_column("Video", ratio=1, min_width=_NARROWEST_TITLE, no_wrap=True, overflow="ellipsis")
    if is_wide:
        table.add_column("Source", max_width=16, no_wrap=True, overflow="ellipsis")
        table.add_column("Worker", max_width=32, no_wrap=True, overflow="ellipsis")
    table.add_column("Phase", max_width=11, no_wrap=True, overflow="ellipsis")
    table.add_column("Progress", width=30 if is_wide else 12)
    table.add_column("", width=4, justify="right")
    if is_wide:
        table.add_column("Size", width=17, justify="right")
    table.add_column("Speed", width=9, justify="right")
    table.add_column("ETA", width=7, justify="right")
    shown = list(state.running.values())[:rows]
    for video in shown:
        table.add_row(*_cells(video, state.titles.get(video.video_id, ""), is_wide=is_wide))
    left = len(state.running) - len(shown)
    return [table, Text(f"… and {left} more", style="dim")] if left else [table]


def _cells(video: Running, title: str, *, is_wide: bool) -> Sequence[RenderableType]:
    has_total = video.total_bytes is not None and video.total_bytes > 0
    share = min(1.0, video.done_bytes / video.total_bytes) if has_total and video.total_bytes else None
    bar = ProgressBar(total=1, completed=share) if share is not None else Text(spell_bytes(video.done_bytes))
    total = f" of {spell_bytes(video.total_bytes)}" if video.total_bytes else ""
    speed, eta = video.speed_bytes_per_second, video.eta_seconds
    return [
        Text(title or video.video_id),
        *([Text(video.source_id), Text(video.worker)] if is_wide else []),
        Text(video.phase),
        bar,
        Text(f"{int(share * _LONGEST_PERCENT)}%" if share is not None else ""),
        *([Text(f"{spell_bytes(video.done_bytes)}{total}")] if is_wide else []),
        Text(f"{spell_bytes(speed)}/s" if speed is not None else ""),
        Text(spell_clock(eta) if eta is not None else ""),
    ]


def _setback(setback: Setback, now: datetime) -> Text:
    word, style = _VERDICTS[setback.verdict]
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{word:<7}", style=style).append(f"{setback.what}: {setback.reason}")
    if setback.next_at is not None and setback.next_at > now:
        line.append(f" (again in {spell_span(setback.next_at - now)})", style="dim")
    return line


def _workers(workers: Iterable[tuple[str, WorkerLine]]) -> Iterable[Text]:
    """How many of each kind are well, and by name those that are not."""
    everyone = sorted(workers)
    present = Counter((line.service, line.health) for _, line in everyone if line.health != "stopped")
    summary = Text(overflow="fold")
    for (service, health), number in sorted(present.items()):
        summary.append(", " if summary else "").append(f"{number} {service} ").append(health, style=style_of(health))
    troubled = [(name, line) for name, line in everyone if line.health in ("stale", "lost", "unfit")]
    lines = [summary or Text("No worker has been heard yet.", style="dim")]
    for name, worker in troubled:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{worker.health:<7}", style=style_of(worker.health)).append(f"{name} {worker.doing}".rstrip())
        lines.append(line)
    return lines

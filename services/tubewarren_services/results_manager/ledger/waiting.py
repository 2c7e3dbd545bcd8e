"""Waiting: the videos of a source that nobody has begun with, and how many there are in each state."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from tubewarren_services.results_manager.ledger.records import Row
from tubewarren_services.results_manager.ledger.schema import SOURCES, TASKS
from tubewarren_services.results_manager.ledger.standings import LATER, WAITING


def waiting_videos(
    connection: Connection, source_id: str, video_id: str, now: datetime, bumped_before: datetime, at_once: int
) -> Iterator[list[Row]]:
    """Those that wait in a queue, in the order in which they were listed, so many at a time; never all in memory.

    Args:
        connection: in one transaction until the last is taken.
        source_id: of which source.
        video_id: of this one alone; empty for all.
        now: what is to start later is left out.
        bumped_before: what was bumped then or later is left out.
        at_once: how many come together.
    """
    not_yet_bumped = or_(TASKS.c.bumped_at.is_(None), TASKS.c.bumped_at < bumped_before)
    statement = (
        select(TASKS.c.video_id, TASKS.c.url, TASKS.c.title, TASKS.c.duration_seconds)
        .where(*_of(source_id, video_id), *_may_start(now), not_yet_bumped)
        .order_by(TASKS.c.queued_at, TASKS.c.video_id)
    )
    streaming = connection.execution_options(stream_results=True, yield_per=at_once)
    for part in streaming.execute(statement).mappings().partitions(at_once):
        yield list(part)


def count_states(connection: Connection, source_id: str, video_id: str, now: datetime) -> dict[str, int]:
    """How many videos of a source are in each state, and `later`; states of which there are none are left out."""
    grouped = select(TASKS.c.state, func.count()).where(*_of(source_id, video_id)).group_by(TASKS.c.state)
    counts: dict[str, int] = {state: number for state, number in connection.execute(grouped)}  # noqa: C416 - rows are no pairs to mypy
    may_start = select(func.count()).select_from(TASKS).where(*_of(source_id, video_id), *_may_start(now))
    waiting = connection.scalar(may_start) or 0
    counts |= {WAITING: waiting, LATER: counts.get(WAITING, 0) - waiting}
    return {state: number for state, number in counts.items() if number}


def the_task(video_id: str, source_id: str) -> Select[Any]:
    """One video of one source, found by its key."""
    return select(TASKS).where(TASKS.c.video_id == video_id, TASKS.c.source_id == source_id)


def the_source(source_id: str) -> Select[Any]:
    """One source, found by its key."""
    return select(SOURCES).where(SOURCES.c.source_id == source_id)


def _of(source_id: str, video_id: str) -> list[ColumnElement[bool]]:
    only = [TASKS.c.video_id == video_id] if video_id else []
    return [TASKS.c.source_id == source_id, *only]


def _may_start(now: datetime) -> list[ColumnElement[bool]]:
    """Nobody has begun with it; without its address no order for it can be made."""
    return [TASKS.c.state == WAITING, or_(TASKS.c.next_at.is_(None), TASKS.c.next_at <= now), TASKS.c.url != ""]

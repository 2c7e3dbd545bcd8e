"""Projection: fragments of events into the tables, many at a time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, and_, bindparam, delete, func, select, update

from tubewarren_services.results_manager.ledger.database import chunks, take_turn, upsert
from tubewarren_services.results_manager.ledger.fragments import Fragment
from tubewarren_services.results_manager.ledger.holdings import Holding
from tubewarren_services.results_manager.ledger.records import Record
from tubewarren_services.results_manager.ledger.schema import (
    ATTEMPTS,
    BURIALS,
    RESULTS,
    SOURCES,
    TASKS,
    WORKERS,
)
from tubewarren_services.results_manager.ledger.sources import Source
from tubewarren_services.results_manager.ledger.tasks import ENDED, MOST_KEPT, Attempt, Task, surplus
from tubewarren_services.results_manager.ledger.workers import Burial, Worker

_Kind = TypeVar("_Kind", bound=Record)


@dataclass(frozen=True, slots=True)
class Change(Generic[_Kind]):
    """A record that differs from what the table had, which may be nothing."""

    before: _Kind | None
    after: _Kind


def project(connection: Connection, fragments: Iterable[Fragment]) -> frozenset[str]:
    """Write what the fragments add; returns the sources whose counts or phase that changes."""
    take_turn(connection)
    told = list(fragments)
    sources = _write(connection, SOURCES, Source, told)
    tasks = _write(connection, TASKS, Task, told)
    attempts = _write(connection, ATTEMPTS, Attempt, told)
    tasks_tried = {(change.after.video_id, change.after.source_id) for change in attempts}
    _drop_surplus(connection, tasks_tried)
    _count_attempts(connection, tasks_tried)
    _write(connection, RESULTS, Holding, told)
    _write(connection, WORKERS, Worker, told)
    _write(connection, BURIALS, Burial, told)
    return frozenset(
        {change.after.source_id for change in sources if _changes_the_phase(change)}
        | {change.after.source_id for change in tasks if _changes_the_counts(change)}
    )


def by_key(
    records: Iterable[_Kind], known: Mapping[tuple[str, ...], _Kind] | None = None
) -> dict[tuple[str, ...], _Kind]:
    """The records that speak of the same row, each merged into one, in the order in which they were heard."""
    merged = dict(known or {})
    for record in records:
        other = merged.get(record.key)
        merged[record.key] = record if other is None else other.merged(record)
    return merged


def _write(connection: Connection, table: Table, kind: type[_Kind], fragments: Iterable[object]) -> list[Change[_Kind]]:
    told = [fragment for fragment in fragments if isinstance(fragment, kind)]
    known = _load(connection, table, kind, {record.key for record in told})
    merged = by_key(told, known)
    changes = [Change(known.get(key), after) for key, after in merged.items() if after != known.get(key)]
    upsert(connection, table, [change.after.to_row() for change in changes])
    return changes


def _load(
    connection: Connection, table: Table, kind: type[_Kind], keys: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], _Kind]:
    # By the key's first column alone, which every database finds in the primary key's index; a few rows more than
    # asked for do no harm.
    first = next(iter(table.primary_key))
    columns = [column for column in table.columns if column is not TASKS.c.attempts]
    known = {}
    for chunk in chunks({key[0] for key in keys}):
        for row in connection.execute(select(*columns).where(first.in_(chunk))).mappings():
            record = kind.from_row(row)
            known[record.key] = record
    return known


def _drop_surplus(connection: Connection, tasks: Collection[tuple[str, str]]) -> None:
    for chunk in chunks({video_id for video_id, _ in tasks}):
        task = (ATTEMPTS.c.video_id, ATTEMPTS.c.source_id)
        over_full = select(*task).where(ATTEMPTS.c.video_id.in_(chunk)).group_by(*task).having(func.count() > MOST_KEPT)
        for video_id, source_id in connection.execute(over_full).all():
            of_it = and_(ATTEMPTS.c.video_id == video_id, ATTEMPTS.c.source_id == source_id)
            attempts = connection.execute(select(ATTEMPTS.c.ended_at, ATTEMPTS.c.attempt_id).where(of_it))
            for dropped in chunks(surplus((ended_at, attempt_id) for ended_at, attempt_id in attempts)):
                connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.attempt_id.in_(dropped)))


def _count_attempts(connection: Connection, tasks: Collection[tuple[str, str]]) -> None:
    if not tasks:
        return
    of_the_task: list[Any] = [bindparam("video"), bindparam("source")]
    counted = select(func.count()).where(ATTEMPTS.c.video_id == of_the_task[0], ATTEMPTS.c.source_id == of_the_task[1])
    statement = (
        update(TASKS)
        .where(TASKS.c.video_id == of_the_task[0], TASKS.c.source_id == of_the_task[1])
        .values(attempts=counted.scalar_subquery())
    )
    connection.execute(statement, [{"video": video, "source": source} for video, source in sorted(tasks)])


def _changes_the_phase(change: Change[Source]) -> bool:
    before, after = change.before, change.after
    return (
        before is None
        or before.phase is not after.phase
        or (before.expansion and before.expansion.videos) != (after.expansion and after.expansion.videos)
    )


def _changes_the_counts(change: Change[Task]) -> bool:
    if change.before is None:
        return True
    before, after = change.before.state, change.after.state
    return before is not after and bool({before, after} & ENDED)

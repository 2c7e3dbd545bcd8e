"""Answers: the ledger's tables as rows for a person."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, false, func, select

from tubewarren.messages.commands import LedgerTopic, QueryLedger
from tubewarren.messages.events import LedgerAnswered, SourceState
from tubewarren_services.results_manager.ledger.database import chunks
from tubewarren_services.results_manager.ledger.records import LONG_AGO
from tubewarren_services.results_manager.ledger.schema import ATTEMPTS, BURIALS, RESULTS, SOURCES, TASKS, WORKERS
from tubewarren_services.results_manager.ledger.settled import MEMORY
from tubewarren_services.results_manager.ledger.sources import Counts, Source, state_of, videos_of
from tubewarren_services.results_manager.ledger.standings import known_of_source, known_of_video
from tubewarren_services.results_manager.ledger.tasks import Task, TaskState
from tubewarren_services.results_manager.ledger.waiting import the_source, the_task

Value = str | int | float | bool | None
AnswerRow = dict[str, Value]


def answer(connection: Connection, query: QueryLedger, *, storage: str, at: datetime) -> LedgerAnswered:
    """The rows that a query asks for, newest first where that means something."""
    rows = list(islice(_TOPICS[query.topic](connection, query, at), query.limit + 1))
    return LedgerAnswered(at=at, storage=storage, rows=tuple(rows[: query.limit]), truncated=len(rows) > query.limit)


def counts_of(connection: Connection, source_ids: Iterable[str] | None = None) -> dict[str, Counts]:
    """The tasks of some sources, or of all; a source without any is left out."""
    if source_ids is None:
        return _counts(connection)
    counts: dict[str, Counts] = {}
    for chunk in chunks(set(source_ids)):
        counts |= _counts(connection, TASKS.c.source_id.in_(chunk))
    return counts


def sources_of(connection: Connection, source_ids: Iterable[str] | None = None) -> dict[str, Source]:
    """The records of some sources, or of all."""
    if source_ids is None:
        return _sources(connection)
    sources: dict[str, Source] = {}
    for chunk in chunks(set(source_ids)):
        sources |= _sources(connection, SOURCES.c.source_id.in_(chunk))
    return sources


def _counts(connection: Connection, *where: ColumnElement[bool]) -> dict[str, Counts]:
    # By state, which the index is in the order of: half the work, where a source has half a million.
    by = (TASKS.c.source_id, TASKS.c.state)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for source_id, state, number in connection.execute(select(*by, func.count()).where(*where).group_by(*by)):
        found[source_id][state] = number
    states = (TaskState.DONE, TaskState.DEAD, TaskState.FILTERED)
    return {name: Counts(each.total(), *(each[state.value] for state in states)) for name, each in found.items()}


def _sources(connection: Connection, *where: ColumnElement[bool]) -> dict[str, Source]:
    rows = connection.execute(select(SOURCES).where(*where)).mappings()
    return {row["source_id"]: Source.from_row(row) for row in rows}


def _summary(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    only = [] if query.source_id is None else [TASKS.c.source_id == query.source_id]
    grouped = select(TASKS.c.state, func.count()).where(*only).group_by(TASKS.c.state)
    by_state: dict[str, int] = {state: number for state, number in connection.execute(grouped)}  # noqa: C416 - rows are no pairs to mypy
    unstarted = [TASKS.c.state.in_([TaskState.PENDING.value, TaskState.WAITING.value]), *only]
    oldest = connection.scalar(select(func.min(TASKS.c.queued_at)).where(*unstarted))
    # Counted by result, not by task: what several sources list was fetched once.
    held = _results_of(query)
    fetched = [RESULTS.c.already_present.is_(False), *held]
    yield {
        **{f"sources_{_word(state)}": number for state, number in _source_states(connection, query).items()},
        "tasks": sum(by_state.values()),
        **{f"tasks_{_word(state)}": by_state.get(state.value, 0) for state in TaskState},
        "oldest_waiting_at": _plain(oldest),
        "oldest_waiting_seconds": oldest and max(0.0, (at - oldest).total_seconds()),
        "finished_last_minute": _finished_since(connection, at - timedelta(minutes=1), fetched),
        "finished_last_10_minutes": _finished_since(connection, at - timedelta(minutes=10), fetched),
        "results": connection.scalar(select(func.count()).select_from(RESULTS).where(*held)),
        "bytes": connection.scalar(select(func.coalesce(func.sum(RESULTS.c.size_bytes), 0)).where(*held)),
    }


def _source_states(connection: Connection, query: QueryLedger) -> dict[SourceState, int]:
    only = None if query.source_id is None else [query.source_id]
    sources, counts = sources_of(connection, only), counts_of(connection, only)
    numbers = dict.fromkeys(SourceState, 0)
    for source_id in sources.keys() | counts.keys():
        numbers[state_of(sources.get(source_id), counts.get(source_id, Counts()))] += 1
    return numbers


def _finished_since(connection: Connection, moment: datetime, where: list[ColumnElement[bool]]) -> int:
    statement = select(func.count()).where(*where, RESULTS.c.finished_at > moment)
    return connection.scalar(statement) or 0


def _source_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    only = None if query.source_id is None else [query.source_id]
    counts = counts_of(connection, only)
    for source in sorted(sources_of(connection, only).values(), key=_by_entry):
        row = _source_row(source, counts.get(source.source_id, Counts()))
        if query.status in (None, row["state"]):
            yield row


def _by_entry(source: Source) -> tuple[datetime, str]:
    return (source.entry.at or LONG_AGO, source.source_id)


def _source_row(source: Source, counts: Counts) -> AnswerRow:
    row = source.to_row()
    return {
        "source_id": source.source_id,
        "state": state_of(source, counts).value,
        "videos": videos_of(source, counts),
        "done": counts.done,
        "failed": counts.dead,
        "filtered": counts.filtered,
        **{name: _plain(value) for name, value in row.items() if name not in {"source_id", "expanded_videos", *MEMORY}},
    }


def _task_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    statement = select(*(column for column in TASKS.columns if column.name not in MEMORY)).order_by(
        *_exactly_first(TASKS, query), TASKS.c.state_at.desc(), TASKS.c.video_id, TASKS.c.source_id
    )
    if query.status is not None:
        statement = statement.where(TASKS.c.state == query.status)
    return _rows(connection, statement.where(*_of_the_video(TASKS, query), *_of_the_source(TASKS, query)), query)


def _known_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    """The videos of a source in as few words as there are: it may have very many."""
    del at
    unlisted = func.coalesce(TASKS.c.unlisted, false()).label("unlisted")
    statement = select(TASKS.c.video_id, unlisted).where(*_of_the_source(TASKS, query))
    return _rows(connection, statement.order_by(TASKS.c.video_id), query)


def _bumped_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    """What is known of a single order's work: of a video, or without one of the source's listing."""
    del at
    source_id = query.source_id or ""
    statement = the_task(query.video_id, source_id) if query.video_id else the_source(source_id)
    for row in connection.execute(statement).mappings():
        known = known_of_video(Task.from_row(row)) if query.video_id else known_of_source(Source.from_row(row))
        yield {name: _plain(value) for name, value in known.items()}


def _attempt_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    # What was said in full is long, so it is told of single videos only.
    told = [column for column in ATTEMPTS.columns if query.video_id or column is not ATTEMPTS.c.failure_detail]
    order = (
        *_exactly_first(ATTEMPTS, query),
        ATTEMPTS.c.video_id,
        ATTEMPTS.c.source_id,
        ATTEMPTS.c.ended_at,
        ATTEMPTS.c.attempt_id,
    )
    statement = select(*told).where(*_of_the_video(ATTEMPTS, query), *_of_the_source(ATTEMPTS, query))
    if query.status is not None:
        statement = statement.where(ATTEMPTS.c.ending == query.status)
    return _rows(connection, statement.order_by(*order), query)


def _result_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    statement = (
        select(RESULTS)
        .where(*_results_of(query), *_of_the_video(RESULTS, query))
        .order_by(*_exactly_first(RESULTS, query), RESULTS.c.finished_at.desc(), RESULTS.c.video_id, RESULTS.c.storage)
    )
    if query.status is not None:
        statement = statement.where(RESULTS.c.selected.is_(query.status == "selected"))
    return _rows(connection, statement, query)


def _results_of(query: QueryLedger) -> list[ColumnElement[bool]]:
    # A row may be known from a move alone; it is no result before its files were announced.
    announced = RESULTS.c.finished_at.is_not(None)
    if query.source_id is None:
        return [announced]
    listed = select(TASKS.c.video_id).where(
        and_(TASKS.c.video_id == RESULTS.c.video_id, TASKS.c.source_id == query.source_id)
    )
    return [announced, listed.exists()]


def _worker_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    if query.source_id is not None:
        return []  # no worker belongs to a source
    # The monitor's word is the newer truth: a dead worker no longer says anything of itself.
    status = func.coalesce(WORKERS.c.health, WORKERS.c.state)
    doing = func.coalesce(WORKERS.c.beat_doing, WORKERS.c.health_doing)
    statement = select(status.label("status"), doing.label("doing"), WORKERS).order_by(WORKERS.c.worker)
    if query.status is not None:
        statement = statement.where(status == query.status)
    return _rows(connection, statement, query)


def _burial_rows(connection: Connection, query: QueryLedger, at: datetime) -> Iterable[AnswerRow]:
    del at
    if query.source_id is not None:
        return []  # what was buried may have been unreadable; nobody knows whose it was
    statement = select(BURIALS).order_by(BURIALS.c.buried_at.desc(), BURIALS.c.queue, BURIALS.c.buried_id)
    if query.status is not None:
        statement = statement.where(BURIALS.c.kind == query.status)
    return _rows(connection, statement, query)


def _of_the_video(table: Table, query: QueryLedger) -> list[ColumnElement[bool]]:
    if not query.video_id:
        return []
    # Neither LIKE nor an order of letters: ids differ in case, have underscores, and databases sort as they please.
    return [func.substr(table.c.video_id, 1, len(query.video_id)) == query.video_id]


def _exactly_first(table: Table, query: QueryLedger) -> list[ColumnElement[int]]:
    """A video whose whole id was given is not cut off behind those that only begin so."""
    return [case((table.c.video_id == query.video_id, 0), else_=1)] if query.video_id else []


def _of_the_source(table: Table, query: QueryLedger) -> list[ColumnElement[bool]]:
    return [] if query.source_id is None else [table.c.source_id == query.source_id]


def _rows(connection: Connection, statement: Select[Any], query: QueryLedger) -> Iterable[AnswerRow]:
    for row in connection.execute(statement.limit(query.limit + 1)).mappings():
        yield {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Value:  # noqa: ANN401 - whatever a column holds
    return value.isoformat() if isinstance(value, datetime) else value


def _word(state: str) -> str:
    return state.replace("-", "_")


_TOPICS: Final[Mapping[LedgerTopic, Callable[[Connection, QueryLedger, datetime], Iterable[AnswerRow]]]] = {
    "summary": _summary,
    "sources": _source_rows,
    "tasks": _task_rows,
    "attempts": _attempt_rows,
    "results": _result_rows,
    "workers": _worker_rows,
    "burials": _burial_rows,
    "known": _known_rows,
    "bumped": _bumped_rows,
}

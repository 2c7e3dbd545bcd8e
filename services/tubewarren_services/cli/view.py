"""The live view as a reducer: what is known of the running work, and what each event and each look changes about it.

What is counted and what is too old goes by our own clock; those of the senders may be anywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    SourceFailed,
    SourceRefused,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideoProgress,
    VideosQueued,
    WorkerBeat,
    WorkerChanged,
    WorkerHealth,
)
from tubewarren_services.cli.tables import Row, moment_of
from tubewarren_services.cli.workers_view import WorkerLine, lines_of_rows, present

RECENT = timedelta(minutes=10)
"""For so long it is told how many were retried and given up."""

_MINUTE = timedelta(minutes=1)
_BUCKET_SECONDS = 5
_MOST_TITLES = 20_000
_MOST_ENDED = 2000
_MOST_SETBACKS = 20
_SPEED_LASTS = timedelta(seconds=30)
_UNLISTED_AFTER = timedelta(seconds=30)
"""What the ledger does not call running is not, unless we have heard of it since: the ledger is a little behind."""
_SILENT_AFTER = timedelta(hours=1)
"""The same where there is no ledger to say so."""

K = TypeVar("K")
V = TypeVar("V")

Key = tuple[str, str]
"""A source's id and a video's."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something happened lately; of a size that does not depend on how often."""

    buckets: Mapping[int, int] = field(default_factory=dict)

    def plus(self, now: datetime, number: int = 1) -> "Tally":
        """So many more at this moment."""
        bucket, oldest = _bucket(now), _bucket(now - RECENT)
        kept = {each: count for each, count in self.buckets.items() if each >= oldest}
        return Tally({**kept, bucket: kept.get(bucket, 0) + number})

    def within(self, span: timedelta, now: datetime) -> int:
        """How many within the last `span`, which is at most `RECENT`."""
        return sum(number for bucket, number in self.buckets.items() if bucket > _bucket(now - span))


@dataclass(frozen=True, slots=True)
class Running:
    """A video in somebody's hands."""

    video_id: str
    source_id: str
    worker: str
    heard_at: datetime
    phase: str = "starting"
    done_bytes: int = 0
    total_bytes: int | None = None
    speed_bytes_per_second: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger's counts, with what ended since they were told; without a ledger, only what ended before our eyes.

    Attributes:
        sources_ended: done, or with an error.
        finished_recently: within ten minutes.
        waiting_since: since when the oldest video that nobody has started waits.
        size_bytes: what is stored.
    """

    sources: int = 0
    sources_ended: int = 0
    videos: int = 0
    done: int = 0
    failed: int = 0
    filtered: int = 0
    finished_recently: int = 0
    waiting_since: datetime | None = None
    size_bytes: int = 0

    @property
    def left(self) -> int:
        """Videos that have not ended."""
        return max(0, self.videos - self.done - self.failed - self.filtered)


@dataclass(frozen=True, slots=True)
class Setback:
    """Something that went wrong.

    Attributes:
        what: the video or the source.
        next_at: when it comes back; None when it does not by itself.
    """

    what: str
    verdict: Verdict
    reason: str
    at: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the services answered; None where nobody did.

    Attributes:
        running: the ledger's tasks in somebody's hands; None also when there are more than it told.
        workers: None also when they were not asked for.
        gates: what holds work back.
    """

    summary: Row | None = None
    running: Sequence[Row] | None = None
    workers: Sequence[Row] | None = None
    gates: tuple[Gate, ...] | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything that the view shows.

    Attributes:
        ended: when the newest videos ended, so that late news of them does not bring them back.
        setbacks: newest first.
        began_at: when the ledger answered first.
        is_ledger_there: it did when it was asked last.
        gates: what holds work back; None when no heartbeat-monitor answers.
    """

    running: Mapping[Key, Running] = field(default_factory=dict)
    workers: Mapping[str, WorkerLine] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[Key, datetime] = field(default_factory=dict)
    setbacks: tuple[Setback, ...] = ()
    finished: Tally = Tally()
    retried: Tally = Tally()
    buried: Tally = Tally()
    books: Books = Books()
    began_at: datetime | None = None
    is_ledger_there: bool = True
    gates: tuple[Gate, ...] | None = ()


def reduce(state: LiveState, event: Message, now: datetime) -> LiveState:
    """The state after an event; what says nothing about the view changes nothing."""
    after = state
    match event:
        case VideoClaimed() | VideoProgress():
            after = _under_way(state, event, now)
        case VideoDownloaded():
            after = _finished(state, event, now)
        case VideoFailed():
            after = _set_back(state, event, now)
        case WorkerBeat() | WorkerChanged():
            after = _worker(state, event, now)
        case FleetGates():
            after = replace(state, gates=event.gates)
        case VideosQueued():
            after = _titled(state, {video.video_id: video.title for video in event.videos if video.title})
        case SourceFailed():
            after = _noted(state, f"source {event.source_id}", event.verdict, event.failure, now, event.next_at)
        case SourceRefused():
            after = _noted(state, f"source {event.source_id}", Verdict.BURY, event.failure, now)
        case _:
            pass
    return after


def looked(state: LiveState, look: Look, now: datetime) -> LiveState:
    """The state after the services were asked; it mends what events missed, such as while the broker was away."""
    after = replace(state, gates=look.gates, is_ledger_there=look.summary is not None)
    if look.summary is not None:
        after = replace(after, books=_books_of(look.summary))
        if state.began_at is None:
            # The rate begins with the truth, and not with a minute in which it grows.
            finished = Tally().plus(now, _whole(look.summary, "finished_last_minute"))
            after = replace(after, began_at=now, finished=finished)
    workers = after.workers if look.workers is None else lines_of_rows(look.workers)
    return _with_running(replace(after, workers=present(workers, now)), look.running, now)


def line_of(event: Message) -> str | None:
    """What is worth a line where there is no terminal; None for everything that is not the end of an attempt."""
    match event:
        case VideoDownloaded():
            found = " (was there already)" if event.already_present else ""
            return f"done {event.video_id} from source {event.source_id}: {event.size_bytes} bytes{found}"
        case VideoFailed():
            word = "filter" if event.failure.kind is FailureKind.FILTERED else event.verdict
            return f"{word} {event.video_id} from source {event.source_id}: {event.failure.reason}"
        case SourceFailed():
            return f"{event.verdict} source {event.source_id}: {event.failure.reason}"
        case SourceRefused():
            return f"refused source {event.source_id}: {event.failure.reason}"
        case _:
            return None


def rate_per_minute(state: LiveState, now: datetime) -> int:
    """Videos finished within the last minute."""
    return state.finished.within(_MINUTE, now)


def speed_of(video: Running, now: datetime) -> float | None:
    """Bytes a second; None when it does not say, or has not said anything for a while."""
    return video.speed_bytes_per_second if now - video.heard_at < _SPEED_LASTS else None


def time_left(state: LiveState, now: datetime) -> timedelta | None:
    """How long it takes at the pace of the last ten minutes; None when there is nothing to go by, or nothing left.

    Where work has begun less than ten minutes ago, and we saw it, the pace is that since then.
    """
    if state.began_at is None or not state.books.left:
        return None
    span = min(RECENT, now - state.began_at + _MINUTE)
    pace = max(
        state.books.finished_recently / RECENT.total_seconds(), state.finished.within(span, now) / span.total_seconds()
    )
    return timedelta(seconds=state.books.left / pace) if pace else None


def _under_way(state: LiveState, event: VideoClaimed | VideoProgress, now: datetime) -> LiveState:
    key = (event.source_id, event.video_id)
    if key in state.ended and event.at <= state.ended[key]:
        return state
    running = Running(event.video_id, event.source_id, event.worker, now)
    if isinstance(event, VideoProgress):
        running = replace(
            running,
            phase=event.phase,
            done_bytes=event.done_bytes,
            total_bytes=event.total_bytes,
            speed_bytes_per_second=event.speed_bytes_per_second,
            eta_seconds=event.eta_seconds,
        )
    return replace(state, running={**state.running, key: running})


def _finished(state: LiveState, event: VideoDownloaded, now: datetime) -> LiveState:
    ended, books = _ended(state, event), replace(state.books, done=state.books.done + 1)
    if event.already_present:
        return replace(ended, books=books)
    books = replace(books, size_bytes=books.size_bytes + event.size_bytes)
    return replace(ended, books=books, finished=state.finished.plus(now))


def _set_back(state: LiveState, event: VideoFailed, now: datetime) -> LiveState:
    ended, books = _ended(state, event), state.books
    if event.failure.kind is FailureKind.FILTERED:
        return replace(ended, books=replace(books, filtered=books.filtered + 1))
    title = state.titles.get(event.video_id) or event.video_id
    noted = _noted(ended, title, event.verdict, event.failure, now, event.next_at)
    match event.verdict:
        case Verdict.RETRY:
            return replace(noted, retried=state.retried.plus(now))
        case Verdict.BURY:
            return replace(noted, buried=state.buried.plus(now), books=replace(books, failed=books.failed + 1))
        case _:
            return noted


def _ended(state: LiveState, event: VideoDownloaded | VideoFailed) -> LiveState:
    key = (event.source_id, event.video_id)
    others = {other: at for other, at in state.ended.items() if other != key}
    return replace(
        state,
        running={other: value for other, value in state.running.items() if other != key},
        ended=_newest({**others, key: event.at}, _MOST_ENDED),
    )


def _noted(
    state: LiveState, what: str, verdict: Verdict, failure: Failure, now: datetime, next_at: datetime | None = None
) -> LiveState:
    setback = Setback(what, verdict, failure.reason, now, next_at)
    return replace(state, setbacks=(setback, *state.setbacks)[:_MOST_SETBACKS])


def _worker(state: LiveState, event: WorkerBeat | WorkerChanged, now: datetime) -> LiveState:
    heard_at = event.last_seen if isinstance(event, WorkerChanged) else now
    health = (event.health if isinstance(event, WorkerChanged) else event.state).value
    others = {name: line for name, line in state.workers.items() if name != event.worker}
    if health == WorkerHealth.STOPPED:
        return _without(replace(state, workers=others), event.worker)
    workers = {**others, event.worker: WorkerLine(event.service, health, heard_at, event.doing)}
    after = replace(state, workers=workers)
    return _without(after, event.worker) if health == WorkerHealth.LOST else after


def _without(state: LiveState, worker: str) -> LiveState:
    return replace(state, running={key: video for key, video in state.running.items() if video.worker != worker})


def _titled(state: LiveState, titles: Mapping[str, str]) -> LiveState:
    return replace(state, titles=_newest({**state.titles, **titles}, _MOST_TITLES))


def _books_of(summary: Row) -> Books:
    return Books(
        sources=sum(_whole(summary, name) for name in summary if name.startswith("sources_")),
        sources_ended=_whole(summary, "sources_done") + _whole(summary, "sources_error"),
        videos=_whole(summary, "tasks"),
        done=_whole(summary, "tasks_done"),
        failed=_whole(summary, "tasks_dead"),
        filtered=_whole(summary, "tasks_filtered"),
        finished_recently=_whole(summary, "finished_last_10_minutes"),
        waiting_since=moment_of(summary.get("oldest_waiting_at")),
        size_bytes=_whole(summary, "bytes"),
    )


def _with_running(state: LiveState, rows: Sequence[Row] | None, now: datetime) -> LiveState:
    listed = {(str(row["source_id"]), str(row["video_id"])): row for row in rows or ()}
    patience = _SILENT_AFTER if rows is None else _UNLISTED_AFTER
    running = {key: video for key, video in state.running.items() if key in listed or now - video.heard_at < patience}
    lost = {name for name, line in state.workers.items() if line.health == WorkerHealth.LOST}
    # The ledger tells the newest first; the one that runs longest shall stand on top.
    for key, row in reversed(listed.items()):
        source_id, video_id = key
        worker, claimed_at = str(row.get("worker") or ""), moment_of(row.get("state_at"))
        has_ended = key in state.ended and (claimed_at is None or claimed_at <= state.ended[key])
        if key not in running and not has_ended and worker not in lost:
            running[key] = Running(video_id, source_id, worker, now)
    titles = {video_id: str(row["title"]) for (_, video_id), row in listed.items() if row.get("title")}
    return replace(_titled(state, titles), running=running)


def _bucket(moment: datetime) -> int:
    return int(moment.timestamp()) // _BUCKET_SECONDS


def _whole(row: Row, name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0


def _newest(entries: dict[K, V], most: int) -> dict[K, V]:
    return dict(islice(entries.items(), max(0, len(entries) - most), None))

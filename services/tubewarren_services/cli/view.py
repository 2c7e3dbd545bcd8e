"""The live view as a reducer: what is known of the running work, and what each event changes about it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event, Message
from tubewarren.messages.events import (
    ListedVideo,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceProgress,
    SourceRefused,
    SourceState,
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

RATE_SPAN = timedelta(minutes=1)

_MOST_TITLES = 20_000
_MOST_ENDED = 500
_MOST_SETBACKS = 20
_GONE = (WorkerHealth.LOST, WorkerHealth.STOPPED)

K = TypeVar("K")
V = TypeVar("V")

Row = Mapping[str, str | int | float | bool | None]
Key = tuple[str, str]
"""A source's id and a video's."""


@dataclass(frozen=True, slots=True)
class Running:
    """A video in somebody's hands."""

    video_id: str
    source_id: str
    worker: str
    phase: str = "starting"
    done_bytes: int = 0
    total_bytes: int | None = None
    speed_bytes_per_second: float | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """How far a source is."""

    state: SourceState = SourceState.PENDING
    videos: int = 0
    done: int = 0
    failed: int = 0
    filtered: int = 0


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
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """One worker, as it or the monitor last said."""

    service: str
    health: str
    doing: str = ""


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything that the view shows.

    Attributes:
        ended: when the newest videos ended, so that late news of them does not bring them back.
        setbacks: newest first.
        finished_at: when videos were finished, within the last minute.
        size_bytes: what was stored since the view began.
    """

    running: Mapping[Key, Running] = field(default_factory=dict)
    sources: Mapping[str, SourceCounts] = field(default_factory=dict)
    workers: Mapping[str, WorkerLine] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[Key, datetime] = field(default_factory=dict)
    setbacks: tuple[Setback, ...] = ()
    finished_at: tuple[datetime, ...] = ()
    retried: int = 0
    size_bytes: int = 0


def reduce(state: LiveState, event: Message) -> LiveState:
    """The state after an event; what says nothing about the view changes nothing."""
    after = state
    match event:
        case VideoClaimed() | VideoProgress():
            after = _under_way(state, event)
        case VideoDownloaded():
            after = _finished(state, event)
        case VideoFailed():
            after = _set_back(state, event)
        case WorkerBeat() | WorkerChanged():
            after = _worker(state, event)
        case VideosQueued():
            titles = {**state.titles, **{video.video_id: video.title for video in event.videos if video.title}}
            after = replace(state, titles=_newest(titles, _MOST_TITLES))
        case SourceAccepted() | SourceExpanded() | SourceProgress() | SourceFailed() | SourceRefused():
            after = _source(state, event)
        case _:
            pass
    return after


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


def history_of(sources: Iterable[Row], tasks: Iterable[Row], now: datetime) -> Iterator[Event]:
    """What the ledger knows, told as events, so that a view that begins late begins with the truth."""
    for row in sources:
        yield SourceProgress(
            at=now,
            source_id=str(row.get("source_id", "")),
            state=SourceState(str(row.get("state", SourceState.PENDING))),
            videos=_whole(row, "videos"),
            done=_whole(row, "done"),
            failed=_whole(row, "failed"),
            filtered=_whole(row, "filtered"),
        )
    for row in tasks:
        video_id, source_id = str(row.get("video_id", "")), str(row.get("source_id", ""))
        listed = ListedVideo(video_id=video_id, url=str(row.get("url", "")), title=str(row.get("title") or ""))
        yield VideosQueued(at=now, source_id=source_id, videos=(listed,))
        if row.get("state") == SourceState.IN_PROGRESS:
            worker = str(row.get("worker") or "")
            yield VideoClaimed(at=now, video_id=video_id, source_id=source_id, worker=worker, attempt=1)


def rate_per_minute(state: LiveState, now: datetime) -> int:
    """Videos finished within the last minute."""
    return sum(moment > now - RATE_SPAN for moment in state.finished_at)


def _under_way(state: LiveState, event: VideoClaimed | VideoProgress) -> LiveState:
    key = (event.source_id, event.video_id)
    if key in state.ended and event.at <= state.ended[key]:
        return state
    if isinstance(event, VideoProgress):
        now = Running(
            event.video_id,
            event.source_id,
            event.worker,
            event.phase,
            event.done_bytes,
            event.total_bytes,
            event.speed_bytes_per_second,
            event.eta_seconds,
        )
    else:
        now = Running(event.video_id, event.source_id, event.worker)
    return replace(state, running={**state.running, key: now})


def _finished(state: LiveState, event: VideoDownloaded) -> LiveState:
    ended = _ended(state, event)
    recent = tuple(moment for moment in state.finished_at if moment > event.at - RATE_SPAN)
    if event.already_present:
        return ended
    return replace(ended, finished_at=(*recent, event.at), size_bytes=state.size_bytes + event.size_bytes)


def _set_back(state: LiveState, event: VideoFailed) -> LiveState:
    if event.failure.kind is FailureKind.FILTERED:
        return _ended(state, event)
    title = state.titles.get(event.video_id) or event.video_id
    noted = _noted(_ended(state, event), title, event.verdict, event.failure, event.next_at)
    return replace(noted, retried=state.retried + (event.verdict is Verdict.RETRY))


def _ended(state: LiveState, event: VideoDownloaded | VideoFailed) -> LiveState:
    key = (event.source_id, event.video_id)
    return replace(
        state,
        running={other: value for other, value in state.running.items() if other != key},
        ended=_newest({**state.ended, key: event.at}, _MOST_ENDED),
    )


def _noted(state: LiveState, what: str, verdict: Verdict, failure: Failure, next_at: datetime | None) -> LiveState:
    setback = Setback(what, verdict, failure.reason, next_at)
    return replace(state, setbacks=(setback, *state.setbacks)[:_MOST_SETBACKS])


def _source(
    state: LiveState, event: SourceAccepted | SourceExpanded | SourceProgress | SourceFailed | SourceRefused
) -> LiveState:
    counts = state.sources.get(event.source_id, SourceCounts())
    match event:
        case SourceProgress():
            counts = SourceCounts(event.state, event.videos, event.done, event.failed, event.filtered)
        case SourceExpanded():
            counts = replace(counts, videos=max(counts.videos, event.videos))
        case SourceRefused():
            counts = replace(counts, state=SourceState.ERROR)
            state = _noted(state, f"source {event.source_id}", Verdict.BURY, event.failure, None)
        case SourceFailed():
            if event.verdict is Verdict.BURY:
                counts = replace(counts, state=SourceState.ERROR)
            state = _noted(state, f"source {event.source_id}", event.verdict, event.failure, event.next_at)
        case SourceAccepted():
            pass
    return replace(state, sources={**state.sources, event.source_id: counts})


def _worker(state: LiveState, event: WorkerBeat | WorkerChanged) -> LiveState:
    health = event.health if isinstance(event, WorkerChanged) else event.state
    workers = {**state.workers, event.worker: WorkerLine(event.service, health.value, event.doing)}
    running = state.running
    if health.value in _GONE:
        running = {key: value for key, value in running.items() if value.worker != event.worker}
    return replace(state, workers=workers, running=running)


def _whole(row: Row, name: str) -> int:
    value = row.get(name)
    return value if isinstance(value, int) else 0


def _newest(entries: dict[K, V], most: int) -> dict[K, V]:
    return dict(islice(entries.items(), max(0, len(entries) - most), None))

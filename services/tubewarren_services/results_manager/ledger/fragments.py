"""Fragments: what one event says, as records that hold nothing else."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from tubewarren.endings import BY_THE_BROKER, name_of
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.bumps import OrdersBumped
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    MessageBuried,
    ResultsMoved,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceRefreshed,
    SourceRefused,
    SourceTaken,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideosQueued,
    VideosUnlisted,
    WorkerBeat,
    WorkerChanged,
)
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER
from tubewarren_services.results_manager.ledger.holdings import Holding, Place, Stored
from tubewarren_services.results_manager.ledger.records import LONG_AGO
from tubewarren_services.results_manager.ledger.settled import Settled
from tubewarren_services.results_manager.ledger.sources import Course, Entry, Expansion, Phase, Source
from tubewarren_services.results_manager.ledger.tasks import (
    Attempt,
    Listing,
    Origin,
    Setback,
    Standing,
    Task,
    TaskState,
)
from tubewarren_services.results_manager.ledger.workers import Beat, Burial, Health, Worker

Fragment = Source | Task | Attempt | Holding | Worker | Burial

_DONE: Final = "done"


def fragments_of(event: Event, trace_id: str | None = None) -> Iterator[Fragment]:
    """What an event says; nothing, when the ledger has no use for it."""
    match event:
        case VideoClaimed() | VideoDownloaded() | VideoFailed():
            yield from _of_a_video(event, trace_id)
        case SourceAccepted() | SourceRefused() | SourceExpanded() | SourceRefreshed() | SourceFailed():
            yield _of_a_source(event)
        case SourceTaken() if event.url:
            # What its row says now; that alone is no step of the source.
            entry = Entry(event.url, _json(event.columns), event.priority, event.at)
            yield Source(event.source_id, course=Course(Phase.ACCEPTED, LONG_AGO), entry=entry)
        case VideosQueued() | VideosUnlisted():
            yield from _of_a_list(event)
        case OrdersBumped():
            yield from _of_a_bump(event)
        case ResultsMoved():
            yield from _of_a_move(event)
        case WorkerBeat() | WorkerChanged():
            yield _of_a_worker(event)
        case MessageBuried():
            yield _of_a_burial(event)
        case DeadSettled():
            yield from _of_a_settled_one(event)
        case _:  # progress and answers are never needed for the truth, nor are events we have yet to learn
            pass


def fragment_of_a_burial(command: DownloadVideo | ExpandSource, failure: Failure, at: datetime) -> Fragment:
    """What it means that the broker itself gave an order up."""
    match command:
        case DownloadVideo():
            return Task(
                command.video_id,
                command.source_id,
                standing=Standing(TaskState.DEAD, at),
                listing=Listing(command.url, command.title, command.duration_seconds),
                setback=_setback(failure, at),
                endings=frozenset({BY_THE_BROKER}),
            )
        case ExpandSource():
            return Source(
                command.source_id,
                course=Course(Phase.BURIED, at),
                entry=Entry(command.url, _json(command.columns), command.priority),
                setback=_setback(failure, at),
                endings=frozenset({BY_THE_BROKER}),
            )


def _of_a_video(event: VideoClaimed | VideoDownloaded | VideoFailed, trace_id: str | None) -> Iterator[Fragment]:
    match event:
        case VideoClaimed():
            standing = Standing(
                TaskState.IN_PROGRESS, event.at, event.worker, event.attempt, trace_id=trace_id, egress=event.egress
            )
            yield Task(event.video_id, event.source_id, standing=standing, claimed_at=event.at)
        case VideoDownloaded():
            standing = Standing(
                TaskState.DONE,
                event.at,
                event.worker,
                event.attempt,
                already_present=event.already_present,
                trace_id=trace_id,
                egress=event.egress,
            )
            yield Task(event.video_id, event.source_id, standing=standing)
            stored = Stored(event.size_bytes, event.sha256, event.at, event.already_present)
            yield Holding(event.video_id, event.storage, stored=stored)
            if not event.already_present:
                yield _ended(event, _DONE, seconds=event.seconds)
        case VideoFailed(failure=failure, verdict=verdict):
            state = TaskState.DEAD if verdict is Verdict.BURY else TaskState.WAITING
            state = TaskState.FILTERED if failure.kind is FailureKind.FILTERED else state
            standing = Standing(
                state,
                event.at,
                event.worker,
                event.attempt,
                next_at=event.next_at,
                trace_id=trace_id,
                egress=event.egress,
            )
            setback = _setback(failure, event.at)
            endings = _end(event) if verdict is Verdict.BURY else frozenset()
            yield Task(event.video_id, event.source_id, standing=standing, setback=setback, endings=endings)
            yield _ended(event, state.value if state is TaskState.FILTERED else verdict.value, failure=failure)


def _ended(
    event: VideoDownloaded | VideoFailed,
    ending: str,
    *,
    seconds: float | None = None,
    failure: Failure | None = None,
) -> Attempt:
    return Attempt(
        str(event.message_id),  # the same for a repeat of this event, and for no other
        event.source_id,
        event.video_id,
        event.attempt,
        event.worker,
        ending,
        event.at,
        seconds=seconds,
        failure_kind=None if failure is None else failure.kind.value,
        failure_reason=None if failure is None else failure.reason,
        failure_detail=None if failure is None else failure.detail,
        egress=event.egress,
    )


def _of_a_list(event: VideosQueued | VideosUnlisted) -> Iterator[Fragment]:
    match event:
        case VideosQueued():
            yield from _of_a_page(event)
        case VideosUnlisted():
            yield from _of_the_unlisted(event)


def _of_a_page(event: VideosQueued) -> Iterator[Fragment]:
    yield Source(event.source_id, course=Course(Phase.LISTING, event.at))
    for video in event.videos:
        yield Task(
            video.video_id,
            event.source_id,
            standing=Standing(TaskState.PENDING, event.at, next_at=video.not_before),
            listing=Listing(video.url, video.title, video.duration_seconds, event.at),
            queued_at=event.at,
        )


def _of_the_unlisted(event: VideosUnlisted) -> Iterator[Fragment]:
    for is_gone, video_ids in ((True, event.gone), (False, event.back)):
        for video_id in video_ids:
            # That alone is no step of the video.
            standing = Standing(TaskState.PENDING, LONG_AGO)
            yield Task(video_id, event.source_id, standing=standing, origin=Origin(is_gone, event.at))


def _of_a_bump(event: OrdersBumped) -> Iterator[Fragment]:
    # That is a step neither of the videos nor of their source.
    for video_id in event.video_ids:
        waiting = Standing(TaskState.PENDING, LONG_AGO)
        yield Task(video_id, event.source_id, standing=waiting, bumped_at=event.at)
    if event.is_listing:
        yield Source(event.source_id, course=Course(Phase.ACCEPTED, LONG_AGO), bumped_at=event.at)


def _of_a_source(
    event: SourceAccepted | SourceRefused | SourceExpanded | SourceRefreshed | SourceFailed,
) -> Source:
    match event:
        case SourceAccepted():
            return Source(
                event.source_id,
                course=Course(Phase.ACCEPTED, event.at),
                entry=Entry(event.url, _json(event.columns), event.priority, event.at),
            )
        case SourceRefused():
            return Source(
                event.source_id,
                course=Course(Phase.REFUSED, event.at),
                entry=Entry(event.url, at=event.at),
                setback=_setback(event.failure, event.at),
            )
        case SourceExpanded():
            notes = json.dumps(event.notes, ensure_ascii=False)
            return Source(
                event.source_id,
                course=Course(Phase.LISTED, event.at),
                expansion=Expansion(event.videos, event.refused, notes, event.at),
                endings=_end(event),
            )
        case SourceRefreshed():
            # However far it came: what it found is ordered, and the next one goes on.
            return Source(event.source_id, course=Course(Phase.LISTED, event.at))
        case SourceFailed():
            is_buried = event.verdict is Verdict.BURY
            return Source(
                event.source_id,
                course=Course(Phase.BURIED if is_buried else Phase.LISTING, event.at),
                setback=_setback(event.failure, event.at, event.next_at),
                endings=_end(event) if is_buried else frozenset(),
            )


def _of_a_move(event: ResultsMoved) -> Iterator[Fragment]:
    if event.dry_run:
        return
    for selected, video_ids in ((True, event.selected), (False, event.returned)):
        for video_id in video_ids:
            yield Holding(video_id, event.storage, place=Place(selected, event.at))


def _of_a_worker(event: WorkerBeat | WorkerChanged) -> Worker:
    match event:
        case WorkerBeat():
            beat = Beat(
                event.at,
                event.process_id,
                event.state.value,
                event.doing,
                event.in_hand,
                event.settled,
                event.version,
                _json(event.facts),
            )
            return Worker(event.worker, event.service, event.host, event.at, beat=beat)
        case WorkerChanged():
            health = Health(event.at, event.health.value, event.doing)
            return Worker(event.worker, event.service, event.host, event.last_seen, health=health)


def _of_a_burial(event: MessageBuried) -> Burial:
    failure = event.failure
    return Burial(
        event.buried_id,
        event.queue,
        event.message_type,
        event.attempt,
        failure.kind.value,
        failure.reason,
        event.at,
        failure.rule,
    )


def _of_a_settled_one(event: DeadSettled) -> Iterator[Source | Task]:
    """Only what died in its own work queue was an order; a listener's dead letter merely tells of one."""
    settled = Settled(event.fate, event.at)
    # After a redrive a claim tells how it goes on; nothing follows a purge.
    endings = _end(event) if event.fate is Fate.PURGED else frozenset()
    # It was dead, though we may not have heard of that.
    if event.queue == DOWNLOADER and event.video_id and event.source_id:
        dead = Standing(TaskState.DEAD, LONG_AGO)
        yield Task(event.video_id, event.source_id, standing=dead, settled=settled, endings=endings)
    elif event.queue == SOURCE_EXPANDER and event.source_id:
        yield Source(event.source_id, course=Course(Phase.BURIED, LONG_AGO), settled=settled, endings=endings)


def _end(event: Event) -> frozenset[str]:
    return frozenset({name_of(event)})


def _setback(failure: Failure, at: datetime, next_at: datetime | None = None) -> Setback:
    return Setback(failure.kind.value, failure.reason, at, next_at)


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)

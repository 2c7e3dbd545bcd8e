"""What an event says about the rows of the workbook: pure, event in, facts out."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tubewarren.delivery import Delivery
from tubewarren.endings import BY_THE_BROKER, name_of
from tubewarren.failures import FailureKind
from tubewarren.messages import Event
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    FleetGates,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceNoted,
    SourceProgress,
    SourceRefreshed,
    SourceRefused,
    SourceTaken,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideoProgress,
    VideosQueued,
    VideosUnlisted,
    WorkerChanged,
)
from tubewarren.sheets.reconcile import spelled
from tubewarren.sheets.tabs import LAST_ERROR, PRESET, PRIORITY, StatusWord
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER
from tubewarren_services.status_writer.facts import NEVER, Fact, Kind, Order, Part, Statement, Subject

DEAD = "dead"
"""Beside the columns of a source's standing: `yes` while its order lies in the dead queue."""

FATE = "fate"
"""What a person did with it, when it was there."""

_TOLD_BEFORE = "rejected"
"""The broker's word for what a worker gave up; the worker's own event says why, and better."""

GONE_SINCE: Final = "gone since"
"""When a video was first missed in its source's list; empty when it is there again."""

NOTE: Final = "note"
"""What is wrong with a row."""

# Being listed again says nothing about how far a video is, and what is done stays done.
_LISTED, _UNDERWAY, _FINISHED = 0, 1, 2

FLEET: Final = Subject(Kind.FLEET, ("fleet",))
"""The one that holds and is held back as a whole."""

GATES: Final = "gates"
"""All that holds the fleet back, as JSON."""


def facts_of(delivery: Delivery, delivery_limit: int) -> Iterator[Fact]:
    """What a delivery says; nothing, when no row shows it or nobody could tell which row is meant.

    Args:
        delivery: an event, or an order that died.
        delivery_limit: deliveries without an answer that the broker allows.
    """
    for fact in _facts_of(delivery, delivery_limit):
        key = spelled(fact.subject.key)
        if all(key):
            yield Fact(Subject(fact.subject.kind, key), fact.part, fact.statement)


def moment(at: datetime) -> str:
    """A time as a cell shows it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _facts_of(delivery: Delivery, delivery_limit: int) -> Iterator[Fact]:
    match delivery.message:
        case DownloadVideo() | ExpandSource() as command:
            if delivery.death is not None and delivery.death.reason != _TOLD_BEFORE:
                yield from _of_a_death(command, delivery_limit)
        case SourceAccepted() | SourceRefused() | SourceExpanded() | SourceFailed() | SourceProgress() as event:
            yield from _of_a_source(event)
        case SourceTaken() | SourceNoted() | SourceRefreshed() as event:
            yield from _of_a_row(event)
        case VideosQueued() | VideosUnlisted() as event:
            yield from _of_a_list(event)
        case VideoClaimed() | VideoProgress() | VideoDownloaded() | VideoFailed() as event:
            yield from _of_a_video(event)
        case DeadSettled() as event:
            yield from _of_a_settled_one(event)
        case WorkerChanged() as event:
            yield _of_a_worker(event)
        case FleetGates() as event:
            yield _of_the_fleet(event)
        case _:  # nothing that a row shows
            pass


def _of_a_source(
    event: SourceAccepted | SourceRefused | SourceExpanded | SourceFailed | SourceProgress,
) -> Iterator[Fact]:
    subject = _source(event.source_id)
    match event:
        case SourceAccepted():
            entry = {"URL": event.url, **event.columns, PRIORITY: str(event.priority), PRESET: event.preset}
            yield _fact(subject, Part.ENTRY, Order.by_time(event.at), entry)
            yield _taken_by(event)
            yield _standing_of_source(subject, event.at, 1, StatusWord.IN_PROGRESS)
        case SourceRefused():
            yield _fact(subject, Part.ENTRY, Order.by_time(event.at), {"URL": event.url})
            yield _standing_of_source(subject, event.at, 5, StatusWord.ERROR, error=event.failure.reason)
        case SourceExpanded():
            standing = _standing_of_source(subject, event.at, 4, StatusWord.IN_PROGRESS, error=_left_out(event))
            yield _ended(standing, event)
        case SourceFailed(verdict=Verdict.BURY):
            standing = _standing_of_source(
                subject, event.at, 3, StatusWord.ERROR, error=event.failure.reason, retries=event.attempt - 1, dead=True
            )
            yield _ended(standing, event)
        case SourceFailed():
            yield _standing_of_source(
                subject, event.at, 3, StatusWord.IN_PROGRESS, error=_comes_back(event), retries=_retries(event)
            )
        case SourceProgress():
            counts = {"Videos": event.videos, "Done": event.done, "Failed": event.failed}
            progress = f"{event.done}/{event.videos}" if event.videos else ""
            progress += f", {event.filtered} filtered" if event.filtered else ""
            eta = moment(event.finish_at) if event.finish_at else ""
            told = {"Status": event.state.value, "Progress": progress, "ETA": eta}
            values = told | {name: str(number) for name, number in counts.items()}
            yield _fact(subject, Part.PROGRESS, Order.by_time(event.at), values)


def _of_a_refresh(event: SourceRefreshed) -> Iterator[Fact]:
    """The row shows who looked for news and when, and what was in the way."""
    subject, order = _source(event.source_id), Order.by_time(event.at)
    yield _fact(subject, Part.CLAIM, order, {"ClaimedBy": event.worker, "ClaimedAt": moment(event.at)})
    error = f"The last look for news failed: {_line(event.problem)}" if event.problem else _left_out(event)
    yield _standing_of_source(subject, event.at, 4, StatusWord.IN_PROGRESS, error=error)


def _of_the_unlisted(event: VideosUnlisted) -> Iterator[Fact]:
    order = Order.by_time(event.at)
    for gone_since, video_ids in ((moment(event.at), event.gone), ("", event.back)):
        for video_id in video_ids:
            yield _fact(_video(video_id, event.source_id), Part.ORIGIN, order, {GONE_SINCE: gone_since})


def _of_a_row(event: SourceTaken | SourceNoted | SourceRefreshed) -> Iterator[Fact]:
    """What became of what a person wrote into the list."""
    subject, order = _source(event.source_id), Order.by_time(event.at)
    match event:
        case SourceRefreshed():
            yield from _of_a_refresh(event)
        case SourceNoted():
            yield _fact(subject, Part.NOTE, order, {NOTE: _line(event.note)})
        case SourceTaken():
            yield _taken_by(event)
            yield _fact(subject, Part.NOTE, order, {NOTE: ""})
            if event.url:
                entry = {"URL": event.url, **event.columns, PRIORITY: str(event.priority), PRESET: event.preset}
                yield _fact(subject, Part.ENTRY, order, entry)


def _taken_by(event: SourceAccepted | SourceTaken) -> Fact:
    """The row shows by whom and when it was last taken."""
    claim = {"ClaimedBy": event.worker, "ClaimedAt": moment(event.at)} if event.worker else {}
    return _fact(_source(event.source_id), Part.CLAIM, Order.by_time(event.at), claim)


def _of_a_list(event: VideosQueued | VideosUnlisted) -> Iterator[Fact]:
    match event:
        case VideosQueued():
            yield from _of_a_page(event)
        case VideosUnlisted():
            yield from _of_the_unlisted(event)


def _of_a_page(event: VideosQueued) -> Iterator[Fact]:
    # A page can only come from a listing that goes well again.
    yield _standing_of_source(_source(event.source_id), event.at, 2, StatusWord.IN_PROGRESS)
    for video in event.videos:
        subject = _video(video.video_id, event.source_id)
        entry = _entry_of_video(video.url, video.title, video.duration_seconds)
        yield _fact(subject, Part.ENTRY, Order.by_time(event.at), entry)
        yield _standing_of_video(subject, event.at, StatusWord.PENDING, retries=0, precedence=_LISTED)


def _of_a_video(event: VideoClaimed | VideoProgress | VideoDownloaded | VideoFailed) -> Iterator[Fact]:
    subject = _video(event.video_id, event.source_id)
    order = Order.by_time(event.at)
    match event:
        case VideoClaimed():
            claim = {"ClaimedBy": event.worker, "ClaimedAt": moment(event.at)}
            yield _fact(subject, Part.CLAIM, order, claim)
            yield _standing_of_video(subject, event.at, StatusWord.IN_PROGRESS, retries=event.attempt - 1)
        case VideoProgress():
            yield _fact(subject, Part.PROGRESS, order, {"Progress": _progress(event)})
        case VideoDownloaded():
            retries = event.attempt - 1
            yield _standing_of_video(subject, event.at, StatusWord.DONE, retries=retries, precedence=_FINISHED)
        case VideoFailed(verdict=Verdict.BURY):
            setback = _fact(subject, Part.SETBACK, order, {LAST_ERROR: _line(event.failure.reason)})
            status = StatusWord.FILTERED if event.failure.kind is FailureKind.FILTERED else StatusWord.ERROR
            standing = _standing_of_video(subject, event.at, status, retries=event.attempt - 1, tie=2)
            yield from (_ended(setback, event), _ended(standing, event))
        case VideoFailed():
            yield _fact(subject, Part.SETBACK, order, {LAST_ERROR: _comes_back(event)})
            yield _standing_of_video(subject, event.at, StatusWord.PENDING, retries=_retries(event), tie=1)


def _of_a_death(command: DownloadVideo | ExpandSource, delivery_limit: int) -> Iterator[Fact]:
    """The broker itself gave an order up: whoever had it never answered."""
    reason = (
        f"Given up after {delivery_limit + 1} deliveries that ended without an answer "
        "(the worker was killed each time?). See its log, then redrive with `svc dead redrive`."
    )
    match command:
        case DownloadVideo():
            subject = _video(command.video_id, command.source_id)
            entry = _entry_of_video(command.url, command.title, command.duration_seconds)
            values = {"Status": StatusWord.ERROR.value}
            yield _death(subject, Part.SETBACK, 0, {LAST_ERROR: reason})
            yield _death(subject, Part.STANDING, _UNDERWAY, values)
        case ExpandSource():
            subject = _source(command.source_id)
            entry = {"URL": command.url, **command.columns, PRIORITY: str(command.priority)}
            values = {"Status": StatusWord.ERROR.value, LAST_ERROR: reason, DEAD: "yes"}
            yield _death(subject, Part.STANDING, 0, values)
    yield _fact(subject, Part.ENTRY, NEVER, entry)


def _of_a_settled_one(event: DeadSettled) -> Iterator[Fact]:
    """Only what died in its own work queue was an order; a listener's dead letter merely tells of one."""
    dead = {"Status": StatusWord.ERROR.value}
    if event.queue == DOWNLOADER and event.video_id:
        subject, precedence = _video(event.video_id, event.source_id), _UNDERWAY
    elif event.queue == SOURCE_EXPANDER:
        subject, precedence, dead = _source(event.source_id), 0, {**dead, DEAD: "yes"}
    else:
        return
    # It was dead, though we may not have heard of that.
    yield Fact(subject, Part.STANDING, Statement(Order(precedence, ""), dead))
    fate = _fact(subject, Part.FATE, Order.by_time(event.at, precedence=precedence), {FATE: event.fate.value})
    # After a redrive a claim tells how it goes on; nothing follows a purge.
    yield _ended(fate, event) if event.fate is Fate.PURGED else fate


def _death(subject: Subject, part: Part, precedence: int, values: dict[str, str]) -> Fact:
    # Neither our clock nor that of whoever was killed says when; it came after all that we have heard.
    return Fact(subject, part, Statement(Order(precedence, ""), values, BY_THE_BROKER))


def _of_the_fleet(event: FleetGates) -> Fact:
    gates = json.dumps([gate.model_dump(mode="json") for gate in event.gates])
    return _fact(FLEET, Part.STANDING, Order.by_time(event.at), {GATES: gates})


def _of_a_worker(event: WorkerChanged) -> Fact:
    values = {
        "LastSeen": moment(event.last_seen),
        "Status": event.health.value,
        "Service": event.service,
        "Doing": _line(event.doing),
    }
    return _fact(Subject(Kind.WORKER, (event.worker,)), Part.STANDING, Order.by_time(event.at), values)


def _source(source_id: str) -> Subject:
    return Subject(Kind.SOURCE, (source_id,))


def _video(video_id: str, source_id: str) -> Subject:
    return Subject(Kind.VIDEO, (video_id, source_id))


def _standing_of_source(
    subject: Subject,
    at: datetime,
    tie: int,
    status: StatusWord,
    *,
    error: str = "",
    retries: int | None = None,
    dead: bool = False,
) -> Fact:
    values = {"Status": status.value, LAST_ERROR: _line(error), DEAD: "yes" if dead else ""}
    if retries is not None:
        values["RetryCount"] = str(retries)
    return _fact(subject, Part.STANDING, Order.by_time(at, tie=tie), values)


def _standing_of_video(
    subject: Subject,
    at: datetime,
    status: StatusWord,
    *,
    retries: int | None = None,
    precedence: int = _UNDERWAY,
    tie: int = 0,
) -> Fact:
    values = {"Status": status.value}
    if retries is not None:
        values["RetryCount"] = str(retries)
    return _fact(subject, Part.STANDING, Order.by_time(at, precedence=precedence, tie=tie), values)


def _entry_of_video(url: str, title: str, seconds: float | None) -> dict[str, str]:
    duration = str(round(seconds)) if seconds is not None and math.isfinite(seconds) else ""
    return {"URL": url, "Title": _line(title), "Duration": duration}


def _fact(subject: Subject, part: Part, order: Order, values: dict[str, str]) -> Fact:
    return Fact(subject, part, Statement(order, values))


def _ended(fact: Fact, event: Event) -> Fact:
    return replace(fact, statement=replace(fact.statement, ending=name_of(event)))


def _retries(event: VideoFailed | SourceFailed) -> int:
    """How many retries the next attempt will have had before it; what is not charged does not count."""
    return event.attempt if event.verdict is Verdict.RETRY else event.attempt - 1


def _comes_back(event: VideoFailed | SourceFailed) -> str:
    reason = _line(event.failure.reason)
    if event.next_at is None:
        return f"retry soon (attempt {event.attempt}): {reason}"
    then = event.next_at.astimezone(UTC)
    form = "%H:%M" if then.date() == event.at.astimezone(UTC).date() else "%Y-%m-%d %H:%M"
    return f"retry at {then:{form}} UTC (attempt {event.attempt}): {reason}"


def _left_out(event: SourceExpanded | SourceRefreshed) -> str:
    notes = "; ".join(event.notes)
    return f"{event.refused} of its entries left out: {notes}" if event.refused else notes


def _progress(event: VideoProgress) -> str:
    if event.total_bytes:
        far = f"{min(100, 100 * event.done_bytes // event.total_bytes)}%"
    else:
        far = f"{event.done_bytes / 1e6:.1f} MB" if event.done_bytes else event.phase
    speed = event.speed_bytes_per_second
    return f"{far} {speed / 1e6:.1f} MB/s" if speed else far


def _line(text: str) -> str:
    """A reason may come with line breaks; a cell is one line."""
    return " ".join(text.split())

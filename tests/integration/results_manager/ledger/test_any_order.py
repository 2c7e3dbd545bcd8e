"""Events come twice, late and in any order; the ledger must not care."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.commands import LedgerTopic, QueryLedger
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    ListedVideo,
    MessageBuried,
    ResultsMoved,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceRefused,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideosQueued,
    WorkerBeat,
    WorkerChanged,
    WorkerHealth,
    WorkerState,
)
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER
from tubewarren_services.results_manager.ledger import Ledger
from tubewarren_services.results_manager.ledger.fragments import fragments_of
from tubewarren_services.results_manager.ledger.holdings import Holding, Place, Stored
from tubewarren_services.results_manager.ledger.projection import by_key
from tubewarren_services.results_manager.ledger.settled import Settled
from tubewarren_services.results_manager.ledger.sources import Course, Entry, Expansion, Phase, Source
from tubewarren_services.results_manager.ledger.tasks import (
    MOST_KEPT,
    Attempt,
    Listing,
    Setback,
    Standing,
    Task,
    TaskState,
    surplus,
)
from tubewarren_services.results_manager.ledger.workers import Beat, Burial, Health, Worker

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPICS: tuple[LedgerTopic, ...] = ("summary", "sources", "tasks", "results", "workers", "burials", "attempts")

# Few values, so that moments coincide and events contradict each other.
moments = st.integers(0, 4).map(lambda seconds: NOON + timedelta(seconds=seconds))
sources = st.sampled_from(["s1", "s2"])
videos = st.sampled_from(["v1", "v2"])
words = st.sampled_from(["a", "b"])
numbers = st.integers(1, 3)
failures = st.builds(
    Failure,
    kind=st.sampled_from([FailureKind.GONE, FailureKind.TRANSIENT]),
    reason=words,
    rule=st.sampled_from(["", "a"]),
)
verdicts = st.sampled_from(Verdict)
next_moments = st.none() | moments
listed = st.builds(ListedVideo, video_id=videos, url=words, title=words, duration_seconds=st.none() | st.just(1.5))
of_a_video = {
    "at": moments,
    "video_id": videos,
    "source_id": sources,
    "worker": words,
    "attempt": numbers,
    "egress": st.sampled_from(["", "a"]),
}
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(VideosQueued, at=moments, source_id=sources, videos=st.lists(listed, max_size=2).map(tuple)),
    st.builds(VideoClaimed, **of_a_video),
    st.builds(VideoFailed, **of_a_video, verdict=verdicts, failure=failures, next_at=next_moments),
    st.builds(
        VideoDownloaded,
        **of_a_video,
        storage=words,
        size_bytes=numbers,
        sha256=words,
        seconds=st.just(1.0),
        already_present=st.booleans(),
    ),
    st.builds(SourceAccepted, at=moments, source_id=sources, url=words, priority=numbers),
    st.builds(SourceRefused, at=moments, source_id=sources, url=words, failure=failures),
    st.builds(SourceExpanded, at=moments, source_id=sources, videos=numbers, refused=numbers),
    st.builds(
        SourceFailed,
        at=moments,
        source_id=sources,
        attempt=numbers,
        verdict=verdicts,
        failure=failures,
        next_at=next_moments,
    ),
    st.builds(ResultsMoved, at=moments, storage=words, selected=st.tuples(videos), returned=st.tuples(videos)),
    st.builds(
        WorkerBeat,
        at=moments,
        worker=words,
        service=words,
        host=words,
        process_id=numbers,
        state=st.sampled_from(WorkerState),
        version=words,
    ),
    st.builds(
        WorkerChanged,
        at=moments,
        worker=words,
        service=words,
        host=words,
        health=st.sampled_from(WorkerHealth),
        last_seen=moments,
    ),
    st.builds(
        MessageBuried,
        at=moments,
        queue=words,
        buried_id=words,
        message_type=words,
        attempt=numbers,
        failure=failures,
    ),
    st.builds(
        DeadSettled,
        at=moments,
        queue=st.sampled_from([DOWNLOADER, SOURCE_EXPANDER]),
        buried_id=words,
        message_type=words,
        fate=st.sampled_from(Fate),
        source_id=sources,
        video_id=videos,
    ),
)


def records_after(history: Sequence[Event]) -> dict[tuple[object, ...], object]:
    fragments = [fragment for event in history for fragment in fragments_of(event)]
    return {
        (kind, *key): record
        for kind in (Source, Task, Attempt, Holding, Worker, Burial)
        for key, record in by_key(fragment for fragment in fragments if isinstance(fragment, kind)).items()
    }


def ledger_after(batches: Sequence[Sequence[Event]]) -> dict[str, Any]:
    ledger = Ledger.open("sqlite://", clock=lambda: NOON)
    for batch in batches:
        ledger.apply(batch)
    answers = {topic: ledger.answer(QueryLedger(topic=topic)).rows for topic in TOPICS}
    ledger.close()
    return cast("dict[str, Any]", answers)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(events, max_size=12), data=st.data())
def test_records_do_not_depend_on_the_order_and_repetition_of_events(history: list[Event], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(history), max_size=4)) if history else []

    assert records_after(data.draw(st.permutations([*history, *repeats]))) == records_after(history)


@pytest.mark.parametrize(
    "register",
    [
        Listing("u", "t", None, NOON),
        Standing(TaskState.WAITING, NOON, "w", 1, None, already_present=False, trace_id=None),
        Setback("k", "r", NOON, None),
        Entry("u", "{}", 5, NOON),
        Course(Phase.ACCEPTED, NOON),
        Expansion(1, 0, "[]", NOON),
        Stored(1, "x", NOON, already_present=False),
        Place(selected=False, at=NOON),
        Beat(NOON, 1, "active", "", 0, 0, "", "{}"),
        Health(NOON, "active", ""),
        Settled(Fate.PURGED, NOON),
        Burial("b", "q", "t", 1, "k", "r", NOON),
    ],
    ids=lambda register: type(register).__name__,
)
def test_no_two_different_values_of_a_register_are_equal_in_its_order(register: Any) -> None:
    named = [field.name for field in fields(register) if field.name not in ("buried_id", "queue")]  # its key

    for name in named:
        changed = replace(register, **{name: another(getattr(register, name), name)})

        assert changed.order() != register.order(), name


def another(value: Any, name: str) -> Any:
    match value:
        case datetime():
            return value + timedelta(seconds=1)
        case TaskState() | Phase() | Fate():
            return {TaskState: TaskState.DEAD, Phase: Phase.LISTED, Fate: Fate.REDRIVEN}[type(value)]
        case bool():
            return not value
        case None:
            return {"next_at": NOON, "duration_seconds": 0.0}.get(name, "something")
        case _:
            return value + type(value)(1)


# Examples of the next two cost a database each, so there are few, and a failure is shown as found, not shrunk.
few = settings(
    max_examples=12,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    database=None,
    # It is the machine that is slow, when others work beside it.
    suppress_health_check=[HealthCheck.too_slow],
)


@few
@given(history=st.lists(events, min_size=4, max_size=12), data=st.data())
def test_a_ledger_does_not_depend_on_batches(history: list[Event], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations([*history, *history[:3]]))
    cut = data.draw(st.integers(0, len(shuffled)))

    otherwise = ledger_after([[event] for event in shuffled[:cut]] + [shuffled[cut:]])

    assert otherwise == ledger_after([history])


# Moments coincide here as well, so that ids must decide.
attempts_made = st.dictionaries(st.integers(0, 99).map(str), moments, min_size=MOST_KEPT - 2, max_size=60)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(attempts=attempts_made, data=st.data())
def test_which_attempts_are_kept_does_not_depend_on_order_batches_and_repetition(
    attempts: dict[str, datetime], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([*attempts, *list(attempts)[:10]]))
    size = data.draw(st.integers(1, len(order)))
    kept: set[str] = set()
    for start in range(0, len(order), size):
        kept |= set(order[start : start + size])
        kept -= set(surplus((attempts[each], each) for each in kept))

    assert kept == set(attempts) - set(surplus((at, each) for each, at in attempts.items()))
    assert len(kept) == min(len(attempts), MOST_KEPT)


@few
@given(data=st.data())
def test_a_ledger_of_very_many_attempts_does_not_depend_on_batches(data: st.DataObject) -> None:
    failure = Failure(kind=FailureKind.BLOCKED, reason="blocked")
    of_it = {"video_id": "v1", "source_id": "s1", "worker": "w", "attempt": 1, "verdict": Verdict.REFUND}
    history = [VideoFailed(at=NOON + timedelta(seconds=at), **of_it, failure=failure) for at in range(MOST_KEPT + 9)]
    shuffled = data.draw(st.permutations([*history, *history[5:15]]))
    cut = data.draw(st.integers(0, len(shuffled)))

    otherwise = ledger_after([shuffled[:cut], shuffled[cut:]])

    assert otherwise == ledger_after([history])
    assert len(otherwise["attempts"]) == MOST_KEPT


@few
@given(data=st.data(), ending=st.sampled_from(["done", "dead", "waiting", "in-progress", "purged", "redriven"]))
def test_the_history_of_one_video_ends_as_its_newest_event_says(data: st.DataObject, ending: str) -> None:
    def at(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    of_it = {"video_id": "v1", "source_id": "s1", "worker": "w"}
    failure = Failure(kind=FailureKind.TRANSIENT, reason="cut")
    last: dict[str, Event] = {
        "done": VideoDownloaded(at=at(9), **of_it, attempt=2, storage="here", size_bytes=1, sha256="x", seconds=1),
        "dead": VideoFailed(at=at(9), **of_it, attempt=2, verdict=Verdict.BURY, failure=failure),
        "waiting": VideoFailed(at=at(9), **of_it, attempt=2, verdict=Verdict.PARK, failure=failure),
        "in-progress": VideoClaimed(at=at(9), **of_it, attempt=2),
    }
    settled = {"queue": DOWNLOADER, "buried_id": "b", "message_type": "", "video_id": "v1", "source_id": "s1"}
    of_a_person: dict[str, Event] = {
        fate.value: DeadSettled(at=at(10), **settled, fate=fate) for fate in (Fate.PURGED, Fate.REDRIVEN)
    }
    history: list[Event] = [
        VideosQueued(at=at(0), source_id="s1", videos=(ListedVideo(video_id="v1", url="u"),)),
        VideoClaimed(at=at(1), **of_it, attempt=1),
        VideoFailed(at=at(2), **of_it, attempt=1, verdict=Verdict.RETRY, failure=failure),
        VideoClaimed(at=at(3), **of_it, attempt=2),
        *([last["dead"], of_a_person[ending]] if ending in of_a_person else [last[ending]]),
    ]
    repeats = data.draw(st.lists(st.sampled_from(history), max_size=3))

    (task,) = ledger_after([data.draw(st.permutations([*history, *repeats]))])["tasks"]

    assert task["state"] == {"purged": "dead", "redriven": "waiting"}.get(ending, ending)
    assert task["attempt"] == 2
    assert task["attempts"] == (1 if ending == "in-progress" else 2)
    assert task["url"] == "u"

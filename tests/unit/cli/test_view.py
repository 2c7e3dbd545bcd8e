"""The live view's reducer: what each event changes."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
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
    WorkerState,
)
from tubewarren.youtube.filters import filtered
from tubewarren_services.cli.view import (
    LiveState,
    Row,
    Running,
    SourceCounts,
    WorkerLine,
    history_of,
    line_of,
    rate_per_minute,
    reduce,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
CLAIMED = VideoClaimed(at=NOW, video_id="v", source_id="s", worker="w", attempt=1)
KEY = ("s", "v")


def after(*events: Event) -> LiveState:
    state = LiveState()
    for event in events:
        state = reduce(state, event)
    return state


def progress(at: datetime = NOW, worker: str = "w") -> VideoProgress:
    return VideoProgress(
        at=at,
        video_id="v",
        source_id="s",
        worker=worker,
        phase="downloading",
        done_bytes=10,
        total_bytes=40,
        speed_bytes_per_second=5,
        eta_seconds=6,
    )


def downloaded(at: datetime = NOW, *, already_present: bool = False) -> VideoDownloaded:
    return VideoDownloaded(
        at=at,
        video_id="v",
        source_id="s",
        worker="w",
        attempt=1,
        storage="main",
        size_bytes=40,
        sha256="x",
        seconds=1,
        already_present=already_present,
    )


def failed(verdict: Verdict) -> VideoFailed:
    return VideoFailed(at=NOW, video_id="v", source_id="s", worker="w", attempt=1, verdict=verdict, failure=GONE)


def changed(health: WorkerHealth, worker: str = "w") -> WorkerChanged:
    return WorkerChanged(at=NOW, worker=worker, service="downloader", host="h", health=health, last_seen=NOW)


def test_a_claimed_video_is_running() -> None:
    assert after(CLAIMED).running == {KEY: Running("v", "s", "w")}


def test_progress_is_shown_as_it_came() -> None:
    expected = Running("v", "s", "w", "downloading", 10, 40, 5, 6)

    assert after(CLAIMED, progress()).running == {KEY: expected}


def test_progress_of_a_video_whose_claim_was_not_seen_shows_it() -> None:
    assert KEY in after(progress()).running


def test_a_video_that_another_worker_took_over_is_shown_once() -> None:
    state = after(CLAIMED, progress(worker="other"))

    assert [running.worker for running in state.running.values()] == ["other"]


@pytest.mark.parametrize(
    "ending", [downloaded(), downloaded(already_present=True), failed(Verdict.BURY), failed(Verdict.RETRY)]
)
def test_a_video_that_ended_is_not_running_and_late_progress_does_not_bring_it_back(ending: Event) -> None:
    assert after(CLAIMED, ending, progress(NOW - timedelta(milliseconds=1))).running == {}


def test_a_retried_video_runs_again_when_it_is_claimed_again() -> None:
    again = CLAIMED.model_copy(update={"at": NOW + timedelta(seconds=30), "attempt": 2})

    assert KEY in after(CLAIMED, failed(Verdict.RETRY), again).running


def test_finished_videos_count_for_a_minute_and_their_bytes_for_good() -> None:
    state = after(downloaded(NOW - timedelta(minutes=2)), downloaded(NOW))

    assert rate_per_minute(state, NOW) == 1
    assert state.size_bytes == 80


def test_a_video_that_was_there_already_counts_for_nothing() -> None:
    state = after(downloaded(already_present=True))

    assert (rate_per_minute(state, NOW), state.size_bytes) == (0, 0)


def test_setbacks_are_told_newest_first_by_title_and_only_retries_are_counted_as_such() -> None:
    titled = VideosQueued(at=NOW, source_id="s", videos=(ListedVideo(video_id="v", url="u", title="A title"),))

    state = after(titled, failed(Verdict.RETRY), failed(Verdict.BURY))

    assert [(each.what, each.verdict) for each in state.setbacks] == [
        ("A title", Verdict.BURY),
        ("A title", Verdict.RETRY),
    ]
    assert state.setbacks[0].reason == "It is private."
    assert state.retried == 1


SOURCE_CASES = {
    "accepted": (SourceAccepted(at=NOW, source_id="s", url="u"), SourceCounts()),
    "listed": (SourceExpanded(at=NOW, source_id="s", videos=7), SourceCounts(videos=7)),
    "counted": (
        SourceProgress(at=NOW, source_id="s", state=SourceState.IN_PROGRESS, videos=7, done=2, failed=1),
        SourceCounts(SourceState.IN_PROGRESS, 7, 2, 1),
    ),
    "refused": (SourceRefused(at=NOW, source_id="s", url="u", failure=GONE), SourceCounts(SourceState.ERROR)),
    "buried": (
        SourceFailed(at=NOW, source_id="s", attempt=1, verdict=Verdict.BURY, failure=GONE),
        SourceCounts(SourceState.ERROR),
    ),
    "retried": (SourceFailed(at=NOW, source_id="s", attempt=1, verdict=Verdict.RETRY, failure=GONE), SourceCounts()),
}


@pytest.mark.parametrize(("event", "counts"), SOURCE_CASES.values(), ids=SOURCE_CASES)
def test_what_events_say_of_a_source(event: Event, counts: SourceCounts) -> None:
    assert after(event).sources == {"s": counts}


def test_a_listing_that_ends_late_does_not_take_back_counts() -> None:
    counted = SourceProgress(at=NOW, source_id="s", state=SourceState.IN_PROGRESS, videos=9, done=2, failed=1)

    state = after(counted, SourceExpanded(at=NOW, source_id="s", videos=7))

    assert state.sources["s"] == SourceCounts(SourceState.IN_PROGRESS, 9, 2, 1)


@pytest.mark.parametrize("health", [WorkerHealth.LOST, WorkerHealth.STOPPED])
def test_a_worker_that_is_gone_runs_nothing(health: WorkerHealth) -> None:
    others = VideoClaimed(at=NOW, video_id="o", source_id="s", worker="other", attempt=1)

    assert list(after(CLAIMED, others, changed(health)).running) == [("s", "o")]


def test_a_video_that_its_filter_left_out_has_ended_and_is_no_setback() -> None:
    left_out = failed(Verdict.BURY).model_copy(update={"failure": filtered("shorter than 1m")})

    state = after(CLAIMED, left_out)

    assert (dict(state.running), state.setbacks) == ({}, ())
    assert line_of(left_out) == "filter v from source s: Left out by the filter: shorter than 1m."


def test_a_stale_worker_may_still_be_working() -> None:
    state = after(CLAIMED, changed(WorkerHealth.STALE))

    assert KEY in state.running
    assert state.workers == {"w": WorkerLine("downloader", "stale")}


def test_a_beat_tells_what_a_worker_does() -> None:
    beat = WorkerBeat(
        at=NOW, worker="w", service="downloader", host="h", process_id=1, state=WorkerState.UNFIT, doing="disk full"
    )

    assert after(beat).workers == {"w": WorkerLine("downloader", "unfit", "disk full")}


def test_titles_do_not_pile_up_without_end() -> None:
    state = LiveState()
    for page in range(250):
        videos = tuple(ListedVideo(video_id=f"{page}-{n}", url="u", title="t") for n in range(100))
        state = reduce(state, VideosQueued(at=NOW, source_id="s", videos=videos))

    assert len(state.titles) == 20_000
    assert "249-99" in state.titles
    assert "0-0" not in state.titles


def test_a_view_that_begins_late_begins_with_what_the_ledger_knows() -> None:
    sources: list[Row] = [{"source_id": "s", "state": "in-progress", "videos": 3, "done": 1, "failed": 0}]
    tasks: list[Row] = [
        {"source_id": "s", "video_id": "v", "title": "A title", "state": "in-progress", "worker": "w", "url": "u"},
        {"source_id": "s", "video_id": "x", "title": "Another", "state": "pending", "worker": "", "url": "u"},
    ]

    state = after(*history_of(sources, tasks, NOW))

    assert state.sources == {"s": SourceCounts(SourceState.IN_PROGRESS, 3, 1, 0)}
    assert state.running == {KEY: Running("v", "s", "w")}
    assert state.titles == {"v": "A title", "x": "Another"}


LINES = {
    "done": (downloaded(), "done v from source s: 40 bytes"),
    "present": (downloaded(already_present=True), "done v from source s: 40 bytes (was there already)"),
    "failed": (failed(Verdict.RETRY), "retry v from source s: It is private."),
    "refused": (
        SourceRefused(at=NOW, source_id="s", url="u", failure=GONE),
        "refused source s: It is private.",
    ),
    "claimed": (CLAIMED, None),
    "progress": (progress(), None),
}


@pytest.mark.parametrize(("event", "line"), LINES.values(), ids=LINES)
def test_without_a_terminal_only_endings_are_worth_a_line(event: Event, line: str | None) -> None:
    assert line_of(event) == line

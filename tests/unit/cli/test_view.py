"""The live view's reducer: what each event changes."""

from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.events import (
    FleetGates,
    Gate,
    ListedVideo,
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
    WorkerState,
)
from tubewarren.youtube.filters import filtered
from tubewarren_services.cli.tables import Row
from tubewarren_services.cli.view import (
    LiveState,
    Look,
    Running,
    Tally,
    line_of,
    looked,
    rate_per_minute,
    reduce,
    speed_of,
    time_left,
)
from tubewarren_services.cli.workers_view import WorkerLine

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
CLAIMED = VideoClaimed(at=NOW, video_id="v", source_id="s", worker="w", attempt=1)
KEY = ("s", "v")
SUMMARY: Row = {
    "sources_done": 1,
    "sources_error": 1,
    "sources_in_progress": 3,
    "tasks": 100,
    "tasks_done": 40,
    "tasks_dead": 5,
    "tasks_filtered": 15,
    "oldest_waiting_at": (NOW - timedelta(hours=3)).isoformat(),
    "finished_last_minute": 6,
    "finished_last_10_minutes": 20,
    "bytes": 1000,
}


def after(*events: Event, state: LiveState | None = None, now: datetime = NOW) -> LiveState:
    state = state or LiveState()
    for event in events:
        state = reduce(state, event, now)
    return state


def task(state_at: datetime = NOW, worker: str = "w") -> Row:
    at = state_at.isoformat()
    return {"source_id": "s", "video_id": "v", "title": "A title", "worker": worker, "state_at": at}


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
    assert after(CLAIMED).running == {KEY: Running("v", "s", "w", NOW)}


def test_progress_is_shown_as_it_came() -> None:
    expected = Running("v", "s", "w", NOW, "downloading", 10, 40, 5, 6)

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


def test_finished_videos_count_for_a_minute_whatever_the_worker_s_clock_says_and_their_bytes_for_good() -> None:
    first = after(downloaded(NOW + timedelta(days=1)), now=NOW - timedelta(minutes=2))

    state = after(downloaded(NOW - timedelta(days=1)), state=first)

    assert rate_per_minute(state, NOW) == 1
    assert (state.books.done, state.books.size_bytes) == (2, 80)


def test_a_video_that_was_there_already_is_done_and_counts_for_no_rate() -> None:
    state = after(downloaded(already_present=True))

    assert (rate_per_minute(state, NOW), state.books.size_bytes, state.books.done) == (0, 0, 1)


def test_a_tally_stays_small_and_forgets_what_is_past() -> None:
    tally = Tally()
    for second in range(3600):
        tally = tally.plus(NOW + timedelta(seconds=second), 2)

    assert len(tally.buckets) <= 121
    assert tally.within(timedelta(minutes=10), NOW + timedelta(seconds=3599)) == 1200


def test_setbacks_are_told_newest_first_by_title_and_only_retries_are_counted_as_such() -> None:
    titled = VideosQueued(at=NOW, source_id="s", videos=(ListedVideo(video_id="v", url="u", title="A title"),))

    state = after(titled, failed(Verdict.RETRY), failed(Verdict.BURY))

    assert [(each.what, each.verdict) for each in state.setbacks] == [
        ("A title", Verdict.BURY),
        ("A title", Verdict.RETRY),
    ]
    assert state.setbacks[0].reason == "It is private."
    assert state.retried.within(timedelta(minutes=10), NOW) == 1
    assert state.buried.within(timedelta(minutes=10), NOW) == 1
    assert state.books.failed == 1


def test_a_source_that_cannot_be_listed_is_a_setback() -> None:
    refused = SourceRefused(at=NOW, source_id="s", url="u", failure=GONE)
    retried = SourceFailed(at=NOW, source_id="t", attempt=1, verdict=Verdict.RETRY, failure=GONE)

    setbacks = after(refused, retried).setbacks

    assert [(each.what, each.verdict) for each in setbacks] == [
        ("source t", Verdict.RETRY),
        ("source s", Verdict.BURY),
    ]


def test_what_holds_work_back_is_what_was_told_last() -> None:
    gate = Gate(kind="pause", name="s", reason="Lunch.", since=NOW)

    assert after(FleetGates(at=NOW, gates=(gate,))).gates == (gate,)
    assert after(FleetGates(at=NOW, gates=(gate,)), FleetGates(at=NOW, gates=())).gates == ()


@pytest.mark.parametrize("health", [WorkerHealth.LOST, WorkerHealth.STOPPED])
def test_a_worker_that_is_gone_runs_nothing(health: WorkerHealth) -> None:
    others = VideoClaimed(at=NOW, video_id="o", source_id="s", worker="other", attempt=1)

    assert list(after(CLAIMED, others, changed(health)).running) == [("s", "o")]


def test_a_video_that_its_filter_left_out_has_ended_and_is_no_setback() -> None:
    left_out = failed(Verdict.BURY).model_copy(update={"failure": filtered("shorter than 1m")})

    state = after(CLAIMED, left_out)

    assert (dict(state.running), state.setbacks, state.books.filtered) == ({}, (), 1)
    assert line_of(left_out) == "filter v from source s: Left out by the filter: shorter than 1m."


def test_a_stale_worker_may_still_be_working() -> None:
    state = after(CLAIMED, changed(WorkerHealth.STALE))

    assert KEY in state.running
    assert state.workers == {"w": WorkerLine("downloader", "stale", NOW)}


def test_a_beat_tells_what_a_worker_does() -> None:
    beat = WorkerBeat(
        at=NOW, worker="w", service="downloader", host="h", process_id=1, state=WorkerState.UNFIT, doing="disk full"
    )

    assert after(beat).workers == {"w": WorkerLine("downloader", "unfit", NOW, "disk full")}


def test_titles_do_not_pile_up_without_end() -> None:
    state = LiveState(titles={f"old-{n}": "t" for n in range(20_000)})
    for page in range(3):
        videos = tuple(ListedVideo(video_id=f"{page}-{n}", url="u", title="t") for n in range(100))
        state = reduce(state, VideosQueued(at=NOW, source_id="s", videos=videos), NOW)

    assert len(state.titles) == 20_000
    assert {"0-0", "2-99", "old-300"} <= state.titles.keys()
    assert "old-299" not in state.titles


def test_a_worker_that_said_goodbye_is_not_shown_any_more() -> None:
    assert after(changed(WorkerHealth.ACTIVE), changed(WorkerHealth.STOPPED)).workers == {}


def test_what_has_ended_or_gone_wrong_does_not_pile_up_without_end() -> None:
    state = LiveState(ended={("s", f"old {number}"): NOW for number in range(2000)})
    for number in range(25):
        ending = failed(Verdict.BURY).model_copy(update={"video_id": str(number)})
        state = reduce(state, ending, NOW)

    assert (len(state.ended), len(state.setbacks), len(state.running)) == (2000, 20, 0)
    assert {("s", "0"), ("s", "24"), ("s", "old 25")} <= state.ended.keys()
    assert ("s", "old 24") not in state.ended


def test_a_view_that_begins_late_begins_with_what_the_ledger_knows() -> None:
    workers: list[Row] = [
        {"worker": "w", "service": "downloader", "status": "active", "last_seen": NOW.isoformat()},
        {"worker": "x", "service": "downloader", "status": "stopped", "last_seen": NOW.isoformat()},
        {"worker": "y", "service": "downloader", "status": "lost", "last_seen": (NOW - timedelta(days=2)).isoformat()},
    ]

    state = looked(LiveState(), Look(SUMMARY, [task()], workers, ()), NOW)

    assert (state.books.sources, state.books.sources_ended, state.books.left) == (5, 2, 40)
    assert state.running == {KEY: Running("v", "s", "w", NOW)}
    assert state.titles == {"v": "A title"}
    assert state.workers == {"w": WorkerLine("downloader", "active", NOW)}
    assert rate_per_minute(state, NOW) == 6


def test_what_ends_after_a_look_is_counted_until_the_next_one_tells_the_truth() -> None:
    state = after(downloaded(), state=looked(LiveState(), Look(SUMMARY), NOW))

    assert state.books.done == 41
    assert looked(state, Look(SUMMARY), NOW).books.done == 40


def test_a_video_whose_end_was_missed_disappears_when_the_ledger_has_it_no_more() -> None:
    state, later = after(CLAIMED), NOW + timedelta(minutes=1)

    assert KEY in looked(state, Look(SUMMARY, []), NOW).running
    assert KEY in looked(state, Look(SUMMARY, [task()]), later).running
    assert KEY in looked(state, Look(SUMMARY, None), later).running
    assert KEY not in looked(state, Look(SUMMARY, []), later).running
    assert KEY not in looked(state, Look(), NOW + timedelta(hours=2)).running


def test_the_ledger_does_not_bring_back_what_has_ended_or_what_a_lost_worker_had() -> None:
    ended = after(CLAIMED, downloaded(NOW + timedelta(seconds=1)))

    assert looked(ended, Look(SUMMARY, [task()]), NOW).running == {}
    assert looked(after(changed(WorkerHealth.LOST)), Look(SUMMARY, [task()]), NOW).running == {}


def test_a_silence_of_the_services_is_told_and_keeps_the_last_counts() -> None:
    state = looked(looked(LiveState(), Look(SUMMARY, gates=()), NOW), Look(), NOW)

    assert (state.is_ledger_there, state.gates, state.books.done) == (False, None, 40)


def test_the_time_that_is_left_goes_by_ten_minutes_or_by_what_was_seen_since_the_start() -> None:
    begun = looked(LiveState(), Look(SUMMARY), NOW)
    slow = looked(LiveState(), Look({**SUMMARY, "finished_last_minute": 0}), NOW)

    assert time_left(slow, NOW) == timedelta(minutes=20)
    assert time_left(begun, NOW) == timedelta(minutes=40 / 6)
    assert time_left(looked(LiveState(), Look({"tasks": 3, "tasks_done": 1}), NOW), NOW) is None
    assert time_left(LiveState(), NOW) is None


def test_a_speed_that_was_told_long_ago_is_none() -> None:
    running = after(progress()).running[KEY]

    assert speed_of(running, NOW) == 5
    assert speed_of(running, NOW + timedelta(minutes=1)) is None


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

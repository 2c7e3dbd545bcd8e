"""The ledger as its service uses it: events in, rows and counts out."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo, ExpandSource, LedgerTopic, QueryLedger
from tubewarren.messages.events import (
    ListedVideo,
    MessageBuried,
    ResultsMoved,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceProgress,
    SourceRefused,
    SourceState,
    SourceTaken,
    Taken,
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
from tubewarren_services.results_manager.ledger import Ledger, LedgerTooNewError, LedgerUnavailableError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BROKEN = Failure(kind=FailureKind.TRANSIENT, reason="The line was cut.", detail="IncompleteRead")
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
TOPICS: tuple[LedgerTopic, ...] = ("summary", "sources", "tasks", "results", "workers", "burials", "attempts")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3", storage="here", clock=lambda: at(600))
    yield ledger
    ledger.close()


def rows(ledger: Ledger, topic: LedgerTopic, **query: Any) -> list[dict[str, Any]]:
    return list(ledger.answer(QueryLedger(topic=topic, **query)).rows)


def accepted(seconds: float = 0, source_id: str = "s1") -> SourceAccepted:
    return SourceAccepted(at=at(seconds), source_id=source_id, url="https://x.invalid/", columns={"Name": "Ada"})


def queued(*video_ids: str, seconds: float = 1, source_id: str = "s1") -> VideosQueued:
    videos = tuple(ListedVideo(video_id=video_id, url=f"u/{video_id}", title=video_id) for video_id in video_ids)
    return VideosQueued(at=at(seconds), source_id=source_id, videos=videos)


def expanded(videos: int, seconds: float = 2, source_id: str = "s1") -> SourceExpanded:
    return SourceExpanded(at=at(seconds), source_id=source_id, videos=videos)


def claimed(video_id: str = "v1", seconds: float = 3, attempt: int = 1, worker: str = "w1") -> VideoClaimed:
    return VideoClaimed(at=at(seconds), video_id=video_id, source_id="s1", worker=worker, attempt=attempt)


def failed(video_id: str = "v1", seconds: float = 4, verdict: Verdict = Verdict.RETRY, attempt: int = 1) -> VideoFailed:
    return VideoFailed(
        at=at(seconds),
        video_id=video_id,
        source_id="s1",
        worker="w1",
        attempt=attempt,
        verdict=verdict,
        failure=GONE if verdict is Verdict.BURY else BROKEN,
        next_at=at(seconds + 60) if verdict is Verdict.RETRY else None,
    )


def left_out(video_id: str) -> VideoFailed:
    return failed(video_id, seconds=9, verdict=Verdict.BURY).model_copy(update={"failure": filtered("shorter than 1m")})


def downloaded(video_id: str = "v1", seconds: float = 5, source_id: str = "s1", **changes: Any) -> VideoDownloaded:
    fields = {
        "at": at(seconds),
        "video_id": video_id,
        "source_id": source_id,
        "worker": "w1",
        "attempt": 1,
        "storage": "here",
        "size_bytes": 100,
        "sha256": "abc",
        "seconds": 2.0,
    }
    return VideoDownloaded(**{**fields, **changes})


def progress(ledger: Ledger, source_id: str = "s1") -> tuple[SourceState, int, int, int]:
    (counts,) = ledger.progress([source_id])
    return (counts.state, counts.videos, counts.done, counts.failed)


def test_a_source_says_when_it_will_be_done_at_its_pace_until_now(ledger: Ledger) -> None:
    """Half an hour of ten minutes each are left: three of four videos, one of which took the ten minutes so far."""
    ledger.apply([accepted(), queued("v1", "v2", "v3", "v4"), expanded(4)])
    (unknown,) = ledger.progress(["s1"])

    ledger.apply([downloaded()])
    (told,) = ledger.progress(["s1"])
    ledger.apply([downloaded(video_id) for video_id in ("v2", "v3", "v4")])
    (done,) = ledger.progress(["s1"])

    assert (unknown.finish_at, told.finish_at, done.finish_at) == (None, at(600 + 1800), None)


def test_a_video_goes_through_its_states(ledger: Ledger) -> None:
    states = []
    for event in (
        queued("v1"),
        claimed(),
        failed(),
        claimed(seconds=70, attempt=2),
        downloaded(seconds=75, attempt=2),
    ):
        ledger.apply([event])
        states.append(rows(ledger, "tasks")[0]["state"])

    assert states == ["pending", "in-progress", "waiting", "in-progress", "done"]
    (task,) = rows(ledger, "tasks")
    assert task["attempts"] == 2
    assert task["failure_reason"] == "The line was cut."
    assert task["queued_at"] == at(1).isoformat()
    assert task["claimed_at"] == at(70).isoformat()
    assert task["title"] == "v1"


def test_a_waiting_video_says_when_it_comes_back(ledger: Ledger) -> None:
    ledger.apply([queued("v1"), claimed(), failed()], ["page", "video", None])

    (task,) = rows(ledger, "tasks")

    assert (task["state"], task["next_at"], task["worker"]) == ("waiting", at(64).isoformat(), "w1")


def test_a_task_carries_the_trace_of_its_newest_event(ledger: Ledger) -> None:
    ledger.apply([queued("v1"), claimed()], ["of-the-page", "of-the-video"])

    assert rows(ledger, "tasks")[0]["trace_id"] == "of-the-video"


def test_done_before_queued_is_done(ledger: Ledger) -> None:
    ledger.apply([downloaded()])
    ledger.apply([queued("v1", seconds=100)])

    (task,) = rows(ledger, "tasks")

    assert (task["state"], task["url"]) == ("done", "u/v1")


@pytest.mark.parametrize("late", [failed(seconds=9), failed(seconds=9, verdict=Verdict.BURY), claimed(seconds=9)])
def test_done_stays_done(ledger: Ledger, late: VideoFailed | VideoClaimed) -> None:
    ledger.apply([downloaded(seconds=5)])

    ledger.apply([late])

    assert rows(ledger, "tasks")[0]["state"] == "done"


def test_a_dead_video_that_is_redriven_is_in_progress_again(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1"), expanded(1), failed(verdict=Verdict.BURY)])
    assert progress(ledger) == (SourceState.DONE, 1, 0, 1)

    changes = ledger.apply([claimed(seconds=90)])

    assert changes.sources == {"s1"}
    assert rows(ledger, "tasks")[0]["state"] == "in-progress"
    assert progress(ledger) == (SourceState.IN_PROGRESS, 1, 0, 0)


def test_an_older_claim_does_not_revive_a_dead_video(ledger: Ledger) -> None:
    ledger.apply([failed(seconds=4, verdict=Verdict.BURY)])

    ledger.apply([claimed(seconds=3)])

    assert rows(ledger, "tasks")[0]["state"] == "dead"


@pytest.mark.parametrize(("verdict", "state"), [(Verdict.RETRY, "waiting"), (Verdict.BURY, "dead")])
def test_of_a_claim_and_a_failure_at_one_moment_the_failure_is_the_later(
    ledger: Ledger, verdict: Verdict, state: str
) -> None:
    ledger.apply([failed(seconds=4, verdict=verdict)])

    ledger.apply([claimed(seconds=4, attempt=9, worker="z")])

    assert rows(ledger, "tasks")[0]["state"] == state


def test_a_repeated_batch_changes_nothing(ledger: Ledger) -> None:
    history = [accepted(), queued("v1", "v2"), expanded(2), claimed(), failed(), downloaded(), claimed("v2")]
    ledger.apply(history)
    before = {topic: rows(ledger, topic) for topic in TOPICS}

    changes = ledger.apply(history)

    assert changes.sources == frozenset()
    assert {topic: rows(ledger, topic) for topic in TOPICS} == before


def test_only_sources_whose_counts_change_are_named(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1"), queued("v1", source_id="s2")])

    assert ledger.apply([claimed()]).sources == frozenset()
    assert ledger.apply([failed()]).sources == frozenset()
    assert ledger.apply([downloaded()]).sources == {"s1"}
    assert ledger.apply([downloaded(source_id="s2", already_present=True)]).sources == {"s2"}


def test_a_source_goes_through_its_states(ledger: Ledger) -> None:
    states = []
    for event in (
        accepted(),
        queued("v1", "v2"),
        expanded(2),
        downloaded("v1"),
        failed("v2", verdict=Verdict.BURY),
    ):
        ledger.apply([event])
        states.append(progress(ledger))

    assert states == [
        (SourceState.PENDING, 0, 0, 0),
        (SourceState.IN_PROGRESS, 2, 0, 0),
        (SourceState.IN_PROGRESS, 2, 0, 0),
        (SourceState.IN_PROGRESS, 2, 1, 0),
        (SourceState.DONE, 2, 1, 1),
    ]


def test_a_source_is_not_done_while_a_page_of_it_is_still_on_its_way(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1"), expanded(2), downloaded("v1")])
    assert progress(ledger) == (SourceState.IN_PROGRESS, 2, 1, 0)

    ledger.apply([downloaded("v2"), queued("v2")])

    assert progress(ledger) == (SourceState.DONE, 2, 2, 0)


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (SourceRefused(at=at(3), source_id="s1", url="x", failure=GONE), SourceState.ERROR),
        (
            SourceFailed(at=at(3), source_id="s1", attempt=1, verdict=Verdict.BURY, failure=GONE),
            SourceState.ERROR,
        ),
        (
            SourceFailed(at=at(3), source_id="s1", attempt=1, verdict=Verdict.RETRY, failure=BROKEN),
            SourceState.PENDING,
        ),
        (expanded(0), SourceState.ERROR),
    ],
)
def test_a_source_that_could_not_be_listed(
    ledger: Ledger, event: SourceRefused | SourceFailed, state: SourceState
) -> None:
    ledger.apply([accepted(), event])

    assert progress(ledger)[0] is state


def test_a_source_in_error_that_is_accepted_or_listed_again_is_on_its_way(ledger: Ledger) -> None:
    buried = SourceFailed(at=at(3), source_id="s1", attempt=1, verdict=Verdict.BURY, failure=GONE)
    ledger.apply([accepted(), buried])

    ledger.apply([accepted(9)])
    assert progress(ledger)[0] is SourceState.PENDING

    ledger.apply([queued("v1", seconds=10), expanded(1, seconds=11), downloaded(seconds=12)])
    assert progress(ledger)[0] is SourceState.DONE


def test_a_video_that_its_filter_left_out_has_ended_and_the_source_with_it(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1", "v2"), expanded(2), claimed("v1"), claimed("v2"), downloaded("v1")])

    ledger.apply([left_out("v2")])

    (told,) = ledger.progress(["s1"])
    assert (told.state, told.videos, told.done, told.failed, told.filtered) == (SourceState.DONE, 2, 1, 0, 1)
    assert rows(ledger, "sources")[0]["filtered"] == 1
    (task,) = (row for row in rows(ledger, "tasks") if row["video_id"] == "v2")
    assert (task["state"], task["failure_reason"]) == ("filtered", "Left out by the filter: shorter than 1m.")
    (attempt,) = (row for row in rows(ledger, "attempts") if row["video_id"] == "v2")
    assert (attempt["ending"], attempt["failure_kind"]) == ("filtered", "filtered")


def test_a_video_that_is_wanted_after_all_is_in_progress_again(ledger: Ledger) -> None:
    ledger.apply([queued("v1"), claimed("v1"), left_out("v1")])

    ledger.apply([queued("v1", seconds=20), claimed("v1", seconds=21)])

    assert rows(ledger, "tasks")[0]["state"] == "in-progress"


def test_a_video_that_is_kept_for_its_day_says_which(ledger: Ledger) -> None:
    (video,) = queued("v1").videos
    later = video.model_copy(update={"not_before": at(86_400)})

    ledger.apply([queued("v1").model_copy(update={"videos": (later,)})])

    (task,) = rows(ledger, "tasks")
    assert (task["state"], task["next_at"]) == ("pending", at(86_400).isoformat())


def test_a_source_that_is_expanded_again_waits_for_its_new_videos(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1"), expanded(1), downloaded()])

    ledger.apply([accepted(20), queued("v1", "v2", seconds=21), expanded(2, seconds=22)])

    assert progress(ledger) == (SourceState.IN_PROGRESS, 2, 1, 0)


def test_orders_that_the_broker_buried_are_dead(ledger: Ledger) -> None:
    poison = Failure(kind=FailureKind.POISON, reason="It killed three workers.")
    video = DownloadVideo(video_id="v1", url="u", source_id="s1", title="A film", duration_seconds=4)

    changes = ledger.bury(video, poison, at(9))
    ledger.bury(ExpandSource(source_id="s2", url="list", columns={"Name": "Bo"}), poison, at(9))

    assert changes.sources == {"s1"}
    (task,) = rows(ledger, "tasks")
    assert (task["state"], task["title"], task["failure_kind"]) == ("dead", "A film", "poison")
    assert progress(ledger, "s2") == (SourceState.ERROR, 0, 0, 0)
    (source,) = rows(ledger, "sources")
    assert (source["columns"], source["failure_reason"]) == ('{"Name": "Bo"}', "It killed three workers.")


def test_progress_is_absolute_and_told_by_id(ledger: Ledger) -> None:
    ledger.apply([downloaded(), accepted(source_id="s2")])

    assert ledger.progress(["s2", "unknown", "s1", "s1"]) == [
        SourceProgress(at=at(600), source_id="s1", state=SourceState.DONE, videos=1, done=1, failed=0),
        SourceProgress(at=at(600), source_id="s2", state=SourceState.PENDING, videos=0, done=0, failed=0),
    ]


def test_what_a_person_changes_in_a_row_is_what_the_list_says_and_no_step_of_the_source(ledger: Ledger) -> None:
    ledger.apply([accepted(), queued("v1"), expanded(1), downloaded()])
    said = {"url": "https://y.invalid/", "columns": {"Name": "Bob"}, "priority": 1}
    edited = SourceTaken(at=at(50), source_id="s1", worker="w", what=Taken.EDITED, **said)

    ledger.apply([edited, edited.model_copy(update={"what": Taken.PAUSED, "url": "", "at": at(60)})])

    (source,) = rows(ledger, "sources")
    assert (source["url"], json.loads(str(source["columns"])), source["priority"]) == (
        "https://y.invalid/",
        {"Name": "Bob"},
        1,
    )
    assert progress(ledger) == (SourceState.DONE, 1, 1, 0)


def test_the_finished_videos_of_some_sources(ledger: Ledger) -> None:
    ledger.apply(
        [
            queued("v0"),
            downloaded("v2"),
            downloaded("v1"),
            downloaded("v1", source_id="s2"),
            downloaded("v9", source_id="s9"),
        ]
    )

    assert ledger.finished_videos(["s1", "s2"]) == ["v1", "v2"]
    assert ledger.finished_videos([]) == []


def test_the_summary_counts_ages_and_rates(ledger: Ledger) -> None:
    ledger.apply(
        [
            accepted(),
            queued("v1", "v2", "v3", seconds=100),
            queued("v4", seconds=40),
            expanded(4, seconds=110),
            downloaded("v1", seconds=570),
            downloaded("v2", seconds=300),
            downloaded("v2", seconds=580, source_id="s2", already_present=True),
            failed("v3", seconds=120),
            SourceRefused(at=at(0), source_id="s3", url="x", failure=GONE),
        ]
    )

    (summary,) = rows(ledger, "summary")

    assert summary == {
        "sources_pending": 0,
        "sources_in_progress": 1,
        "sources_done": 1,
        "sources_error": 1,
        "tasks": 5,
        "tasks_pending": 1,
        "tasks_in_progress": 0,
        "tasks_waiting": 1,
        "tasks_done": 3,
        "tasks_dead": 0,
        "tasks_filtered": 0,
        "oldest_waiting_at": at(40).isoformat(),
        "oldest_waiting_seconds": 560.0,
        "finished_last_minute": 1,
        "finished_last_10_minutes": 2,
        "results": 2,
        "bytes": 200,
    }
    (of_s2,) = rows(ledger, "summary", source_id="s2")
    assert (of_s2["tasks"], of_s2["results"], of_s2["oldest_waiting_at"]) == (1, 1, None)


def test_an_empty_ledger_answers_every_topic(ledger: Ledger) -> None:
    answers = {topic: rows(ledger, topic) for topic in TOPICS}

    assert answers["summary"][0]["tasks"] == 0
    assert all(not answers[topic] for topic in TOPICS if topic != "summary")


@pytest.mark.parametrize(
    ("topic", "query", "expected"),
    [
        ("sources", {}, ["s1", "s2"]),
        ("sources", {"status": "in-progress"}, ["s1"]),
        ("sources", {"source_id": "s2"}, ["s2"]),
        ("tasks", {}, ["v2", "v1", "v3"]),
        ("tasks", {"status": "done"}, ["v2"]),
        ("tasks", {"source_id": "s2"}, []),
        ("tasks", {"video_id": "v2"}, ["v2"]),
        ("tasks", {"video_id": "V2"}, []),
        ("tasks", {"video_id": "_2"}, []),
        ("tasks", {"video_id": "v"}, ["v2", "v1", "v3"]),
        ("tasks", {"video_id": "v", "source_id": "s2"}, []),
        ("attempts", {}, ["v2"]),
        ("attempts", {"status": "retry"}, []),
        ("attempts", {"source_id": "s2"}, []),
        ("attempts", {"video_id": "v1"}, []),
        ("results", {}, ["v2"]),
        ("results", {"status": "selected"}, ["v2"]),
        ("results", {"status": "results"}, []),
        ("results", {"source_id": "s1"}, ["v2"]),
        ("results", {"source_id": "s2"}, []),
        ("results", {"video_id": "v2"}, ["v2"]),
        ("results", {"video_id": "v1"}, []),
        ("workers", {}, ["w1", "w2"]),
        ("workers", {"status": "lost"}, ["w2"]),
        ("workers", {"source_id": "s1"}, []),
        ("burials", {}, ["b1"]),
        ("burials", {"status": "poison"}, []),
        ("burials", {"source_id": "s1"}, []),
    ],
)
def test_answers_are_filtered(ledger: Ledger, topic: LedgerTopic, query: dict[str, str], expected: list[str]) -> None:
    beat = WorkerBeat(
        at=at(5), worker="w1", service="downloader", host="h", process_id=1, state=WorkerState.ACTIVE, doing="v1"
    )
    lost = WorkerChanged(
        at=at(5), worker="w2", service="downloader", host="h", health=WorkerHealth.LOST, last_seen=at(1)
    )
    ledger.apply(
        [
            accepted(),
            accepted(1, source_id="s2"),
            queued("v1", "v2", "v3"),
            claimed("v1"),
            downloaded("v2"),
            ResultsMoved(at=at(8), storage="here", selected=("v2", "v7")),
            ResultsMoved(at=at(9), storage="here", returned=("v2",), dry_run=True),
            beat,
            lost,
            MessageBuried(at=at(9), queue="downloader", buried_id="b1", message_type="?", attempt=3, failure=GONE),
            VideoProgress(at=at(9), video_id="v1", source_id="s1", worker="w1", phase="media"),
        ]
    )
    key = {"sources": "source_id", "workers": "worker", "burials": "buried_id"}.get(topic, "video_id")

    found = rows(ledger, topic, **query)

    assert [row[key] for row in found] == expected


@pytest.mark.parametrize("topic", ["tasks", "results", "attempts"])
def test_a_video_whose_whole_id_was_given_comes_before_those_that_begin_so(ledger: Ledger, topic: LedgerTopic) -> None:
    ledger.apply([downloaded(f"v1{letter}", seconds=9) for letter in "ab"] + [downloaded("v1", seconds=1)])

    assert rows(ledger, topic, video_id="v1", limit=1)[0]["video_id"] == "v1"


def test_each_attempt_is_told_in_order_with_its_way_out_and_of_one_video_with_its_words(ledger: Ledger) -> None:
    cut = failed().model_copy(update={"egress": "203.0.113.7"})
    ledger.apply([queued("v1"), downloaded("v1", seconds=9, attempt=2, egress="203.0.113.8"), cut])

    first, second = rows(ledger, "attempts", video_id="v1")

    assert (first["attempt"], first["ending"], first["worker"], first["egress"]) == (1, "retry", "w1", "203.0.113.7")
    assert (first["failure_kind"], first["failure_reason"], first["failure_detail"]) == (
        "transient",
        "The line was cut.",
        "IncompleteRead",
    )
    assert (second["attempt"], second["ending"], second["egress"]) == (2, "done", "203.0.113.8")
    assert rows(ledger, "tasks")[0]["egress"] == "203.0.113.8"
    assert "failure_detail" not in rows(ledger, "attempts")[0]


def test_of_very_many_attempts_the_first_and_the_newest_are_kept_and_those_of_others_too(ledger: Ledger) -> None:
    events = [failed(seconds=number, verdict=Verdict.REFUND) for number in range(40)]
    ledger.apply([queued("v1", "v2"), failed("v2"), *events])
    ledger.apply(events[10:15])

    kept = [row["ended_at"] for row in rows(ledger, "attempts") if row["video_id"] == "v1"]

    assert kept == [at(number).isoformat() for number in (0, 1, 2, *range(20, 40))]
    assert {row["video_id"]: row["attempts"] for row in rows(ledger, "tasks")} == {"v1": 23, "v2": 1}
    assert len(rows(ledger, "attempts", video_id="v2")) == 1


def test_the_newest_beat_and_the_newest_health_tell_of_a_worker(ledger: Ledger) -> None:
    def beat(seconds: float, doing: str) -> WorkerBeat:
        return WorkerBeat(
            at=at(seconds),
            worker="w1",
            service="downloader",
            host="h",
            process_id=7,
            state=WorkerState.ACTIVE,
            doing=doing,
            facts={"yt-dlp": "2026.10.26"},
        )

    stale = WorkerChanged(
        at=at(30), worker="w1", service="downloader", host="h", health=WorkerHealth.STALE, last_seen=at(20)
    )

    ledger.apply([beat(20, "new"), beat(10, "old"), stale])

    (worker,) = rows(ledger, "workers")
    assert (worker["status"], worker["doing"], worker["last_seen"]) == ("stale", "new", at(20).isoformat())
    assert worker["facts"] == '{"yt-dlp": "2026.10.26"}'


def test_an_answer_says_when_it_is_cut(ledger: Ledger) -> None:
    ledger.apply([queued("v1", "v2")])

    cut = ledger.answer(QueryLedger(topic="tasks", limit=1))
    whole = ledger.answer(QueryLedger(topic="tasks", limit=2))

    assert (len(cut.rows), cut.truncated, cut.storage, cut.at) == (1, True, "here", at(600))
    assert (len(whole.rows), whole.truncated) == (2, False)


def test_a_video_fetched_anew_has_its_new_files_and_one_found_there_its_old(ledger: Ledger) -> None:
    ledger.apply([downloaded(seconds=5, sha256="first"), downloaded(seconds=6, sha256="?", already_present=True)])
    assert rows(ledger, "results")[0]["sha256"] == "first"

    ledger.apply([downloaded(seconds=90, sha256="second")])

    assert rows(ledger, "results")[0]["sha256"] == "second"


def test_large_batches_and_unusual_text_arrive_whole(ledger: Ledger) -> None:
    video_ids = [f"größe-漢字-'{number}" for number in range(2500)]

    ledger.apply([queued(*video_ids), *(downloaded(video_id) for video_id in video_ids)])

    assert progress(ledger)[1:] == (2500, 2500, 0)
    assert ledger.finished_videos(["s1"]) == sorted(video_ids)


def test_threads_may_share_a_ledger(ledger: Ledger) -> None:
    def work(number: int) -> int:
        ledger.apply([queued("shared", f"v{number}"), downloaded("shared", seconds=number)])
        return len(rows(ledger, "tasks"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))

    assert progress(ledger)[1:] == (21, 1, 0)
    assert rows(ledger, "tasks", status="done")[0]["attempts"] == 20


def test_a_ledger_outlives_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/ledger.sqlite3"
    first = Ledger.open(url)
    first.apply([downloaded()])
    first.close()

    second = Ledger.open(url)

    assert second.finished_videos(["s1"]) == ["v1"]
    second.close()


def test_a_ledger_of_an_older_program_gets_what_is_new_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    first = Ledger.open(f"sqlite:///{path}")
    burial = MessageBuried(at=at(3), queue="downloader", buried_id="b", message_type="", attempt=1, failure=GONE)
    first.apply([queued("v1", "v2"), failed(), failed("v2"), burial])
    first.close()
    with sqlite3.connect(path) as older:
        for table in ("tasks", "attempts"):
            older.execute(f"ALTER TABLE {table} DROP COLUMN egress")
        for table, column in (("tasks", "standing"), ("tasks", "fate_at"), ("tasks", "endings"), ("burials", "rule")):
            older.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        older.execute("UPDATE ledger_meta SET schema_version = 1")
    older.close()

    second = Ledger.open(f"sqlite:///{path}")
    second.apply([downloaded(seconds=9, attempt=2, egress="203.0.113.8")])

    assert [row["egress"] for row in rows(second, "attempts")] == ["", "203.0.113.8", ""]
    assert [row["state"] for row in rows(second, "tasks")] == ["done", "waiting"]
    assert [row["rule"] for row in rows(second, "burials")] == [""]
    second.close()
    with sqlite3.connect(path) as newer:
        assert newer.execute("SELECT schema_version FROM ledger_meta").fetchone() == (5,)
    newer.close()


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    Ledger.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE ledger_meta SET schema_version = 99")
        connection.execute("DROP TABLE burials")
    connection.close()

    with pytest.raises(LedgerTooNewError, match=r"version 99.*update the program"):
        Ledger.open(f"sqlite:///{path}")

    tables = sqlite3.connect(path)
    assert tables.execute("SELECT count(*) FROM sqlite_master WHERE name = 'burials'").fetchone() == (0,)
    tables.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "unheard://x", "sqlite:///{folder}/file/ledger", "sqlite:///{folder}/file"]
)
def test_a_database_that_cannot_be_opened_is_said_to_be_so(tmp_path: Path, url: str) -> None:
    (tmp_path / "file").write_bytes(b"no database at all, but long enough to be taken for one" * 100)

    with pytest.raises(LedgerUnavailableError):
        Ledger.open(url.format(folder=tmp_path))


def test_a_database_that_fails_later_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    ledger = Ledger.open(f"sqlite:///{path}")
    breaker = sqlite3.connect(path)
    breaker.execute("ALTER TABLE burials RENAME TO elsewhere")
    breaker.commit()
    buried = MessageBuried(at=NOON, queue="q", buried_id="b", message_type="", attempt=1, failure=GONE)

    with pytest.raises(LedgerUnavailableError, match="check that the database"):
        ledger.apply([downloaded(), buried])

    assert cast("tuple[int]", breaker.execute("SELECT count(*) FROM tasks").fetchone()) == (0,)
    breaker.close()
    ledger.close()

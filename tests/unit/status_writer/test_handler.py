from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.delivery import Death, Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Command, Event, Message
from tubewarren.messages.commands import AddSource, DownloadVideo, ExpandSource
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    ListedVideo,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceNoted,
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
    WorkerChanged,
    WorkerHealth,
)
from tubewarren.sheets.tabs import DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, WORKERS, Tab
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, STATUS_WRITER
from tubewarren.youtube.filters import filtered
from tubewarren_services.status_writer.facts import Record, Subject, join
from tubewarren_services.status_writer.handler import facts_of
from tubewarren_services.status_writer.rows import Shown, rows_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WHY = Failure(kind=FailureKind.TRANSIENT, reason="The line\nbroke.")
WAITS = (Verdict.RETRY, Verdict.REFUND, Verdict.PARK)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def queued(seconds: float = 1) -> VideosQueued:
    video = ListedVideo(video_id="vid", url="https://x/vid", title="A title", duration_seconds=61.4)
    return VideosQueued(at=at(seconds), source_id="7", videos=(video,))


def claimed(seconds: float = 10, attempt: int = 1) -> VideoClaimed:
    return VideoClaimed(at=at(seconds), video_id="vid", source_id="7", worker="box/downloader", attempt=attempt)


def progress(seconds: float = 11, done: int = 43, total: int | None = 100, speed: float | None = None) -> VideoProgress:
    return VideoProgress(
        at=at(seconds),
        video_id="vid",
        source_id="7",
        worker="box/downloader",
        phase="merging",
        done_bytes=done,
        total_bytes=total,
        speed_bytes_per_second=speed,
    )


def failed(verdict: Verdict, seconds: float = 20, attempt: int = 1, after: timedelta | None = None) -> VideoFailed:
    return VideoFailed(
        at=at(seconds),
        video_id="vid",
        source_id="7",
        worker="box/downloader",
        attempt=attempt,
        verdict=verdict,
        failure=WHY,
        next_at=at(seconds) + after if after else None,
    )


def downloaded(seconds: float = 30, attempt: int = 1) -> VideoDownloaded:
    return VideoDownloaded(
        at=at(seconds),
        video_id="vid",
        source_id="7",
        worker="box/downloader",
        attempt=attempt,
        storage="main",
        size_bytes=1,
        sha256="",
        seconds=1,
    )


def source_failed(verdict: Verdict, seconds: float = 5, attempt: int = 2) -> SourceFailed:
    next_at = at(seconds) + timedelta(minutes=5)
    return SourceFailed(at=at(seconds), source_id="7", attempt=attempt, verdict=verdict, failure=WHY, next_at=next_at)


def source_progress(state: SourceState, seconds: float = 40) -> SourceProgress:
    return SourceProgress(at=at(seconds), source_id="7", state=state, videos=40, done=12, failed=3)


def taken(what: Taken, seconds: float) -> SourceTaken:
    return SourceTaken(at=at(seconds), source_id="7", worker="box/sheet-ingestor", what=what)


def settled(fate: Fate, seconds: float = 45, queue: str = DOWNLOADER) -> DeadSettled:
    return DeadSettled(
        at=at(seconds),
        queue=queue,
        buried_id="b",
        message_type="video.download.v1",
        fate=fate,
        source_id="7",
        video_id="" if queue == SOURCE_EXPANDER else "vid",
    )


def settled_source(fate: Fate, seconds: float = 45) -> DeadSettled:
    return settled(fate, seconds, SOURCE_EXPANDER)


def accepted(seconds: float = 0) -> SourceAccepted:
    columns = {"Name": "A name", "My own": "x"}
    return SourceAccepted(at=at(seconds), source_id="7", url="https://x/7", columns=columns, priority=3)


def died(command: Command, reason: str = "delivery_limit") -> Delivery:
    return Delivery(command, "id", death=Death("downloader", reason))


def video_order() -> DownloadVideo:
    return DownloadVideo(video_id="vid", url="https://x/vid", source_id="7", title="A title", duration_seconds=61.4)


def rows_after(*told: Message | Delivery) -> Mapping[Tab, Shown]:
    """The rows of the one subject that these are about (or of all, where tabs differ)."""
    records: dict[Subject, Record] = {}
    for each in told:
        delivery = each if isinstance(each, Delivery) else Delivery(each, "id")
        for fact in facts_of(delivery, delivery_limit=10):
            records[fact.subject] = join(records.get(fact.subject, {}), [fact])
    return {tab: shown for subject, record in records.items() for tab, shown in rows_of(subject.kind, record).items()}


def task_after(*told: Message | Delivery) -> Mapping[str, str]:
    return rows_after(*told)[VIDEO_TASKS].values


def source_after(*told: Message | Delivery) -> Mapping[str, str]:
    return rows_after(*told)[SOURCES].values


def statuses(rows: Mapping[Tab, Shown], tabs: Iterable[Tab]) -> list[str | None]:
    return [rows[tab].values["Status"] if tab in rows else None for tab in tabs]


def test_an_accepted_source_is_in_progress_and_its_row_is_never_added_by_us() -> None:
    row = rows_after(accepted())[SOURCES]

    assert (row.values["Status"], row.values["LastError"]) == ("in-progress", "")
    assert not row.may_be_added


def test_a_refused_source_is_told_why() -> None:
    refused = SourceRefused(at=NOON, source_id="7", url="nonsense", failure=WHY)

    rows = rows_after(refused)

    assert (rows[SOURCES].values["Status"], rows[SOURCES].values["LastError"]) == ("error", "The line broke.")
    assert DEAD_LETTER_SOURCES not in rows


@pytest.mark.parametrize("verdict", WAITS)
def test_a_source_that_comes_back_says_when(verdict: Verdict) -> None:
    rows = rows_after(accepted(), source_failed(verdict))

    assert rows[SOURCES].values["Status"] == "in-progress"
    assert rows[SOURCES].values["LastError"] == "retry at 12:05 UTC (attempt 2): The line broke."
    assert DEAD_LETTER_SOURCES not in rows


def test_a_buried_source_lies_among_the_dead_with_what_the_person_wrote() -> None:
    rows = rows_after(accepted(), source_failed(Verdict.BURY, attempt=6), source_progress(SourceState.ERROR))

    assert statuses(rows, (SOURCES, DEAD_LETTER_SOURCES)) == ["error", "error"]
    dead = rows[DEAD_LETTER_SOURCES]
    assert (dead.values["LastError"], dead.values["RetryCount"]) == ("The line broke.", "5")
    assert dead.seed == {"URL": "https://x/7", "Name": "A name"}


@pytest.mark.parametrize(
    "sign",
    [queued(50), SourceExpanded(at=at(50), source_id="7", videos=1), source_failed(Verdict.RETRY, 50), accepted(50)],
    ids=lambda event: event.type,
)
def test_a_redriven_source_leaves_the_dead(sign: Event) -> None:
    rows = rows_after(accepted(), source_failed(Verdict.BURY), sign)

    assert DEAD_LETTER_SOURCES not in rows
    assert rows[SOURCES].values["Status"] == "in-progress"


@pytest.mark.parametrize("state", list(SourceState))
def test_a_source_shows_the_newest_counts_and_their_state(state: SourceState) -> None:
    values = source_after(accepted(), source_progress(state), source_progress(SourceState.PENDING, seconds=2))

    assert values["Status"] == state.value
    assert [values[name] for name in ("Videos", "Done", "Failed", "Progress")] == ["40", "12", "3", "12/40"]


def test_a_source_shows_when_it_will_be_done() -> None:
    told = source_progress(SourceState.IN_PROGRESS).model_copy(update={"finish_at": at(7200)})

    assert source_after(accepted(), told)["ETA"] == "2026-01-01T14:00:00Z"
    assert source_after(accepted(), told, source_progress(SourceState.DONE, seconds=50))["ETA"] == ""


def test_a_source_shows_by_whom_and_when_its_row_was_taken() -> None:
    first = accepted().model_copy(update={"worker": "box/sheet-ingestor"})

    values = source_after(first)
    assert (values["ClaimedBy"], values["ClaimedAt"]) == ("box/sheet-ingestor", "2026-01-01T12:00:00Z")
    assert source_after(first, taken(Taken.EDITED, 60))["ClaimedAt"] == "2026-01-01T12:01:00Z"


def test_what_is_wrong_with_a_row_is_told_beside_its_work_until_it_is_mended() -> None:
    told = (accepted(), source_failed(Verdict.RETRY), SourceNoted(at=at(60), source_id="7", note="No such\npreset."))

    assert (source_after(*told)["LastError"], source_after(*told)["Status"]) == ("No such preset.", "in-progress")
    mended = source_after(*told, SourceNoted(at=at(70), source_id="7", note=""))
    assert mended["LastError"] == "retry at 12:05 UTC (attempt 2): The line broke."


def test_the_dead_keep_what_the_row_said_last() -> None:
    edited = taken(Taken.EDITED, 2).model_copy(update={"url": "https://x/8", "columns": {"Name": "B"}, "preset": "mp3"})

    dead = rows_after(accepted(), edited, source_failed(Verdict.BURY))[DEAD_LETTER_SOURCES]

    assert (dead.seed["URL"], dead.seed["Name"]) == ("https://x/8", "B")


def test_the_ledgers_word_counts_although_a_listers_clock_is_ahead() -> None:
    expanded = SourceExpanded(at=at(3600), source_id="7", videos=1)

    assert source_after(accepted(), source_progress(SourceState.DONE), expanded)["Status"] == "done"


def test_entries_that_were_left_out_are_told() -> None:
    expanded = SourceExpanded(at=NOON, source_id="7", videos=1, refused=2, notes=("one is private", "one is odd"))

    assert source_after(expanded)["LastError"] == "2 of its entries left out: one is private; one is odd"


def test_what_there_is_to_say_of_a_listing_is_told_though_nothing_was_left_out() -> None:
    expanded = SourceExpanded(at=NOON, source_id="7", videos=9, notes=("2 a day: the last starts on 2026-01-05",))

    assert source_after(expanded)["LastError"] == "2 a day: the last starts on 2026-01-05"


def test_a_source_shows_how_many_its_filter_left_out_after_all() -> None:
    told = SourceProgress(at=at(40), source_id="7", state=SourceState.DONE, videos=5, done=2, failed=0, filtered=3)

    assert source_after(accepted(), told)["Progress"] == "2/5, 3 filtered"


def test_a_video_that_its_filter_leaves_out_says_so_and_is_not_among_the_dead() -> None:
    left_out = failed(Verdict.BURY).model_copy(update={"failure": filtered("uploaded before 2024-01-01")})

    rows = rows_after(queued(), claimed(), left_out)

    assert DEAD_LETTER_TASKS not in rows
    assert rows[VIDEO_TASKS].values["Status"] == "filtered"
    assert rows[VIDEO_TASKS].values["LastError"] == "Left out by the filter: uploaded before 2024-01-01."


def test_a_queued_video_is_pending() -> None:
    row = rows_after(queued())[VIDEO_TASKS]

    assert row.values == {
        "Status": "pending",
        "Duration": "61",
        "ClaimedBy": "",
        "ClaimedAt": "",
        "RetryCount": "0",
        "LastError": "",
        "Title": "A title",
        "Progress": "",
    }
    assert row.seed == {"URL": "https://x/vid"}


def test_a_video_without_a_length_has_a_blank_duration() -> None:
    event = VideosQueued(at=NOON, source_id="7", videos=(ListedVideo(video_id="vid", url="u"),))

    assert task_after(event)["Duration"] == ""


def test_a_claimed_video_says_by_whom_and_since_when() -> None:
    values = task_after(queued(), claimed(attempt=3))

    assert [values[name] for name in ("Status", "ClaimedBy", "ClaimedAt", "RetryCount")] == [
        "in-progress",
        "box/downloader",
        "2026-01-01T12:00:10Z",
        "2",
    ]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (progress(speed=1_234_567), "43% 1.2 MB/s"),
        (progress(), "43%"),
        (progress(done=200), "100%"),
        (progress(done=12_300_000, total=None, speed=2e6), "12.3 MB 2.0 MB/s"),
        (progress(done=0, total=None), "merging"),
    ],
)
def test_a_running_video_shows_its_progress(event: VideoProgress, text: str) -> None:
    assert task_after(queued(), claimed(), event)["Progress"] == text


@pytest.mark.parametrize("after", [downloaded(), failed(Verdict.RETRY), failed(Verdict.BURY), claimed(25, attempt=2)])
def test_progress_is_not_shown_once_the_attempt_is_over(after: Event) -> None:
    assert task_after(queued(), claimed(), progress(), after)["Progress"] == ""


@pytest.mark.parametrize(("verdict", "retries"), [(Verdict.RETRY, "2"), (Verdict.REFUND, "1"), (Verdict.PARK, "1")])
def test_a_video_that_comes_back_is_pending_and_only_a_charged_retry_counts(verdict: Verdict, retries: str) -> None:
    rows = rows_after(queued(), claimed(attempt=2), failed(verdict, attempt=2, after=timedelta(minutes=30)))

    values = rows[VIDEO_TASKS].values
    assert (values["Status"], values["ClaimedBy"], values["RetryCount"]) == ("pending", "", retries)
    assert values["LastError"] == "retry at 12:30 UTC (attempt 2): The line broke."
    assert DEAD_LETTER_TASKS not in rows


def test_a_wait_beyond_the_day_names_the_day() -> None:
    values = task_after(queued(), failed(Verdict.PARK, after=timedelta(days=3)))

    assert values["LastError"].startswith("retry at 2026-01-04 12:00 UTC")


def test_a_buried_video_lies_among_the_dead() -> None:
    rows = rows_after(queued(), claimed(attempt=6), failed(Verdict.BURY, attempt=6))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]
    dead = rows[DEAD_LETTER_TASKS]
    assert (dead.values["LastError"], dead.values["RetryCount"]) == ("The line broke.", "5")
    assert dead.values["ClaimedBy"] == "box/downloader"
    assert dead.seed == {"URL": "https://x/vid"}
    assert dead.values.keys() <= set(DEAD_LETTER_TASKS.system)


@pytest.mark.parametrize("sign", [claimed(50), downloaded(50)])
def test_a_redriven_video_leaves_the_dead(sign: Event) -> None:
    rows = rows_after(queued(), failed(Verdict.BURY), sign)

    assert DEAD_LETTER_TASKS not in rows


def test_a_purged_video_leaves_the_dead_at_once_and_its_row_says_so() -> None:
    rows = rows_after(queued(), claimed(attempt=6), failed(Verdict.BURY, attempt=6), settled(Fate.PURGED))

    values = rows[VIDEO_TASKS].values
    assert (values["Status"], values["LastError"], values["RetryCount"]) == ("error", "purged: The line broke.", "5")
    assert values["ClaimedBy"] == "box/downloader"
    assert DEAD_LETTER_TASKS not in rows


def test_a_redriven_video_leaves_the_dead_before_anybody_claims_it() -> None:
    rows = rows_after(queued(), claimed(attempt=6), failed(Verdict.BURY, attempt=6), settled(Fate.REDRIVEN))

    values = rows[VIDEO_TASKS].values
    assert (values["Status"], values["LastError"], values["RetryCount"]) == ("pending", "The line broke.", "0")
    assert values["ClaimedBy"] == ""
    assert DEAD_LETTER_TASKS not in rows


@pytest.mark.parametrize("fate", list(Fate))
def test_what_dies_again_after_a_purge_or_a_redrive_lies_among_the_dead(fate: Fate) -> None:
    rows = rows_after(queued(), failed(Verdict.BURY), settled(fate), claimed(50), failed(Verdict.BURY, 51))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]
    assert rows[VIDEO_TASKS].values["LastError"] == "The line broke."


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize(("sign", "status"), [(claimed(44), "in-progress"), (downloaded(44), "done")])
def test_a_copy_that_is_purged_or_redriven_changes_nothing_of_what_lives(fate: Fate, sign: Event, status: str) -> None:
    rows = rows_after(queued(), failed(Verdict.BURY), sign, settled(fate))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == [status, None]


def test_a_video_whose_death_was_never_heard_of_was_dead_all_the_same() -> None:
    values = task_after(queued(), settled(Fate.PURGED))

    assert (values["Status"], values["LastError"]) == ("error", "purged")


def test_a_listeners_dead_letter_about_a_video_says_nothing_of_the_video() -> None:
    rows = rows_after(queued(), failed(Verdict.BURY), settled(Fate.PURGED, queue=f"{STATUS_WRITER}.events"))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]


def test_a_purged_source_leaves_the_dead_and_a_redriven_one_is_pending_until_the_ledger_knows_more() -> None:
    buried = (accepted(), source_failed(Verdict.BURY), source_progress(SourceState.ERROR))

    purged = rows_after(*buried, settled_source(Fate.PURGED))
    redriven = rows_after(*buried, settled_source(Fate.REDRIVEN))
    on_its_way = rows_after(
        *buried, settled_source(Fate.REDRIVEN), source_progress(SourceState.IN_PROGRESS, seconds=46)
    )
    dead_again = rows_after(*buried, settled_source(Fate.PURGED), source_failed(Verdict.BURY, 50))

    assert statuses(purged, (SOURCES, DEAD_LETTER_SOURCES)) == ["error", None]
    assert purged[SOURCES].values["LastError"] == "purged: The line broke."
    assert statuses(redriven, (SOURCES, DEAD_LETTER_SOURCES)) == ["pending", None]
    assert statuses(on_its_way, (SOURCES, DEAD_LETTER_SOURCES)) == ["in-progress", None]
    assert statuses(dead_again, (SOURCES, DEAD_LETTER_SOURCES)) == ["error", "error"]


def test_a_finished_video_has_no_error_left() -> None:
    values = task_after(queued(), failed(Verdict.RETRY), claimed(25, attempt=2), downloaded(attempt=2))

    assert (values["Status"], values["LastError"], values["RetryCount"]) == ("done", "", "1")


@pytest.mark.parametrize("late", [claimed(5), failed(Verdict.RETRY, 5), failed(Verdict.BURY, 50), queued(50)])
def test_done_stays_done(late: Event) -> None:
    rows = rows_after(queued(), downloaded(), late)

    assert rows[VIDEO_TASKS].values["Status"] == "done"
    assert DEAD_LETTER_TASKS not in rows


def test_being_listed_again_does_not_put_a_running_video_back() -> None:
    assert task_after(queued(), claimed(), queued(60))["Status"] == "in-progress"


def test_an_older_event_changes_nothing() -> None:
    assert task_after(queued(), claimed(20, attempt=2), failed(Verdict.RETRY, 15))["Status"] == "in-progress"


def test_a_video_that_was_listed_before_our_time_is_not_added() -> None:
    assert not rows_after(downloaded())[VIDEO_TASKS].may_be_added
    assert rows_after(queued(), downloaded())[VIDEO_TASKS].may_be_added


def test_a_video_that_the_broker_gave_up_is_dead_with_a_reason() -> None:
    rows = rows_after(died(video_order()))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]
    assert "Given up after 11 deliveries" in rows[DEAD_LETTER_TASKS].values["LastError"]
    assert rows[DEAD_LETTER_TASKS].seed == {"URL": "https://x/vid"}


def test_a_source_that_the_broker_gave_up_is_dead_with_a_reason() -> None:
    order = ExpandSource(source_id="7", url="https://x/7", columns={"Name": "A name"})

    rows = rows_after(accepted(), died(order))

    assert statuses(rows, (SOURCES, DEAD_LETTER_SOURCES)) == ["error", "error"]
    assert "Given up after 11 deliveries" in rows[SOURCES].values["LastError"]


@pytest.mark.parametrize(
    "delivery",
    [
        died(video_order(), "rejected"),
        died(AddSource(url="u")),
        Delivery(video_order(), "id"),
        Delivery(downloaded().model_copy(update={"video_id": " "}), "id"),
    ],
)
def test_what_was_told_before_or_has_no_row_changes_nothing(delivery: Delivery) -> None:
    assert not rows_after(delivery)


def test_a_worker_shows_its_health() -> None:
    event = WorkerChanged(
        at=at(100),
        worker="box/downloader",
        service="downloader",
        host="box",
        health=WorkerHealth.STALE,
        last_seen=at(60),
        doing="a\nvideo",
    )
    older = event.model_copy(update={"at": at(50), "health": WorkerHealth.ACTIVE})

    assert rows_after(event, older)[WORKERS].values == {
        "LastSeen": "2026-01-01T12:01:00Z",
        "Status": "stale",
        "Service": "downloader",
        "Doing": "a video",
    }


STORY: tuple[Event, ...] = (
    accepted(),
    queued(),
    claimed(),
    progress(),
    failed(Verdict.RETRY),
    claimed(20, attempt=2),
    failed(Verdict.BURY, 25, attempt=2),
    queued(26),
    claimed(27),
    source_failed(Verdict.BURY),
    source_failed(Verdict.RETRY, 6),
    source_progress(SourceState.IN_PROGRESS, 6),
    SourceExpanded(at=at(7), source_id="7", videos=1),
)


@given(st.permutations(STORY), st.lists(st.sampled_from(STORY)))
def test_every_order_and_every_repetition_ends_in_the_same_rows(order: list[Event], repeated: list[Event]) -> None:
    assert rows_after(*order, *repeated) == rows_after(*STORY)


LIFE_AND_DEATH: tuple[Event, ...] = (
    *STORY,
    failed(Verdict.BURY, 28),
    settled(Fate.REDRIVEN, 28.5),
    claimed(29),
    failed(Verdict.REFUND, 30),
    failed(Verdict.BURY, 31),
    settled(Fate.PURGED, 31.5),
    source_failed(Verdict.BURY, 32),
    source_progress(SourceState.ERROR, 33),
    settled_source(Fate.REDRIVEN, 33.2),
    source_failed(Verdict.BURY, 33.4),
    settled_source(Fate.PURGED, 33.6),
    accepted(34),
    queued(35),
    source_progress(SourceState.IN_PROGRESS, 36),
    claimed(37),
    downloaded(38),
    failed(Verdict.BURY, 39),
)


@given(st.data())
def test_at_each_moment_the_tabs_of_the_dead_are_the_same_in_every_order(data: st.DataObject) -> None:
    told = LIFE_AND_DEATH[: data.draw(st.integers(1, len(LIFE_AND_DEATH)))]
    order = data.draw(st.permutations(told))
    repeated = data.draw(st.lists(st.sampled_from(told)))

    assert rows_after(*order, *repeated) == rows_after(*told)


DAY = 86_400
BURIALS = {
    "a clock that fell back a day": (claimed(10), failed(Verdict.BURY, 20 - DAY)),
    "a clock that was a day ahead": (claimed(10 + DAY), failed(Verdict.BURY, 20)),
    "one that fell back twice": (claimed(10), failed(Verdict.RETRY, 11), failed(Verdict.BURY, 12 - 2 * DAY)),
}


@pytest.mark.parametrize("told", BURIALS.values(), ids=BURIALS)
def test_what_was_buried_by_a_wrong_clock_lies_among_the_dead_all_the_same(told: tuple[Event, ...]) -> None:
    rows = rows_after(queued(), *told)

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]
    assert rows[DEAD_LETTER_TASKS].values["LastError"] == "The line broke."


@pytest.mark.parametrize("told", BURIALS.values(), ids=BURIALS)
def test_what_was_buried_by_a_wrong_clock_can_be_purged_and_die_again(told: tuple[Event, ...]) -> None:
    purged = (queued(), *told, settled(Fate.PURGED, 60), *told)
    again = (*purged, claimed(70), failed(Verdict.BURY, 80))

    assert statuses(rows_after(*purged), (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", None]
    assert statuses(rows_after(*again), (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]


def test_what_the_broker_gave_up_can_be_purged() -> None:
    rows = rows_after(queued(), claimed(), died(video_order()), settled(Fate.PURGED))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", None]
    assert rows[VIDEO_TASKS].values["LastError"].startswith("purged: Given up after 11 deliveries")


@pytest.mark.parametrize("told", BURIALS.values(), ids=BURIALS)
@pytest.mark.parametrize("end", [downloaded(40), downloaded(40 - DAY)], ids=["in time", "a day behind"])
def test_what_was_done_after_a_wrong_clock_is_done(told: tuple[Event, ...], end: Event) -> None:
    rows = rows_after(queued(), *told, end, *told)

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["done", None]


def test_a_lister_whose_clock_is_ahead_keeps_nothing_dead() -> None:
    rows = rows_after(queued(DAY), failed(Verdict.BURY, 20), claimed(30))

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["in-progress", None]


def test_an_old_burial_that_is_told_again_buries_nothing() -> None:
    burial = failed(Verdict.BURY, 20 - DAY)

    rows = rows_after(queued(), claimed(10), burial, claimed(30), burial)

    assert statuses(rows, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["in-progress", None]


def test_a_source_that_a_wrong_clock_buried_is_dead_until_a_wrong_clock_has_listed_it() -> None:
    burial = source_failed(Verdict.BURY, 5 - DAY)
    expanded = SourceExpanded(at=at(7 - 2 * DAY), source_id="7", videos=1)

    dead, alive = rows_after(accepted(), burial), rows_after(accepted(), burial, expanded, burial)

    assert statuses(dead, (SOURCES, DEAD_LETTER_SOURCES)) == ["error", "error"]
    assert statuses(alive, (SOURCES, DEAD_LETTER_SOURCES)) == ["in-progress", None]


@pytest.mark.parametrize("ahead", [0, DAY, -DAY], ids=["in time", "a day ahead", "a day behind"])
def test_what_the_broker_gave_up_is_dead_whatever_the_clock_of_its_worker_says(ahead: float) -> None:
    told = (queued(), claimed(10 + ahead), progress(11 + ahead), died(video_order()))

    dead, redriven = rows_after(*told, died(video_order())), rows_after(*told, claimed(30 + ahead))

    assert statuses(dead, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["error", "error"]
    assert "11 deliveries" in dead[VIDEO_TASKS].values["LastError"]
    assert dead[DEAD_LETTER_TASKS].values["RetryCount"] == "0"
    assert statuses(redriven, (VIDEO_TASKS, DEAD_LETTER_TASKS)) == ["in-progress", None]


def test_what_is_done_does_not_die() -> None:
    assert statuses(rows_after(queued(), downloaded(), died(video_order())), (VIDEO_TASKS, DEAD_LETTER_TASKS)) == [
        "done",
        None,
    ]

"""What the ledger makes of ends: a person's purge or redrive of what is dead, and burials by clocks that are wrong."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.commands import DownloadVideo, LedgerTopic, QueryLedger
from tubewarren.messages.events import (
    DeadSettled,
    Fate,
    ListedVideo,
    MessageBuried,
    SourceAccepted,
    SourceExpanded,
    SourceFailed,
    SourceState,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideosQueued,
)
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER, STATUS_WRITER
from tubewarren_services.results_manager.ledger import Ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GONE = Failure(kind=FailureKind.GONE, reason="It is private.", rule="members-only")
OF_IT: dict[str, Any] = {"video_id": "v1", "source_id": "s1", "worker": "w1"}
DAY = 86_400


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3", clock=lambda: at(600))
    yield ledger
    ledger.close()


def rows(ledger: Ledger, topic: LedgerTopic) -> list[dict[str, Any]]:
    return list(ledger.answer(QueryLedger(topic=topic)).rows)


def task(ledger: Ledger) -> tuple[str, str]:
    (row,) = rows(ledger, "tasks")
    return (row["state"], row["fate"])


def source(ledger: Ledger) -> tuple[str, str]:
    (row,) = rows(ledger, "sources")
    return (row["phase"], row["fate"])


def queued(seconds: float = 1) -> VideosQueued:
    return VideosQueued(at=at(seconds), source_id="s1", videos=(ListedVideo(video_id="v1", url="u"),))


def claimed(seconds: float, attempt: int = 1) -> VideoClaimed:
    return VideoClaimed(at=at(seconds), **OF_IT, attempt=attempt)


def failed(verdict: Verdict, seconds: float, attempt: int = 1) -> VideoFailed:
    return VideoFailed(at=at(seconds), **OF_IT, attempt=attempt, verdict=verdict, failure=GONE)


def downloaded(seconds: float) -> VideoDownloaded:
    return VideoDownloaded(at=at(seconds), **OF_IT, attempt=1, storage="here", size_bytes=1, sha256="x", seconds=1)


def source_failed(seconds: float) -> SourceFailed:
    return SourceFailed(at=at(seconds), source_id="s1", attempt=1, verdict=Verdict.BURY, failure=GONE)


def settled(fate: Fate, seconds: float, queue: str = DOWNLOADER, video_id: str = "v1") -> DeadSettled:
    return DeadSettled(
        at=at(seconds),
        queue=queue,
        buried_id="b",
        message_type="video.download.v1",
        fate=fate,
        source_id="s1",
        video_id=video_id,
    )


def settled_source(fate: Fate, seconds: float) -> DeadSettled:
    return settled(fate, seconds, SOURCE_EXPANDER, "")


def test_a_purged_video_stays_dead_and_is_known_as_purged_with_its_attempt_and_reason(ledger: Ledger) -> None:
    ledger.apply([queued(), claimed(2, attempt=3), failed(Verdict.BURY, 3, attempt=3)])

    changes = ledger.apply([settled(Fate.PURGED, 9)])

    assert task(ledger) == ("dead", "purged")
    (row,) = rows(ledger, "tasks")
    assert (row["attempt"], row["worker"], row["failure_reason"]) == (3, "w1", "It is private.")
    assert changes.sources == frozenset()


def test_a_redriven_video_waits_and_counts_as_open_again(ledger: Ledger) -> None:
    ledger.apply([queued(), failed(Verdict.BURY, 3)])

    changes = ledger.apply([settled(Fate.REDRIVEN, 4)])

    assert task(ledger)[0] == "waiting"
    assert changes.sources == {"s1"}
    (counts,) = ledger.progress(["s1"])
    assert counts.failed == 0


def test_a_redriven_video_is_purged_when_it_died_again_unheard(ledger: Ledger) -> None:
    for event in (queued(), failed(Verdict.BURY, 3), settled(Fate.REDRIVEN, 4), settled(Fate.PURGED, 5)):
        ledger.apply([event])

    assert task(ledger) == ("dead", "purged")


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize(
    ("later", "state"),
    [
        ([claimed(10)], "in-progress"),
        ([claimed(10), failed(Verdict.BURY, 11)], "dead"),
        ([downloaded(10)], "done"),
    ],
    ids=["claimed", "dead again", "done"],
)
def test_what_goes_on_after_a_purge_or_a_redrive_is_as_if_there_had_been_none(
    ledger: Ledger, fate: Fate, later: Sequence[Event], state: str
) -> None:
    ledger.apply([queued(), failed(Verdict.BURY, 3), settled(fate, 4), *later])

    assert task(ledger) == (state, "")


def test_a_copy_that_is_purged_while_another_is_worked_on_changes_nothing(ledger: Ledger) -> None:
    ledger.apply([queued(), failed(Verdict.BURY, 3), claimed(5), settled(Fate.PURGED, 6)])

    assert task(ledger)[0] == "in-progress"


@pytest.mark.parametrize(("fate", "state"), [(Fate.PURGED, "dead"), (Fate.REDRIVEN, "waiting")])
def test_a_video_whose_death_was_never_heard_of_was_dead_all_the_same(ledger: Ledger, fate: Fate, state: str) -> None:
    ledger.apply([queued(), settled(fate, 9)])

    assert task(ledger) == (state, fate.value)


def test_a_listeners_dead_letter_about_a_video_says_nothing_of_the_video(ledger: Ledger) -> None:
    ledger.apply([queued(), failed(Verdict.BURY, 3), settled(Fate.PURGED, 9, f"{STATUS_WRITER}.events")])

    assert task(ledger) == ("dead", "")


def test_a_purged_source_stays_buried_and_a_redriven_one_is_to_be_listed(ledger: Ledger) -> None:
    ledger.apply([SourceAccepted(at=at(0), source_id="s1", url="u"), source_failed(3)])

    purged = ledger.apply([settled_source(Fate.PURGED, 5)])
    after_purge = source(ledger)
    redriven = ledger.apply([settled_source(Fate.REDRIVEN, 6)])
    after_redrive = source(ledger)
    ledger.apply([source_failed(7)])

    assert (after_purge, purged.sources) == (("buried", "purged"), frozenset())
    assert (after_redrive, redriven.sources) == (("accepted", "redriven"), frozenset({"s1"}))
    assert source(ledger) == ("buried", "")


def test_a_burial_has_the_name_of_its_rule(ledger: Ledger) -> None:
    told = {"at": at(3), "queue": DOWNLOADER, "message_type": "", "attempt": 1}
    ledger.apply([MessageBuried(**told, buried_id="b", failure=GONE)])
    ledger.apply([MessageBuried(**told, buried_id="c", failure=GONE.model_copy(update={"rule": ""}))])

    assert [row["rule"] for row in rows(ledger, "burials")] == ["members-only", ""]


BURIALS: dict[str, tuple[Event, ...]] = {
    "a clock that fell back a day": (claimed(10), failed(Verdict.BURY, 20 - DAY)),
    "a clock that was a day ahead": (claimed(10 + DAY), failed(Verdict.BURY, 20)),
    "one that fell back twice": (claimed(10), failed(Verdict.RETRY, 11), failed(Verdict.BURY, 12 - 2 * DAY)),
}
by_wrong_clocks = pytest.mark.parametrize("told", BURIALS.values(), ids=BURIALS)


def tell(ledger: Ledger, events: Sequence[Event], *, at_once: bool) -> None:
    for batch in [events] if at_once else [[event] for event in events]:
        ledger.apply(batch)


@by_wrong_clocks
@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_buried_by_a_wrong_clock_is_dead_and_then_purged(
    ledger: Ledger, told: tuple[Event, ...], *, at_once: bool
) -> None:
    tell(ledger, [queued(), *told, *told], at_once=at_once)
    dead = task(ledger)
    tell(ledger, [settled(Fate.PURGED, 60), *told], at_once=at_once)

    assert (dead, task(ledger)) == (("dead", ""), ("dead", "purged"))


@by_wrong_clocks
def test_what_dies_again_after_a_wrong_clock_and_a_purge_is_dead(ledger: Ledger, told: tuple[Event, ...]) -> None:
    ledger.apply([queued(), *told, settled(Fate.PURGED, 60), claimed(70), failed(Verdict.BURY, 80)])

    assert task(ledger) == ("dead", "")


@by_wrong_clocks
@pytest.mark.parametrize("end", [downloaded(40), downloaded(40 - DAY)], ids=["in time", "a day behind"])
def test_what_was_done_after_a_wrong_clock_is_done(ledger: Ledger, told: tuple[Event, ...], end: Event) -> None:
    ledger.apply([queued(), *told, end, *told])

    assert task(ledger)[0] == "done"


def test_a_lister_whose_clock_is_ahead_keeps_nothing_dead(ledger: Ledger) -> None:
    for event in (queued(DAY), failed(Verdict.BURY, 20), claimed(30)):
        ledger.apply([event])

    assert task(ledger)[0] == "in-progress"


def test_an_old_burial_that_is_told_again_buries_nothing(ledger: Ledger) -> None:
    burial = failed(Verdict.BURY, 20 - DAY)

    for event in (queued(), claimed(10), burial, claimed(30), burial):
        ledger.apply([event])

    assert task(ledger)[0] == "in-progress"


@pytest.mark.parametrize("ahead", [0, 1800, DAY, -DAY])
def test_what_the_broker_gave_up_is_dead_whatever_the_clock_of_its_worker_says(ledger: Ledger, ahead: float) -> None:
    ledger.apply([queued(), claimed(10 + ahead)])

    ledger.bury(DownloadVideo(video_id="v1", url="u", source_id="s1"), GONE, at(20))

    assert task(ledger)[0] == "dead"


def test_a_source_that_a_wrong_clock_buried_is_dead_until_a_wrong_clock_has_listed_it(ledger: Ledger) -> None:
    burial = source_failed(5 - DAY)
    ledger.apply([SourceAccepted(at=at(0), source_id="s1", url="u"), burial])
    buried = ledger.progress(["s1"])[0].state

    ledger.apply([SourceExpanded(at=at(7 - 2 * DAY), source_id="s1", videos=1), burial])

    assert (buried, source(ledger)[0]) == (SourceState.ERROR, "listed")

"""What waits in the ledger, and what it knows of an order that may have been overtaken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.bumps import BumpOrders, Listing, OrdersBumped
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import (
    ListedVideo,
    SourceAccepted,
    SourceFailed,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideosQueued,
)
from tubewarren_services.results_manager.ledger import Ledger
from tubewarren_services.source_expander.handler import Given

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUMP = BumpOrders(storage="here", source_id="s1")
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def queued(*video_ids: str, seconds: float = 1, not_before: datetime | None = None) -> VideosQueued:
    videos = tuple(ListedVideo(video_id=each, url=f"u/{each}", not_before=not_before) for each in video_ids)
    return VideosQueued(at=at(seconds), source_id="s1", videos=videos)


def claimed(video_id: str, seconds: float) -> VideoClaimed:
    return VideoClaimed(at=at(seconds), video_id=video_id, source_id="s1", worker="w", attempt=1)


def failed(video_id: str, seconds: float, verdict: Verdict) -> VideoFailed:
    return VideoFailed(
        at=at(seconds), video_id=video_id, source_id="s1", worker="w", attempt=1, verdict=verdict, failure=GONE
    )


def downloaded(video_id: str, seconds: float) -> VideoDownloaded:
    return VideoDownloaded(
        at=at(seconds),
        video_id=video_id,
        source_id="s1",
        worker="w",
        attempt=1,
        storage="here",
        size_bytes=1,
        sha256="0",
        seconds=1,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3", storage="here", clock=lambda: at(600))
    yield ledger
    ledger.close()


def ids(pages: Iterator[list[Any]]) -> list[list[str]]:
    return [[row["video_id"] for row in page] for page in pages]


def known(ledger: Ledger, video_id: str | None) -> dict[str, Any]:
    (row,) = ledger.answer(QueryLedger(topic="bumped", source_id="s1", video_id=video_id)).rows
    return row


def test_only_what_nobody_has_begun_with_waits_in_the_order_of_the_list(ledger: Ledger) -> None:
    ledger.apply([queued("d", "b", seconds=1), queued("a", "c", "e", "f", seconds=2), queued("z", seconds=3)])
    ledger.apply([queued("y", not_before=at(7000)), queued("x", not_before=at(60))])
    ledger.apply([claimed("b", 5), failed("c", 6, Verdict.RETRY), failed("e", 6, Verdict.BURY), downloaded("f", 7)])

    assert ids(ledger.waiting(BUMP, 2)) == [["d", "x"], ["a", "z"]]
    assert ids(ledger.waiting(BUMP.model_copy(update={"video_id": "a"}), 2)) == [["a"]]
    standings = ledger.standings(BUMP)
    assert standings.videos == {"pending": 4, "later": 1, "in-progress": 1, "waiting": 1, "dead": 1, "done": 1}
    assert standings.listing is Listing.UNDER_WAY


def test_an_order_that_comes_again_leaves_out_what_it_has_bumped_and_a_later_one_does_not(ledger: Ledger) -> None:
    ledger.apply([queued("a", "b"), OrdersBumped(at=at(60), source_id="s1", priority=1, video_ids=("a",))])

    assert ids(ledger.waiting(BUMP.model_copy(update={"not_before": at(59)}), 2)) == [["b"]]
    assert ids(ledger.waiting(BUMP.model_copy(update={"not_before": at(61)}), 2)) == [["a", "b"]]


def test_what_waits_is_read_by_many_threads_while_others_write(ledger: Ledger) -> None:
    ledger.apply([queued("a", "b", "c")])
    pages = ledger.waiting(BUMP, 1)

    found = []
    for _ in range(3):
        with ThreadPoolExecutor(1) as thread:
            (row,) = thread.submit(next, pages).result()
        found.append(row["video_id"])
        ledger.apply([OrdersBumped(at=at(60), source_id="s1", priority=1, video_ids=(row["video_id"],))])

    assert found == ["a", "b", "c"]
    assert ids(pages) == []


def test_what_is_known_of_a_video_tells_whether_its_order_was_overtaken(ledger: Ledger) -> None:
    ledger.apply([queued("a", "b", "c")])
    ledger.apply([OrdersBumped(at=at(60), source_id="s1", priority=1, video_ids=("a", "b"))])
    ledger.apply([OrdersBumped(at=at(50), source_id="s1", priority=1, video_ids=("a",)), claimed("a", 65)])
    ledger.apply([failed("b", 66, Verdict.BURY)])

    assert known(ledger, "a") == {
        "bumped_at": at(60).isoformat(),
        "has_ended": False,
        "begun_at": at(65).isoformat(),
    }
    assert known(ledger, "b") == {"bumped_at": at(60).isoformat(), "has_ended": True, "begun_at": None}
    assert known(ledger, "c") == {"bumped_at": None, "has_ended": False, "begun_at": None}
    assert ledger.answer(QueryLedger(topic="bumped", source_id="s1", video_id="ab")).rows == ()
    heard = {moment: ledger.has_heard("s1", "a", at(moment)) for moment in (59, 60, 61)}
    assert heard == {59: True, 60: True, 61: False}
    assert not ledger.has_heard("s1", "c", at(0))
    assert Given.told_in(known(ledger, None)) is None, "a listing was heard of, and no list"


def test_what_is_known_of_a_source_tells_whether_its_listing_was_overtaken(ledger: Ledger) -> None:
    ledger.apply([SourceAccepted(at=at(0), source_id="s1", url="https://x.invalid/")])
    assert ledger.standings(BUMP).listing is Listing.BUMPED
    assert Given.told_in(known(ledger, None)) == Given(5, at(0))
    ledger.apply([OrdersBumped(at=at(5), source_id="s1", priority=1, is_listing=True)])

    assert known(ledger, None) == {
        "priority": 5,
        "listed_at": at(0).isoformat(),
        "bumped_at": at(5).isoformat(),
        "has_ended": False,
        "begun_at": None,
    }
    ledger.apply([queued("a", seconds=9)])
    assert known(ledger, None)["begun_at"] == at(9).isoformat()
    cut = SourceFailed(at=at(10), source_id="s1", attempt=1, verdict=Verdict.RETRY, failure=GONE)
    ledger.apply([cut])
    assert known(ledger, None)["begun_at"] is None
    assert ledger.standings(BUMP).listing is Listing.WAITING
    ledger.apply([cut.model_copy(update={"verdict": Verdict.BURY, "at": at(11)})])
    assert known(ledger, None)["has_ended"] is True
    assert ledger.standings(BUMP).listing is Listing.DEAD

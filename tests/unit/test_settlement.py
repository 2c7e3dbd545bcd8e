"""All retry policy as a table: outcome x attempt x ladder."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import (
    AddSource,
    DownloadVideo,
    ExpandSource,
    QueryLedger,
    ReturnResults,
    SelectResults,
)
from tubewarren.messages.events import MessageBuried, SourceFailed, Verdict, VideoFailed
from tubewarren.outcomes import Bury, Done, Outcome, Park, PassOn, Refund, Retry, SecondOpinion
from tubewarren.settlement import Forward, Settlement, announcements, is_too_early, obituary, park, settle
from tubewarren.topology import WorkQueue, questions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHY = Failure(kind=FailureKind.UNKNOWN, reason="Something happened.")
SHORT, MIDDLE, LONG = timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=2)
QUEUE = WorkQueue("downloader", (DownloadVideo,), (SHORT, MIDDLE, LONG), can_hold=True)
VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")
SOURCE = ExpandSource(source_id="7", url="https://x.invalid/7")


def waits(rung: str, attempt: int, verdict: Verdict, delay: timedelta) -> Settlement:
    return Settlement(Forward(rung, attempt), verdict=verdict, failure=WHY, next_at=NOON + delay)


def given_up(attempts: int) -> Settlement:
    tried = WHY.model_copy(update={"reason": f"Given up after {attempts} attempts: Something happened."})
    return Settlement(reject=True, verdict=Verdict.BURY, failure=tried)


BURIED = Settlement(reject=True, verdict=Verdict.BURY, failure=WHY)


@pytest.mark.parametrize(
    ("outcome", "attempt", "settlement"),
    [
        (Done(), 1, Settlement()),
        (Done(), 9, Settlement()),
        (Retry(WHY), 1, waits("downloader.retry.30s", 2, Verdict.RETRY, SHORT)),
        (Retry(WHY), 2, waits("downloader.retry.5m", 3, Verdict.RETRY, MIDDLE)),
        (Retry(WHY), 3, waits("downloader.retry.2h", 4, Verdict.RETRY, LONG)),
        (Retry(WHY), 4, given_up(4)),
        (Retry(WHY), 400, given_up(400)),
        (Bury(WHY), 1, BURIED),
        (Bury(WHY), 3, BURIED),
        (Refund(WHY), 1, waits("downloader.retry.30s", 1, Verdict.REFUND, SHORT)),
        (Refund(WHY), 4, waits("downloader.retry.30s", 4, Verdict.REFUND, SHORT)),
        (Refund(WHY, at_once=True), 3, waits("downloader", 3, Verdict.REFUND, timedelta(0))),
        (
            SecondOpinion(WHY, "home"),
            3,
            Settlement(
                Forward("downloader.retry.30s", 3, opinion="home"),
                verdict=Verdict.REFUND,
                failure=WHY,
                next_at=NOON + SHORT,
            ),
        ),
        (PassOn(), 3, Settlement(Forward("downloader", 3))),
        (PassOn("rung"), 3, Settlement(Forward("downloader.retry.30s", 3))),
        (PassOn("held"), 3, Settlement(Forward("downloader.held", 3))),
        (
            Park(WHY, NOON + timedelta(hours=3)),
            2,
            Settlement(
                Forward("downloader.retry.2h", 2, not_before=NOON + timedelta(hours=3)),
                verdict=Verdict.PARK,
                failure=WHY,
                next_at=NOON + timedelta(hours=3),
            ),
        ),
    ],
)
def test_each_outcome_has_one_consequence(outcome: Outcome, attempt: int, settlement: Settlement) -> None:
    assert settle(outcome, attempt, QUEUE, NOON) == settlement


@given(
    outcome=st.sampled_from([Done(), Retry(WHY), Bury(WHY), Refund(WHY), Refund(WHY, at_once=True), Park(WHY, NOON)]),
    attempt=st.integers(1, 20),
    ladder=st.lists(st.integers(1, 100_000), min_size=1, max_size=6, unique=True),
)
def test_nothing_is_both_sent_on_and_rejected_and_nothing_but_the_done_is_dropped(
    outcome: Outcome, attempt: int, ladder: list[int]
) -> None:
    queue = WorkQueue("q", (DownloadVideo,), tuple(timedelta(seconds=seconds) for seconds in ladder))

    settlement = settle(outcome, attempt, queue, NOON)

    kept = [settlement.forward is not None, settlement.reject]
    assert kept.count(True) == (0 if isinstance(outcome, Done) else 1)
    assert (settlement.verdict is None) == isinstance(outcome, Done)


@given(ladder=st.lists(st.integers(1, 100_000), min_size=1, max_size=6, unique=True))
def test_a_work_that_always_fails_climbs_every_rung_once_and_is_buried_after_the_last(ladder: list[int]) -> None:
    queue = WorkQueue("q", (DownloadVideo,), tuple(timedelta(seconds=seconds) for seconds in ladder))
    attempt, visited = 1, []

    while (settlement := settle(Retry(WHY), attempt, queue, NOON)).forward is not None:
        visited.append(settlement.forward.queue)
        attempt = settlement.forward.attempt

    assert visited == [rung.queue for rung in queue.rungs]
    assert settlement.reject
    assert attempt == len(ladder) + 1


@given(ladder=st.sets(st.integers(1, 5000), min_size=1, max_size=5), distance=st.integers(1, 2000))
def test_a_parked_message_always_comes_nearer_and_is_hardly_early_and_late_by_less_than_the_shortest_rung(
    ladder: set[int], distance: int
) -> None:
    queue = WorkQueue("q", (DownloadVideo,), tuple(timedelta(seconds=seconds) for seconds in ladder))
    delays = {rung.queue: rung.delay for rung in queue.rungs}
    until, now = NOON + timedelta(seconds=distance), NOON

    while True:
        hop = park(WHY, until, 1, queue, now)
        assert hop.forward is not None
        assert hop.forward.attempt == 1
        left, now = until - now, now + delays[hop.forward.queue]
        longest_fitting = max((delay for delay in delays.values() if delay <= left), default=min(delays.values()))
        assert delays[hop.forward.queue] == longest_fitting
        if not is_too_early(hop.forward.not_before, queue, now):
            break

    assert -min(delays.values()) / 2 <= now - until < min(delays.values())


@pytest.mark.parametrize("distance", [timedelta(0), timedelta(seconds=-5), timedelta(days=-5)])
def test_what_is_due_already_waits_on_the_shortest_rung_only(distance: timedelta) -> None:
    hop = park(WHY, NOON + distance, 3, QUEUE, NOON)

    assert hop.forward == Forward("downloader.retry.30s", 3, not_before=NOON + distance)


@pytest.mark.parametrize("outcome", [Retry(WHY), Refund(WHY), Park(WHY, NOON + LONG), Bury(WHY)])
def test_where_nothing_can_wait_what_cannot_be_done_is_given_up(outcome: Outcome) -> None:
    assert settle(outcome, 1, questions("main"), NOON) == BURIED


def test_what_is_handed_back_returns_at_once_even_where_nothing_can_wait() -> None:
    settlement = settle(Refund(WHY, at_once=True), 1, questions("main"), NOON)

    assert settlement.forward == Forward("results-manager.main.questions", 1)


@pytest.mark.parametrize(
    ("not_before", "is_early"),
    [
        (None, False),
        (NOON - timedelta(seconds=1), False),
        (NOON, False),
        (NOON + SHORT / 2, False),
        (NOON + SHORT / 2 + timedelta(microseconds=1), True),
    ],
)
def test_only_what_another_hop_brings_nearer_is_too_early(not_before: datetime | None, is_early: bool) -> None:  # noqa: FBT001
    assert is_too_early(not_before, QUEUE, NOON) is is_early


def test_a_failed_video_is_told_with_everything_a_person_wants_to_know() -> None:
    settlement = settle(Retry(WHY), 2, QUEUE, NOON)

    told = announcements(VIDEO, 2, settlement, "box/downloader", "home", NOON)

    assert told == (
        VideoFailed(
            at=NOON,
            video_id="v1",
            source_id="7",
            worker="box/downloader",
            egress="home",
            attempt=2,
            verdict=Verdict.RETRY,
            failure=WHY,
            next_at=NOON + MIDDLE,
        ),
    )


def test_a_failed_source_is_told_too() -> None:
    told = announcements(SOURCE, 1, settle(Bury(WHY), 1, QUEUE, NOON), "box/source-expander", "home", NOON)

    assert told == (
        SourceFailed(
            at=NOON,
            source_id="7",
            worker="box/source-expander",
            egress="home",
            attempt=1,
            verdict=Verdict.BURY,
            failure=WHY,
        ),
    )


@pytest.mark.parametrize(
    "message",
    [
        AddSource(url="https://x.invalid/"),
        SelectResults(source_ids=("7",)),
        ReturnResults(),
        QueryLedger(topic="summary"),
    ],
)
def test_of_other_orders_only_the_obituary_tells(message: Message) -> None:
    assert announcements(message, 1, settle(Bury(WHY), 1, QUEUE, NOON), "box/x", "home", NOON) == ()


def test_of_what_is_done_nothing_failed_is_told() -> None:
    assert announcements(VIDEO, 1, settle(Done(), 1, QUEUE, NOON), "box/downloader", "home", NOON) == ()


def test_an_obituary_says_what_lies_where_and_why() -> None:
    name = str(uuid4())

    assert obituary("downloader", name, "video.download.v1", 3, WHY, NOON) == MessageBuried(
        at=NOON, queue="downloader", buried_id=name, message_type="video.download.v1", attempt=3, failure=WHY
    )


@given(st.floats(0.001, 1), st.integers(1, 3))
def test_a_retry_comes_up_to_a_fifth_later_than_its_rung_and_never_earlier(spread: float, attempt: int) -> None:
    plain, spread_out = (settle(Retry(WHY), attempt, QUEUE, NOON, each) for each in (0.0, spread))

    assert plain.next_at is not None
    assert spread_out.next_at is not None
    assert spread_out.forward is not None
    assert plain.forward == Forward(spread_out.forward.queue, attempt + 1)
    assert spread_out.forward.not_before == spread_out.next_at
    delay = plain.next_at - NOON
    assert delay <= spread_out.next_at - NOON <= delay * 1.2


@pytest.mark.parametrize("outcome", [Done(), Bury(WHY), Refund(WHY), Park(WHY, NOON + LONG), PassOn()], ids=str)
def test_nothing_but_a_retry_is_spread(outcome: Outcome) -> None:
    assert settle(outcome, 1, QUEUE, NOON, 1.0) == settle(outcome, 1, QUEUE, NOON)

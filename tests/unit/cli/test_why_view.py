"""The story of one video."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tubewarren.messages.commands import DownloadVideo
from tubewarren.topology import DOWNLOADER, topology
from tubewarren_services.cli.commands.why import the_one_meant
from tubewarren_services.cli.plain_errors import CommandError
from tubewarren_services.cli.tables import Row
from tubewarren_services.cli.why_view import Story, standing_of, story_of, why_json, why_page
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORK = topology((timedelta(seconds=30), timedelta(minutes=5))).work_queue(DOWNLOADER)
TASK: Row = {
    "video_id": "vvvvvvvvvvv",
    "source_id": "7",
    "url": "https://y.test/v",
    "title": "A film",
    "state": "waiting",
    "state_at": (NOW - timedelta(seconds=10)).isoformat(),
    "next_at": (NOW + timedelta(seconds=290)).isoformat(),
    "queued_at": (NOW - timedelta(hours=1)).isoformat(),
    "claimed_at": (NOW - timedelta(minutes=1)).isoformat(),
    "worker": "box/downloader",
    "attempt": 2,
    "egress": "",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}
SOURCE: Row = {"source_id": "7", "url": "https://y.test/@ada", "columns": '{"Accent": "Irish", "Name": "Ada"}'}
FIRST: Row = {
    "source_id": "7",
    "attempt": 1,
    "ended_at": (NOW - timedelta(minutes=10)).isoformat(),
    "worker": "box/downloader",
    "egress": "203.0.113.7",
    "ending": "retry",
    "failure_kind": "transient",
    "failure_reason": "The line was cut.",
    "failure_detail": "IncompleteRead(1 byte)",
}
SECOND: Row = {**FIRST, "attempt": 2, "ended_at": (NOW - timedelta(seconds=10)).isoformat(), "egress": ""}
FILE: Row = {"video_id": "vvvvvvvvvvv", "storage": "main", "size_bytes": 9_400_000, "sha256": "ab" * 32}


def story(tasks: tuple[Row, ...] = (TASK,), files: tuple[Row, ...] = ()) -> Story:
    return story_of(tasks, [SOURCE], [FIRST, SECOND], files, WORK, NOW)


def at(state: str, **changes: Any) -> Row:
    return {**TASK, "state": state, **changes}


def in_time(**span: float) -> str:
    return (NOW + timedelta(**span)).isoformat()


STANDINGS: dict[str, tuple[Row, list[Row], str, str]] = {
    "pending": (
        at("pending", next_at=None),
        [],
        "in one of the queues downloader.p1 to downloader.p10, by its rank",
        "as soon as a worker is free",
    ),
    "pending for its day": (
        at("pending", next_at=in_time(hours=26)),
        [],
        "parked; it hops over the queues downloader.retry.* until its day",
        "2026-11-23 14:00:00 UTC, in 1 d: its source has so many a day",
    ),
    "filtered": (
        at("filtered"),
        [],
        "left out by its filter",
        "when the filter wants it and its source is expanded again",
    ),
    "in progress": (
        at("in-progress", egress="203.0.113.7"),
        [FIRST],
        "with box/downloader by way of 203.0.113.7, attempt 2, since 2026-11-22 11:59:00 UTC",
        "when that attempt ends",
    ),
    "on a rung": (at("waiting"), [SECOND], "in the queue downloader.retry.5m", "2026-11-22 12:04:50 UTC, in 4 min"),
    "on some rung": (
        at("waiting", next_at=in_time(hours=1)),
        [SECOND],
        "in one of the queues downloader.retry.*",
        "in 1 h",
    ),
    "parked": (
        at("waiting", next_at=in_time(days=3)),
        [{**SECOND, "ending": "park"}],
        "parked; it hops",
        "2026-11-25 12:00:00 UTC, in 3 d",
    ),
    "its wait is over": (
        at("waiting", next_at=in_time(seconds=-1)),
        [SECOND],
        "in one of the queues downloader.p1 to downloader.p10, by its rank,",
        "as soon as",
    ),
    "at once": (
        at("waiting", next_at=None),
        [SECOND],
        "in one of the queues downloader.p1 to downloader.p10, by its rank,",
        "as soon as",
    ),
    "done": (at("done"), [], "finished", "never"),
    "dead": (
        at("dead"),
        [],
        "in the dead queue downloader.dead",
        f"svc dead redrive {DownloadVideo(video_id='vvvvvvvvvvv', url='', source_id='7').message_id}",
    ),
    "something new": (at("dreaming"), [], "dreaming", ""),
}


@pytest.mark.parametrize(("task", "attempts", "where", "then"), STANDINGS.values(), ids=STANDINGS)
def test_where_it_is_and_when_it_moves(task: Row, attempts: list[Row], where: str, then: str) -> None:
    standing = standing_of(task, attempts, WORK, NOW)

    assert where in standing.where
    assert then in standing.then


@pytest.mark.parametrize("width", [60, 200])
def test_the_page_tells_everything_and_cuts_nothing(width: int) -> None:
    page = drawn(why_page(story(files=(FILE,)), width, NOW), width)

    told = " ".join(page.split())
    for words in (
        "vvvvvvvvvvv",
        "https://y.test/@ada",
        "Accent Irish",
        "A film",
        "downloader.retry.5m",
        "in 4 min",
        "0af7651916cd43dd8448eb211c80319c",
        "Attempt 1, ended 2026-11-22 11:50:00 UTC on box/downloader by way of 203.0.113.7: retry (transient)",
        "The line was cut.",
        "IncompleteRead(1 byte)",
        "9.4 MB",
    ):
        assert words in told
    assert "ab" * 32 in "".join(page.split())
    assert max(len(line) for line in page.splitlines()) <= width


def test_each_source_that_lists_a_video_is_told_with_its_own_attempts() -> None:
    other = {**TASK, "source_id": "12", "state": "done", "trace_id": None}

    first, second = story((TASK, other)).orders

    assert (first.task["source_id"], first.attempts, first.source) == ("12", (), None)
    assert (second.task["source_id"], second.attempts, second.source) == ("7", (FIRST, SECOND), SOURCE)
    assert "No attempt has ended yet." in drawn(why_page(story((other,)), 80, NOW), 80)


def test_a_machine_is_told_the_same() -> None:
    told: Any = why_json(story(files=(FILE,)))

    (order,) = told["orders"]
    assert told["video_id"] == "vvvvvvvvvvv"
    assert order["task"] == TASK
    assert order["source"]["columns"] == {"Accent": "Irish", "Name": "Ada"}
    assert [each["attempt"] for each in order["attempts"]] == [1, 2]
    assert order["where"] == "in the queue downloader.retry.5m"
    assert told["files"] == [FILE]


def test_a_story_with_as_many_attempts_as_are_remembered_says_that_there_may_be_more() -> None:
    long = story_of([TASK], [], [FIRST] * 23, [], WORK, NOW)

    assert "Only the first" in drawn(why_page(long, 80, NOW), 80)
    assert "Only the first" not in drawn(why_page(story(), 80, NOW), 80)


@pytest.mark.parametrize(
    ("video_ids", "beginning", "meant"),
    [(["abc", "abc"], "ab", "abc"), (["abc", "ab"], "ab", "ab"), (["abc", "xyz"], "x", "xyz")],
)
def test_a_beginning_means_the_only_one_that_begins_so(video_ids: list[str], beginning: str, meant: str) -> None:
    assert the_one_meant(video_ids, beginning, beginning) == meant


@pytest.mark.parametrize(
    ("video_ids", "beginning", "code", "words"),
    [
        ([], "abc", 1, "knows no video 7/abc"),
        (["xyz"], "abc", 1, "svc tasks list"),
        (["abc"], "", 1, "Give its ID"),
        (["abc", "abd"], "ab", 2, "Which one? abc, abd"),
        ([f"ab{number:02}" for number in range(12)], "ab", 2, "ab09 and 2 more"),
    ],
)
def test_what_is_unknown_or_ambiguous_is_said(video_ids: list[str], beginning: str, code: int, words: str) -> None:
    with pytest.raises(CommandError, match=words.replace("?", r"\?")) as complaint:
        the_one_meant(video_ids, beginning, f"7/{beginning}")

    assert complaint.value.exit_code == code

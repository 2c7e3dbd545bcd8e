"""Turning a source into orders, page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults
from tubewarren.messages.events import ListedVideo, SourceExpanded, SourceRefreshed, VideosQueued, VideosUnlisted
from tubewarren.outcomes import Bury, Done, Outcome, Park, Refund, Retry
from tubewarren.youtube.errors import AddressRefusedError, YoutubeFailedError
from tubewarren.youtube.filter_text import read_filter
from tubewarren.youtube.wire import Entry, Page
from tubewarren_services.source_expander.handler import Given, Ports, handle
from tubewarren_services.source_expander.refresh import NOTHING_KNOWN, Known

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
SOURCE = ExpandSource(source_id="7", url="https://x.invalid/7", columns={"Name": "Ada"}, priority=3, preset="audio")


def entry(key: str, **more: Any) -> Entry:
    told: dict[str, Any] = {"title": f"Title {key}", "duration_seconds": 61.5, **more}
    return Entry(key=key, url=f"https://x.invalid/{key}", **told)


@dataclass
class World:
    """A site with pages, and everything that happened, in order."""

    pages: list[Page | Exception]
    happened: list[Any] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    filter: str = ""
    known: Known | None = NOTHING_KNOWN
    is_closed: bool = False
    breaks_on_publish: bool = False
    given: list[Given | None] = field(default_factory=list)
    seconds_a_page: float = 2
    seconds: float = 0

    async def list_pages(self, source: ExpandSource, known: Known) -> AsyncIterator[Page]:
        assert known == (self.known if source.refresh else Known())
        try:
            for number, page in enumerate(self.pages, start=1):
                self.happened.append(f"page {number} of {source.url}")
                self.seconds += self.seconds_a_page
                if isinstance(page, Exception):
                    raise page
                yield page
        finally:
            self.is_closed = True

    async def ask(self, source_id: str) -> Known | None:
        assert source_id == "7"
        return self.known

    async def ask_for_priority(self, source_id: str) -> Given | None:
        assert source_id == "7"
        return self.given.pop(0) if self.given else None

    async def publish(self, *messages: Message) -> None:
        if self.breaks_on_publish:
            raise ConnectionError
        self.happened.extend(messages)

    async def expand(self, message: Message = SOURCE, attempt: int = 1) -> Outcome:
        ports = Ports(
            worker="box/source-expander",
            egress="home",
            presets=("audio", "small"),
            wanted=lambda _: read_filter(self.filter),
            known=self.ask,
            pages=self.list_pages,
            publish=self.publish,
            working_on=lambda *words: self.said.append(words),
            given=self.ask_for_priority,
            timer=lambda: self.seconds,
        )
        return await handle(Delivery(message, "id", attempt=attempt, ordered_at=NOON), ports=ports)

    def orders(self) -> list[str]:
        return [each.video_id for each in self.happened if isinstance(each, DownloadVideo)]

    def priorities(self) -> list[int]:
        return [each.priority for each in self.happened if isinstance(each, DownloadVideo)]


def page(*keys: str, left_out: tuple[str, ...] = ()) -> Page:
    return Page(entries=tuple(entry(key) for key in keys), left_out=left_out)


def summary(outcome: Outcome) -> SourceExpanded:
    assert isinstance(outcome, Done)
    (expanded,) = outcome.publish
    assert isinstance(expanded, SourceExpanded)
    return expanded


async def test_each_page_is_told_then_ordered_before_the_next_is_asked_for() -> None:
    world = World([page("a", "b"), page("c")])

    await world.expand()

    kinds = [each if isinstance(each, str) else (type(each).__name__) for each in world.happened]
    assert kinds == [
        "page 1 of https://x.invalid/7",
        "VideosQueued",
        "DownloadVideo",
        "DownloadVideo",
        "page 2 of https://x.invalid/7",
        "VideosQueued",
        "DownloadVideo",
    ]


async def test_what_is_found_has_the_priority_that_its_source_was_given_after_it_was_ordered() -> None:
    pages: list[Page | Exception] = [page("a"), page("b"), page("c"), page("d")]
    world = World(pages, given=[Given(5, NOON - timedelta(days=1)), None, Given(1, LATER), Given(9, LATER)])

    await world.expand()

    assert world.priorities() == [3, 3, 1, 9]


async def test_a_copy_that_was_sent_ahead_is_newer_than_what_the_list_said_before() -> None:
    world = World([page("a")], given=[Given(5, LATER)])

    await world.expand(SOURCE.model_copy(update={"bumped_at": LATER + timedelta(seconds=1)}))

    assert world.priorities() == [3]


async def test_the_priority_is_not_asked_for_at_every_page_and_the_last_answer_holds() -> None:
    world = World([page("a"), page("b"), page("c")], given=[Given(1, LATER), Given(9, LATER)], seconds_a_page=1)

    await world.expand()

    assert world.priorities() == [1, 1, 9]


async def test_an_order_carries_what_the_source_and_the_list_know() -> None:
    world = World([page("a")])

    outcome = await world.expand()

    _, told, order = world.happened
    assert isinstance(told, VideosQueued)
    assert told.videos == (
        ListedVideo(video_id="a", url="https://x.invalid/a", title="Title a", duration_seconds=61.5),
    )
    assert order == DownloadVideo(
        video_id="a",
        url="https://x.invalid/a",
        source_id="7",
        title="Title a",
        duration_seconds=61.5,
        columns={"Name": "Ada"},
        priority=3,
        preset="audio",
    )
    assert (summary(outcome).source_id, summary(outcome).videos) == ("7", 1)


async def test_a_video_is_ordered_once_however_often_and_on_however_many_pages_it_is_listed() -> None:
    world = World([page("a", "b", "a"), page("b", "c"), page("a", "c")])

    outcome = await world.expand()

    assert world.orders() == ["a", "b", "c"]
    assert [each.place for each in world.happened if isinstance(each, DownloadVideo)] == [1, 2, 3]
    assert summary(outcome).videos == 3
    assert [len(each.videos) for each in world.happened if isinstance(each, VideosQueued)] == [2, 1]


async def test_what_is_left_out_is_counted_and_the_first_reasons_are_kept() -> None:
    world = World([page("a", left_out=("hidden 1",) * 15), page(left_out=("hidden 2",) * 15)])

    expanded = summary(await world.expand())

    assert expanded.refused == 30
    assert expanded.notes == ("hidden 1",) * 15 + ("hidden 2",) * 5


async def test_what_the_filter_leaves_out_is_not_ordered_but_counted_and_explained() -> None:
    pages: list[Page | Exception] = [
        Page(entries=(entry("a"), entry("b", duration_seconds=5), entry("c", title="A trailer"))),
        Page(entries=(entry("b", duration_seconds=5), entry("d", duration_seconds=None)), left_out=("hidden",)),
    ]
    world = World(pages, filter="1m.., title !~ trailer")

    expanded = summary(await world.expand())

    assert world.orders() == ["a", "d"]
    assert [video.video_id for each in world.happened if isinstance(each, VideosQueued) for video in each.videos] == [
        "a",
        "d",
    ]
    assert (expanded.videos, expanded.refused) == (2, 3)
    assert expanded.notes == ("1 shorter than 1m", "1 whose title matches 'trailer'", "hidden")


async def test_the_newest_end_the_listing_when_there_are_enough() -> None:
    world = World([page("a", "b"), page("c", "d"), page("e")], filter="newest 3")

    expanded = summary(await world.expand())

    assert world.orders() == ["a", "b", "c"]
    assert (expanded.videos, expanded.refused, expanded.notes) == (3, 0, ())
    assert "page 3 of https://x.invalid/7" not in world.happened
    assert world.is_closed


async def test_a_page_of_which_nothing_is_wanted_is_not_told() -> None:
    world = World([page("a")], filter="title ~ nothing")

    expanded = summary(await world.expand())

    assert world.happened == ["page 1 of https://x.invalid/7"]
    assert (expanded.videos, expanded.refused) == (0, 1)


async def test_so_many_a_day_are_told_and_ordered_for_their_days() -> None:
    world = World([page("a", "b"), page("c", "d", "e")], filter="2 a day")

    expanded = summary(await world.expand())

    orders = [each for each in world.happened if isinstance(each, DownloadVideo)]
    told = [video.not_before for each in world.happened if isinstance(each, VideosQueued) for video in each.videos]
    assert [order.not_before for order in orders] == told
    assert told[:2] == [None, None]
    second, also_second, third = (day for day in told[2:] if day is not None)
    assert second == also_second == third - timedelta(days=1)
    assert timedelta(hours=23) < second - datetime.now(UTC) <= timedelta(days=1)
    assert expanded.notes == (f"2 a day: the last starts on {third:%Y-%m-%d}",)


async def test_a_filter_that_cannot_be_understood_buries_the_source_with_what_can_be_written() -> None:
    world = World([page("a")], filter="the best ones")

    outcome = await world.expand()

    assert isinstance(outcome, Bury)
    assert "The filter has 'the best ones'; what can be written is: newest 50" in outcome.failure.reason
    assert world.happened == []


async def test_a_preset_that_this_expander_lacks_leaves_the_source_to_others_for_it_may_hold_a_filter() -> None:
    world = World([page("a")])

    outcome = await world.expand(SOURCE.model_copy(update={"preset": "large"}))

    assert isinstance(outcome, Refund)
    assert (outcome.at_once, outcome.failure.kind) == (False, FailureKind.UNFIT)
    assert "knows no preset 'large' (it knows audio, small)" in outcome.failure.reason
    assert world.happened == []


async def test_a_repeat_gives_the_same_orders_under_the_same_ids() -> None:
    first = World([page("a", "b")], filter="1 a day")
    second = World([page("a"), page("b")])

    await first.expand()
    await second.expand()

    ids = [[each.message_id for each in world.happened if isinstance(each, DownloadVideo)] for world in (first, second)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FailureKind.TRANSIENT, Retry),
        (FailureKind.EXTRACTOR, Retry),
        (FailureKind.UNKNOWN, Retry),
        (FailureKind.POISON, Retry),
        (FailureKind.BLOCKED, Refund),
        (FailureKind.UNFIT, Refund),
        (FailureKind.NOT_YET, Park),
        (FailureKind.GONE, Bury),
        (FailureKind.GATED, Bury),
        (FailureKind.BAD_INPUT, Bury),
    ],
)
async def test_a_failure_in_the_middle_keeps_what_was_ordered_and_has_its_class_decide(
    kind: FailureKind, outcome: type[Outcome]
) -> None:
    failure = Failure(kind=kind, reason="So it is.")
    world = World([page("a"), YoutubeFailedError(failure)])

    result = await world.expand()

    assert type(result) is outcome
    assert getattr(result, "failure", None) == failure
    assert world.orders() == ["a"]


async def test_an_address_that_is_refused_buries_the_source() -> None:
    failure = Failure(kind=FailureKind.BAD_INPUT, reason="Not allowed.")

    assert await World([AddressRefusedError(failure)]).expand() == Bury(failure)


async def test_the_listing_is_closed_when_it_cannot_be_ordered_to_its_end() -> None:
    world = World([page("a"), page("b")], breaks_on_publish=True)

    with pytest.raises(ConnectionError):
        await world.expand()

    assert world.is_closed
    assert world.happened == ["page 1 of https://x.invalid/7"]


async def test_the_heartbeat_hears_how_far_it_is_and_when_it_is_over() -> None:
    world = World([page("a", "b"), YoutubeFailedError(Failure(kind=FailureKind.GONE, reason="x"))])

    await world.expand()

    assert world.said == [("7", "source 7: 2 videos so far"), ("7", "")]


async def test_another_order_is_a_bug() -> None:
    with pytest.raises(TypeError, match=r"results\.return\.v1"):
        await World([]).expand(ReturnResults())


NEWS = SOURCE.model_copy(update={"refresh": "news", "channel_id": "UC1"})
ALL = SOURCE.model_copy(update={"refresh": "all"})


def published(outcome: Outcome) -> list[Any]:
    assert isinstance(outcome, Done)
    return [*outcome.publish]


async def test_a_refresh_orders_only_what_is_new_and_tells_so() -> None:
    world = World([page("new", "a"), page("b")], known=Known(frozenset({"a", "b", "gone"})))

    (told,) = published(await world.expand(NEWS))

    assert world.orders() == ["new"]
    assert isinstance(told, SourceRefreshed)
    assert (told.fresh, told.is_whole, told.problem, told.channel_id) == (1, False, "", "UC1")


async def test_a_refresh_of_all_tells_what_left_the_list_and_what_came_back() -> None:
    known = Known(frozenset({"a", "gone", "back", "long gone"}), frozenset({"back", "long gone"}))
    world = World([page("a", "back")], known=known)

    moved, told = published(await world.expand(ALL))

    assert isinstance(moved, VideosUnlisted)
    assert (moved.gone, moved.back) == (("gone",), ("back",))
    assert told.is_whole
    assert world.orders() == []


async def test_a_refresh_that_stopped_where_enough_was_found_says_nothing_of_the_rest() -> None:
    world = World([page("new", "newer"), page("a")], filter="newest 2", known=Known(frozenset({"a", "b"})))

    (told,) = published(await world.expand(ALL))

    assert not told.is_whole


async def test_the_newest_of_a_refresh_are_not_filled_up_with_older_ones_that_were_never_wanted() -> None:
    world = World([page("new", "a", "b", "older", "oldest")], filter="newest 3", known=Known(frozenset({"a", "b"})))

    await world.expand(ALL)

    assert world.orders() == ["new"]


async def test_without_a_ledger_a_refresh_waits_and_lists_nothing() -> None:
    world = World([page("a")], known=None)

    outcome = await world.expand(NEWS)

    assert isinstance(outcome, Refund)
    assert "No results-manager answers" in outcome.failure.reason
    assert world.happened == []


@pytest.mark.parametrize(
    ("kind", "attempt", "expected"),
    [
        (FailureKind.GONE, 1, Done),
        (FailureKind.TRANSIENT, 1, Retry),
        (FailureKind.TRANSIENT, 3, Done),
        (FailureKind.BLOCKED, 9, Refund),
    ],
)
async def test_a_refresh_that_fails_goes_into_no_dead_queue(
    kind: FailureKind, attempt: int, expected: type[Outcome]
) -> None:
    failure = Failure(kind=kind, reason="It does not work.")
    world = World([YoutubeFailedError(failure)], known=Known(frozenset({"a"})))

    outcome = await world.expand(NEWS, attempt)

    assert isinstance(outcome, expected)
    if isinstance(outcome, Done):
        (told,) = outcome.publish
        assert isinstance(told, SourceRefreshed)
        assert told.problem == "It does not work."


async def test_a_listing_tells_which_channel_it_was() -> None:
    world = World([Page(entries=(entry("a", channel_id="UC1"),))])

    assert summary(await world.expand()).channel_id == "UC1"

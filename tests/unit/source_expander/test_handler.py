"""Turning a source into orders, page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults
from tubewarren.messages.events import ListedVideo, SourceExpanded, VideosQueued
from tubewarren.outcomes import Bury, Done, Outcome, Park, Refund, Retry
from tubewarren.youtube.errors import AddressRefusedError, YoutubeFailedError
from tubewarren.youtube.wire import Entry, Page
from tubewarren_services.source_expander.handler import Ports, handle

SOURCE = ExpandSource(source_id="7", url="https://x.invalid/7", columns={"Name": "Ada"}, priority=3, preset="audio")


def entry(key: str) -> Entry:
    return Entry(key=key, url=f"https://x.invalid/{key}", title=f"Title {key}", duration_seconds=61.5)


@dataclass
class World:
    """A site with pages, and everything that happened, in order."""

    pages: list[Page | Exception]
    happened: list[Any] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    is_closed: bool = False
    breaks_on_publish: bool = False

    async def list_pages(self, url: str) -> AsyncIterator[Page]:
        try:
            for number, page in enumerate(self.pages, start=1):
                self.happened.append(f"page {number} of {url}")
                if isinstance(page, Exception):
                    raise page
                yield page
        finally:
            self.is_closed = True

    async def publish(self, *messages: Message) -> None:
        if self.breaks_on_publish:
            raise ConnectionError
        self.happened.extend(messages)

    async def expand(self, message: Message = SOURCE) -> Outcome:
        ports = Ports(
            "box/source-expander", "home", self.list_pages, self.publish, lambda *words: self.said.append(words)
        )
        return await handle(Delivery(message, "id"), ports=ports)

    def orders(self) -> list[str]:
        return [each.video_id for each in self.happened if isinstance(each, DownloadVideo)]


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
    assert summary(outcome).videos == 3
    assert [len(each.videos) for each in world.happened if isinstance(each, VideosQueued)] == [2, 1]


async def test_what_is_left_out_is_counted_and_the_first_reasons_are_kept() -> None:
    world = World([page("a", left_out=("hidden 1",) * 15), page(left_out=("hidden 2",) * 15)])

    expanded = summary(await world.expand())

    assert expanded.refused == 30
    assert expanded.notes == ("hidden 1",) * 15 + ("hidden 2",) * 5


async def test_a_repeat_gives_the_same_orders_under_the_same_ids() -> None:
    first, second = World([page("a", "b")]), World([page("a"), page("b")])

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

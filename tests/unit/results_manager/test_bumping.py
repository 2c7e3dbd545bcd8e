"""Bumping: what is published, in which order, and what is answered."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tubewarren.messages import Message
from tubewarren.messages.bumps import BumpAnswered, BumpOrders, Listing, OrdersBumped
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.outcomes import Done, Retry
from tubewarren_services.results_manager.bumping import Ports, bump
from tubewarren_services.results_manager.ledger.errors import LedgerUnavailableError
from tubewarren_services.results_manager.ledger.sources import Course, Entry, Phase, Source
from tubewarren_services.results_manager.ledger.standings import Standings
from tubewarren_services.results_manager.ledger.tasks import Setback

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENTRY = Entry("https://example.org/", '{"Name": "Ada", "Preset": "audio"}', 5, NOON)
BUMP = BumpOrders(storage="main", source_id="1", priority=2)


def source(phase: Phase, *, failed_at: datetime | None = None) -> Source:
    setback = Setback("transient", "The line was cut.", failed_at) if failed_at else None
    return Source("1", course=Course(phase, NOON), entry=ENTRY, setback=setback)


def video(number: int) -> dict[str, Any]:
    return {"video_id": f"v{number}", "url": f"u/{number}", "title": "A film", "duration_seconds": 61.5}


@dataclass
class World:
    """A ledger with what waits, page by page, and whatever was published."""

    source: Source | None = None
    counts: dict[str, int] = field(default_factory=dict)
    pages: list[list[dict[str, Any]]] = field(default_factory=list)
    published: list[tuple[Message, ...]] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)
    heard_after: int = 0
    looked: list[str] = field(default_factory=list)
    is_ledger_away: bool = False

    async def standings(self, order: BumpOrders) -> Standings:
        del order
        if self.is_ledger_away:
            raise LedgerUnavailableError("no database")
        return Standings(self.source, self.counts)

    async def waiting(self, order: BumpOrders) -> AsyncGenerator[Sequence[dict[str, Any]], None]:
        del order
        for page in self.pages:
            yield page

    async def has_heard(self, order: BumpOrders, video_id: str, at: datetime) -> bool:
        assert (order.source_id, at) == ("1", NOON)
        self.looked.append(video_id)
        return len(self.looked) > self.heard_after

    async def publish(self, *messages: Message) -> None:
        self.published.append(messages)

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    @property
    def ports(self) -> Ports:
        return Ports(self.standings, self.waiting, self.has_heard, self.publish, lambda: NOON, self.pause)

    async def answer(self, order: BumpOrders) -> BumpAnswered:
        outcome = await bump(order, ports=self.ports)
        assert isinstance(outcome, Done)
        assert isinstance(outcome.reply, BumpAnswered)
        return outcome.reply


async def test_copies_are_sent_page_by_page_and_told_of_when_the_broker_has_them() -> None:
    world = World(source(Phase.LISTED), {"pending": 3, "done": 4}, [[video(1), video(2)], [video(3)]])

    answer = await world.answer(BUMP)

    assert [[type(message) for message in together] for together in world.published] == [
        [DownloadVideo, DownloadVideo],
        [OrdersBumped],
        [DownloadVideo],
        [OrdersBumped],
    ]
    assert world.published[0][0] == DownloadVideo(
        video_id="v1",
        url="u/1",
        source_id="1",
        title="A film",
        duration_seconds=61.5,
        columns={"Name": "Ada", "Preset": "audio"},
        priority=2,
        preset="audio",
        bumped_at=NOON,
    )
    assert world.published[1] == (OrdersBumped(at=NOON, source_id="1", priority=2, video_ids=("v1", "v2")),)
    assert (answer.bumped, answer.left, answer.listing) == (3, {"done": 4}, Listing.NONE)


async def test_a_dry_run_sends_nothing_and_answers_the_same() -> None:
    world = World(source(Phase.ACCEPTED), {"pending": 3, "dead": 1}, [[video(1)]])

    answer = await world.answer(BUMP.model_copy(update={"dry_run": True}))

    assert world.published == []
    assert (answer.bumped, answer.left, answer.listing, answer.dry_run) == (3, {"dead": 1}, Listing.BUMPED, True)


async def test_copies_that_keep_their_places_are_counted_over_all_pages_and_others_are_all_the_first() -> None:
    pages = [[video(1), video(2)], [video(3)]]
    keeping, jumping = World(pages=pages), World(pages=pages)

    await keeping.answer(BUMP.model_copy(update={"keeps_places": True}))
    await jumping.answer(BUMP)

    def places(world: World) -> list[int]:
        sent = (message for together in world.published for message in together)
        return [message.place for message in sent if isinstance(message, DownloadVideo)]

    assert places(keeping) == [1, 2, 3]
    assert places(jumping) == [1, 1, 1]


async def test_the_ledger_hears_of_one_page_before_it_is_told_of_the_next_unless_it_is_far_behind() -> None:
    pages = [[video(1), video(2)], [video(3)], [video(4)]]
    world, hopeless = World(pages=pages, heard_after=2), World(pages=pages, heard_after=1000)

    await world.answer(BUMP)
    assert (await hopeless.answer(BUMP)).bumped == 4

    assert world.looked == ["v2", "v2", "v2", "v3"]
    assert world.paused == [0.1, 0.1]


async def test_a_source_that_waits_to_be_listed_is_listed_sooner() -> None:
    world = World(source(Phase.ACCEPTED))

    await world.answer(BUMP)

    (copy,), (told,) = world.published
    assert copy == ExpandSource(
        source_id="1",
        url=ENTRY.url,
        columns={"Name": "Ada", "Preset": "audio"},
        priority=2,
        preset="audio",
        bumped_at=NOON,
    )
    assert told == OrdersBumped(at=NOON, source_id="1", priority=2, is_listing=True)


@pytest.mark.parametrize(
    ("found", "listing"),
    [
        (None, Listing.NONE),
        (source(Phase.LISTED), Listing.NONE),
        (source(Phase.REFUSED), Listing.NONE),
        (source(Phase.LISTING), Listing.UNDER_WAY),
        (source(Phase.LISTING, failed_at=NOON), Listing.WAITING),
        (source(Phase.BURIED), Listing.DEAD),
    ],
)
async def test_a_listing_that_waits_for_nobody_is_left_alone(found: Source | None, listing: Listing) -> None:
    world = World(found)

    assert (await world.answer(BUMP)).listing is listing

    assert world.published == []


async def test_of_a_single_video_the_listing_is_nobodys_business() -> None:
    world = World(source(Phase.ACCEPTED), {"pending": 1}, [[video(1)]])

    answer = await world.answer(BUMP.model_copy(update={"video_id": "v1"}))

    assert (answer.listing, answer.bumped) == (Listing.NONE, 1)
    assert [type(together[0]) for together in world.published] == [DownloadVideo, OrdersBumped]


@pytest.mark.parametrize(("ahead", "waited"), [(6, 6), (-1, 0), (3600, 10)])
async def test_it_begins_when_every_worker_has_heard_of_it_whatever_the_askers_clock_says(
    ahead: float, waited: float
) -> None:
    world = World()

    await world.answer(BUMP.model_copy(update={"not_before": NOON + timedelta(seconds=ahead)}))

    assert world.paused == [waited]


async def test_a_ledger_that_is_away_is_waited_for() -> None:
    world = World(is_ledger_away=True)

    outcome = await bump(BUMP, ports=world.ports)

    assert isinstance(outcome, Retry)
    assert world.published == []

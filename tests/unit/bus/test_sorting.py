"""Sorting: what comes to a work queue with lanes goes on to where it waits for its turn, or for its time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tubewarren.bus.codec import encode
from tubewarren.bus.lanes import sort
from tubewarren.messages import Message
from tubewarren.messages.commands import AddSource, DownloadVideo
from tubewarren.settlement import Forward
from tubewarren.topology import WorkQueue

if TYPE_CHECKING:
    from tubewarren.bus.publisher import Publisher

LADDER = (timedelta(minutes=5), timedelta(hours=2))
QUEUE = WorkQueue("work", (DownloadVideo,), LADDER, has_lanes=True)
VIDEO = DownloadVideo(video_id="v", url="u", source_id="7", priority=2, place=30)


@dataclass
class FakeChannel:
    acked: list[int] = field(default_factory=list)

    async def basic_ack(self, delivery_tag: int, **_: object) -> None:
        self.acked.append(delivery_tag)


@dataclass
class FakePublisher:
    sent: list[Forward] = field(default_factory=list)

    async def forward(self, _: object, forward: Forward) -> None:
        self.sent.append(forward)


async def sorted_to(message: Message, attempt: int = 1, not_before: datetime | None = None) -> Forward:
    amqp = encode(message, attempt=attempt, not_before=not_before)
    same = ("type", "body", "message_id", "headers", "reply_to", "correlation_id", "timestamp")
    channel, publisher = FakeChannel(), FakePublisher()
    incoming: Any = SimpleNamespace(
        **{name: getattr(amqp, name) for name in same}, redelivered=False, channel=channel, delivery_tag=4
    )

    await sort(incoming, QUEUE, cast("Publisher", publisher))

    assert channel.acked == [4]
    (forward,) = publisher.sent
    return forward


@pytest.mark.parametrize(("message", "lane"), [(VIDEO, "work.p4"), (AddSource(url="u"), "work.p5")])
async def test_an_order_goes_to_the_lane_of_its_rank_and_is_charged_nothing(message: Message, lane: str) -> None:
    assert await sorted_to(message, attempt=3) == Forward(lane, 3)


async def test_what_came_back_before_its_time_goes_on_waiting() -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    assert await sorted_to(VIDEO, 2, tomorrow) == Forward("work.retry.2h", 2, not_before=tomorrow)
    assert await sorted_to(VIDEO, 2, datetime.now(UTC)) == Forward("work.p4", 2)

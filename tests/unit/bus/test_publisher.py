"""How often a message is sent, and what becomes of it when the broker does not confirm it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from tubewarren.bus.publisher import Publisher
from tubewarren.messages.commands import DownloadVideo
from tubewarren.telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from aio_pika.abc import AbstractRobustChannel

VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")


@dataclass
class Channel:
    """Confirms what is sent, but for the first ones, which the broker is silent about."""

    silences: int = 0
    is_closed: bool = False
    sent: list[Mapping[str, Any]] = field(default_factory=list)

    async def get_underlay_channel(self) -> "Channel":
        return self

    async def basic_publish(self, body: bytes, **how: Any) -> None:
        assert body
        self.sent.append(how)
        if len(self.sent) <= self.silences:
            raise TimeoutError


def publisher_on(channel: Channel) -> Publisher:
    return Publisher(cast("AbstractRobustChannel", channel), Telemetry(), timedelta(seconds=5))


async def test_only_a_repeat_waits_until_the_socket_takes_it() -> None:
    channel = Channel(silences=2)

    await publisher_on(channel).publish(VIDEO)

    assert [how["wait"] for how in channel.sent] == [False, True, True]


async def test_a_connection_that_fell_silent_is_not_taken_for_our_own_cancellation() -> None:
    """The library ends what waits on a connection without heartbeats by cancelling it: nobody cancelled us."""

    class FallsSilentOnce(Channel):
        async def basic_publish(self, body: bytes, **how: Any) -> None:
            await super().basic_publish(body, **how)
            if len(self.sent) == 1:
                waiting = asyncio.get_running_loop().create_future()
                waiting.cancel()
                await waiting

    channel = FallsSilentOnce()

    await publisher_on(channel).publish(VIDEO)

    assert len(channel.sent) == 2


async def test_several_messages_are_under_way_at_once() -> None:
    both_are_sent = asyncio.Event()

    class Slow(Channel):
        async def basic_publish(self, body: bytes, **how: Any) -> None:
            await super().basic_publish(body, **how)
            if len(self.sent) == 2:
                both_are_sent.set()
            await both_are_sent.wait()

    async with asyncio.timeout(30):
        await publisher_on(Slow()).publish(VIDEO, VIDEO.model_copy(update={"video_id": "v2"}))


async def test_each_try_is_given_up_when_the_publishers_patience_ends() -> None:
    channel = Channel()

    await publisher_on(channel).publish(VIDEO)

    (how,) = channel.sent
    assert 4 < how["timeout"] <= 5

"""What nobody can read is buried with a reason, in every queue, and holds up nothing."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from integration.bus.support import (
    HEARD,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    downloaded,
    listen,
    part_of,
    until,
    video,
)
from tubewarren.bus import Bus
from tubewarren.bus.codec import encode
from tubewarren.delivery import Delivery
from tubewarren.failures import FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import MessageBuried, VideoDownloaded
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import topology

pytestmark = pytest.mark.broker

SYSTEM = topology()
EVERY_QUEUE = [*(queue.name for queue in SYSTEM.work), *(queue.name for queue in SYSTEM.events)]
NEWER = json.dumps({"video_id": "a", "anything": 1}).encode()


@pytest.mark.parametrize("name", EVERY_QUEUE)
async def test_garbage_a_stranger_and_the_future_are_buried_and_the_queue_goes_on(
    vhost_url: str, stranger: Stranger, name: str
) -> None:
    async with declared_bus(vhost_url, part_of(SYSTEM, name)) as bus, bus.watch(MessageBuried.type) as obituaries:
        handled: list[Message] = []
        good = await consume(bus, name, handled)
        await stranger.put(name, b"{not json", type=good.type, message_id="garbage")
        await stranger.put_nameless(name, "[]", type=good.type)
        await stranger.put(name, b"{}", type="who.knows.v1", message_id="unknown")
        await stranger.put(name, NEWER, type="video.download.v2", message_id="newer")
        await stranger.put(name, b"{}", message_id="nameless")
        await stranger.put(name, encode(good).body, type=good.type, message_id="good")

        await until(lambda: good in handled)
        await stranger.holds(f"{name}.dead", 5)
        told = [(await asyncio.wait_for(obituaries.get(), 20)).message for _ in range(5)]

        assert obituaries.empty()
    buried = {event.buried_id: event for event in told if isinstance(event, MessageBuried)}
    digests = {key for key in buried if key.startswith("sha256:")}
    assert buried.keys() - digests == {"garbage", "unknown", "newer", "nameless"}
    assert len(digests) == 1
    assert {event.queue for event in buried.values()} == {name}
    assert {event.failure.kind for event in buried.values()} == {FailureKind.POISON}
    assert "update this worker" in buried["newer"].failure.reason
    assert "video.download.v2" in buried["newer"].failure.reason
    assert "(none)" in buried["nameless"].failure.reason
    assert good.type in buried["garbage"].failure.reason
    await stranger.holds(name, 0)


async def consume(bus: Bus, name: str, handled: list[Message]) -> Message:
    """Starts to consume a queue of either kind, and returns a message that can be read there."""

    async def handle(delivery: Delivery) -> Outcome:
        handled.append(delivery.message)
        return Done()

    async def handle_batch(batch: Sequence[Delivery]) -> None:
        handled.extend(delivery.message for delivery in batch)

    if name in {queue.name for queue in SYSTEM.work}:
        await bus.consume_commands(SYSTEM, name, handle, prefetch=1)
        command = SYSTEM.work_queue(name).commands[0]
        return command.model_validate(_fields_for(command))
    await bus.consume_events(name, handle_batch, 10, timedelta(milliseconds=10))
    return downloaded("good")


def _fields_for(command: type[Message]) -> dict[str, object]:
    needed = {"url": "https://y.test/a", "video_id": "a", "source_id": "s1", "source_ids": ["s1"]}
    return {name: value for name, value in needed.items() if name in command.model_fields}


async def test_what_was_given_up_elsewhere_unread_is_not_buried_again_by_its_listeners(
    vhost_url: str, stranger: Stranger
) -> None:
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await bus.consume_commands(SMALL, WORK, Recorder(), prefetch=1)
        await stranger.put(WORK, b"{not json", type=DownloadVideo.type, message_id="garbage")
        await stranger.holds(f"{WORK}.dead", 1)
        await bus.publisher.publish(downloaded("later"))
        await until(lambda: len(heard.of(VideoDownloaded)) == 1)

        assert [event.queue for event in heard.of(MessageBuried)] == [WORK]
        await stranger.holds(f"{HEARD}.events", 0)
        await stranger.holds(f"{HEARD}.events.dead", 0)


async def test_headers_of_a_stranger_do_not_make_a_message_unreadable(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder()
    odd = {"tubewarren-attempt": "many", "tubewarren-not-before": "tomorrow", "traceparent": 7, "x-death": "yes"}
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        body = encode(video("a")).body
        await stranger.put(WORK, body, type=DownloadVideo.type, headers=odd)
        await until(lambda: consumption.settled == 1)

    (delivery,) = handler.seen
    assert (delivery.attempt, delivery.not_before, delivery.death, dict(delivery.trace)) == (1, None, None, {})

"""Publishing: what returns has been taken by the broker, and what has no queue is said to have none."""

import asyncio
from datetime import UTC, datetime

import aio_pika
import pytest

from integration.bus.relay import relay_to
from integration.bus.support import WORK, Stranger, declared_bus, downloaded, in_time, until, video
from tubewarren.bus import BusClosedError, UnroutableError, open_bus
from tubewarren.messages.events import VideoDownloaded, VideoProgress, WorkerBeat, WorkerState
from tubewarren.topology import EVENTS

pytestmark = pytest.mark.broker


async def test_what_was_published_is_in_its_queue_when_publish_returns(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(video(f"v{number}") for number in range(50)))

        assert await stranger.depth(WORK) == 50


async def test_a_command_without_a_queue_is_unroutable(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test") as bus:
        with pytest.raises(UnroutableError, match="svc topology declare"):
            await bus.publisher.publish(video("a"))


async def test_a_missing_exchange_ends_nobody_elses_publication(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus:
        async with stranger.channel() as channel:
            await channel.exchange_delete(EVENTS)

        results = await asyncio.gather(
            bus.publisher.publish(downloaded("x")),
            bus.publisher.publish(video("a")),
            bus.publisher.publish(video("b")),
            return_exceptions=True,
        )

        assert isinstance(results[0], UnroutableError)
        assert not any(results[1:])
        assert await stranger.depth(WORK) >= 2


async def test_an_event_that_nobody_listens_to_is_no_error(vhost_url: str) -> None:
    beat = WorkerBeat(at=datetime.now(UTC), worker="w", service="s", host="h", process_id=1, state=WorkerState.ACTIVE)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(beat)


async def test_only_progress_may_be_lost_with_the_broker(vhost_url: str, stranger: Stranger) -> None:
    progress = VideoProgress(at=datetime.now(UTC), video_id="a", source_id="s1", worker="w", phase="media")
    async with declared_bus(vhost_url) as bus, stranger.channel() as channel:
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "#")

        await bus.publisher.publish(progress, downloaded("b"), video("c"))

        async with queue.iterator(no_ack=True) as messages:
            events = [await anext(messages), await anext(messages)]
    command = await stranger.take(WORK)

    assert {event.type: event.delivery_mode for event in events} == {
        VideoProgress.type: aio_pika.DeliveryMode.NOT_PERSISTENT,
        VideoDownloaded.type: aio_pika.DeliveryMode.PERSISTENT,
    }
    assert command.delivery_mode is aio_pika.DeliveryMode.PERSISTENT


async def test_when_one_of_several_is_unroutable_nothing_goes_on_behind_our_back(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test") as bus:
        others = asyncio.all_tasks()

        with pytest.raises(UnroutableError):
            await bus.publisher.publish(*(video(f"v{number}") for number in range(20)))

        assert {task.get_name() for task in asyncio.all_tasks() - others if "_publish" in repr(task)} == set()


async def test_a_lost_line_repeats_what_was_in_flight(vhost_url: str, stranger: Stranger) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        publishing = asyncio.create_task(bus.publisher.publish(*(video(f"v{number}") for number in range(500))))
        await asyncio.sleep(0)
        relay.cut()
        await publishing

        assert 500 <= await stranger.depth(WORK) <= 1000


async def test_closing_the_bus_ends_publications_that_wait_for_the_broker(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus:
        # Closed behind the bus's back: nothing will ever bring this channel back.
        await bus.publisher._channel.close()
        waiting = asyncio.create_task(bus.publisher.publish(video("a")))
        await until(lambda: "_unless_closed" in repr(waiting) or not waiting.done())

    with pytest.raises(BusClosedError):
        async with in_time():
            await waiting
    assert await stranger.depth(WORK) == 0


async def test_a_publication_that_is_cancelled_is_not_repeated(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await relay.close()
        publishing = asyncio.create_task(bus.publisher.publish(video("a")))
        await asyncio.sleep(0)
        publishing.cancel()

        with pytest.raises(asyncio.CancelledError):
            async with in_time():
                await publishing

"""What becomes of a claim: every outcome, carried out on a real broker."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integration.bus.support import (
    BUSY,
    GONE,
    LADDER,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    answering,
    declared_bus,
    downloaded,
    listen,
    never_ending,
    small_topology,
    until,
    video,
)
from tubewarren.bus.codec import ATTEMPT
from tubewarren.bus.command_consumption import CommandConsumption
from tubewarren.bus.publisher import Publisher
from tubewarren.delivery import Delivery
from tubewarren.messages import Message
from tubewarren.messages.events import MessageBuried, Verdict, VideoDownloaded, VideoFailed
from tubewarren.outcomes import Bury, Done, Outcome, Park, Refund, Retry

pytestmark = pytest.mark.broker

DEAD_WORK = f"{WORK}.dead"


async def test_a_claim_whose_work_waited_for_something_that_was_ended_comes_again(vhost_url: str) -> None:
    async def wait_for_what_ends(delivery: Delivery) -> Outcome:
        if not delivery.is_redelivered:
            ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            ended.cancel()
            return await ended
        return Done()

    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, Recorder(wait_for_what_ends), prefetch=1)
        await bus.publisher.publish(video("a"))

        await until(lambda: consumption.settled == 1)


async def test_a_claim_is_kept_until_it_is_settled(vhost_url: str, stranger: Stranger) -> None:
    may_end = asyncio.Event()

    async def wait(_: Delivery) -> Outcome:
        await may_end.wait()
        return Done()

    handler = Recorder(wait)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"), video("b"), video("c"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: len(handler.seen) == 2)
        assert (consumption.in_hand, consumption.settled) == (2, 0)
        assert await stranger.depth(WORK) == 1

        may_end.set()
        await until(lambda: consumption.settled == 3)

    assert handler.names == ["a", "b", "c"]
    assert await stranger.depth(WORK) == 0


async def test_an_order_for_a_later_time_hops_until_then_and_nobody_is_told(vhost_url: str) -> None:
    topology = small_topology(topics=(VideoFailed,))
    handler = Recorder()
    async with declared_bus(vhost_url, topology) as bus:
        heard = await listen(bus, topology)
        await bus.consume_commands(topology, WORK, handler, prefetch=1)
        # On a busy machine the way to the handler takes a while, too.
        day = datetime.now(UTC) + timedelta(seconds=2)
        await bus.publisher.publish(video("later").model_copy(update={"not_before": day}), video("now"))
        await until(lambda: len(handler.seen) == 2)
        arrived = datetime.now(UTC)

    assert handler.names == ["now", "later"]
    assert arrived > day - LADDER[0] / 2
    assert handler.seen[1].attempt == 1
    assert heard.seen == []


async def test_what_a_handler_publishes_is_there_before_its_claim_is_gone(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(answering(Done((downloaded("a"),)), Done((downloaded("a"),))))
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        consumption._publisher = stalling = StallingPublisher(bus.publisher)
        await bus.publisher.publish(video("a"))
        await stalling.has_published.wait()
        await lose_channel(consumption)
        await until(lambda: consumption.settled == 1)
        await until(lambda: len(heard.of(VideoDownloaded)) == 2)

    assert [delivery.is_redelivered for delivery in handler.seen] == [False, True]
    assert await stranger.depth(WORK) == 0


class StallingPublisher(Publisher):
    """Publishes, and the first time never comes back from it: the moment between publication and ack, for ever."""

    def __init__(self, real: Publisher) -> None:
        super().__init__(real._channel, real.telemetry)
        self.has_published = asyncio.Event()

    async def publish(self, *messages: Message, **options: Any) -> None:
        await super().publish(*messages, **options)
        if messages and not self.has_published.is_set():
            self.has_published.set()
            await asyncio.Event().wait()


async def lose_channel(consumption: CommandConsumption) -> None:
    assert consumption._subscription is not None
    assert consumption._subscription._line is not None
    underlay = await consumption._subscription._line.channel.get_underlay_channel()
    await underlay.close()


async def test_a_retry_climbs_every_rung_and_is_buried_after_the_last(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(answering(*[Retry(BUSY)] * 3))
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(heard.dead) == 1)
        await until(lambda: len(heard.of(VideoFailed)) == 3)

    assert [delivery.attempt for delivery in handler.seen] == [1, 2, 3]
    assert {delivery.message_id for delivery in handler.seen} == {str(video("a").message_id)}
    assert [event.verdict for event in heard.of(VideoFailed)] == [Verdict.RETRY, Verdict.RETRY, Verdict.BURY]
    waits = [event.next_at - event.at for event in heard.of(VideoFailed)[:2]]
    assert all(rung <= wait <= rung * 1.2 for wait, rung in zip(waits, LADDER, strict=True))
    dead = await stranger.take(DEAD_WORK)
    assert dead.headers[ATTEMPT] == 3


async def test_a_retried_command_is_not_taken_for_a_dead_one(vhost_url: str) -> None:
    handler = Recorder(answering(Retry(BUSY)))
    async with declared_bus(vhost_url) as bus:
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 2)

    assert [delivery.death for delivery in handler.seen] == [None, None]


async def test_a_refund_comes_back_after_the_shortest_rung_uncharged(vhost_url: str) -> None:
    handler = Recorder(answering(Retry(BUSY), Refund(BUSY), Refund(BUSY)))
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 4)
        await until(lambda: len(heard.of(VideoFailed)) == 3)

    assert [delivery.attempt for delivery in handler.seen] == [1, 2, 2, 2]
    failed = heard.of(VideoFailed)
    assert [event.verdict for event in failed] == [Verdict.RETRY, Verdict.REFUND, Verdict.REFUND]
    assert failed[1].next_at - failed[1].at == LADDER[0]


async def test_a_refund_at_once_goes_behind_the_others_without_a_wait(vhost_url: str) -> None:
    handler = Recorder(answering(Refund(BUSY, at_once=True)))
    topology = small_topology(ladder=(timedelta(hours=1),))
    async with declared_bus(vhost_url, topology) as bus:
        await bus.publisher.publish(video("a"), video("b"))
        await bus.consume_commands(topology, WORK, handler, prefetch=1)
        await until(lambda: len(handler.seen) == 3)

    assert handler.names == ["a", "b", "a"]
    assert [delivery.attempt for delivery in handler.seen] == [1, 1, 1]


async def test_a_parked_command_hops_over_the_rungs_and_is_not_handled_early(
    vhost_url: str, stranger: Stranger
) -> None:
    release = datetime.now(UTC) + timedelta(seconds=1.6)
    called_at: list[datetime] = []

    async def park_once(_: Delivery) -> Outcome:
        called_at.append(datetime.now(UTC))
        return Park(BUSY, release) if len(called_at) == 1 else Done()

    handler = Recorder(park_once)
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.settled == 2)

    assert len(called_at) == 2
    assert called_at[1] >= release - LADDER[0] / 2, "another hop would overshoot"
    assert [delivery.attempt for delivery in handler.seen] == [1, 1]
    assert await stranger.depth(WORK) == 0


async def test_a_buried_command_lies_in_the_dead_queue_and_everybody_learns_why(
    vhost_url: str, stranger: Stranger
) -> None:
    handler = Recorder(answering(Bury(GONE)))
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(heard.seen) == 3)

    dead = await stranger.take(DEAD_WORK)
    (buried,) = heard.of(MessageBuried)
    assert buried.buried_id == dead.message_id
    assert (buried.queue, buried.message_type, buried.attempt) == (WORK, "video.download.v1", 1)
    assert buried.failure == GONE
    assert [event.verdict for event in heard.of(VideoFailed)] == [Verdict.BURY]
    (by_way_of_death,) = heard.dead
    assert by_way_of_death.message == video("a")
    assert by_way_of_death.death is not None
    assert (by_way_of_death.death.queue, by_way_of_death.death.reason) == (WORK, "rejected")


async def test_a_burial_after_a_ladder_is_told_as_a_burial(vhost_url: str) -> None:
    """The broker's record then has two entries: the rung, where it expired, and the work queue."""
    handler = Recorder(answering(Retry(BUSY), Bury(GONE)))
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(heard.dead) == 1)

    death = heard.dead[0].death
    assert death is not None
    assert (death.queue, death.reason) == (WORK, "rejected")
    assert heard.dead[0].attempt == 2


async def test_an_exception_of_a_handler_is_a_retry_that_says_so(vhost_url: str) -> None:
    async def stumble(delivery: Delivery) -> Outcome:
        if delivery.attempt == 1:
            raise ZeroDivisionError("a defect")
        return Done()

    handler = Recorder(stumble)
    async with declared_bus(vhost_url) as bus:
        heard = await listen(bus)
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.settled == 2)
        await until(lambda: len(heard.of(VideoFailed)) == 1)

    assert [delivery.attempt for delivery in handler.seen] == [1, 2]
    (failed,) = heard.of(VideoFailed)
    assert failed.verdict is Verdict.RETRY
    assert "ZeroDivisionError: a defect" in failed.failure.reason


async def test_work_whose_next_step_has_no_queue_is_held_and_not_lost(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(answering(Retry(BUSY)))
    async with declared_bus(vhost_url) as bus:
        async with stranger.channel() as channel:
            await channel.queue_delete(SMALL.work_queue(WORK).rungs[0].queue)
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await bus.publisher.publish(video("a"))
        await until(lambda: len(handler.seen) == 1)
        assert (consumption.in_hand, consumption.settled) == (1, 0)

        await bus.declare(SMALL)
        await until(lambda: consumption.settled == 2)

    assert [delivery.attempt for delivery in handler.seen] == [1, 2]


async def test_two_consumers_share_a_queue_without_a_command_in_two_hands(vhost_url: str, stranger: Stranger) -> None:
    first, second = Recorder(), Recorder()
    async with declared_bus(vhost_url, worker="one") as one, declared_bus(vhost_url, worker="two") as two:
        a = await one.consume_commands(SMALL, WORK, first, prefetch=2)
        b = await two.consume_commands(SMALL, WORK, second, prefetch=2)
        await one.publisher.publish(*(video(f"v{number}") for number in range(100)))
        await until(lambda: a.settled + b.settled == 100)

    assert sorted(first.names + second.names) == sorted(f"v{number}" for number in range(100))
    assert min(len(first.seen), len(second.seen)) > 0
    assert await stranger.depth(WORK) == 0


async def test_a_claim_that_hangs_does_not_keep_others_from_being_worked_on(vhost_url: str) -> None:
    async def hang_on_a(delivery: Delivery) -> Outcome:
        return await never_ending(delivery) if delivery.message == video("a") else Done()

    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, Recorder(hang_on_a), prefetch=2)
        await bus.publisher.publish(*(video(name) for name in "abcde"))
        await until(lambda: consumption.settled == 4)
        assert consumption.in_hand == 1

"""Lanes: on every broker, the best work first, never more than there are hands, and nothing lost on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.bus.relay import relay_to
from integration.bus.support import (
    GRACE,
    SMALL,
    WORK,
    Recorder,
    Stranger,
    declared_bus,
    never_ending,
    until,
    video,
)
from tubewarren.bus import Bus
from tubewarren.bus.codec import encode
from tubewarren.delivery import Delivery
from tubewarren.health.findings import ABSENT, CONSUMING, RESTING
from tubewarren.messages.commands import AddSource, DownloadVideo
from tubewarren.outcomes import Done, Outcome, PassOn
from tubewarren.topology import WorkQueue

pytestmark = pytest.mark.broker

(_WITHOUT,) = SMALL.work
LANED = replace(SMALL, work=(replace(_WITHOUT, has_lanes=True),))
QUEUE: WorkQueue = LANED.work[0]


def ranked(name: str, priority: int, place: int = 1) -> DownloadVideo:
    return video(name, priority).model_copy(update={"place": place})


def until_set(may_end: asyncio.Event) -> Callable[[Delivery], Awaitable[Outcome]]:
    async def wait(_: Delivery) -> Outcome:
        await may_end.wait()
        return Done()

    return wait


async def in_all(bus: Bus) -> int:
    """What waits, in hand or not, is counted by nobody; what is ready is."""
    depths = await bus.depths(LANED)
    return sum((depths[queue.name] or (0, 0))[0] for queue in QUEUE.queues())


async def lies_in(bus: Bus, queue: str, number: int) -> None:
    async def is_so() -> bool:
        return (await bus.depths(LANED))[queue] == (number, 0)

    await until(is_so)


async def test_a_backlog_is_worked_off_by_rank_on_every_broker(vhost_url: str) -> None:
    handler = Recorder()
    async with declared_bus(vhost_url, LANED) as bus:
        huge = [ranked(f"h{place}", 5, place) for place in (1, 2, 11, 101, 1_001, 1_002)]
        await bus.publisher.publish(ranked("last", 10), *huge)
        await bus.publisher.publish(ranked("small", 5), ranked("urgent", 1), ranked("late", 9))
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        await until(lambda: consumption.settled == 10)

        expected = ["urgent", "h1", "small", "h2", "h11", "h101", "h1001", "h1002", "late", "last"]
        assert handler.names == expected
        assert not any(delivery.is_redelivered for delivery in handler.seen)


async def test_work_of_several_ranks_finds_every_worker_who_waits_for_some(vhost_url: str) -> None:
    may_end = asyncio.Event()
    handler = Recorder(until_set(may_end))
    async with declared_bus(vhost_url, LANED) as bus, declared_bus(vhost_url, LANED) as another:
        both = [await each.consume_commands(LANED, WORK, handler, prefetch=2) for each in (bus, another)]
        orders = [ranked(f"v{number}", number) for number in range(1, 11)]
        await bus.publisher.publish(*orders)
        await until(lambda: len(handler.seen) == 4)

        # Nothing lies with who has no hand for it.
        async def all_others_are_there() -> bool:
            return await in_all(bus) == 6

        await until(all_others_are_there)
        assert [each.in_hand for each in both] == [2, 2]
        may_end.set()
        await until(lambda: sum(each.settled for each in both) == 10)

    assert sorted(handler.names) == sorted(order.video_id for order in orders)


async def test_what_is_more_urgent_is_next_though_it_came_last(vhost_url: str) -> None:
    may_end = asyncio.Event()
    handler = Recorder(until_set(may_end))
    async with declared_bus(vhost_url, LANED) as bus:
        await bus.publisher.publish(*(ranked(f"v{number}", 7) for number in range(5)))
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        await until(lambda: len(handler.seen) == 1)
        await bus.publisher.publish(ranked("urgent", 1))

        # What was seen before serves the busy for five seconds.
        then = asyncio.get_running_loop().time() + 5.2
        await until(lambda: asyncio.get_running_loop().time() > then)
        may_end.set()
        await until(lambda: consumption.settled == 6)

    assert handler.names[1] == "urgent"


async def test_what_comes_without_a_rank_is_sorted_and_overtakes_nothing_better(
    vhost_url: str, stranger: Stranger
) -> None:
    handler = Recorder()
    order = ranked("stranger", 9)
    async with declared_bus(vhost_url, LANED) as bus:
        await stranger.put(WORK, order.model_dump_json().encode(), type=order.type, message_id="s")
        await stranger.put(WORK, b"what?", type="who.knows.v1")
        source = AddSource(url="https://y.test/")
        await stranger.put(WORK, source.model_dump_json().encode(), type=source.type, message_id="a")
        await bus.publisher.publish(ranked("best", 1), ranked("middle", 8))
        busy, may_end = Recorder(), asyncio.Event()
        busy.answer = until_set(may_end)
        consumption = await bus.consume_commands(LANED, WORK, busy, prefetch=1)
        await lies_in(bus, QUEUE.dead, 1)
        await lies_in(bus, QUEUE.lanes[8], 1)
        may_end.set()
        await until(lambda: consumption.settled == 4)

    names = [getattr(delivery.message, "video_id", "added") for delivery in busy.seen]
    assert names == ["best", "added", "middle", "stranger"]
    assert handler.seen == []


async def test_what_comes_back_keeps_its_rank_and_its_attempt(vhost_url: str) -> None:
    async def pass_on_once(_: Delivery) -> Outcome:
        return PassOn() if len(handler.seen) == 1 else Done()

    handler = Recorder(pass_on_once)
    async with declared_bus(vhost_url, LANED) as bus:
        async with bus.channel() as channel:
            later = datetime.now(UTC) + timedelta(milliseconds=300)
            message = encode(ranked("a", 4), attempt=3, not_before=later)
            await channel.default_exchange.publish(message, QUEUE.lanes[3])
        await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        await until(lambda: len(handler.seen) == 2)

    assert [delivery.attempt for delivery in handler.seen] == [3, 3]


async def test_a_pause_leaves_every_lane_alone_and_costs_no_claim(vhost_url: str) -> None:
    may_end = asyncio.Event()
    handler = Recorder(until_set(may_end))
    async with declared_bus(vhost_url, LANED) as bus:
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=2)
        await bus.publisher.publish(ranked("a", 5))
        await until(lambda: len(handler.seen) == 1)
        for _ in range(5):
            await asyncio.gather(consumption.pause(), consumption.resume(), consumption.pause())
        standing = bus.standings[WORK]
        await bus.publisher.publish(ranked("b", 5))
        may_end.set()
        await until(lambda: consumption.settled == 1)
        await lies_in(bus, QUEUE.lanes[4], 1)
        await consumption.resume()
        await until(lambda: consumption.settled == 2)
        # A lane gives before the last is opened.
        await until(lambda: bus.standings[WORK] == CONSUMING)
        await consumption.drain(GRACE)

    assert standing == RESTING
    assert (handler.names, handler.cancelled) == (["a", "b"], [])
    assert not any(delivery.is_redelivered for delivery in handler.seen)


async def test_a_lost_connection_gives_back_what_is_in_hand_and_the_lanes_are_taken_from_again(vhost_url: str) -> None:
    async def hang_at_first(delivery: Delivery) -> Outcome:
        return Done() if delivery.is_redelivered else await never_ending(delivery)

    handler = Recorder(hang_at_first)
    async with relay_to(vhost_url) as relay, declared_bus(relay.url, LANED) as bus:
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        await bus.publisher.publish(ranked("a", 6))
        await until(lambda: len(handler.seen) == 1)
        await relay.close()
        await until(lambda: bus.standings == {WORK: ABSENT})
        await relay.open()
        await until(lambda: consumption.settled == 1)
        # A lane gives before the last is opened.
        await until(lambda: bus.standings == {WORK: CONSUMING})

        assert handler.cancelled == ["a"]


async def test_a_lane_that_was_deleted_is_taken_from_again_as_soon_as_it_is_there(
    vhost_url: str, stranger: Stranger
) -> None:
    handler = Recorder()
    async with declared_bus(vhost_url, LANED) as bus:
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        async with stranger.channel() as channel:
            await channel.queue_delete(QUEUE.lanes[2])
        await until(lambda: bus.standings == {WORK: ABSENT})
        await bus.declare(LANED)
        await bus.publisher.publish(ranked("a", 3))
        await until(lambda: consumption.settled == 1)


async def test_who_is_drained_while_busy_leaves_nothing_behind(vhost_url: str) -> None:
    handler = Recorder(never_ending)
    async with declared_bus(vhost_url, LANED) as bus:
        consumption = await bus.consume_commands(LANED, WORK, handler, prefetch=1)
        await bus.publisher.publish(ranked("a", 2), ranked("b", 3), ranked("c", 4))
        await until(lambda: len(handler.seen) == 1)
        await consumption.drain(timedelta(0))

        async def all_are_there() -> bool:
            return await in_all(bus) == 3

        await until(all_are_there)

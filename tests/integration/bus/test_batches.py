"""Events in batches: acked together, isolated when one is poison, and kept while the listener waits."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from integration.bus.relay import relay_to
from integration.bus.support import (
    GRACE,
    HEARD,
    BatchRecorder,
    Stranger,
    declared_bus,
    downloaded,
    listen,
    name_in,
    until,
)
from tubewarren.bus import Afterwards
from tubewarren.delivery import Delivery
from tubewarren.failures import FailureKind
from tubewarren.messages.events import MessageBuried, VideoDownloaded

pytestmark = pytest.mark.broker

QUEUE = f"{HEARD}.events"
LINGER = timedelta(milliseconds=50)
UNTIL_FULL = timedelta(minutes=5)
"""A batch is handed on when it is full, however slowly its events come."""


async def test_what_arrives_within_a_moment_is_one_batch_in_order(vhost_url: str, stranger: Stranger) -> None:
    batches: list[list[str]] = []

    async def keep(batch: Sequence[Delivery]) -> None:
        batches.append([name_in(delivery) for delivery in batch])

    names = [f"v{number}" for number in range(20)]
    async with declared_bus(vhost_url) as bus:
        for name in names:
            await bus.publisher.publish(downloaded(name))
        consumption = await bus.consume_events(QUEUE, keep, 10, UNTIL_FULL)
        await until(lambda: consumption.settled == 20)

        assert consumption.in_hand == 0
    assert batches == [names[:10], names[10:]]
    assert await stranger.depth(QUEUE) == 0


async def test_one_poison_event_is_found_and_buried_alone(vhost_url: str, stranger: Stranger) -> None:
    digested: list[str] = []

    async def choke_on_c(batch: Sequence[Delivery]) -> None:
        names = [name_in(delivery) for delivery in batch if isinstance(delivery.message, VideoDownloaded)]
        if "c" in names:
            raise ValueError("cannot digest c")
        digested.extend(names)

    async with declared_bus(vhost_url) as bus, bus.watch(MessageBuried.type) as obituaries:
        await bus.publisher.publish(*(downloaded(name) for name in "abcde"))
        await bus.consume_events(QUEUE, choke_on_c, 10, LINGER)
        obituary = (await asyncio.wait_for(obituaries.get(), 10)).message
        await until(lambda: {"a", "b", "d", "e"} <= set(digested))
        await stranger.holds(QUEUE, 0)

    dead = await stranger.take(f"{QUEUE}.dead")
    assert isinstance(obituary, MessageBuried)
    assert (obituary.queue, obituary.buried_id) == (QUEUE, dead.message_id)
    assert dead.message_id == str(downloaded("c").message_id)
    assert obituary.failure.kind is FailureKind.POISON
    assert "cannot digest c" in obituary.failure.reason
    assert sorted(digested) == ["a", "b", "d", "e"]


async def test_a_listener_that_waits_for_long_keeps_its_claims_and_takes_no_more_than_two_batches(
    vhost_url: str, stranger: Stranger
) -> None:
    sheet_is_back = asyncio.Event()
    seen: list[Delivery] = []

    async def wait_for_the_sheet(batch: Sequence[Delivery]) -> None:
        await sheet_is_back.wait()
        seen.extend(batch)

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(downloaded(f"v{number}") for number in range(30)))
        consumption = await bus.consume_events(QUEUE, wait_for_the_sheet, 5, LINGER)
        await until(lambda: consumption.in_hand == 10)
        await stranger.holds(QUEUE, 20)

        sheet_is_back.set()
        await until(lambda: consumption.settled == 30)

    assert len(seen) == 30
    assert not any(delivery.is_redelivered for delivery in seen)


async def test_events_that_say_much_come_in_batches_of_fewer(vhost_url: str) -> None:
    sizes: list[int] = []

    async def keep(batch: Sequence[Delivery]) -> None:
        sizes.append(len(batch))

    async with declared_bus(vhost_url) as bus:
        long = [downloaded(f"v{number}").model_copy(update={"sha256": "0" * 1_000_000}) for number in range(10)]
        await bus.publisher.publish(*long)
        consumption = await bus.consume_events(QUEUE, keep, 10, UNTIL_FULL)
        await until(lambda: consumption.settled == 10)

    assert sizes == [5, 5]


async def test_events_that_waited_through_a_lost_connection_are_handled_from_their_second_delivery(
    vhost_url: str, stranger: Stranger
) -> None:
    is_in_work, may_go_on = asyncio.Event(), asyncio.Event()
    seen: list[Delivery] = []

    async def wait(batch: Sequence[Delivery]) -> None:
        is_in_work.set()
        await may_go_on.wait()
        seen.extend(batch)

    names = {f"v{number}" for number in range(12)}
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await bus.publisher.publish(*map(downloaded, names))
        consumption = await bus.consume_events(QUEUE, wait, 4, UNTIL_FULL)
        await until(lambda: consumption.in_hand == 8)
        await is_in_work.wait()
        relay.cut()
        # The eight stale ones are still here, and eight came anew.
        await until(lambda: consumption.in_hand == 16)

        may_go_on.set()
        await until(lambda: {name_in(delivery) for delivery in seen} == names)
        await until(lambda: consumption.in_hand == 0)
        await stranger.holds(QUEUE, 0)

    # The four that were in work ended twice; the four stale ones behind them were not worked on in vain.
    assert len(seen) == 16


async def test_events_are_handled_while_those_before_are_settled_and_acked_only_then(
    vhost_url: str, stranger: Stranger
) -> None:
    heard, is_asked, may_settle = BatchRecorder(), asyncio.Event(), asyncio.Event()

    async def settle() -> None:
        is_asked.set()
        await may_settle.wait()

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(downloaded(f"v{number}") for number in range(30)))
        await bus.consume_events(QUEUE, heard, 5, LINGER, Afterwards(settle, LINGER, most=40))
        await until(lambda: len(heard.seen) == 30)
        await is_asked.wait()
        await bus.publisher.publish(*(downloaded(f"w{number}") for number in range(30)))

        await until(lambda: len(heard.seen) == 40)

    # Nothing was acked, so all comes again to whoever is next.
    await stranger.holds(QUEUE, 60)
    may_settle.set()
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_events(QUEUE, heard, 5, LINGER, Afterwards(settle, LINGER, most=40))
        await until(lambda: consumption.settled == 60)
        await stranger.holds(QUEUE, 0)
        assert consumption.in_hand == 0


async def test_events_that_could_not_be_settled_come_again(vhost_url: str, stranger: Stranger) -> None:
    heard, tries = BatchRecorder(), []

    async def settle() -> None:
        tries.append(len(heard.seen))
        if len(tries) == 1:
            raise RuntimeError("it does not work at the first time")

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(downloaded(f"v{number}") for number in range(7)))
        consumption = await bus.consume_events(QUEUE, heard, 7, UNTIL_FULL, Afterwards(settle, LINGER, most=20))
        await until(lambda: consumption.settled == 7)
        await stranger.holds(QUEUE, 0)

    assert len(heard.seen) == 14


async def test_draining_a_listener_settles_at_once_what_it_has_handled(vhost_url: str, stranger: Stranger) -> None:
    heard, settled = BatchRecorder(), []

    async def settle() -> None:
        settled.append(len(heard.seen))

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(downloaded(f"v{number}") for number in range(7)))
        rarely = Afterwards(settle, timedelta(hours=1), most=20)
        consumption = await bus.consume_events(QUEUE, heard, 10, LINGER, rarely)
        await until(lambda: len(heard.seen) == 7)
        await consumption.drain(GRACE)

        await stranger.holds(QUEUE, 0)
    assert settled == [7]


async def test_draining_a_listener_handles_what_is_in_hand_and_leaves_the_rest(
    vhost_url: str, stranger: Stranger
) -> None:
    is_in_work, may_go_on = asyncio.Event(), asyncio.Event()
    heard = BatchRecorder()

    async def wait(batch: Any) -> None:
        is_in_work.set()
        await may_go_on.wait()
        await heard(batch)

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(*(downloaded(f"v{number}") for number in range(30)))
        consumption = await bus.consume_events(QUEUE, wait, 5, LINGER)
        await is_in_work.wait()
        await until(lambda: consumption.in_hand == 10)
        draining = asyncio.create_task(consumption.drain(GRACE))
        await stranger.holds(QUEUE, 20)
        may_go_on.set()
        await draining

        assert len(heard.seen) == 10
        await stranger.holds(QUEUE, 20)


async def test_what_a_listener_could_not_finish_within_its_grace_is_back_in_the_queue(
    vhost_url: str, stranger: Stranger
) -> None:
    async def hang(_: Sequence[Delivery]) -> None:
        await asyncio.Event().wait()

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(downloaded("a"), downloaded("b"))
        consumption = await bus.consume_events(QUEUE, hang, 5, LINGER)
        await until(lambda: consumption.in_hand == 2)
        await consumption.drain(timedelta(milliseconds=50))

        await stranger.holds(QUEUE, 2)
        again = await listen(bus)
        await until(lambda: len(again.seen) == 2)

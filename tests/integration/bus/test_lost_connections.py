"""Channels, connections and brokers that are lost: claims end at once, work comes back by itself, nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from integration.bus.own_brokers import OwnBroker
from integration.bus.relay import relay_to
from integration.bus.support import (
    HEARD,
    SMALL,
    WORK,
    BatchRecorder,
    Recorder,
    Stranger,
    declared_bus,
    downloaded,
    in_time,
    name_in,
    never_ending,
    until,
    video,
)
from tubewarren.bus import BrokerUnavailableError
from tubewarren.delivery import Delivery
from tubewarren.messages import Message
from tubewarren.outcomes import Done, Outcome

pytestmark = pytest.mark.broker

LONG = timedelta(seconds=40)
MOMENT = timedelta(milliseconds=50)


async def hang_at_first(delivery: Delivery) -> Outcome:
    return Done() if delivery.is_redelivered else await never_ending(delivery)


def all_ended_before(handler: Recorder, ended: list[str]) -> Callable[[Delivery], Awaitable[Outcome]]:
    """Hangs at first, and writes down which handlers had been ended when anything came again."""

    async def answer(delivery: Delivery) -> Outcome:
        if delivery.is_redelivered:
            ended.append("".join(sorted(handler.cancelled)))
        return await hang_at_first(delivery)

    return answer


async def test_a_cut_connection_ends_every_handler_and_the_work_comes_again(vhost_url: str, stranger: Stranger) -> None:
    handler, ended = Recorder(), list[str]()
    handler.answer = all_ended_before(handler, ended)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"), video("b"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: consumption.in_hand == 2)
        await stranger.cut("consumes")
        await until(lambda: consumption.settled == 2)

    assert ended == ["ab", "ab"]
    assert sorted(handler.names) == ["a", "a", "b", "b"]
    assert [delivery.attempt for delivery in handler.seen] == [1, 1, 1, 1]


async def test_a_lost_line_ends_every_handler_and_the_work_comes_again(vhost_url: str) -> None:
    handler = Recorder(hang_at_first)
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await bus.publisher.publish(video("a"), video("b"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: consumption.in_hand == 2)
        await relay.close()
        # While nobody could tell whether the broker still holds the claims for us.
        await until(lambda: sorted(handler.cancelled) == ["a", "b"])
        await relay.open()
        await until(lambda: consumption.settled == 2)

    assert sorted(handler.names) == ["a", "a", "b", "b"]


async def test_a_deleted_queue_is_consumed_again_when_it_is_back(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder(never_ending)
    heard = BatchRecorder()
    async with declared_bus(vhost_url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await bus.consume_events(f"{HEARD}.events", heard, 5, timedelta(milliseconds=10))
        await bus.publisher.publish(video("a"))
        await until(lambda: consumption.in_hand == 1)
        async with stranger.channel() as channel:
            await channel.queue_delete(WORK)
            await channel.queue_delete(f"{HEARD}.events")
        await until(lambda: handler.cancelled == ["a"])
        await bus.declare(SMALL)
        await bus.publisher.publish(video("b"), downloaded("c"))
        await until(lambda: handler.names == ["a", "b"])
        await until(lambda: [name_in(delivery) for delivery in heard.seen] == ["c"])


async def test_while_the_broker_is_away_publications_pause_between_their_tries(
    vhost_url: str, stranger: Stranger
) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await relay.close()
        with capture_logs() as logs:
            publishing = asyncio.create_task(bus.publisher.publish(video("a")))
            await until(lambda: len(tries(logs)) == 3)
            await relay.open()
            await publishing

        assert len(tries(logs)) < 15
        assert tries(logs)[0]["log_level"] == "warning"
    assert await stranger.depth(WORK) == 1


async def test_a_bus_whose_line_is_lost_again_and_again_neither_hurries_nor_loses(vhost_url: str) -> None:
    handler = Recorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=4)
        for number in range(3):
            await bus.publisher.publish(*(video(f"v{number}-{each}") for each in range(20)))
            relay.cut()
        await until(lambda: len(set(handler.names)) == 60)
        await until(lambda: consumption.in_hand == 0)

        assert relay.accepted <= 12


async def test_commands_on_a_bus_without_a_line_are_told_that_it_is_lost(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        transport = bus._consuming.transport
        assert transport is not None
        await relay.close()
        await until(lambda: transport.connection.is_closed)

        with pytest.raises(BrokerUnavailableError):
            async with in_time(), bus.watch("#"):
                pass
        with pytest.raises(BrokerUnavailableError):
            async with in_time():
                await bus.consume_commands(SMALL, WORK, Recorder(), prefetch=1)


async def test_a_killed_broker_costs_no_confirmed_message_and_everything_goes_on_by_itself(
    own_broker: OwnBroker, own_stranger: Stranger
) -> None:
    handled: list[str] = []
    heard: list[str] = []
    confirmed: list[str] = []
    is_over = asyncio.Event()

    async def work(delivery: Delivery) -> Outcome:
        await asyncio.sleep(0.002)
        handled.append(name_in(delivery))
        return Done((downloaded(name_in(delivery)),))

    async def hear(batch: Sequence[Delivery]) -> None:
        heard.extend(name_in(delivery) for delivery in batch)

    async with declared_bus(own_stranger.url) as bus:

        async def publish_all_the_time() -> None:
            while not is_over.is_set():
                names = [f"v{len(confirmed) + number}" for number in range(5)]
                await bus.publisher.publish(*map(video, names))
                confirmed.extend(names)

        await bus.consume_commands(SMALL, WORK, work, prefetch=8)
        await bus.consume_events(f"{HEARD}.events", hear, 20, timedelta(milliseconds=10))
        with capture_logs() as logs:
            publishing = asyncio.create_task(publish_all_the_time())
            # A queue younger than half a second does not survive a kill of 3.10: it never elects a leader again.
            old_enough = asyncio.get_running_loop().time() + 1.5
            await until(lambda: len(handled) > 300 and asyncio.get_running_loop().time() > old_enough)
            await asyncio.to_thread(own_broker.kill)
            await asyncio.to_thread(own_broker.start)
            at_restart = len(confirmed)
            await until(lambda: len(confirmed) > at_restart + 100, LONG)
            is_over.set()
            await publishing
            await until(lambda: set(confirmed) <= set(handled), LONG)
            await until(lambda: set(confirmed) <= set(heard), LONG)
        await own_stranger.holds(WORK, 0)

    # While the broker is away, nobody asks again and again without a pause.
    assert 0 < len(tries(logs)) < 300


def tries(logs: Sequence[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    """The publications that were tried in vain."""
    return [line for line in logs if line["event"].startswith("publication not confirmed")]


async def test_draining_without_a_broker_ends_and_leaves_everything_to_it(vhost_url: str, stranger: Stranger) -> None:
    commands, is_in_work = Recorder(never_ending), asyncio.Event()

    async def hang(_: Sequence[Delivery]) -> None:
        is_in_work.set()
        await asyncio.Event().wait()

    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await bus.publisher.publish(video("a"), downloaded("b"))
        working = await bus.consume_commands(SMALL, WORK, commands, prefetch=1)
        listening = await bus.consume_events(f"{HEARD}.events", hang, 5, timedelta(milliseconds=10))
        await until(lambda: working.in_hand == 1)
        await is_in_work.wait()
        await relay.close()
        await until(lambda: commands.cancelled == ["a"])

        async with in_time():
            await asyncio.gather(working.drain(MOMENT), listening.drain(MOMENT))

    await stranger.holds(WORK, 1)
    await stranger.holds(f"{HEARD}.events", 1)


async def test_a_drained_consumption_does_not_come_back_with_the_broker(vhost_url: str, stranger: Stranger) -> None:
    handler = Recorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await relay.close()
        await consumption.drain(MOMENT)
        await relay.open()
        await bus.publisher.publish(video("a"))
        other = await bus.consume_events(f"{HEARD}.events", BatchRecorder(), 5, timedelta(milliseconds=10))
        await bus.publisher.publish(downloaded("b"))
        await until(lambda: other.settled == 1)

        assert handler.seen == []
        assert await stranger.depth(WORK) == 1


async def test_a_hand_back_that_finds_no_broker_leaves_the_claim_to_the_broker(
    vhost_url: str, stranger: Stranger
) -> None:
    """The way out is blocked, as it is in a memory alarm, while the claim is still ours."""

    async def never(*_: Message, **__: object) -> None:
        await asyncio.Event().wait()

    handler = Recorder(never_ending)
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"))
        consumption = await bus.consume_commands(SMALL, WORK, handler, prefetch=1)
        await until(lambda: consumption.in_hand == 1)
        bus.publisher._send = never  # type: ignore[method-assign, assignment] # a way out that is blocked
        async with in_time():
            await consumption.drain(timedelta(0))

        await stranger.holds(WORK, 1)

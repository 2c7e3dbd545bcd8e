"""Subscriptions look after themselves: what one of them waits for holds up no other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from integration.bus.relay import relay_to
from integration.bus.support import (
    SMALL,
    WORK,
    BatchRecorder,
    Recorder,
    Stranger,
    declared_bus,
    downloaded,
    in_time,
    name_in,
    until,
    video,
)
from tubewarren.bus import Bus
from tubewarren.bus.subscription import Subscription, one_queue

pytestmark = pytest.mark.broker

HEARD = SMALL.events[0].name
SHORT = timedelta(seconds=2)
"""And yet longer than a busy broker takes to answer."""


@dataclass
class Search:
    """Finds the work queue, but at some tries the broker never answers, as about a queue without a leader."""

    is_stuck: Callable[[int], bool]
    tries: int = 0
    found: list[bytes] = field(default_factory=list)

    async def __call__(self, channel: AbstractChannel) -> AbstractQueue:
        self.tries += 1
        if self.is_stuck(self.tries):
            await asyncio.Event().wait()
        return await channel.get_queue(WORK)

    async def keep(self, incoming: AbstractIncomingMessage) -> None:
        self.found.append(incoming.body)
        await incoming.ack()


@asynccontextmanager
async def subscribed(bus: Bus, search: Search, patience: timedelta) -> AsyncIterator[Subscription]:
    subscription = Subscription(bus._consuming, WORK, one_queue(search, 1, search.keep), patience=patience)
    await subscription.start()
    try:
        yield subscription
    finally:
        await subscription.close()


async def test_a_queue_that_does_not_answer_keeps_no_other_subscription_away(vhost_url: str) -> None:
    search, heard = Search(is_stuck=lambda number: number > 1), BatchRecorder()
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        async with subscribed(bus, search, timedelta(minutes=10)):
            await bus.consume_events(HEARD, heard, 5, timedelta(milliseconds=10))
            relay.cut()
            await until(lambda: search.tries == 2)
            await bus.publisher.publish(downloaded("a"))
            await until(lambda: [name_in(delivery) for delivery in heard.seen] == ["a"])

        assert search.tries == 2


async def test_a_queue_that_answers_again_is_consumed_again(vhost_url: str) -> None:
    search = Search(is_stuck=lambda number: number == 2)
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus, subscribed(bus, search, SHORT):
        relay.cut()
        await bus.publisher.publish(video("a"))
        await until(lambda: len(search.found) == 1)

        # One pause and one patience for the try in vain, and no more tries than that.
        assert search.tries == 3


async def test_a_subscription_to_a_queue_that_does_not_answer_fails_and_leaves_nothing_behind(vhost_url: str) -> None:
    search = Search(is_stuck=lambda _: True)
    async with declared_bus(vhost_url) as bus:
        subscription = Subscription(bus._consuming, WORK, one_queue(search, 1, search.keep), patience=SHORT)
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            await subscription.start()
        await until(lambda: asyncio.all_tasks() <= before)

        assert search.tries == 1


async def test_a_subscription_that_is_closed_while_its_queue_does_not_answer_ends_at_once(vhost_url: str) -> None:
    search = Search(is_stuck=lambda number: number > 1)
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        async with subscribed(bus, search, timedelta(minutes=10)) as subscription:
            relay.cut()
            await until(lambda: search.tries == 2)
            async with in_time():
                await subscription.close()

        async def nobody_consumes() -> bool:
            return (await bus.depths(SMALL))[WORK] == (0, 0)

        # A broker hears late that a connection was cut.
        await until(nobody_consumes)


async def test_a_subscription_without_its_queue_says_so_at_its_start(vhost_url: str, stranger: Stranger) -> None:
    search = Search(is_stuck=lambda _: False)
    async with declared_bus(vhost_url) as bus:
        async with stranger.channel() as channel:
            await channel.queue_delete(WORK)
        subscription = Subscription(bus._consuming, WORK, one_queue(search, 1, search.keep))
        with pytest.raises(CONNECTION_EXCEPTIONS, match="no queue"):
            await subscription.start()


async def test_a_renewed_subscription_gives_back_what_it_holds(vhost_url: str) -> None:
    handler = Recorder()
    held: list[AbstractIncomingMessage] = []

    async def hold(incoming: AbstractIncomingMessage) -> None:
        held.append(incoming)

    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(video("a"), video("b"))
        subscription = Subscription(bus._consuming, WORK, one_queue(Search(is_stuck=lambda _: False), 2, hold))
        await subscription.start()
        await until(lambda: len(held) == 2)
        subscription.renew()
        await until(lambda: len(held) == 4)
        await subscription.close()
        await bus.consume_commands(SMALL, WORK, handler, prefetch=2)
        await until(lambda: sorted(handler.names) == ["a", "b"])

    assert [incoming.redelivered for incoming in held] == [False, False, True, True]

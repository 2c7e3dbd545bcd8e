"""Dead queues of a real broker: read without losing, sent back once, dropped only when chosen."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import aio_pika
import pytest

from integration.bus.own_brokers import OwnBroker
from integration.bus.support import Stranger, part_of, until
from tubewarren.bus import Bus, UnroutableError, open_bus
from tubewarren.bus.codec import ORDERED_AT, decode, encode
from tubewarren.bus.dead_letters import DeadLetter, purge_dead, read_dead, redrive_dead
from tubewarren.delivery import Death, Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Bury
from tubewarren.topology import DEAD, DOWNLOADER, HEARTBEAT_MONITOR, STATUS_WRITER, topology

pytestmark = pytest.mark.broker

SYSTEM = part_of(topology(), DOWNLOADER, f"{STATUS_WRITER}.events", f"{HEARTBEAT_MONITOR}.events")
DEAD_DOWNLOADS = f"{DOWNLOADER}.dead"
_WRITE_NOTHING_FOR_A_WHILE = (
    "sys:suspend(ra_log_wal), spawn(fun() -> timer:sleep(2500), sys:resume(ra_log_wal) end), done."
)
_TRIES_OF_A_LISTENER = 9
"""Twice dead: once in a batch and three times alone; at the third time the batch goes well."""


@asynccontextmanager
async def declared_bus(url: str) -> AsyncIterator[Bus]:
    async with open_bus(url, "test", patience=timedelta(seconds=10)) as bus:
        await bus.declare(SYSTEM)
        yield bus


@asynccontextmanager
async def plain_channel(url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield channel


async def bury(url: str, *commands: DownloadVideo, attempt: int = 6) -> None:
    """What a downloader does: takes each from its queue and rejects it."""
    async with plain_channel(url) as channel:
        queue = await channel.declare_queue(DOWNLOADER, passive=True)
        for command in commands:
            await channel.default_exchange.publish(encode(command, attempt=attempt), DOWNLOADER)
            async with queue.iterator() as messages:
                await (await anext(messages)).reject(requeue=False)
    await arrival(url, DEAD_DOWNLOADS, len(commands))


async def arrival(url: str, name: str, count: int) -> None:
    """Dead-lettering goes on in the background."""
    await Stranger(url).holds(name, count)


def video(video_id: str, source_id: str = "s1") -> DownloadVideo:
    return DownloadVideo(video_id=video_id, url=f"https://y.test/{video_id}", source_id=source_id)


async def ids_in(url: str, name: str) -> list[str]:
    """Takes everything out of a queue."""
    async with plain_channel(url) as channel:
        queue = await channel.declare_queue(name, passive=True)
        found = []
        for _ in range(queue.declaration_result.message_count or 0):
            incoming = await queue.get(no_ack=True)
            message = decode(incoming).message
            assert isinstance(message, DownloadVideo)
            found.append(message.video_id)
        return found


async def test_reading_tells_who_died_where_and_leaves_everything_there(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"), video("b"))

        first, second = await read_dead(bus, SYSTEM), await read_dead(bus, SYSTEM)

    assert [letter.queue for letter in first] == [DOWNLOADER, DOWNLOADER]
    assert {letter.message_type for letter in first} == {DownloadVideo.type}
    assert [letter.attempt for letter in first] == [6, 6]
    assert [letter.broker_reason for letter in first] == ["rejected", "rejected"]
    assert all(letter.died_at and letter.died_at.tzinfo for letter in first)
    assert first == second
    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == ["a", "b"]


async def test_a_redriven_message_is_a_first_attempt_again_and_no_longer_dead(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"))

        redriven = await redrive_dead(bus, SYSTEM, lambda _: True)

    assert [letter.queue for letter in redriven] == [DOWNLOADER]
    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == []
    async with plain_channel(vhost_url) as channel:
        queue = await channel.declare_queue(DOWNLOADER, passive=True)
        copy = await queue.get(no_ack=True)
    delivery = decode(copy)
    assert delivery.message == video("a")
    assert delivery.attempt == 1
    assert delivery.is_redriven
    assert ORDERED_AT in copy.headers
    assert "x-death" not in copy.headers


async def test_only_the_chosen_ones_are_redriven_and_the_others_stay(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a", "s1"), video("b", "s2"), video("c", "s1"))

        await redrive_dead(bus, SYSTEM, lambda letter: b'"s2"' in letter.body)

    assert await ids_in(vhost_url, DOWNLOADER) == ["b"]
    assert sorted(await ids_in(vhost_url, DEAD_DOWNLOADS)) == ["a", "c"]


async def test_an_interrupted_redrive_loses_nothing_and_the_next_one_finishes_it(vhost_url: str) -> None:
    class StoppedHalfwayError(Exception):
        pass

    def stopped_at_the_second(_: DeadLetter) -> bool:
        if seen:
            raise StoppedHalfwayError
        seen.append("first")
        return True

    seen: list[str] = []

    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"), video("b"), video("c"))
        with pytest.raises(StoppedHalfwayError):
            await redrive_dead(bus, SYSTEM, stopped_at_the_second)
        between = await read_dead(bus, SYSTEM)

        await redrive_dead(bus, SYSTEM, lambda _: True)

    assert len(between) == 2
    assert sorted(await ids_in(vhost_url, DOWNLOADER)) == ["a", "b", "c"]
    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == []


async def test_a_message_that_dies_again_while_others_are_redriven_is_not_met_twice(vhost_url: str) -> None:
    met: list[str] = []

    async with declared_bus(vhost_url) as bus:

        def meet(letter: DeadLetter) -> bool:
            met.append(letter.buried_id)
            return True

        async def refuse(_: Delivery) -> Bury:
            return Bury(Failure(kind=FailureKind.GONE, reason="It is private."))

        await bury(vhost_url, *(video(name) for name in "abcdef"))
        worker = await bus.consume_commands(SYSTEM, DOWNLOADER, refuse, prefetch=1)

        redriven = await redrive_dead(bus, SYSTEM, meet)
        await arrival(vhost_url, DEAD_DOWNLOADS, 6)
        await worker.drain(timedelta(seconds=5))

    assert len(redriven) == len(met) == len(set(met)) == 6
    assert sorted(await ids_in(vhost_url, DEAD_DOWNLOADS)) == list("abcdef")


async def test_an_unreadable_event_goes_back_to_the_event_queue_it_died_in(vhost_url: str) -> None:
    listener = f"{HEARTBEAT_MONITOR}.events"
    async with declared_bus(vhost_url) as bus:
        async with plain_channel(vhost_url) as channel:
            dead = await channel.get_exchange(DEAD)
            await dead.publish(aio_pika.Message(b"not json", type="worker.beat.v9", message_id="stranger"), listener)

        letters = await redrive_dead(bus, SYSTEM, lambda _: True)
        depths = await bus.depths(SYSTEM)

    assert [(letter.queue, letter.message_type) for letter in letters] == [(listener, "worker.beat.v9")]
    assert letters[0].buried_id == "stranger"
    assert letters[0].broker_reason == ""
    assert letters[0].died_at is None
    assert depths[listener] == (1, 0)


async def test_what_was_given_back_is_whole_for_the_next_reader_however_slowly_the_broker_writes(
    own_broker: OwnBroker, own_stranger: Stranger
) -> None:
    """A redrive begins by reading, so a reader that leaves a gap for a moment would leave messages behind."""

    class StoppedHalfwayError(Exception):
        pass

    def stopped_while_the_broker_does_not_write(_: DeadLetter) -> bool:
        own_broker.control("eval", _WRITE_NOTHING_FOR_A_WHILE)
        raise StoppedHalfwayError

    async with declared_bus(own_stranger.url) as bus:
        await bury(own_stranger.url, video("a"), video("b"), video("c"))
        with pytest.raises(StoppedHalfwayError):
            await redrive_dead(bus, SYSTEM, stopped_while_the_broker_does_not_write)

        assert len(await read_dead(bus, SYSTEM)) == 3


async def test_redriven_news_of_a_death_tells_of_that_death_again(vhost_url: str) -> None:
    """By it a listener knows that the command in its hand was given up elsewhere; without it, it would pass over it."""
    listener = f"{STATUS_WRITER}.events"
    told: list[Death | None] = []

    async def stumble_at_first(batch: Sequence[Delivery]) -> None:
        told.extend(delivery.death for delivery in batch)
        if len(told) < _TRIES_OF_A_LISTENER:
            raise ZeroDivisionError("a defect")

    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"))
        await bus.consume_events(listener, stumble_at_first, 1, timedelta(milliseconds=10))
        for _ in range(2):
            await arrival(vhost_url, f"{listener}.dead", 1)
            (letter,) = await redrive_dead(bus, SYSTEM, lambda letter: letter.queue == listener)
            assert (letter.queue, letter.message_type) == (listener, DownloadVideo.type)
        await until(lambda: len(told) == _TRIES_OF_A_LISTENER)

    assert set(told) == {Death(DOWNLOADER, "rejected")}
    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == ["a"]


async def test_a_purge_drops_the_chosen_ones_only(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"), video("b"))

        purged = await purge_dead(bus, SYSTEM, lambda letter: b'"a"' in letter.body)

    assert len(purged) == 1
    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == ["b"]
    assert await ids_in(vhost_url, DOWNLOADER) == []


async def test_a_redrive_to_a_missing_queue_says_so_and_keeps_the_message(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bury(vhost_url, video("a"))
        async with plain_channel(vhost_url) as channel:
            await channel.queue_delete(DOWNLOADER)

        with pytest.raises(UnroutableError):
            await redrive_dead(bus, SYSTEM, lambda _: True)

    assert await ids_in(vhost_url, DEAD_DOWNLOADS) == ["a"]


async def test_a_broker_without_our_queues_has_nothing_dead(vhost_url: str) -> None:
    async with open_bus(vhost_url, "test", patience=timedelta(seconds=10)) as bus:
        assert await read_dead(bus, SYSTEM) == ()

"""Questions and answers, and watching: for people in front of a terminal, so nothing is kept and nothing waits."""

import asyncio
from contextlib import aclosing, suppress
from datetime import timedelta

import aio_pika
import pytest

from integration.bus.relay import relay_to
from integration.bus.support import SMALL, Stranger, declared_bus, downloaded, until, video
from tubewarren.bus import BrokerUnavailableError, Bus, UnroutableError
from tubewarren.delivery import Delivery
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered, MessageBuried, VideoDownloaded
from tubewarren.outcomes import Done, Outcome
from tubewarren.topology import EVENTS, questions

pytestmark = pytest.mark.broker

QUERY = QueryLedger(topic="summary")
SOON = timedelta(milliseconds=500)
PATIENCE = timedelta(seconds=20)


def answer_from(storage: str, rows: int = 1) -> LedgerAnswered:
    answered_at = downloaded("x").at
    return LedgerAnswered(at=answered_at, storage=storage, rows=tuple({"n": number} for number in range(rows)))


async def answer_as(bus: Bus, storage: str) -> None:
    async def answer(_: Delivery) -> Outcome:
        return Done(reply=answer_from(storage))

    await bus.answer(questions(storage), answer)


async def ask(bus: Bus, number: int = 1, patience: timedelta = PATIENCE) -> list[str]:
    """As many answers as are awaited, and those that come within a moment after them."""
    told: list[str] = []
    async with aclosing(bus.ask(QUERY, patience)) as answers:
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(SOON.total_seconds() if len(told) >= number else None):
                    answer = await anext(answers, None)
                if answer is None:
                    break
                assert isinstance(answer, LedgerAnswered)
                told.append(answer.storage)
    return sorted(told)


async def test_every_storage_answers_for_itself(vhost_url: str) -> None:
    async with declared_bus(vhost_url, worker="asks") as bus, declared_bus(vhost_url, worker="answers") as holder:
        await answer_as(holder, "main")
        await answer_as(holder, "attic")

        assert await ask(bus, 2) == ["attic", "main"]


async def test_questions_that_are_asked_at_once_get_their_own_answers_without_a_queue(
    vhost_url: str, stranger: Stranger
) -> None:
    queues: set[str] = set()

    async def answer(delivery: Delivery) -> Outcome:
        queues.update(await stranger.queue_names())
        assert isinstance(delivery.message, QueryLedger)
        return Done(reply=answer_from(delivery.message.topic))

    async with declared_bus(vhost_url, worker="asks") as bus, declared_bus(vhost_url, worker="answers") as holder:
        await holder.answer(questions("main"), answer)
        asked = (QueryLedger(topic=topic) for topic in ("summary", "sources", "workers"))
        told = await asyncio.gather(*(bus.ask_one(each, LedgerAnswered, PATIENCE) for each in asked))

    assert [each.storage for each in told if each] == ["summary", "sources", "workers"]
    assert queues == {*(queue.name for queue in SMALL.queues), questions("main").name}


async def test_a_question_that_nobody_hears_is_unroutable(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        with pytest.raises(UnroutableError):
            await ask(bus)

        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "whoever goes on after this would take every time-out for a cancel"


async def test_a_queue_of_questions_that_nobody_consumes_is_made_anew(vhost_url: str, stranger: Stranger) -> None:
    async with stranger.channel() as channel:
        await channel.declare_queue(questions("main").name, durable=True, arguments={"x-max-length": 1})

    async with declared_bus(vhost_url, worker="asks") as bus, declared_bus(vhost_url, worker="answers") as holder:
        await answer_as(holder, "main")
        asked = await ask(bus)

    assert asked == ["main"]


async def test_a_second_answerer_leaves_the_first_its_queue(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url, worker="first") as first, declared_bus(vhost_url, worker="second") as second:
        await answer_as(first, "main")
        async with stranger.channel() as channel:
            queue = await channel.declare_queue(questions("main").name, passive=True)
            await answer_as(second, "main")
            await queue.declare()
            consumers = queue.declaration_result.consumer_count

    assert consumers == 2


async def test_when_the_last_answerer_leaves_nobody_is_waited_for(vhost_url: str) -> None:
    async with declared_bus(vhost_url, worker="asks") as bus:
        async with declared_bus(vhost_url, worker="answers") as holder:
            await answer_as(holder, "main")
            assert await ask(bus) == ["main"]

        with pytest.raises(UnroutableError):
            await ask(bus)


async def test_a_reply_to_an_asker_who_left_troubles_nobody(vhost_url: str) -> None:
    has_heard, may_answer, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(delivery: Delivery) -> Outcome:
        assert delivery.reply_to is not None
        has_heard.set()
        await may_answer.wait()
        answered.set()
        return Done(reply=answer_from("main"))

    async with declared_bus(vhost_url, worker="asks") as bus, declared_bus(vhost_url, worker="answers") as holder:
        consumption = await holder.answer(questions("main"), answer)
        asking = asyncio.create_task(ask(bus, patience=timedelta(seconds=30)))
        await has_heard.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        may_answer.set()
        await until(lambda: consumption.settled == 1)

        await answer_as(holder, "attic")
        assert await ask(bus, 2) == ["attic", "main"]
    assert answered.is_set()


async def test_a_question_that_cannot_be_answered_is_dropped_and_not_announced_as_buried(vhost_url: str) -> None:
    async def stumble(_: Delivery) -> Outcome:
        raise ZeroDivisionError("a defect")

    async with declared_bus(vhost_url) as bus, bus.watch(MessageBuried.type) as obituaries:
        consumption = await bus.answer(questions("main"), stumble)

        asking = asyncio.create_task(ask(bus, patience=SOON))
        await until(lambda: consumption.settled == 1)

        assert await asking == []
        assert consumption.in_hand == 0
        assert obituaries.empty()


async def test_an_answerer_is_back_after_its_connection_was_cut(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus:
        await answer_as(bus, "main")
        relay.cut()

        async def is_answered() -> bool:
            try:
                return await ask(bus, patience=SOON) == ["main"]
            except (UnroutableError, BrokerUnavailableError):
                return False

        await until(is_answered)


async def test_a_watcher_sees_the_events_it_asked_for_from_now_on(vhost_url: str) -> None:
    async with declared_bus(vhost_url) as bus:
        await bus.publisher.publish(downloaded("before"))
        async with bus.watch(VideoDownloaded.type) as arrived:
            await bus.publisher.publish(downloaded("a"), video("no event"))
            await bus.publisher.publish(downloaded("b"))
            seen = [await asyncio.wait_for(arrived.get(), 20) for _ in range(2)]

    assert [delivery.message for delivery in seen] == [downloaded("a"), downloaded("b")]


async def test_a_watcher_goes_on_after_its_connection_was_cut(vhost_url: str) -> None:
    async with relay_to(vhost_url) as relay, declared_bus(relay.url) as bus, bus.watch(VideoDownloaded.type) as arrived:
        relay.cut()

        # What happens before its new queue is bound is not for it.
        async def hears_of_what_happens() -> bool:
            await bus.publisher.publish(downloaded("a"))
            return not arrived.empty()

        await until(hears_of_what_happens)
        assert (await arrived.get()).message == downloaded("a")


async def test_whoever_asks_is_told_when_the_answers_can_no_longer_arrive(vhost_url: str) -> None:
    has_heard, may_answer = asyncio.Event(), asyncio.Event()

    async def answer(_: Delivery) -> Outcome:
        has_heard.set()
        await may_answer.wait()
        return Done(reply=answer_from("main"))

    async with (
        relay_to(vhost_url) as relay,
        declared_bus(relay.url, worker="asks") as bus,
        declared_bus(vhost_url, worker="answers") as holder,
    ):
        await holder.answer(questions("main"), answer)
        asking = asyncio.create_task(ask(bus, patience=timedelta(seconds=30)))
        await has_heard.wait()
        relay.cut()

        with pytest.raises(BrokerUnavailableError):
            await asyncio.wait_for(asking, 20)
        may_answer.set()


async def test_a_watcher_passes_over_what_it_cannot_read(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus, bus.watch("#") as arrived:
        async with stranger.channel() as channel:
            events = await channel.get_exchange(EVENTS, ensure=False)
            await events.publish(aio_pika.Message(b"{}", type="who.knows.v9"), "who.knows.v9")
        await bus.publisher.publish(downloaded("a"))

        assert (await asyncio.wait_for(arrived.get(), 20)).message == downloaded("a")


async def test_a_watcher_leaves_no_queue_behind(vhost_url: str, stranger: Stranger) -> None:
    async with declared_bus(vhost_url) as bus:
        async with bus.watch("#"):
            assert len(await stranger.queue_names()) == len(SMALL.queues) + 1

        async def is_gone() -> bool:
            return len(await stranger.queue_names()) == len(SMALL.queues)

        await until(is_gone)

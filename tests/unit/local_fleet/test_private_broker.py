"""A broker that is brought back, or given up on, on a node that is only a few words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tubewarren.broker import NodeAddress, NodeStartError
from tubewarren_services.local_fleet.private_broker import BrokerLostError, kept_broker

ADDRESS = NodeAddress("amqp://x", None, "tubewarren", "secret", Path("node.json"), 4711, "3.10.8")
FAILS = NodeStartError("its disk is gone\nand this is the end of its log")


@dataclass
class FakeNode:
    """Dies when a test says so; each restart takes the next of the outcomes, and succeeds when there is none."""

    outcomes: Sequence[NodeStartError | None] = ()
    is_alive: bool = False
    life: list[str] = field(default_factory=list)

    async def start(self) -> NodeAddress:
        return self._begun("start")

    async def restart(self) -> NodeAddress:
        done = self.life.count("restart")
        if done < len(self.outcomes) and (problem := self.outcomes[done]) is not None:
            self.life.append("restart")
            raise problem
        return self._begun("restart")

    async def stop(self) -> None:
        self.life.append("stop")

    def _begun(self, how: str) -> NodeAddress:
        self.life.append(how)
        self.is_alive = True
        return ADDRESS


@dataclass
class Clock:
    """Waits for nothing, and writes down how long it would have been."""

    node: FakeNode
    pauses: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        if not self.node.is_alive:
            self.pauses.append(seconds)
        await asyncio.sleep(0)


async def until_back(node: FakeNode) -> None:
    async with asyncio.timeout(30):
        while not node.is_alive:  # noqa: ASYNC110 - a fake sets no event
            await asyncio.sleep(0)


async def wait_for_ever_while_it_dies(node: FakeNode, at_the_end: Exception | None = None) -> None:
    async with kept_broker(node, lambda _: None, sleep=Clock(node).sleep):
        node.is_alive = False
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        finally:
            if at_the_end is not None:
                raise at_the_end


async def test_a_node_that_dies_is_brought_back_as_often_as_it_dies_each_time_later_and_told() -> None:
    node, told = FakeNode(), list[str]()
    clock = Clock(node)

    async with kept_broker(node, told.append, sleep=clock.sleep) as address:
        for _ in range(2):
            node.is_alive = False
            await until_back(node)
        await asyncio.sleep(0)

    assert address is ADDRESS
    assert node.life == ["start", "restart", "restart", "stop"]
    assert clock.pauses == [1.0, 2.0]
    assert told == [
        "The private RabbitMQ has died; it is started again in 1 s. The services wait for it.",
        "The private RabbitMQ is back, and the services go on.",
        "The private RabbitMQ has died; it is started again in 2 s. The services wait for it.",
        "The private RabbitMQ is back, and the services go on.",
    ]


async def test_a_start_that_fails_is_tried_again_after_a_longer_pause_and_told_in_one_line() -> None:
    node, told = FakeNode(outcomes=[FAILS, FAILS]), list[str]()
    clock = Clock(node)

    async with kept_broker(node, told.append, sleep=clock.sleep):
        node.is_alive = False
        await until_back(node)

    assert clock.pauses == [1.0, 2.0, 4.0]
    assert told[1] == "The private RabbitMQ did not start (next attempt in 2 s): its disk is gone"


async def test_a_node_that_does_not_come_back_ends_the_block_with_one_error_that_has_the_whole_reason() -> None:
    node = FakeNode(outcomes=[FAILS] * 99)

    with pytest.raises(BrokerLostError, match=r"in 5 attempts\.(.|\n)*its disk is gone\nand this is the end"):
        await wait_for_ever_while_it_dies(node)

    assert node.life == ["start", *["restart"] * 5, "stop"]


async def test_what_the_block_makes_of_its_end_does_not_hide_that_the_broker_is_lost() -> None:
    node = FakeNode(outcomes=[FAILS] * 99)

    with pytest.raises(BrokerLostError):
        await wait_for_ever_while_it_dies(node, LookupError("nobody to say goodbye to"))


async def test_an_error_of_the_block_is_its_own_and_the_node_is_stopped() -> None:
    node = FakeNode()

    with pytest.raises(LookupError, match="so it is"):
        async with kept_broker(node, lambda _: None, sleep=Clock(node).sleep):
            raise LookupError("so it is")

    assert node.life == ["start", "stop"]

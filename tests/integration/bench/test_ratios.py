"""What the bus costs beside bare aio-pika, on the same broker in the same run: ratios, and never times."""

from dataclasses import replace
from statistics import median

import pytest

from bench.subjects import bare, ours
from bench.subjects.job import Job
from bench.subjects.orders import plain_queue
from tubewarren.bus import open_bus
from tubewarren.topology import DOWNLOADER, topology

pytestmark = pytest.mark.broker

_ROUNDS = 3


@pytest.mark.parametrize(
    ("is_ranked", "with_event", "most"),
    # `make bench` holds them to less, with nothing beside it on the machine.
    [(False, False, 2.0), (True, False, 3.0), (True, True, 2.0)],
    ids=["one queue", "by rank", "an event confirmed before the ack"],
)
async def test_a_settled_command_costs_little_more_than_in_a_bare_loop(
    vhost_url: str, *, is_ranked: bool, with_event: bool, most: float
) -> None:
    queue = "" if is_ranked else plain_queue()
    job = Job(vhost_url, queue, warm=100, messages=300, prefetch=50, with_event=with_event)
    async with open_bus(vhost_url, "a test") as bus:
        whole = topology()
        await bus.declare(replace(whole, work=(whole.work_queue(DOWNLOADER),), events=()))
    ratios = []

    for _ in range(_ROUNDS):
        costs = []
        for subject in (ours, bare):
            await ours.put(job)
            costs.append((await subject.consume(job)).cpu_us)
        ratios.append(costs[0] / costs[1])

    assert median(ratios) < most, f"round by round: {ratios}"

"""What one settled command costs, and how fast many of them are settled: ours, bare aio-pika, and the peers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.lab import Lab
from bench.rows import Row, ratios
from bench.subjects.job import Job, Spent
from bench.subjects.orders import plain_queue

OURS: Final = "ours"
UNRANKED: Final = "ours on one queue"
"""On one queue, first come, first served, as all others are here; by itself ours serves by rank, from ten."""
BARE: Final = "bare"
PEERS: Final = ("dramatiq", "faststream", "taskiq", "celery")
COST: Final = "CPU of one settled command"
COST_WITH_EVENT: Final = "CPU of one with an event that is confirmed before the ack"
RATE: Final = "commands settled in a second by one process"
_MOST_CPU: Final = "≤ 1.25"
_LEAST_RATE: Final = "≥ 0.75"
_WARM: Final = 500


def without_event(lab: Lab, messages: int, rounds: int) -> list[Row]:
    """Take, read and validate a command, do nothing, and ack it; on quorum queues, and never before it is done."""
    spent = settled(lab, lab.chosen(OURS, UNRANKED, BARE, *PEERS), messages, rounds)
    return [*_costs(COST, spent), *_rates(spent)]


def with_event(lab: Lab, messages: int, rounds: int) -> list[Row]:
    """One event is published, and confirmed, before each ack."""
    return _costs(COST_WITH_EVENT, settled(lab, lab.chosen(OURS, UNRANKED, BARE), messages, rounds, with_event=True))


def settled(
    lab: Lab, subjects: Sequence[str], messages: int, rounds: int, *, with_event: bool = False
) -> Mapping[str, Sequence[Spent]]:
    """What each took in each round; nobody is always the first."""
    spent: dict[str, list[Spent]] = {name: [] for name in subjects}
    for number in range(rounds):
        for name in subjects if number % 2 == 0 else reversed(subjects):
            job = Job(
                lab.url_for(name),
                queue=plain_queue() if name == UNRANKED else "",
                warm=_WARM,
                messages=messages,
                prefetch=lab.prefetch,
                with_event=with_event,
            )
            subject = OURS if name == UNRANKED else name
            lab.do(subject, "fill", job)
            spent[name].append(lab.measure(subject, "consume", job))
            # Who heard the events has them all, and a peer may have left some of its messages.
            lab.forget(name)
    return spent


def _costs(measure: str, spent: Mapping[str, Sequence[Spent]]) -> list[Row]:
    costs = {name: tuple(each.cpu_us for each in taken) for name, taken in spent.items()}
    return [
        *(Row(measure, name, "µs", values) for name, values in costs.items()),
        *_against_bare(measure, costs, _MOST_CPU),
    ]


def _rates(spent: Mapping[str, Sequence[Spent]]) -> list[Row]:
    rates = {name: tuple(each.per_second for each in taken) for name, taken in spent.items()}
    return [
        *(Row(RATE, name, "1/s", values) for name, values in rates.items()),
        *_against_bare(RATE, rates, _LEAST_RATE),
    ]


def _against_bare(measure: str, values: Mapping[str, Sequence[float]], target: str) -> Iterator[Row]:
    for name in (name for name in values if name != BARE):
        yield from ratios(measure, values, name, BARE, target if name in {OURS, UNRANKED} else "")

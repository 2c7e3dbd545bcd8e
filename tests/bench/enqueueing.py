"""How fast orders get into the broker, each confirmed: as the source-expander gives them, and by bare aio-pika."""

from typing import Final

from bench.commands import BARE, OURS
from bench.lab import Lab
from bench.rows import Row, ratios
from bench.subjects.job import Job
from bench.subjects.orders import PAGE

_MEASURE: Final = "commands put into the queue in a second, confirmed"
_LEAST: Final = "≥ 0.70"
_WARM_PAGES: Final = 2


def run(lab: Lab, pages: int, rounds: int) -> list[Row]:
    """Both in turn."""
    rates: dict[str, list[float]] = {name: [] for name in lab.chosen(OURS, BARE)}
    for number in range(rounds):
        for name in rates if number % 2 == 0 else reversed(rates):
            job = Job(lab.url_for(name), warm=_WARM_PAGES * PAGE, messages=pages * PAGE)
            lab.do(name, "prepare", job)
            rates[name].append(lab.measure(name, "enqueue", job).per_second)
            lab.forget(name)
    rows = [Row(_MEASURE, name, "1/s", tuple(values)) for name, values in rates.items()]
    return [*rows, *ratios(_MEASURE, rates, OURS, BARE, _LEAST)]

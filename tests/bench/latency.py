"""How long a command takes from its publication to its handler while there is little to do."""

import json
from math import ceil
from statistics import median
from typing import Final

from bench.commands import BARE, OURS
from bench.lab import Lab
from bench.rows import Row
from bench.subjects.job import Job, Moments

_MEASURE: Final = "from publication to handler, 20 commands a second"
_EVERY_SECONDS: Final = 0.05
_WARM: Final = 20


def run(lab: Lab, commands: int, rounds: int) -> list[Row]:
    """Both in turn."""
    found: dict[str, list[list[float]]] = {name: [] for name in lab.chosen(OURS, BARE)}
    for number in range(rounds):
        for name in found if number % 2 == 0 else reversed(found):
            found[name].append(sorted(_delays(lab, name, commands)))
    rows = []
    for share, words, target in ((0.5, "median", "< 2"), (0.99, "p99", "< bare + 10")):
        for name, delays in found.items():
            values = tuple(percentile(each, share) for each in delays)
            rows.append(Row(f"{_MEASURE}, {words}", name, "ms", values, target if name == OURS else ""))
    return rows


def percentile(values: list[float], share: float) -> float:
    """That so large a share of sorted values does not exceed."""
    return median(values) if share == 0.5 else values[ceil(share * len(values)) - 1]


def _delays(lab: Lab, subject: str, commands: int) -> list[float]:
    job = Job(lab.url_for(subject), warm=_WARM, messages=commands, prefetch=lab.prefetch, every_seconds=_EVERY_SECONDS)
    lab.do(subject, "prepare", job)
    with lab.worker(subject, "listen", job) as listening:
        listening.until_ready()
        sent = lab.ask(Moments, subject, "send", job).at
        began = Moments(**json.loads(listening.line())).at
    lab.forget(subject)
    # The first ones find cold caches.
    return [(began[video_id] - sent[video_id]) * 1000 for video_id in list(sent)[_WARM:]]

"""When a fleet has nothing left to do."""

from dataclasses import replace
from typing import Any

import pytest

from tubewarren.completion import Sight, has_problems, is_finished
from tubewarren.messages.commands import QueryLedger
from tubewarren.topology import topology
from tubewarren_services.results_manager.ledger import Ledger

QUEUES = topology().queues
ENDED = Sight(
    looks=1,
    decided=2,
    summary={"sources_done": 1, "sources_error": 1, "sources_pending": 0, "tasks_done": 5, "tasks_dead": 1},
    depths={queue.name: (0, 1) for queue in QUEUES},
)


def test_when_all_is_read_and_all_has_ended_it_is_finished() -> None:
    assert is_finished(ENDED, QUEUES)


@pytest.mark.parametrize(
    "changes",
    [
        {"looks": 0},
        {"decided": 3},
        {"summary": {}},
        *({"summary": {**ENDED.summary, f"sources_{state}": 1}} for state in ("pending", "in_progress")),
        *({"summary": {**ENDED.summary, f"tasks_{state}": 1}} for state in ("pending", "in_progress", "waiting")),
        *(
            {"depths": {**ENDED.depths, name: (1, 1)}}
            for name in ("downloader", "downloader.retry.5m", "status-writer.events", "source-expander")
        ),
    ],
)
def test_while_anything_is_left_it_is_not(changes: dict[str, Any]) -> None:
    assert not is_finished(replace(ENDED, **changes), QUEUES)


@pytest.mark.parametrize("depth", [(7, 0), None])
def test_what_lies_in_dead_queues_waits_for_a_person_and_for_nobody_else(depth: tuple[int, int] | None) -> None:
    depths = {**ENDED.depths, "downloader.dead": depth}

    assert is_finished(replace(ENDED, depths=depths), QUEUES)


def test_an_empty_list_is_finished_once_it_was_read() -> None:
    empty = Sight(looks=1, decided=0, summary={}, depths={})

    assert is_finished(empty, QUEUES)
    assert not is_finished(replace(empty, looks=0), QUEUES)


@pytest.mark.parametrize(
    ("summary", "ended_badly"),
    [
        ({}, False),
        ({"sources_done": 3, "tasks_done": 9, "sources_error": 0, "tasks_dead": 0}, False),
        ({"sources_error": 1}, True),
        ({"tasks_dead": 1}, True),
    ],
)
def test_a_source_in_error_or_a_dead_video_is_a_problem(summary: dict[str, Any], ended_badly: bool) -> None:  # noqa: FBT001
    assert has_problems(summary) is ended_badly


def test_every_count_that_is_looked_at_is_one_that_the_ledger_tells() -> None:
    ledger = Ledger.open("sqlite://", storage="main")
    (told,) = ledger.answer(QueryLedger(topic="summary")).rows
    ledger.close()

    looked_at = {f"sources_{state}" for state in ("pending", "in_progress", "done", "error")}
    looked_at |= {f"tasks_{state}" for state in ("pending", "in_progress", "waiting", "dead")}

    assert looked_at <= told.keys()

"""The reckoning finds each thing that can be wrong: a test that can find nothing proves nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.plan import Behaviour, PlannedSource, PlannedVideo
from chaos.reckoning import Call, Found, Wanted, copies, lost, reckon, repeated, undecided

PLAIN, GONE, FLAKY = (
    PlannedVideo(1, Behaviour.PLAIN),
    PlannedVideo(2, Behaviour.GONE),
    PlannedVideo(3, Behaviour.FLAKY, times=1),
)
VIDEOS = {"p": PLAIN, "g": GONE, "f": FLAKY}
SUMS = {"p": "sum of p", "g": "sum of g", "f": "sum of f"}
WANTED = Wanted(
    sources={
        "http://list": PlannedSource("/list", 0, tuple(video.slug for video in VIDEOS.values())),
        "http://none": PlannedSource("/none", 0, state="error", letter=True),
    },
    videos=VIDEOS,
    names={video.slug: name for name, video in VIDEOS.items()},
)


def task(video: str, state: str, kind: str | None = None, attempt: int = 1) -> dict[str, Any]:
    return {"video_id": video, "source_id": "1", "state": state, "failure_kind": kind, "attempt": attempt}


def row(video: str, status: str) -> dict[str, str]:
    return {"ID": video, "SourceID": "1", "Status": status}


TASKS = (task("p", "done"), task("g", "dead", "gone"), task("f", "done", "transient", 2))
ROWS = (row("p", "done"), row("g", "error"), row("f", "done"))
CALLS = (
    Call("p", "1", 1, "home", "done"),
    Call("g", "1", 1, "home", "gone"),
    Call("f", "1", 1, "home", "transient"),
    Call("f", "1", 2, "home", "done"),
)
SOURCES: tuple[dict[str, Any], ...] = (
    {"url": "http://list", "source_id": "1", "state": "done"},
    {"url": "http://none", "source_id": "2", "state": "error"},
)
SOURCE_ROWS = ({"URL": "http://list", "Status": "done"}, {"URL": "http://none", "Status": "error"})
FILES = {"p": "sum of p", "f": "sum of f"}
LETTERS = (("g", "1"), ("", "2"))
WELL = Found(
    sources=SOURCES,
    tasks=TASKS,
    sheet_sources=SOURCE_ROWS,
    sheet_tasks=ROWS,
    sheet_dead=(row("g", "error"),),
    checksums=FILES,
    manifests=FILES,
    staging=("g",),
    letters=LETTERS,
    calls=CALLS,
)


def problems(found: Found) -> list[str]:
    return [each.what for each in reckon(WANTED, found, SUMS)]


def test_nothing_is_found_when_all_is_well() -> None:
    assert problems(WELL) == []
    assert lost(WANTED, WELL) == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda well: replace(well, tasks=TASKS[1:]), "1/p: lost"),
        (lambda well: replace(well, tasks=(*TASKS, task("x", "done"))), "1/x: nobody asked for it"),
        (lambda well: replace(well, tasks=(task("p", "waiting"), *TASKS[1:])), "1/p: waiting  instead of done"),
        (lambda well: replace(well, tasks=(task("p", "dead", "poison"), *TASKS[1:])), "1/p: dead poison instead of"),
        (lambda well: replace(well, tasks=(TASKS[0], task("g", "dead", "gated"), TASKS[2])), "dead gated instead of"),
        (lambda well: replace(well, tasks=(*TASKS[:2], task("f", "done", None, 3))), "1/f: charged up to attempt 3"),
        (lambda well: replace(well, calls=(*CALLS, Call("g", "1", 2, "home", "gone"))), "1/g: charged up to attempt 2"),
        (lambda well: replace(well, checksums={"f": "sum of f"}), "p: done, but it has no file"),
        (lambda well: replace(well, checksums=SUMS), "g: it has a file, but it is not done"),
        (lambda well: replace(well, checksums=FILES | {"p": "other"}), "p: its file is not the right one"),
        (lambda well: replace(well, manifests={"f": "sum of f"}), "p: its manifest tells of another file"),
        (lambda well: replace(well, staging=("p",)), "p: done, but something is left in staging"),
        (lambda well: replace(well, staging=("x",)), "x: strange, in staging"),
        (lambda well: replace(well, sheet_tasks=ROWS[1:]), "1/p: 0 rows in Video Tasks"),
        (lambda well: replace(well, sheet_tasks=(*ROWS, ROWS[0])), "1/p: 2 rows in Video Tasks"),
        (lambda well: replace(well, sheet_tasks=(row("p", "pending"), *ROWS[1:])), "pending in Video Tasks"),
        (lambda well: replace(well, sheet_dead=()), "1/g: 0 rows in Dead-Letter Tasks"),
        (lambda well: replace(well, sheet_dead=(row("g", "error"), row("p", "error"))), "1/p: 1 rows in Dead-Letter"),
        (lambda well: replace(well, letters=(("", "2"),)), "1/g: dead, but in no dead queue"),
        (lambda well: replace(well, letters=(("g", "1"),)), "source 2: dead, but in no dead queue"),
        (lambda well: replace(well, letters=(*LETTERS, ("p", "1"))), "1/p: in a dead queue, but not dead"),
        (lambda well: replace(well, sources=SOURCES[1:]), "http://list: 0 times in the ledger"),
        (lambda well: replace(well, sheet_sources=SOURCE_ROWS[1:]), "http://list: 0 rows in the sheet"),
    ],
)
def test_each_damage_is_found(damage: Callable[[Found], Found], words: str) -> None:
    assert any(words in each for each in problems(damage(WELL))), problems(damage(WELL))


def test_an_attempt_that_met_an_outage_may_be_charged_once_more() -> None:
    calls = (*CALLS, Call("p", "1", 1, "home", "extractor"), Call("p", "1", 2, "home", "done"))

    assert problems(replace(WELL, calls=calls, tasks=(task("p", "done", None, 2), *TASKS[1:]))) == []
    assert problems(replace(WELL, calls=calls, tasks=(task("p", "done", None, 3), *TASKS[1:]))) != []


def test_what_was_given_up_in_an_outage_and_then_done_may_have_a_letter() -> None:
    calls = (*CALLS, Call("p", "1", 4, "home", "extractor"))
    found = replace(WELL, calls=calls, letters=(*LETTERS, ("p", "1")))

    assert undecided(WANTED, found) == {("p", "1")}
    assert undecided(WANTED, WELL) == frozenset()
    assert not any("in a dead queue" in each for each in problems(found))


def test_what_came_twice_is_counted() -> None:
    again = Call("p", "1", 1, "abroad", "done")
    blocked = Call("f", "1", 1, "home", "blocked")

    assert repeated(CALLS) == 0
    assert repeated((*CALLS, again, again, blocked)) == 2
    assert copies((*LETTERS, ("g", "1"))) == 1
    assert lost(WANTED, replace(WELL, tasks=TASKS[1:])) == 1

"""Whether everything is accounted for: site = ledger = workbook = files."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tubewarren.sheets.table import Table
from tubewarren_services.demo.reckoning import Books, Ending, discrepancies

ENDINGS = (Ending("v1", "done", "aa"), Ending("v2", "done", "bb"), Ending("v3", "dead", "cc"))
SOURCES = {"https://x.invalid/1": "done", "not an address": "error"}
HEADER = ("ID", "SourceID", "Status")


def task(video_id: str, source_id: str, state: str) -> dict[str, str]:
    return {"video_id": video_id, "source_id": source_id, "state": state}


def tab(*rows: tuple[str, str, str]) -> Table:
    return Table.of([HEADER, *rows])


BOOKS = Books(
    sources=SOURCES,
    tasks=(task("v1", "1", "done"), task("v1", "2", "done"), task("v2", "1", "done"), task("v3", "1", "dead")),
    checksums={"v1": "aa", "v2": "bb"},
    task_tab=tab(("v1", "1", "done"), ("v1", "2", "done"), ("v2", "1", "done"), ("v3", "1", "error")),
    dead_tab=tab(("v3", "1", "error")),
)


def found(books: Books, endings: Sequence[Ending] = ENDINGS) -> list[str]:
    return list(discrepancies(endings, SOURCES, books))


def test_when_all_is_well_there_is_nothing_to_say() -> None:
    assert found(BOOKS) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"sources": {**SOURCES, "https://x.invalid/1": "in-progress"}},
            "source https://x.invalid/1: in-progress in the ledger instead of done",
        ),
        (
            {"sources": {"https://x.invalid/1": "done"}},
            "source not an address: unknown in the ledger instead of error",
        ),
        (
            {"sources": {**SOURCES, "https://x.invalid/9": "done"}},
            "source https://x.invalid/9: nobody asked for it",
        ),
        ({"checksums": {"v1": "aa"}}, "video v2: no file"),
        ({"checksums": {"v1": "aa", "v2": "zz"}}, "video v2: the file differs from the site's"),
        (
            {"checksums": {**BOOKS.checksums, "v3": "cc"}},
            "video v3: there is a file of a video that the site never gave",
        ),
        ({"checksums": {**BOOKS.checksums, "v9": "dd"}}, "video v9: nobody asked for it"),
        ({"dead_tab": tab()}, "the tab Dead-Letter Tasks lists 0 videos instead of 1"),
        ({"dead_tab": tab(("v2", "1", "error"))}, "the tab Dead-Letter Tasks lists 1 videos instead of 1"),
        (
            {"task_tab": tab(("v1", "1", "done"), ("v1", "2", "done"), ("v2", "1", "pending"), ("v3", "1", "error"))},
            "the tab Video Tasks differs from the ledger for ('v2', '1')",
        ),
        (
            {"task_tab": tab(("v1", "1", "done"), ("v2", "1", "done"), ("v3", "1", "error"))},
            "the tab Video Tasks differs from the ledger for ('v1', '2')",
        ),
    ],
)
def test_each_thing_that_is_not_as_it_must_be_is_told(changes: dict[str, Any], words: str) -> None:
    assert found(replace(BOOKS, **changes)) == [words]


@pytest.mark.parametrize("state", ["pending", "in-progress", "waiting", "dead"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_video_of_two_sources_must_have_ended_well_for_both(state: str, at: int) -> None:
    tasks = list(BOOKS.tasks)
    tasks[at] = {**tasks[at], "state": state}

    assert f"video v1: {state} in the ledger instead of done" in found(replace(BOOKS, tasks=tuple(tasks)))


def test_a_video_that_nobody_worked_on_is_told() -> None:
    tasks = tuple(row for row in BOOKS.tasks if row["video_id"] != "v3")

    assert "video v3: unknown in the ledger instead of dead" in found(replace(BOOKS, tasks=tasks))


def test_a_video_in_the_ledger_that_the_site_does_not_have_is_told() -> None:
    tasks = (*BOOKS.tasks, task("v9", "1", "done"))

    assert "video v9: nobody asked for it" in found(replace(BOOKS, tasks=tasks))


def test_an_unfinished_video_is_never_as_in_the_sheet() -> None:
    tasks = (task("v1", "1", "pending"),)
    books = replace(BOOKS, tasks=tasks, task_tab=tab(("v1", "1", "pending")), dead_tab=tab(), checksums={})

    assert any("Video Tasks differs" in words for words in found(books, [Ending("v1", "done", "aa")]))

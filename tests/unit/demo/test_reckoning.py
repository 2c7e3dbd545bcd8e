"""Whether everything is accounted for: what the site has, and what the audit compares."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import VIDEO_TASKS
from tubewarren_services.audit.books import Books, FileBook, LedgerBook, Result, Row, SheetBook
from tubewarren_services.demo.reckoning import Ending, shortfalls

ENDINGS = (Ending("v1", "done", "aa"), Ending("v2", "done", "bb"), Ending("v3", "dead", "cc"))
SOURCES = {"https://x.invalid/1": "done", "not an address": "error"}
TAB = (
    ("ID", "SourceID", "Status"),
    ("v1", "1", "done"),
    ("v1", "2", "done"),
    ("v2", "1", "done"),
    ("v3", "1", "error"),
)


def task(video_id: str, source_id: str, state: str) -> Row:
    return {"video_id": video_id, "source_id": source_id, "state": state, "attempt": 1}


def source(url: str, state: str) -> Row:
    return {"source_id": url, "url": url, "state": state, "phase": "refused", "videos": 0, "done": 0, "failed": 0}


def file_of(video_id: str, sha256: str) -> Result:
    return Result(Path(video_id), 9, sha256, ("1",))


LEDGER = LedgerBook(
    sources=tuple(source(url, state) for url, state in SOURCES.items()),
    tasks=(task("v1", "1", "done"), task("v1", "2", "done"), task("v2", "1", "done"), task("v3", "1", "dead")),
    results=tuple({"video_id": name, "storage": "main", "sha256": sha} for name, sha in (("v1", "aa"), ("v2", "bb"))),
)
FILES = {"v1": file_of("v1", "aa"), "v2": file_of("v2", "bb")}
BOOKS = Books(LEDGER, SheetBook({VIDEO_TASKS: Table.of(TAB)}), FileBook("main", Path(), FILES))


def found(books: Books, endings: Sequence[Ending] = ENDINGS) -> list[str]:
    return list(shortfalls(endings, SOURCES, books))


def with_ledger(**changes: Any) -> Books:
    return replace(BOOKS, ledger=replace(LEDGER, **changes))


def with_files(**changes: Result) -> Books:
    return replace(BOOKS, files=FileBook("main", Path(), {**FILES, **changes}))


def test_when_all_is_well_there_is_nothing_to_say() -> None:
    assert found(BOOKS) == []


@pytest.mark.parametrize(
    ("books", "words"),
    [
        (
            with_ledger(sources=(source("https://x.invalid/1", "in-progress"), LEDGER.sources[1])),
            "source https://x.invalid/1: in-progress in the ledger instead of done",
        ),
        (
            with_ledger(sources=LEDGER.sources[:1]),
            "source not an address: unknown in the ledger instead of error",
        ),
        (
            with_ledger(sources=(*LEDGER.sources, source("https://x.invalid/9", "done"))),
            "source https://x.invalid/9: nobody asked for it",
        ),
        (replace(BOOKS, files=FileBook("main", Path(), {"v1": FILES["v1"]})), "video v2: no file"),
        (with_files(v2=file_of("v2", "zz")), "video v2: the file differs from the site's"),
        (with_files(v3=file_of("v3", "cc")), "video v3: there is a file of a video that the site never gave"),
        (with_files(v9=file_of("v9", "dd")), "video v9: nobody asked for it"),
        (
            with_ledger(tasks=(*LEDGER.tasks, task("v9", "1", "done"))),
            "video v9: nobody asked for it",
        ),
        (
            with_ledger(tasks=LEDGER.tasks[:3]),
            "video v3: unknown in the ledger instead of dead",
        ),
    ],
)
def test_each_thing_that_is_not_as_it_must_be_is_told(books: Books, words: str) -> None:
    assert words in found(books)


def test_what_the_audit_finds_is_told_too() -> None:
    tab = Table.of([TAB[0], *TAB[2:]])

    (words,) = found(replace(BOOKS, sheet=SheetBook({VIDEO_TASKS: tab})))

    assert words == 'video 1/v1: It has no row in the tab "Video Tasks".'


@pytest.mark.parametrize("state", ["pending", "in-progress", "waiting", "dead"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_video_of_two_sources_must_have_ended_well_for_both(state: str, at: int) -> None:
    tasks = list(LEDGER.tasks)
    tasks[at] = {**tasks[at], "state": state}

    assert f"video v1: {state} in the ledger instead of done" in found(with_ledger(tasks=tuple(tasks)))

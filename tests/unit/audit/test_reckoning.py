"""Whether sheet, ledger, files and queues tell the same, and what would mend it where they do not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS, SOURCES, VIDEO_TASKS, Tab
from tubewarren.topology import DOWNLOADER, SHEET_INGESTOR, SOURCE_EXPANDER, topology
from tubewarren_services.audit.books import (
    Books,
    FileBook,
    LedgerBook,
    Leftover,
    Letter,
    QueueBook,
    Result,
    Row,
    SheetBook,
)
from tubewarren_services.audit.discrepancy import Discrepancy, Kind, lasting
from tubewarren_services.audit.reckoning import discrepancies

SYSTEM = topology((timedelta(seconds=1), timedelta(seconds=2)))
PLACE = Path("results")
SHEET_WORDS = {
    "pending": "pending",
    "waiting": "pending",
    "in-progress": "in-progress",
    "done": "done",
    "dead": "error",
    "filtered": "filtered",
}
HEADERS = {
    SOURCES: ("ID", "URL", "Status", "Videos", "Done", "Failed", "Mood"),
    VIDEO_TASKS: ("ID", "SourceID", "Status"),
    DEAD_LETTER_SOURCES: ("ID", "Status"),
    DEAD_LETTER_TASKS: ("ID", "SourceID", "Status"),
}

Damage = Callable[[Books], Books]


def task(video_id: str, source_id: str, state: str, attempt: int = 1) -> Row:
    return {"video_id": video_id, "source_id": source_id, "state": state, "attempt": attempt}


def source(source_id: str, tasks: list[Row], phase: str = "listed", state: str = "done") -> Row:
    states = [row["state"] for row in tasks if row["source_id"] == source_id]
    return {
        "source_id": source_id,
        "url": f"https://x.invalid/{source_id}",
        "state": state,
        "phase": phase,
        "videos": len(states),
        "done": states.count("done"),
        "failed": states.count("dead"),
    }


def result(video_id: str, storage: str = "main") -> Row:
    return {"video_id": video_id, "storage": storage, "sha256": f"sum-{video_id}"}


def books_of(tasks: list[Row], sources: list[Row], in_hand: int = 0) -> Books:
    """Books that agree: the sheet, the files and the queues that belong to these sources and videos."""
    finished = sorted({str(row["video_id"]) for row in tasks if row["state"] == "done"})
    dead = [row for row in tasks if row["state"] == "dead"]
    unfinished = sum(row["state"] not in ("done", "dead", "filtered") for row in tasks)
    unlisted = sum(row["phase"] in ("accepted", "listing") for row in sources)
    depths: dict[str, tuple[int, int] | None] = {queue.name: (0, 1) for queue in SYSTEM.queues}
    depths["downloader.retry.1s"] = (unfinished - in_hand, 0)
    depths[SOURCE_EXPANDER] = (unlisted, 1)
    columns = ("source_id", "url", "state", "videos", "done", "failed")
    # Nobody tells the counts of a source without videos.
    source_rows = [tuple(str(row[name]) if row["videos"] or row[name] else "" for name in columns) for row in sources]
    task_rows = [(str(row["video_id"]), str(row["source_id"]), SHEET_WORDS[str(row["state"])]) for row in tasks]
    buried = [row for row in sources if row["phase"] == "buried"]
    tables: dict[Tab, Sequence[tuple[str, ...]]] = {
        SOURCES: source_rows,
        VIDEO_TASKS: task_rows,
        DEAD_LETTER_SOURCES: [(str(row["source_id"]), "error") for row in buried],
        DEAD_LETTER_TASKS: [(str(row["video_id"]), str(row["source_id"]), "error") for row in dead],
    }
    return Books(
        LedgerBook(tuple(sources), tuple(tasks), tuple(result(video_id) for video_id in finished)),
        SheetBook({tab: Table.of([HEADERS[tab], *rows]) for tab, rows in tables.items()}),
        FileBook("main", PLACE, {each: Result(PLACE / each, 9, f"sum-{each}", ("1",)) for each in finished}),
        QueueBook(
            SYSTEM,
            "main",
            depths,
            (
                *(
                    Letter(
                        DOWNLOADER,
                        f"id-{row['video_id']}-{row['source_id']}",
                        str(row["source_id"]),
                        str(row["video_id"]),
                    )
                    for row in dead
                ),
                *(Letter(SOURCE_EXPANDER, f"id-{row['source_id']}", str(row["source_id"])) for row in buried),
            ),
            {work.name: in_hand if work.name == DOWNLOADER else 0 for work in SYSTEM.work},
        ),
    )


TASKS = [
    task("v1", "1", "done"),
    task("v1", "2", "done"),
    task("v2", "1", "done"),
    task("v3", "1", "dead"),
]
ENDED = books_of(
    TASKS,
    [source("1", TASKS), source("2", TASKS), source("3", [], "buried", "error"), source("4", [], "refused", "error")],
)
OPEN_TASKS = [*TASKS, task("v4", "2", "pending"), task("v5", "2", "waiting"), task("v6", "2", "in-progress")]
UNDER_WAY = books_of(
    OPEN_TASKS,
    [source("1", OPEN_TASKS), source("2", OPEN_TASKS, state="in-progress"), source("5", [], "accepted", "pending")],
    in_hand=1,
)


PURGED_TASKS = [*TASKS[:3], {**TASKS[3], "fate": "purged"}]
PURGED = [*ENDED.ledger.sources[:2], {**ENDED.ledger.sources[2], "fate": "purged"}, ENDED.ledger.sources[3]]


def purged(books: Books) -> Books:
    """All that was given up was purged: it is in no dead queue and in no tab of the dead."""
    assert books.sheet is not None
    tables = {
        tab: Table.of([table.header]) if tab in (DEAD_LETTER_SOURCES, DEAD_LETTER_TASKS) else table
        for tab, table in books.sheet.tables.items()
    }
    without_letters = queues(letters=())(replace(books, sheet=SheetBook(tables)))
    return ledger(tasks=tuple(PURGED_TASKS), sources=tuple(PURGED))(without_letters)


def test_what_a_filter_left_out_is_in_order_though_it_lies_nowhere() -> None:
    tasks = [*TASKS[:3], task("v9", "1", "filtered")]

    assert discrepancies(books_of(tasks, [source("1", tasks), source("2", tasks)])) == ()


def test_what_was_purged_is_missed_nowhere() -> None:
    assert discrepancies(purged(ENDED)) == ()


def test_what_is_called_purged_but_lies_there_is_to_be_purged_again() -> None:
    found = discrepancies(queues(letters=LETTERS)(purged(ENDED)))

    assert [(each.kind, each.concerns, each.remedy) for each in found] == [
        (Kind.DEAD_LETTER_OF_LIVING, "video 1/v3", "svc dead purge id-v3-1"),
        (Kind.DEAD_LETTER_OF_LIVING, "source 3", "svc dead purge id-3"),
    ]


@pytest.mark.parametrize("books", [ENDED, UNDER_WAY], ids=["ended", "under way"])
def test_when_all_agree_there_is_nothing_to_say(books: Books) -> None:
    assert discrepancies(books) == ()


def files(**changes: Any) -> Damage:
    return lambda books: replace(books, files=replace(books.files, **changes))  # type: ignore[type-var]  # it is there


def ledger(**changes: Any) -> Damage:
    return lambda books: replace(books, ledger=replace(books.ledger, **changes))


def queues(**changes: Any) -> Damage:
    return lambda books: replace(books, queues=replace(books.queues, **changes))  # type: ignore[type-var]  # it is there


def depth(**changes: tuple[int, int] | None) -> Damage:
    def damage(books: Books) -> Books:
        assert books.queues is not None
        named = {name.replace("__", ".").replace("_", "-"): found for name, found in changes.items()}
        return queues(depths={**books.queues.depths, **named})(books)

    return damage


def rows(tab: Tab, change: Callable[[list[tuple[str, ...]]], object]) -> Damage:
    def damage(books: Books) -> Books:
        assert books.sheet is not None
        table = books.sheet.tables[tab]
        lines = list(table.rows)
        change(lines)
        changed = {**books.sheet.tables, tab: Table.of([table.header, *lines])}
        return replace(books, sheet=SheetBook(changed))

    return damage


def without(mapping: Mapping[str, Result], name: str) -> dict[str, Result]:
    return {key: value for key, value in mapping.items() if key != name}


GOOD = ENDED.files.results if ENDED.files else {}
LETTERS = ENDED.queues.letters if ENDED.queues else ()
BLOCKED: Row = {**task("v2", "1", ""), "ending": "retry", "failure_kind": "blocked"}
REFUNDED: Row = {**task("v2", "1", ""), "ending": "refund", "failure_kind": "blocked"}

DAMAGES: dict[str, tuple[Damage, Kind, str, str, str]] = {
    "a file is gone": (
        files(results=without(GOOD, "v1")),
        Kind.NO_FILE,
        "video v1",
        "not in results",
        "svc sources expand 1 2",
    ),
    "no storage told of it": (
        lambda books: replace(
            books,
            ledger=replace(books.ledger, results=(result("v1"),)),
            files=FileBook("main", PLACE, without(GOOD, "v2")),
        ),
        Kind.NO_FILE,
        "video v2",
        "no storage",
        "svc sources expand 1",
    ),
    "a file is damaged": (
        files(results={**GOOD, "v2": replace(GOOD["v2"], problem="In its folder x.wav is not what it was.")}),
        Kind.DAMAGED,
        "video v2",
        "x.wav",
        "rm -r results/v2, then svc sources expand 1",
    ),
    "a file is another one": (
        files(results={**GOOD, "v2": replace(GOOD["v2"], sha256="else")}),
        Kind.DAMAGED,
        "video v2",
        "not the one that was announced",
        "rm -r results/v2",
    ),
    "a file that nobody knows": (
        files(results={**GOOD, "v9": Result(PLACE / "v9", 1, "x", ("1",))}),
        Kind.STRAY_FILE,
        "video v9",
        "does not know",
        "svc sources expand 1",
    ),
    "a folder that is no result": (
        files(results={**GOOD, "v9": Result(PLACE / "v9", problem="Its folder has no manifest.")}),
        Kind.STRAY_FILE,
        "video v9",
        "no manifest",
        "rm -r results/v9",
    ),
    "a leftover": (
        files(staging={"v1": Leftover(PLACE / ".staging/v1", is_claimed=False)}),
        Kind.STRAY_STAGING,
        "video v1",
        "nobody works on",
        "rm -r results/.staging/v1",
    ),
    "a letter that was lost": (
        queues(letters=LETTERS[1:]),
        Kind.NOT_IN_DEAD_QUEUE,
        "video 1/v3",
        "downloader.dead",
        "svc sources expand 1",
    ),
    "the letter of a source that was lost": (
        queues(letters=LETTERS[:1]),
        Kind.NOT_IN_DEAD_QUEUE,
        "source 3",
        "source-expander.dead",
        "svc sources expand 3",
    ),
    "a letter of something done": (
        queues(letters=(*LETTERS, Letter(DOWNLOADER, "x", "1", "v2"))),
        Kind.DEAD_LETTER_OF_LIVING,
        "video 1/v2",
        "done",
        "svc dead purge x",
    ),
    "a letter of something unheard of": (
        queues(letters=(*LETTERS, Letter(DOWNLOADER, "x", "1", "v8"))),
        Kind.DEAD_LETTER_OF_LIVING,
        "video 1/v8",
        "unknown",
        "svc dead redrive x",
    ),
    "a letter that is no order": (
        queues(letters=(*LETTERS, Letter(SHEET_INGESTOR, "x"), Letter(SHEET_INGESTOR, "y"))),
        Kind.UNDIGESTED,
        "queue sheet-ingestor.dead",
        "lie there: 2",
        "svc dead list --queue sheet-ingestor",
    ),
    "a letter that names no video": (
        queues(letters=(*LETTERS, Letter(DOWNLOADER, "x", "1"))),
        Kind.UNDIGESTED,
        "queue downloader.dead",
        "lie there: 1",
        "svc dead list --queue downloader",
    ),
    "a missing queue": (
        depth(downloader__retry__1s=None),
        Kind.QUEUE_MISSING,
        "queue downloader.retry.1s",
        "",
        "svc topology declare",
    ),
    "two storages": (
        ledger(results=(*ENDED.ledger.results, result("v1", "attic"))),
        Kind.STORED_TWICE,
        "video v1",
        "attic and main",
        "TUBEWARREN_STORE__NAME",
    ),
    "a video of the listing was lost": (
        lambda books: rows(SOURCES, lambda lines: lines.__setitem__(0, (*lines[0][:3], "5", *lines[0][4:])))(
            ledger(sources=({**ENDED.ledger.sources[0], "videos": 5}, *ENDED.ledger.sources[1:]))(books)
        ),
        Kind.COUNTS,
        "source 1",
        "5 videos (but 3 are known)",
        "svc sources expand 1",
    ),
    "a charge for a block": (
        ledger(attempts=(BLOCKED,)),
        Kind.CHARGED,
        "video 1/v2",
        "charged, though it was blocked",
        "svc why 1/v2",
    ),
    "a charge for nothing": (
        ledger(
            attempts=(REFUNDED,),
            tasks=(*TASKS[:2], {**TASKS[2], "attempt": 2}, TASKS[3]),
        ),
        Kind.CHARGED,
        "video 1/v2",
        "at attempt 2",
        "svc why 1/v2",
    ),
    "a row is gone": (
        rows(VIDEO_TASKS, lambda lines: lines.pop(0)),
        Kind.ROW_MISSING,
        "video 1/v1",
        '"Video Tasks"',
        "ID and SourceID",
    ),
    "a source's row is gone": (
        rows(SOURCES, lambda lines: lines.pop(1)),
        Kind.ROW_MISSING,
        "source 2",
        '"Sources"',
        "ID and URL",
    ),
    "a dead row is gone": (
        rows(DEAD_LETTER_TASKS, lambda lines: lines.clear()),
        Kind.ROW_MISSING,
        "video 1/v3",
        '"Dead-Letter Tasks"',
        "svc run status-writer",
    ),
    "a row is there twice": (
        rows(VIDEO_TASKS, lambda lines: lines.append(lines[0])),
        Kind.ROW_DOUBLED,
        "video 1/v1",
        "2 rows",
        "but the first",
    ),
    "a row of nobody": (
        rows(DEAD_LETTER_SOURCES, lambda lines: lines.append(("9", "error"))),
        Kind.ROW_STRAY,
        "source 9",
        "says error",
        "remove the row",
    ),
    "a source that nobody took in": (
        rows(SOURCES, lambda lines: lines.append(("", "https://x.invalid/new", *[""] * 5))),
        Kind.ROW_STRAY,
        "source https://x.invalid/new",
        "no ID",
        "svc run sheet-ingestor",
    ),
    "a status differs": (
        rows(VIDEO_TASKS, lambda lines: lines.__setitem__(2, ("v2", "1", "pending"))),
        Kind.ROW_DIFFERS,
        "video 1/v2",
        "Status pending instead of done",
        "svc run status-writer",
    ),
    "a count differs": (
        rows(SOURCES, lambda lines: lines.__setitem__(0, (*lines[0][:4], "7", *lines[0][5:]))),
        Kind.ROW_DIFFERS,
        "source 1",
        "Done 7 instead of 2",
        "svc run status-writer",
    ),
    "the sheet is behind": (
        depth(status_writer__events=(3, 0)),
        Kind.BEHIND,
        "queue status-writer.events",
        "nobody listens",
        "svc run status-writer",
    ),
    "the ledger is behind": (
        depth(results_manager__main__events=(3, 1)),
        Kind.BEHIND,
        "queue results-manager.main.events",
        "not caught up",
        "svc audit",
    ),
}


@pytest.mark.parametrize(("damage", "kind", "concerns", "what", "remedy"), DAMAGES.values(), ids=DAMAGES)
def test_each_damage_is_named_and_nothing_else(
    damage: Damage, kind: Kind, concerns: str, what: str, remedy: str
) -> None:
    (found,) = discrepancies(damage(ENDED))

    assert (found.kind, found.concerns) == (kind, concerns)
    assert what in found.what
    assert remedy in found.remedy


def test_every_kind_has_its_damage() -> None:
    proven = {kind for _, kind, *_ in DAMAGES.values()} | {Kind.LOST, Kind.TAB_UNREADABLE}

    assert proven == set(Kind)


def test_the_videos_of_a_source_are_counted_only_when_its_listing_is_at_its_end() -> None:
    announced = {**source("1", TASKS), "videos": 9}

    counted = [
        [each.kind for each in discrepancies(Books(LedgerBook(({**announced, "phase": phase},), tuple(TASKS))))]
        for phase in ("listing", "listed")
    ]

    assert [Kind.COUNTS in kinds for kinds in counted] == [False, True]


def test_an_unreadable_tab_is_told_in_its_own_words_and_the_others_are_compared() -> None:
    assert ENDED.sheet is not None
    tables = {tab: table for tab, table in ENDED.sheet.tables.items() if tab is not VIDEO_TASKS}

    found = discrepancies(replace(ENDED, sheet=SheetBook(tables, {"Video Tasks": "The column ID is missing."})))

    assert [(each.kind, each.what) for each in found] == [(Kind.TAB_UNREADABLE, "The column ID is missing.")]


def test_a_column_that_a_person_took_away_is_not_missed() -> None:
    assert ENDED.sheet is not None
    plain = Table.of([("ID", "URL", "Status"), *(row[:3] for row in ENDED.sheet.tables[SOURCES].rows)])

    assert discrepancies(replace(ENDED, sheet=SheetBook({**ENDED.sheet.tables, SOURCES: plain}))) == ()


def test_what_was_not_looked_at_is_not_missed() -> None:
    assert discrepancies(Books(ENDED.ledger)) == ()


@pytest.mark.parametrize(
    "behind",
    [depth(results_manager__main__events=(3, 1)), depth(status_writer__events=(3, 1))],
    ids=["the ledger", "the sheet"],
)
def test_what_waits_for_news_is_not_compared(behind: Damage) -> None:
    damaged = rows(VIDEO_TASKS, lambda lines: lines.clear())(ENDED)

    assert [each.kind for each in discrepancies(behind(damaged))] == [Kind.BEHIND]


def test_orders_that_wait_because_their_source_is_paused_are_not_lost() -> None:
    listed = books_of(OPEN_TASKS, [source("1", OPEN_TASKS), source("2", OPEN_TASKS, state="in-progress")], in_hand=1)
    waiting = depth(downloader__retry__1s=(0, 0), downloader__held=(2, 0))(listed)

    assert discrepancies(waiting) == ()


def test_orders_that_are_in_no_queue_and_in_nobodys_hand_are_lost() -> None:
    wiped = depth(downloader__retry__1s=(0, 0), source_expander=(0, 1))(UNDER_WAY)

    found = discrepancies(queues(in_hand=dict.fromkeys((DOWNLOADER, SOURCE_EXPANDER), 0))(wiped))

    assert [(each.kind, each.concerns, each.remedy) for each in found] == [
        (Kind.LOST, "source 5", "svc sources expand 5"),
        (Kind.LOST, "source 2", "svc sources expand 2"),
    ]
    assert "3 unfinished videos" in found[1].what


@pytest.mark.parametrize(
    "damage",
    [
        queues(in_hand={SOURCE_EXPANDER: 0}),
        queues(in_hand={SOURCE_EXPANDER: 0, DOWNLOADER: 3}),
        depth(source_expander=(2, 1)),
        depth(downloader=(9, 0)),
    ],
    ids=["a worker is silent", "all are in hand", "a source is being listed", "more is queued than is known"],
)
def test_nothing_is_called_lost_while_it_may_be_somewhere(damage: Damage) -> None:
    listed = books_of(OPEN_TASKS, [source("1", OPEN_TASKS), source("2", OPEN_TASKS, state="in-progress")], in_hand=1)
    elsewhere = queues(in_hand={SOURCE_EXPANDER: 0, DOWNLOADER: 0})(listed)

    assert not [each for each in discrepancies(damage(elsewhere)) if each.kind is Kind.LOST]
    assert [each.kind for each in discrepancies(elsewhere)] == [Kind.LOST]


@pytest.mark.parametrize(
    "in_hand", [{}, {DOWNLOADER: 1, SOURCE_EXPANDER: 0}], ids=["unknown", "more than is unfinished"]
)
def test_what_may_have_been_redriven_is_not_missed_in_the_dead_queue(in_hand: dict[str, int]) -> None:
    redriven = queues(letters=LETTERS[1:], in_hand=in_hand)(ENDED)

    assert discrepancies(redriven) == ()


@pytest.mark.parametrize(
    ("state", "is_claimed"), [("waiting", False), ("dead", False), ("done", True)], ids=["waits", "given up", "at work"]
)
def test_partial_files_of_what_may_go_on_are_no_leftover(state: str, is_claimed: bool) -> None:  # noqa: FBT001 - a case
    video = {"waiting": "v5", "dead": "v3", "done": "v1"}[state]

    kept = files(staging={video: Leftover(PLACE / "x", is_claimed)})(UNDER_WAY)

    assert discrepancies(kept) == ()


@pytest.mark.parametrize(
    "attempts",
    [
        [{"attempt": 1, "ending": "retry", "failure_kind": "transient"}, {"attempt": 2, "ending": "refund"}],
        [{"attempt": 2, "ending": "refund", "failure_kind": "blocked"}],
        [{"attempt": 1, "ending": "refund", "failure_kind": "blocked"}] * 23,
    ],
    ids=["rightly charged", "the ledger does not know the beginning", "not all are remembered"],
)
def test_a_higher_attempt_is_no_wrong_charge_when_it_may_be_a_right_one(attempts: list[Row]) -> None:
    made = tuple({"failure_kind": "blocked", **task("v2", "1", ""), **row} for row in attempts)
    charged = ledger(attempts=made, tasks=(*TASKS[:2], {**TASKS[2], "attempt": 2}, TASKS[3]))(ENDED)

    assert discrepancies(charged) == ()


def test_only_what_two_looks_found_in_the_same_words_lasts() -> None:
    same, moved = Discrepancy(Kind.LOST, "a", "b", "c"), Discrepancy(Kind.LOST, "a", "3 of 4", "c")

    assert lasting([same, moved], [replace(moved, what="2 of 4"), same]) == (same,)


ids = st.integers(1, 5).map(str)
states = st.sampled_from(sorted(SHEET_WORDS))


@st.composite
def systems(draw: st.DrawFn) -> Books:
    drawn = draw(st.dictionaries(st.tuples(ids.map(lambda name: f"v{name}"), ids), states, max_size=12))
    # What is finished is finished for whoever lists it, and what was given up has no file.
    tasks = [task(*key, state) for key, state in drawn.items()]
    phases = draw(
        st.fixed_dictionaries(
            {name: st.sampled_from(["accepted", "listing", "listed", "refused", "buried"]) for name in "12345"}
        )
    )
    return books_of(tasks, [source(name, tasks, phase) for name, phase in phases.items()])


@given(systems())
def test_books_that_were_made_to_agree_agree(books: Books) -> None:
    assert discrepancies(books) == ()


@given(systems(), st.data())
def test_a_state_that_changed_in_the_ledger_alone_is_always_noticed(books: Books, data: st.DataObject) -> None:
    tasks = list(books.ledger.tasks)
    if not tasks:
        return
    position = data.draw(st.integers(0, len(tasks) - 1))
    before = str(tasks[position]["state"])
    other = data.draw(states.filter(lambda state: SHEET_WORDS[state] != SHEET_WORDS[before]))
    tasks[position] = {**tasks[position], "state": other}

    concerned = {each.concerns for each in discrepancies(ledger(tasks=tuple(tasks))(books))}

    assert f"video {tasks[position]['source_id']}/{tasks[position]['video_id']}" in concerned

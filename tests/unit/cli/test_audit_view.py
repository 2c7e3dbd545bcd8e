"""What the audit found, for a person and for a machine."""

from pathlib import Path

from tubewarren.topology import topology
from tubewarren_services.audit.books import Books, FileBook, LedgerBook, Letter, QueueBook, Result, SheetBook
from tubewarren_services.audit.discrepancy import Discrepancy, Kind
from tubewarren_services.cli.audit_view import audit_json, audit_page, calm_line
from unit.cli.drawing import drawn

BOOKS = Books(
    LedgerBook(sources=({},), tasks=({"state": "done"}, {"state": "dead"}, {"state": "waiting"}, {"state": "pending"})),
    SheetBook({}),
    FileBook("main", Path(), {"v": Result(Path(), 9_400_000)}),
    QueueBook(topology(), "main", {}, (Letter("downloader", "x"), Letter("downloader", "y"))),
)
LOST = Discrepancy(Kind.LOST, "source 12", "3 unfinished videos are nowhere.", "svc sources expand 12")


def test_when_all_is_well_one_line_counts_what_there_is() -> None:
    assert calm_line(BOOKS) == (
        "1 source, 4 videos (1 done, 1 dead, 2 open), 1 result of 9.4 MB, 2 dead letters: "
        "sheet, ledger, files and queues agree."
    )


def test_what_was_not_looked_at_is_not_said_to_agree() -> None:
    line = calm_line(Books(BOOKS.ledger, queues=BOOKS.queues))

    assert line.endswith(": ledger and queues agree.")
    assert "result" not in line


def test_each_discrepancy_comes_with_what_mends_it() -> None:
    page = drawn(audit_page([LOST, Discrepancy(Kind.NO_FILE, "video v", "It is gone.", "look for it")]), 60)

    assert "lost  source 12  3 unfinished videos are nowhere." in page
    assert "    to mend it: svc sources expand 12" in page
    assert "2 discrepancies." in page
    assert drawn(audit_page([LOST]), 60).endswith("1 discrepancy.\n")


def test_many_of_a_kind_are_cut_for_a_person_and_whole_for_a_machine() -> None:
    found = [Discrepancy(Kind.LOST, f"source {number}", "Nowhere.", "mend") for number in range(25)]

    page, told = drawn(audit_page(found), 80), audit_json(BOOKS, found)

    assert "source 19 " in page
    assert "source 20 " not in page
    assert "5 more of lost" in page
    assert isinstance(told["discrepancies"], list)
    assert len(told["discrepancies"]) == 25


def test_the_json_has_everything() -> None:
    assert audit_json(BOOKS, [LOST]) == {
        "agree": False,
        "counts": {
            "sources": 1,
            "videos": 4,
            "done": 1,
            "dead": 1,
            "filtered": 0,
            "open": 2,
            "results": 1,
            "bytes": 9_400_000,
            "dead_letters": 2,
        },
        "discrepancies": [
            {
                "kind": "lost",
                "concerns": "source 12",
                "what": "3 unfinished videos are nowhere.",
                "remedy": "svc sources expand 12",
            }
        ],
    }
    assert audit_json(BOOKS, [])["agree"] is True

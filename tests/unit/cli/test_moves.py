"""What storages answered to a select or a return."""

from datetime import UTC, datetime

from tubewarren.messages.events import ResultsMoved
from tubewarren_services.cli.moves import expected_answers, missing_everywhere, moved_lines

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_only_results_managers_at_work_are_waited_for() -> None:
    workers = [
        {"service": "results-manager", "status": "active"},
        {"service": "results-manager", "status": "lost"},
        {"service": "downloader", "status": "active"},
        {},
    ]

    assert expected_answers(workers) == 1


def test_each_storage_tells_what_it_moved() -> None:
    answers = [
        ResultsMoved(at=NOW, storage="one", selected=("a", "b"), returned=("c",)),
        ResultsMoved(at=NOW, storage="two"),
    ]

    assert moved_lines(answers, names=False) == (
        "one: 1 video moved back to the results",
        "one: 2 videos moved to selected",
        "two: nothing to move",
    )


def test_a_dry_run_says_would_and_names_them() -> None:
    answer = ResultsMoved(at=NOW, storage="one", selected=("a",), dry_run=True)

    assert moved_lines([answer], names=True) == ("one: 1 video would be moved to selected", "  a")


def test_missing_is_only_what_no_storage_has() -> None:
    answers = [
        ResultsMoved(at=NOW, storage="one", selected=("a",), missing=("b", "c")),
        ResultsMoved(at=NOW, storage="two", selected=("b",), missing=("a", "c")),
    ]

    assert missing_everywhere(answers) == ("c",)

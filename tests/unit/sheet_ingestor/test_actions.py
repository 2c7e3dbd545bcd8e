"""What a row shows of the order that it gave."""

import pytest

from tubewarren.messages.events import Taken
from tubewarren.sheets.patch import apply
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES, VIDEO_TASKS
from tubewarren_services.sheet_ingestor.actions import CarriedOut, action_of, cleared

HEADER = ("Action", "URL", "ID")


def after(table: Table, **ordered: str) -> Table:
    """With the Actions that were carried out, by the source's ID after an underscore."""
    carried_out = CarriedOut({name.removeprefix("_"): words for name, words in ordered.items()})
    return apply(table, cleared(SOURCES, carried_out, table).patch)


def actions(table: Table) -> list[str]:
    return [row[0] for row in table.rows]


@pytest.mark.parametrize("text", ["", " ", "delete", "pending", "edited", "paused"])
def test_only_what_a_person_can_order_is_an_action(text: str) -> None:
    assert action_of(text) is None


def test_blanks_and_case_do_not_matter() -> None:
    assert action_of("  Expand   AGAIN\n") is Taken.EXPAND_AGAIN


def test_only_what_stands_there_as_it_was_carried_out_is_cleared() -> None:
    table = Table.of([HEADER, (" Retry", "a", "7"), ("cancel", "b", "8"), ("retry", "c", "9"), ("retry", "d", "7")])

    assert actions(after(table, _7=" Retry", _8="retry", _5="retry")) == ["", "cancel", "retry", "retry"]


def test_rows_are_found_by_id_wherever_they_are_now() -> None:
    table = Table.of([HEADER, ("", "", ""), ("retry", "b", "8"), ("retry", "a", "7")])

    assert actions(after(table, _7="retry")) == ["", "retry", ""]


def test_where_the_column_is_gone_there_is_nothing_to_clear() -> None:
    table = Table.of([("ID", "URL"), ("7", "a")])

    assert after(table, _7="retry") is table


def test_what_was_set_back_is_in_progress_unless_somebody_has_written_something_else_meanwhile() -> None:
    header = ("ID", "SourceID", "Status", "ClaimedBy")
    rows = [
        ("a", "7", "Pending", "box"),
        ("b", "7", "done", "box"),
        ("c", "7", "pending", ""),
        ("d", "7", "pending", "box"),
    ]
    carried_out = CarriedOut(set_back={VIDEO_TASKS: [("a", "7"), ("b", "7"), ("c", "7"), ("e", "7")]})
    table = Table.of([header, *rows])

    shown = apply(table, cleared(VIDEO_TASKS, carried_out, table).patch)

    assert [row[2] for row in shown.rows] == ["in-progress", "done", "pending", "pending"]
    assert (carried_out.tabs, CarriedOut({"7": "retry"}, {VIDEO_TASKS: []}).tabs) == ((VIDEO_TASKS,), (SOURCES,))

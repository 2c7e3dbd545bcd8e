"""The column Action: what is taken out of its cell again."""

import pytest

from tubewarren.messages.events import Taken
from tubewarren.sheets.patch import apply
from tubewarren.sheets.table import Table
from tubewarren_services.sheet_ingestor.actions import action_of, cleared

HEADER = ("Action", "URL", "ID")


def actions(table: Table) -> list[str]:
    return [row[0] for row in table.rows]


@pytest.mark.parametrize("text", ["", " ", "delete", "pending", "edited", "paused"])
def test_only_what_a_person_can_order_is_an_action(text: str) -> None:
    assert action_of(text) is None


def test_blanks_and_case_do_not_matter() -> None:
    assert action_of("  Expand   AGAIN\n") is Taken.EXPAND_AGAIN


def test_only_what_stands_there_as_it_was_carried_out_is_cleared() -> None:
    table = Table.of([HEADER, (" Retry", "a", "7"), ("cancel", "b", "8"), ("retry", "c", "9"), ("retry", "d", "7")])

    after = apply(table, cleared(table, {"7": " Retry", "8": "retry", "5": "retry"}).patch)

    assert actions(after) == ["", "cancel", "retry", "retry"]


def test_rows_are_found_by_id_wherever_they_are_now() -> None:
    table = Table.of([HEADER, ("", "", ""), ("retry", "b", "8"), ("retry", "a", "7")])

    assert actions(apply(table, cleared(table, {"7": "retry"}).patch)) == ["", "retry", ""]


def test_where_the_column_is_gone_there_is_nothing_to_clear() -> None:
    assert not cleared(Table.of([("ID", "URL"), ("7", "a")]), {"7": "retry"}).patch

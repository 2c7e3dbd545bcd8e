import pytest

from tubewarren.sheets.set_back import is_set_back, set_back_rows
from tubewarren.sheets.table import Table


@pytest.mark.parametrize(
    ("status", "claimed_by", "expected"),
    [("pending", "box", True), (" Pending ", "box", True), ("pending", " ", False), ("done", "box", False)],
)
def test_who_waits_with_a_claim_was_set_back_by_a_person(status: str, claimed_by: str, *, expected: bool) -> None:
    assert is_set_back({"Status": status, "ClaimedBy": claimed_by}) is expected


def test_only_the_rows_that_are_asked_for_are_looked_at() -> None:
    table = Table.of([["ClaimedBy", "Status"], ["box", "pending"], ["box", "pending"], ["box", "done"]])

    assert set_back_rows(table, [1, 2]) == {1}
    assert set_back_rows(Table.of([["Status"], ["pending"]]), [0]) == frozenset()

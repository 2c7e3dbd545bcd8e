import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.ids import assign_ids
from tubewarren.sheets.patch import apply
from tubewarren.sheets.table import Table


def _sources(*rows: tuple[str, str]) -> Table:
    return Table.of([("Note", "URL", "ID"), *((f"note {at}", url, id_) for at, (id_, url) in enumerate(rows))])


def _ids_after(table: Table, **taken: tuple[str, ...]) -> list[str]:
    return [row[2] for row in apply(table, assign_ids(table, **taken).patch).rows]


def test_numbering_goes_on_after_the_highest_number() -> None:
    table = _sources(("", "a"), ("7", "b"), ("", "c"), ("00000000042", "d"))

    assert _ids_after(table) == ["43", "7", "44", "00000000042"]
    assert assign_ids(table).ids == ("43", "44")


def test_the_first_source_is_number_one() -> None:
    assert _ids_after(_sources(("", "a"))) == ["1"]


@pytest.mark.parametrize("own", ["abc", "-5", "1.5", "٣", "²", "9" * 5000, "=1"])
def test_ids_that_are_no_count_are_left_alone(own: str) -> None:
    assert _ids_after(_sources((own, "a"), ("", "b"))) == [own, "1"]


def test_a_row_without_a_url_gets_no_id() -> None:
    assert _ids_after(_sources(("", ""), ("", "  "), ("", "a"))) == ["", "", "1"]


def test_an_id_of_a_deleted_source_is_not_given_again() -> None:
    assert _ids_after(_sources(("1", "a"), ("", "b")), taken=("1", "9", "x")) == ["1", "10"]


def test_with_nothing_to_give_there_is_nothing_to_write() -> None:
    assert not assign_ids(_sources(("1", "a"))).patch


def test_a_tab_without_a_url_column_is_unreadable() -> None:
    with pytest.raises(TabUnreadableError, match="URL"):
        assign_ids(Table.of([["ID", "Link"], ["", "u"]]))


@given(st.lists(st.tuples(st.text(alphabet="019 a", max_size=3), st.sampled_from(["", "u"])), max_size=8))
def test_given_ids_are_new_and_nothing_else_changes(rows: list[tuple[str, str]]) -> None:
    table = _sources(*rows)

    assigned = assign_ids(table)
    after = apply(table, assigned.patch)

    used = {id_.strip() for id_, _ in rows}
    assert len(set(assigned.ids)) == len(assigned.ids)
    assert not used & set(assigned.ids)
    for old, new in zip(table.rows, after.rows, strict=True):
        if old[1] and not old[2].strip():
            assert new[:2] == old[:2]
            assert new[2] in assigned.ids
        else:
            assert new == old

"""Listing a source again: the order is made of what the ledger knows."""

import pytest

from tubewarren.messages.commands import ExpandSource
from tubewarren_services.cli.commands.sources import orders_for
from tubewarren_services.cli.plain_errors import CommandError
from tubewarren_services.cli.tables import Row

ADA: Row = {
    "source_id": "7",
    "url": "https://y.test/@ada",
    "columns": '{"Name": "Ada"}',
    "priority": 2,
    "phase": "listed",
    "failure_reason": None,
}


def test_the_order_is_the_one_that_was_given_at_first() -> None:
    (order,) = orders_for(["7"], [ADA])

    assert order == ExpandSource(source_id="7", url="https://y.test/@ada", columns={"Name": "Ada"}, priority=2)


def test_a_preset_is_part_of_what_was_said_of_the_source() -> None:
    (order,) = orders_for(["7"], [{**ADA, "columns": '{"Name": "Ada", "Preset": "audio"}'}])

    assert (order.preset, order.columns) == ("audio", {"Name": "Ada", "Preset": "audio"})


@pytest.mark.parametrize(
    "rows", [[ADA], [ADA, {**ADA, "source_id": "8", "url": ""}]], ids=["unheard of", "without URL"]
)
def test_nothing_is_ordered_while_one_is_unknown(rows: list[Row]) -> None:
    with pytest.raises(CommandError, match="no source 8"):
        orders_for(["7", "8"], rows)


def test_a_refused_source_is_not_listed_but_corrected() -> None:
    with pytest.raises(CommandError, match=r"refused: It is no URL\. Correct its row"):
        orders_for(["7"], [{**ADA, "phase": "refused", "failure_reason": "It is no URL."}])

"""Which addresses took a test alarm, for a person and for a machine; an address is shown by its kind alone."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tubewarren_services.cli.tables import Column, plain_table, text
from tubewarren_services.heartbeat_monitor.alarms.posting import Receipt

_COLUMNS = (
    Column("number", "Number", text),
    Column("address", "Address", text),
    Column("result", "Result", text),
    Column("advice", "What to do", text, may_wrap=True, least=30),
)
_ADVICE = {
    Receipt.DELIVERED: "",
    Receipt.FAILED: "Look whether its keys still hold, and whether this machine reaches it.",
    Receipt.UNKNOWN: "Apprise does not understand it: compare it with https://appriseit.com/services/.",
}


def receipts_json(results: Sequence[tuple[str, Receipt]]) -> list[dict[str, Any]]:
    """One for each address, in the order of the settings.

    Args:
        results: the masked addresses, and what became of the message to each.
    """
    return [
        {"number": number, "address": address, "result": receipt.value, "advice": _ADVICE[receipt]}
        for number, (address, receipt) in enumerate(results, 1)
    ]


def receipts_table(results: Sequence[tuple[str, Receipt]]) -> RenderableType:
    """The same as a table."""
    table = plain_table(*_COLUMNS)
    for row in receipts_json(results):
        table.add_row(*(Text(str(row[column.key])) for column in _COLUMNS))
    return table

"""A ledger's answer, printed."""

from collections.abc import Sequence
from datetime import datetime

from tubewarren.messages.events import LedgerAnswered
from tubewarren_services.cli import output
from tubewarren_services.cli.tables import Column, rows_table


def show_answer(answer: LedgerAnswered, columns: Sequence[Column], now: datetime, *, as_json: bool) -> None:
    """Print the rows; a person is told when there are more."""
    if as_json:
        output.show_json(list(answer.rows))
        return
    console = output.person()
    console.print(rows_table(answer.rows, columns, console.width, now))
    if answer.truncated:
        output.say(f"There are more than these {len(answer.rows)}; --limit shows more.")

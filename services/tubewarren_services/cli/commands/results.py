"""`svc results`: what was finished, and moving it to `selected` and back."""
# ruff: noqa: PLC0415 - each command imports what it needs

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson, Limit
from tubewarren_services.cli.plain_errors import FOUND_PROBLEMS, CommandError
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from tubewarren.bus import Bus
    from tubewarren.messages.commands import ReturnResults, SelectResults
    from tubewarren.messages.events import ResultsMoved

FIRST_ANSWER = timedelta(seconds=30)
"""How long a results-manager may take until it has moved everything."""
QUIET = timedelta(seconds=2)
"""After an answer, how long the next may take when nobody knows how many there will be."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be moved, and move nothing.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="results", help="Look at finished videos, select them and return them.")


@app.command("list")
def list_(
    context: typer.Context,
    *,
    source: Annotated[str | None, typer.Option(help="Show only those of the source with this ID.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the finished videos, newest first."""
    talk(context, lambda session: _list(session, source, limit, as_json=as_json))


@app.command()
def select(
    context: typer.Context,
    source: Annotated[list[str], typer.Option(help="Select the finished videos of the source with this ID.")],
    *,
    add: Annotated[bool, typer.Option("--add", help="Keep what is selected already.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move the finished videos of some sources to the selected folder, on every storage."""
    from tubewarren.messages.commands import SelectResults

    order = SelectResults(source_ids=tuple(source), keep_selected=add, dry_run=dry_run)
    talk(context, lambda session: _move(session, order, as_json=as_json))


@app.command("return")
def return_(context: typer.Context, *, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Move everything that is selected back to the results, on every storage."""
    from tubewarren.messages.commands import ReturnResults

    talk(context, lambda session: _move(session, ReturnResults(dry_run=dry_run), as_json=as_json))


async def answers_to(
    bus: "Bus",
    order: "SelectResults | ReturnResults",
    expected: int,
    *,
    first: timedelta = FIRST_ANSWER,
    quiet: timedelta = QUIET,
) -> tuple["ResultsMoved", ...]:
    """What the storages answered: all that are expected, or those that came before it was quiet for a while."""
    import asyncio

    from tubewarren.messages.events import ResultsMoved

    answers: dict[str, ResultsMoved] = {}
    async with aclosing(bus.ask(order, first)) as replies:
        while not expected or len(answers) < expected:
            patience = quiet if answers else first
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    reply = await anext(replies, None)
            except TimeoutError:
                break
            if reply is None:
                break
            if isinstance(reply, ResultsMoved):
                answers[reply.storage] = reply
    return tuple(answers.values())


async def _list(session: Session, source: str | None, limit: int, *, as_json: bool) -> None:
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.answers import show_answer
    from tubewarren_services.cli.tables import RESULTS

    answer = await session.require(QueryLedger(topic="results", source_id=source, limit=limit))
    show_answer(answer, RESULTS, datetime.now(UTC), as_json=as_json)


async def _move(session: Session, order: "SelectResults | ReturnResults", *, as_json: bool) -> int:
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.moves import expected_answers, missing_everywhere, moved_json, moved_lines

    workers = await session.ask(QueryLedger(topic="workers"))
    answers = await answers_to(session.bus, order, expected_answers(workers.rows) if workers else 0)
    if not answers:
        raise CommandError(
            f"No results-manager answered within {FIRST_ANSWER.total_seconds():.0f} s. "
            "The order stays queued and is carried out when one is back: start `svc up` or `svc run results-manager`."
        )
    missing = missing_everywhere(answers)
    if as_json:
        output.show_json(moved_json(answers))
    else:
        for line in moved_lines(answers, names=order.dry_run):
            output.say(line)
        if missing:
            output.say(f"In no storage that answered: {', '.join(missing)}")
    return FOUND_PROBLEMS if missing else 0

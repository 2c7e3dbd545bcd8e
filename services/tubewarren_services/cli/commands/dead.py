"""`svc dead`: what was given up, and what a person does about it."""
# ruff: noqa: PLC0415 - each command imports what it needs

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson, Limit
from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError
from tubewarren_services.cli.session import NO_LEDGER, Session, talk
from tubewarren_services.cli.units import count

if TYPE_CHECKING:
    from tubewarren_services.cli.dead_view import Case, Filters

_MOST_BURIALS = 100_000

InQueue = Annotated[str | None, typer.Option(help="Mean only those that died in this queue.")]
OfSource = Annotated[str | None, typer.Option(help="Mean only those of the source with this ID.")]
WithReason = Annotated[str | None, typer.Option(help="Mean only those whose reason contains these words.")]
OfClass = Annotated[str | None, typer.Option("--class", metavar="CLASS", help="Mean only failures of this class.")]
WithId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A message's ID, or its beginning.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="dead", help="Look at what was given up, send it back to work, or drop it.")


@app.command("list")
def list_(
    context: typer.Context,
    *,
    queue: InQueue = None,
    source: OfSource = None,
    reason: WithReason = None,
    class_: OfClass = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what was given up, and why."""
    filters = _filters(queue, source, reason, class_, None)
    talk(context, lambda session: _list(session, filters, limit, as_json=as_json))


@app.command()
def show(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="A message's ID, or its beginning.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one message that was given up, whole."""
    filters = _filters(None, None, None, None, identity)
    talk(context, lambda session: _show(session, filters, as_json=as_json))


@app.command()
def redrive(
    context: typer.Context,
    identity: WithId = None,
    *,
    queue: InQueue = None,
    source: OfSource = None,
    reason: WithReason = None,
    class_: OfClass = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send what was given up back to work, as a first attempt."""
    filters = _filters(queue, source, reason, class_, identity)
    talk(context, lambda session: _redrive(session, filters, dry_run=dry_run, as_json=as_json))


@app.command()
def purge(
    context: typer.Context,
    identity: WithId = None,
    *,
    queue: InQueue = None,
    source: OfSource = None,
    reason: WithReason = None,
    class_: OfClass = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop what was given up, for ever; asks first."""
    filters = _filters(queue, source, reason, class_, identity)
    confirm = _agree if yes else _ask
    if not yes and not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: say --yes to purge without being asked.", USED_WRONGLY)
    talk(context, lambda session: _purge(session, filters, confirm))


def _filters(
    queue: str | None, source: str | None, reason: str | None, class_: str | None, identity: str | None
) -> "Filters":
    from tubewarren.failures import FailureKind
    from tubewarren_services.cli.dead_view import Filters

    kinds = [kind.value for kind in FailureKind]
    if class_ is not None and class_ not in kinds:
        raise typer.BadParameter(f"{class_!r} is no class; choose {', '.join(kinds)}", param_hint="--class")
    return Filters(queue, source, reason, class_, identity)


async def cases(session: Session, filters: "Filters") -> tuple["Case", ...]:
    """The dead letters that the filters mean, with their reasons.

    Raises:
        CommandError: the filters need reasons, and nobody knows them; or a queue that does not exist.
    """
    from tubewarren.bus.dead_letters import mortal_queues, read_dead
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.dead_view import cases_of

    queues = mortal_queues(session.topology)
    if filters.queue is not None and filters.queue.removesuffix(".dead") not in queues:
        raise CommandError(f"There is no queue {filters.queue!r}; choose {', '.join(queues)}.", USED_WRONGLY)
    letters = await read_dead(session.bus, session.topology)
    burials = await session.ask(QueryLedger(topic="burials", limit=_MOST_BURIALS)) if letters else None
    if letters and burials is None and filters.needs_reasons:
        raise CommandError(f"{NO_LEDGER} Without it nobody knows the reasons; choose by queue, source or ID.")
    found = cases_of(letters, burials.rows if burials else ())
    return tuple(case for case in found if filters.mean(case))


async def _list(session: Session, filters: "Filters", limit: int, *, as_json: bool) -> None:
    from tubewarren_services.cli.dead_view import dead_json, dead_table

    found = await cases(session, filters)
    if as_json:
        output.show_json([dead_json(case) for case in found[:limit]])
        return
    console = output.person()
    console.print(dead_table(found[:limit], console.width, datetime.now(UTC)))
    if len(found) > limit:
        output.say(f"There are {len(found) - limit} more; --limit shows more.")


async def _show(session: Session, filters: "Filters", *, as_json: bool) -> None:
    from tubewarren_services.cli.dead_view import dead_json, dead_page

    found = await _one_id(session, filters)
    if as_json:
        output.show_json([dead_json(case) for case in found])
        return
    for case in found:
        output.show(dead_page(case))


async def _redrive(session: Session, filters: "Filters", *, dry_run: bool, as_json: bool) -> None:
    from tubewarren.bus.dead_letters import redrive_dead
    from tubewarren_services.cli.dead_view import dead_json

    found = await (cases(session, filters) if filters.identity is None else _one_id(session, filters))
    meant = {(case.letter.queue, case.letter.buried_id) for case in found}
    if not dry_run and found:
        sent = await redrive_dead(
            session.bus, session.topology, lambda letter: (letter.queue, letter.buried_id) in meant
        )
        found = tuple(case for case in found if case.letter in sent)
    if as_json:
        output.show_json([dead_json(case) for case in found])
        return
    output.say(f"{count(len(found), 'message')} {'would go' if dry_run else 'went'} back to work.")


async def _purge(session: Session, filters: "Filters", confirm: Callable[[int], bool]) -> None:
    from tubewarren.bus.dead_letters import purge_dead

    found = await (cases(session, filters) if filters.identity is None else _one_id(session, filters))
    meant = {(case.letter.queue, case.letter.buried_id) for case in found}
    if not found or not confirm(len(found)):
        output.say("Nothing was dropped.")
        return
    dropped = await purge_dead(session.bus, session.topology, lambda letter: (letter.queue, letter.buried_id) in meant)
    output.say(f"{count(len(dropped), 'message')} dropped.")


async def _one_id(session: Session, filters: "Filters") -> tuple["Case", ...]:
    """The letters of one id, which may lie in several dead queues."""
    found = await cases(session, filters)
    identities = sorted({case.letter.buried_id for case in found})
    if not identities:
        raise CommandError(f"Nothing that is dead has an ID that begins with {filters.identity}; see `svc dead list`.")
    if len(identities) > 1:
        raise CommandError(f"Which one? {', '.join(identities)}", USED_WRONGLY)
    return found


def _ask(number: int) -> bool:
    return typer.confirm(f"Drop {count(number, 'message')} for ever?")


def _agree(number: int) -> bool:
    del number
    return True

"""`svc dead`: what was given up, and what a person does about it."""
# ruff: noqa: PLC0415 - each command imports what it needs

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson, Limit
from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError
from tubewarren_services.cli.session import NO_LEDGER, Session, settings_for, talk
from tubewarren_services.cli.units import count

if TYPE_CHECKING:
    from tubewarren.messages.events import Fate
    from tubewarren_services.cli.dead_view import Case, Filters

_MOST_BURIALS = 100_000

InQueue = Annotated[str | None, typer.Option(help="Mean only those that died in this queue.")]
OfSource = Annotated[str | None, typer.Option(help="Mean only those of the source with this ID.")]
WithReason = Annotated[str | None, typer.Option(help="Mean only those whose reason contains these words.")]
OfClass = Annotated[
    str | None,
    typer.Option("--class", metavar="CLASS", help="Mean only failures of this class, or of rules named so."),
]
Since = Annotated[str | None, typer.Option(metavar="AGO", help="Mean only those that died within so long: 2d, 12h.")]
Until = Annotated[str | None, typer.Option(metavar="AGO", help="Mean only those that died so long ago or longer.")]
AtMost = Annotated[int | None, typer.Option("--limit", min=1, help="Mean only so many, those of each queue in order.")]
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
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List what was given up, and why."""
    filters = _filters(context, queue=queue, source_id=source, reason=reason, kind=class_, since=since, until=until)
    talk(context, lambda session: _list(session, filters, limit, as_json=as_json))


@app.command()
def show(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="A message's ID, or its beginning.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one message that was given up, whole."""
    filters = _filters(context, identity=identity)
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
    since: Since = None,
    until: Until = None,
    limit: AtMost = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send what was given up back to work, as a first attempt."""
    asked = {"queue": queue, "source_id": source, "reason": reason, "kind": class_, "since": since, "until": until}
    filters = _filters(context, identity=identity, **asked)
    talk(context, lambda session: _redrive(session, filters, limit, dry_run=dry_run, as_json=as_json))


@app.command()
def purge(
    context: typer.Context,
    identity: WithId = None,
    *,
    queue: InQueue = None,
    source: OfSource = None,
    reason: WithReason = None,
    class_: OfClass = None,
    since: Since = None,
    until: Until = None,
    limit: AtMost = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop what was given up, for ever; asks first."""
    asked = {"queue": queue, "source_id": source, "reason": reason, "kind": class_, "since": since, "until": until}
    filters = _filters(context, identity=identity, **asked)
    confirm = _agree if yes else _ask
    if not yes and not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: say --yes to purge without being asked.", USED_WRONGLY)
    talk(context, lambda session: _purge(session, filters, limit, confirm))


def _filters(
    context: typer.Context,
    *,
    since: str | None = None,
    until: str | None = None,
    kind: str | None = None,
    **asked: str | None,
) -> "Filters":
    from tubewarren_services.cli.dead_view import Filters

    if kind is not None:
        _require_known(context, kind)
    now = datetime.now(UTC)
    longest, shortest = _span(since, "--since"), _span(until, "--until")
    if longest is not None and shortest is not None and longest <= shortest:
        raise typer.BadParameter(f"nothing lies between {since} ago and {until} ago", param_hint="--since")
    return Filters(
        kind=kind,
        since=None if longest is None else now - longest,
        until=None if shortest is None else now - shortest,
        **asked,
    )


def _span(text: str | None, option: str) -> timedelta | None:
    from tubewarren.settings.durations import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _require_known(context: typer.Context, name: str) -> None:
    """A class of failures, or one of the rules that say what failures mean."""
    from tubewarren.youtube.rules import rulebook
    from tubewarren_services.cli.dead_view import KINDS, is_of_class

    rules = [listed.rule for listed in rulebook(settings_for(context).youtube.rules)]
    if name not in KINDS and not any(is_of_class(name, rule.kind, rule.name) for rule in rules):
        names = ", ".join(sorted(rule.name for rule in rules))
        raise typer.BadParameter(
            f"{name!r} is no class; choose {', '.join(KINDS)}; or a rule: {names}", param_hint="--class"
        )


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


async def _redrive(session: Session, filters: "Filters", limit: int | None, *, dry_run: bool, as_json: bool) -> None:
    from tubewarren_services.cli.dead_view import dead_json, groups_table

    found = await _meant(session, filters, limit)
    if not as_json:
        output.say(f"{count(len(found), 'message')} {'would go' if dry_run else 'to go'} back to work.")
    if not dry_run and found:
        found = await _sent(session, found)
    if as_json:
        output.show_json([dead_json(case) for case in found])
    elif not dry_run:
        output.say(f"{count(len(found), 'message')} went back to work.")
    elif found:
        output.show(groups_table(found))


async def _sent(session: Session, meant: "tuple[Case, ...]") -> "tuple[Case, ...]":
    import asyncio

    from tubewarren.bus.dead_letters import redrive_dead
    from tubewarren.messages.events import Fate

    await _take_up(session, meant)
    now = datetime.now(UTC)  # before anybody can claim one
    names = {(case.letter.queue, case.letter.buried_id) for case in meant}
    try:
        sent = await redrive_dead(
            session.bus, session.topology, lambda letter: (letter.queue, letter.buried_id) in names
        )
    except asyncio.CancelledError:
        typer.echo("Interrupted. Nothing is lost: what is not back at work is still dead. Run it again.", err=True)
        raise
    gone = {(letter.queue, letter.buried_id) for letter in sent}
    found = tuple(case for case in meant if (case.letter.queue, case.letter.buried_id) in gone)
    # Afterwards, because what does not go back to work must stay known as dead. Whatever is not told when we are
    # interrupted, its claim will tell.
    await _tell(session, found, Fate.REDRIVEN, now)
    return found


async def _take_up(session: Session, cases: "tuple[Case, ...]") -> None:
    """Whoever wants something back of a cancelled source wants the source back; else it would only die again."""
    from tubewarren.failures import FailureKind
    from tubewarren.messages.events import FleetGates
    from tubewarren.messages.permits import CancelSource
    from tubewarren_services.cli.commands.pause import NO_MONITOR
    from tubewarren_services.cli.commands.work import GATES_PATIENCE

    for source_id in sorted({case.source_id for case in cases if case.kind == FailureKind.CANCELLED}):
        order = CancelSource(source_id=source_id, cancelled=False)
        if await session.bus.ask_one(order, FleetGates, GATES_PATIENCE) is None:
            raise CommandError(NO_MONITOR)


async def _tell(session: Session, cases: "tuple[Case, ...]", fate: "Fate", now: datetime) -> None:
    """Let everybody know; when it returns, the broker has confirmed all."""
    from tubewarren.bus.dead_letters import settled, tell_settled

    await tell_settled(session.bus, [settled(case.letter, fate, now, case.buried_at) for case in cases])


async def _purge(session: Session, filters: "Filters", limit: int | None, confirm: Callable[[int], bool]) -> None:
    import asyncio

    from tubewarren.bus.dead_letters import purge_dead
    from tubewarren.messages.events import Fate

    found = await _meant(session, filters, limit)
    meant = {(case.letter.queue, case.letter.buried_id) for case in found}
    if not found or not confirm(len(found)):
        output.say("Nothing was dropped.")
        return
    # Before, because nobody could ever tell of what is gone. What is still there when we are interrupted is found
    # by the same command again, and by the audit.
    try:
        await _tell(session, found, Fate.PURGED, datetime.now(UTC))
        dropped = await purge_dead(
            session.bus, session.topology, lambda letter: (letter.queue, letter.buried_id) in meant
        )
    except asyncio.CancelledError:
        typer.echo("Interrupted. Some may still be dead though the sheet calls them purged. Run it again.", err=True)
        raise
    output.say(f"{count(len(dropped), 'message')} dropped.")


async def _meant(session: Session, filters: "Filters", limit: int | None) -> "tuple[Case, ...]":
    found = await (cases(session, filters) if filters.identity is None else _one_id(session, filters))
    return found[:limit]


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

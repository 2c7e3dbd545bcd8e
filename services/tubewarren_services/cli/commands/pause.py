"""`svc pause` and `svc resume`: hold work back, and let it go on."""
# ruff: noqa: PLC0415 - each command imports what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from tubewarren.messages.permits import SetPause

NO_MONITOR = "No heartbeat-monitor answers, and it keeps the pauses: start `svc up` or `svc run heartbeat-monitor`."

What = Annotated[str, typer.Argument(metavar="[all|stage|source|worker]", help="What kind of thing it is.")]
Name = Annotated[str, typer.Argument(metavar="[NAME]", help="Which stage, source ID or worker.")]
Because = Annotated[str, typer.Option("--reason", help="Why, for the others.")]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.command("pause")(pause)
    root.command("resume")(resume)


def pause(context: typer.Context, what: What = "all", name: Name = "", *, reason: Because = "") -> None:
    """Start nothing more of all, of a stage, of a source or on a worker, until it is resumed; what runs is finished.

    It outlives restarts. `svc status` shows what is paused.
    """
    order = _order(what, name, paused=True, reason=reason)
    talk(context, lambda session: _set(session, order))


def resume(context: typer.Context, what: What = "all", name: Name = "") -> None:
    """Let go on what was paused; `svc resume` alone ends every pause."""
    order = _order(what, name, paused=False)
    talk(context, lambda session: _set(session, order))


def _order(what: str, name: str, *, paused: bool, reason: str = "") -> "SetPause":
    from tubewarren.messages.permits import Scope, SetPause
    from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER

    stages = (SOURCE_EXPANDER, DOWNLOADER)
    if what in stages and not name:
        what, name = Scope.STAGE, what
    if what not in set(Scope):
        known = ", ".join((*Scope, *stages))
        raise CommandError(f"There is no {what!r} to pause or resume; it is one of {known}.", USED_WRONGLY)
    scope = Scope(what)
    if scope is Scope.ALL and name:
        raise CommandError(f"All is all: leave {name!r} away, or say what kind of thing it is.", USED_WRONGLY)
    if scope is Scope.STAGE and name not in stages:
        raise CommandError(f"There is no stage {name!r}; the stages are {' and '.join(stages)}.", USED_WRONGLY)
    if scope is not Scope.ALL and not name:
        where = "svc sources list" if scope is Scope.SOURCE else "svc workers"
        raise CommandError(f"Which {scope.value}? See `{where}`.", USED_WRONGLY)
    return SetPause(scope=scope, name=name, paused=paused, reason=reason)


async def _set(session: Session, order: "SetPause") -> None:
    from tubewarren.messages.events import FleetGates
    from tubewarren_services.cli.commands.work import GATES_PATIENCE

    told = await session.bus.ask_one(order, FleetGates, GATES_PATIENCE)
    if told is None:
        raise CommandError(NO_MONITOR)
    which = f"{order.scope.value} {order.name}".strip().capitalize()
    now = "is paused; what runs is finished." if order.paused else "goes on."
    output.say(f"{which} {now}")
    left = [gate.name for gate in told.gates if gate.kind == "pause"]
    if left and not order.paused:
        output.say(f"Still paused: {', '.join(left)}.")

"""`svc topology`: what the broker must have, made and checked."""
# ruff: noqa: PLC0415 - each command imports what it needs

from typing import TYPE_CHECKING

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import FOUND_PROBLEMS
from tubewarren_services.cli.session import Session, settings_for, talk
from tubewarren_services.cli.units import count

if TYPE_CHECKING:
    from tubewarren.topology import Topology

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="topology", help="Show, declare or check the broker's exchanges and queues.")


@app.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the exchanges, queues and bindings that this version needs."""
    from tubewarren.topology import topology
    from tubewarren_services.cli.topology_view import topology_json, topology_table

    settings = settings_for(context)
    needed: Topology = topology(settings.retry.ladder, settings.store.name)
    if as_json:
        output.show_json(topology_json(needed))
        return
    console = output.person()
    console.print(topology_table(needed, console.width))


@app.command()
def declare(context: typer.Context) -> None:
    """Make what is missing on the broker."""
    talk(context, _declare)


@app.command()
def check(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Compare the broker with what this version needs."""
    talk(context, lambda session: _check(session, as_json=as_json))


async def _declare(session: Session) -> None:
    await session.bus.declare(session.topology)
    output.say(
        f"{count(len(session.topology.exchanges), 'exchange')} and "
        f"{count(len(session.topology.queues), 'queue')} are as this version needs them."
    )


async def _check(session: Session, *, as_json: bool) -> int:
    from tubewarren_services.cli.topology_view import drift_json, drift_table

    drifts = await session.bus.check(session.topology)
    if as_json:
        output.show_json(drift_json(drifts))
    else:
        output.show(drift_table(drifts))
    return FOUND_PROBLEMS if drifts else 0

"""`svc health`: asks a service on this machine how it is."""
# ruff: noqa: PLC0415 - a container's health check runs this all day: it loads as little as it can

import os
from typing import Annotated

import typer

from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError

_VARIABLE = "TUBEWARREN_HEALTH__LISTEN"


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("health")(health)


def health(
    context: typer.Context,
    *,
    at: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Ask here; else where the settings say.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask only whether its event loop turns.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Ask a running service whether it is ready for work; exit with 1 when it is not."""
    from tubewarren.health.address import read_address
    from tubewarren.health.asking import ask

    listen = at or os.environ.get(_VARIABLE) or _from_settings(context)
    if not listen:
        raise CommandError(f"Nobody tells health here: set {_VARIABLE}, such as 127.0.0.1:8080.", USED_WRONGLY)
    try:
        address = read_address(listen)
    except ValueError as error:
        raise CommandError(f"{'--at' if at else _VARIABLE}: {error}", USED_WRONGLY) from error
    told = ask(address, "live" if live else "ready")
    if as_json and told.body:
        typer.echo(told.body.strip())
    else:
        typer.echo("\n".join(told.words), err=not told.body)
    raise typer.Exit(int(not told.is_good))


def _from_settings(context: typer.Context) -> str:
    from tubewarren_services.cli.session import settings_for

    return settings_for(context).health.listen

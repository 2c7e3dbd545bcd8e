"""`svc deploy`: what a fleet of containers needs before it starts."""
# ruff: noqa: PLC0415 - each command imports what it needs

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.plain_errors import CommandError
from tubewarren_services.cli.session import Session, settings_for, talk, with_broker

if TYPE_CHECKING:
    from tubewarren.broker.handing_out import Owner
    from tubewarren_services.demo.site import Site

_PASSWORDS = "BROKER_PASSWORD_"

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="deploy", help="Prepare a fleet of containers.")


@app.command()
def users(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder with a folder for each user.")],
    *,
    definitions: Annotated[Path, typer.Option(metavar="FILE", help="What else the broker shall load at its start.")],
    host: Annotated[str, typer.Option(help="Where the broker is; host1,host2,host3 for a cluster.")] = "rabbitmq",
    owner: Annotated[str, typer.Option(metavar="UID:GID", help="Who shall read what is written.")] = "",
    cookie: Annotated[
        bool, typer.Option("--cookie", help="Make the secret by which a cluster's nodes know one another.")
    ] = False,
) -> None:
    """Make the broker's users, with passwords of BROKER_PASSWORD_<USER>, of last time, or new ones."""
    from tubewarren.broker.handing_out import hand_out
    from tubewarren.broker.users import USERS

    given = {user: os.environ.get(f"{_PASSWORDS}{user.upper().replace('-', '_')}", "") for user in USERS}
    hand_out(folder, definitions, host, given, _owner(owner), with_cookie=cookie)
    output.say(f"The broker's users: {', '.join(USERS)}.")


@app.command()
def password(context: typer.Context) -> None:
    """Show the password with which this command line goes to the broker; it opens the management UI, too."""
    from yarl import URL

    from tubewarren.settings.nodes import nodes_in

    settings = with_broker(settings_for(context))
    found = URL(nodes_in(settings.broker_url.get_secret_value())[0]).password if settings.broker_url else None
    if not found:
        raise CommandError("The broker's address holds no password.")
    output.say(found)


@app.command("demo-site")
def demo_site(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Listen on this port.")] = 8080,
    name: Annotated[str, typer.Option(help="The host by which the fleet reaches it.")] = "demo-site",
) -> None:
    """Serve the demo's small media site, and put its feeds on the list of the fleet that runs."""
    talk(context, lambda session: _demo_site(session, port, name))


async def _demo_site(session: Session, port: int, name: str) -> None:
    import asyncio

    from tubewarren_services.demo.catalogue import demo_catalogue
    from tubewarren_services.demo.site import serve_site

    async with serve_site(demo_catalogue(), port, "0.0.0.0", name) as site:  # noqa: S104 - in a container of its own
        await _put_on_list(session, site)
        await asyncio.Event().wait()


async def _put_on_list(session: Session, site: "Site") -> None:
    """What is on the list already is not doubled."""
    from tubewarren.messages.commands import AddSource

    for url, called in (
        (site.feed_url, "The demo channel"),
        (site.flaky_feed_url, "The second channel"),
        (site.empty_feed_url, "Nothing in it"),
    ):
        await session.bus.publisher.publish(AddSource(url=url, columns={"Name": called}))
    output.say(f"Serving {site.url}; its feeds are on the list.")


def _owner(text: str) -> "Owner":
    from tubewarren.broker.handing_out import Owner

    if not text:
        return Owner(os.geteuid(), os.getegid())
    try:
        uid, gid = map(int, text.split(":"))
    except ValueError as error:
        raise typer.BadParameter("write two numbers, such as 1000:1000", param_hint="--owner") from error
    return Owner(uid, gid)

"""`svc alarms`: whether alarms arrive."""
# ruff: noqa: PLC0415 - each command imports what it needs

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import FOUND_PROBLEMS, CommandError
from tubewarren_services.cli.session import settings_for

NO_ADDRESSES = (
    "Nobody is told of alarms: give addresses of Apprise's, such as TUBEWARREN_ALARMS__URLS=discord://…,mailto://…"
)

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="alarms", help="Find out whether alarms arrive.")


@app.command("test")
def try_out(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Send a message to every address of the setting `alarms.urls`, and say which took it."""
    import asyncio

    from tubewarren.settings.reading import masked_scheme
    from tubewarren_services.cli.alarms_view import receipts_json, receipts_table
    from tubewarren_services.heartbeat_monitor.alarms.letter import Letter
    from tubewarren_services.heartbeat_monitor.alarms.posting import Posted, Receipt, post

    urls = settings_for(context).alarms.urls
    if not urls:
        raise CommandError(NO_ADDRESSES)
    letter = Letter("Tubewarren: a test", "Alarms arrive here. Nothing is the matter.", "good")
    receipts = asyncio.run(post([Posted(url, letter) for url in urls]))
    results = list(zip(map(masked_scheme, urls), receipts, strict=True))
    if as_json:
        output.show_json(receipts_json(results))
    else:
        output.show(receipts_table(results))
    if any(receipt is not Receipt.DELIVERED for receipt in receipts):
        raise typer.Exit(FOUND_PROBLEMS)

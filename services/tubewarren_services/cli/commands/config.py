"""`svc config`: every setting as it is in force."""
# ruff: noqa: PLC0415 - each command imports what it needs

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.session import settings_for

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="config", help="Look at the settings.")


@app.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every setting as it is in force, with secrets masked."""
    from tubewarren.settings import shown
    from tubewarren_services.cli.settings_view import settings_table

    values = shown(settings_for(context))
    if as_json:
        output.show_json(values)
    else:
        output.show(settings_table(values))

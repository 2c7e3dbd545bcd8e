"""`svc presets`: what a row of the list can name in its column Preset."""
# ruff: noqa: PLC0415 - the command imports what it needs

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.session import settings_for


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("presets")(presets)


def presets(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the presets with what they do, and say what is wrong with yours."""
    from tubewarren.settings import shown
    from tubewarren.youtube.preset_check import check_presets
    from tubewarren_services.cli.presets_view import presets_json, presets_table

    settings = settings_for(context)
    own = shown(settings)["youtube"]["presets"]
    if as_json:
        output.show_json(presets_json(own))
    else:
        output.show(presets_table(own))
    check_presets(settings.youtube.options, settings.youtube.presets)

"""`svc`: the root command and what stands before every other."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from tubewarren_services.cli.flags import RootFlags
from tubewarren_services.cli.loading import LoadedWhenAsked
from tubewarren_services.cli.plain_errors import complaint_of

COMMANDS: Final = {
    "run": "fleet",
    "up": "fleet",
    "demo": "fleet",
    "status": "work",
    "watch": "work",
    "workers": "work",
    "tasks": "work",
    "pause": "pause",
    "resume": "pause",
    "bump": "bump",
    "why": "why",
    "sources": "sources",
    "sheet": "sheet",
    "results": "results",
    "dead": "dead",
    "failures": "failures",
    "presets": "presets",
    "audit": "audit",
    "topology": "topology",
    "doctor": "doctor",
    "health": "health",
    "alarms": "alarms",
    "config": "config",
    "deploy": "deploy",
}
"""The module in `commands` of each command, in the order of the help."""


class Commands(TyperGroup):
    """All commands: one that is called loads its own module alone, and its errors are told in words."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own
        super().__init__(**attributes)
        self.commands = LoadedWhenAsked("tubewarren_services.cli.commands", COMMANDS)  # type: ignore[assignment] # read only

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own types are private
        """Run the command; an error that is meant for a person becomes its message and an exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            complaint = complaint_of(error)
            if complaint is None:
                raise
            typer.echo(f"Error: {complaint.message}", err=True)
            raise typer.Exit(complaint.exit_code) from error


app = typer.Typer(
    name="svc",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")] = None,
    broker: Annotated[str | None, typer.Option(metavar="URL", help="Use the broker at this amqp:// address.")] = None,
    data_dir: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep data in this folder.")] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="Log from this level on.")
    ] = None,
) -> None:
    """Turn a list of YouTube sources into files on disk, with a fleet of small services over RabbitMQ."""
    context.obj = RootFlags(config, broker, data_dir, log_level)


def run() -> None:
    """Run `svc` with this process's arguments."""
    app(prog_name="svc")

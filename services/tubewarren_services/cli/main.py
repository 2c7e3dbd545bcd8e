"""`svc`: the root command and what stands before every other."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tubewarren_services.cli.commands import (
    alarms,
    audit,
    config,
    dead,
    deploy,
    doctor,
    failures,
    fleet,
    health,
    pause,
    presets,
    results,
    sheet,
    sources,
    topology,
    why,
    work,
)
from tubewarren_services.cli.flags import RootFlags
from tubewarren_services.cli.plain_errors import PlainErrors

app = typer.Typer(
    name="svc",
    cls=PlainErrors,
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


for commands in (
    fleet,
    sources,
    sheet,
    work,
    pause,
    why,
    results,
    dead,
    failures,
    presets,
    audit,
    topology,
    doctor,
    health,
    alarms,
    config,
    deploy,
):
    commands.register(app)


def run() -> None:
    """Run `svc` with this process's arguments."""
    app(prog_name="svc")


if __name__ == "__main__":
    run()

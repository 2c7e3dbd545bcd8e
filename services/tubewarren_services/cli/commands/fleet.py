"""Running things: one service, the whole fleet, the demo."""
# ruff: noqa: PLC0415 - each command imports what it runs, and `svc --help` none of it

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tubewarren_services.cli.flags import merged, nested, sheet_flags
from tubewarren_services.cli.options import (
    AllowHost,
    Concurrency,
    Credentials,
    Processor,
    Results,
    Selected,
    SourcesFile,
    Spreadsheet,
    Workbook,
)
from tubewarren_services.cli.session import settings_for, with_broker

if TYPE_CHECKING:
    import asyncio

    from tubewarren.bus import Bus
    from tubewarren.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("up")(up)
    app.command("demo")(demo)


def run(
    context: typer.Context,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service to run.")],
    *,
    concurrency: Concurrency = None,
    processor: Processor = None,
    allow_host: AllowHost = None,
    sources: SourcesFile = None,
    results: Results = None,
    selected: Selected = None,
    workbook: Workbook = None,
    spreadsheet: Spreadsheet = None,
    credentials: Credentials = None,
    stop_at_eof: Annotated[bool, typer.Option("--stop-at-eof", hidden=True)] = False,
) -> None:
    """Run one service against the broker, in as many copies and on as many machines as you like."""
    from tubewarren.topology import SERVICES
    from tubewarren_services.cli.starting import prepared

    if service not in SERVICES:
        raise typer.BadParameter(f"{service!r} is no service; choose {', '.join(SERVICES)}", param_hint="SERVICE")
    flags = work_flags(
        concurrency, processor, sources, results, selected, sheet_flags(workbook, spreadsheet, credentials)
    )
    settings = with_broker(settings_with_hosts(context, flags, allow_host or []))
    prepared(service, settings, stops_at_eof=stop_at_eof)()


def up(
    context: typer.Context,
    *,
    sources: SourcesFile = None,
    results: Results = None,
    selected: Selected = None,
    workbook: Workbook = None,
    spreadsheet: Spreadsheet = None,
    credentials: Credentials = None,
    concurrency: Concurrency = None,
    downloaders: Annotated[int, typer.Option(min=1, max=64, help="Run so many downloader processes.")] = 1,
    allow_host: AllowHost = None,
    processor: Processor = None,
    once: Annotated[bool, typer.Option("--once", help="Leave when nothing is left to do.")] = False,
) -> None:
    """Run every service on this machine until interrupted, with a broker of its own when none is set."""
    flags = work_flags(
        concurrency, processor, sources, results, selected, sheet_flags(workbook, spreadsheet, credentials)
    )
    settings = settings_with_hosts(context, flags, allow_host or [])

    import asyncio

    from tubewarren.telemetry.logs import configure
    from tubewarren.topology import DOWNLOADER
    from tubewarren_services.local_fleet.fleet import run_fleet

    # The live view has the terminal; what the fleet's own process has to say goes on beside it.
    configure("up", "warning", settings.log.format, sys.stderr)
    raise typer.Exit(asyncio.run(run_fleet(settings, {DOWNLOADER: downloaders}, once=once, show=_show, say=_say)))


def demo(
    folder: Annotated[Path, typer.Option(help="Keep everything that the demo makes in this folder.")] = Path("demo"),
) -> None:
    """Run the whole system on a small media site of its own and check every file."""
    import asyncio

    from tubewarren.telemetry.logs import configure
    from tubewarren_services.demo.run import run_demo

    configure("demo", "warning", "auto", sys.stderr)
    raise typer.Exit(asyncio.run(run_demo(folder, _show, _say)))


def work_flags(
    concurrency: int | None,
    processor: str | None,
    sources: Path | None,
    results: Path | None,
    selected: Path | None,
    sheet: dict[str, Any],
) -> dict[str, Any]:
    """The flags of work as settings, with those that name the sheet."""
    flags = nested(
        {
            "downloader.concurrency": concurrency,
            "downloader.processor": processor,
            "sources_file": sources,
            "store.results": results,
            "store.selected": selected,
        }
    )
    return merged(flags, sheet)


def settings_with_hosts(context: typer.Context, flags: dict[str, Any], hosts: list[str]) -> "Settings":
    """The settings, with hosts besides those that are allowed anyway."""
    settings = settings_for(context, flags)
    if not hosts:
        return settings
    allowed = (*settings.youtube.allowed_hosts, *hosts)
    return settings_for(context, merged(flags, nested({"youtube.allowed_hosts": allowed})))


async def _show(bus: "Bus", stop: "asyncio.Event") -> None:
    from rich.console import Console

    from tubewarren_services.cli.live import show_live

    await show_live(bus, Console(file=sys.stdout, highlight=False), stop)


def _say(words: str) -> None:
    # Neither by rich nor by typer, which know the terminal behind the live view and would write into it.
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()

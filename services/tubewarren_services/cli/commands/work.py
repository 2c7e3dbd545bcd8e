"""How far the work is: status, tasks, workers, and the live view."""
# ruff: noqa: PLC0415 - each command imports what it needs

import signal
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson, Limit
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from tubewarren_services.cli.overview import Depths, Overview

TaskStatus = Literal["pending", "in-progress", "waiting", "done", "dead", "filtered"]

GATES_PATIENCE = timedelta(seconds=5)

tasks_app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.command("status")(status)
    root.command("watch")(watch)
    root.add_typer(tasks_app, name="tasks", help="Look at the videos.")
    root.command("workers")(workers)


def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show queue depths, counts, rates, workers and what has waited longest."""
    talk(context, lambda session: _status(session, as_json=as_json))


def watch(context: typer.Context) -> None:
    """Watch every running video live, until Ctrl-C."""
    talk(context, _watch)


def workers(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the workers and what each is doing."""
    talk(context, lambda session: _workers(session, as_json=as_json))


@tasks_app.command("list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[TaskStatus | None, typer.Option(help="Show only those in this state.")] = None,
    source: Annotated[str | None, typer.Option(help="Show only those of the source with this ID.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the videos, newest change first."""
    talk(context, lambda session: _tasks(session, status, source, limit, as_json=as_json))


async def overview_of(session: Session) -> tuple["Overview", "Depths"]:
    """What there is to know of the moment."""
    from tubewarren.messages.commands import QueryLedger
    from tubewarren.messages.events import FleetGates
    from tubewarren.messages.permits import QueryGates
    from tubewarren_services.cli.overview import Overview, queue_lines

    depths = await session.bus.depths(session.topology)
    summary = await session.ask(QueryLedger(topic="summary"))
    people = await session.ask(QueryLedger(topic="workers")) if summary else None
    counts = next(iter(summary.rows), {}) if summary else None
    told = await session.bus.ask_one(QueryGates(), FleetGates, GATES_PATIENCE)
    lines = queue_lines(session.topology, depths)
    return Overview(lines, counts, people.rows if people else None, told.gates if told else None), depths


async def _status(session: Session, *, as_json: bool) -> None:
    from tubewarren_services.cli.overview import overview_table

    overview, depths = await overview_of(session)
    if as_json:
        queues = [
            {"name": queue.name, "purpose": queue.purpose, "ready": depth and depth[0], "consumers": depth and depth[1]}
            for queue in session.topology.queues
            for depth in (depths.get(queue.name),)
        ]
        gates = None if overview.gates is None else [gate.model_dump(mode="json") for gate in overview.gates]
        people = asdict(overview)["workers"]
        output.show_json({"queues": queues, "summary": overview.summary, "workers": people, "gates": gates})
        return
    console = output.person()
    console.print(overview_table(overview, console.width, datetime.now(UTC)))


async def _watch(session: Session) -> None:
    import asyncio

    from rich.console import Console

    from tubewarren_services.cli.live import show_live

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await show_live(session.bus, Console(highlight=False), stop, is_alone=True)


async def _workers(session: Session, *, as_json: bool) -> None:
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.answers import show_answer
    from tubewarren_services.cli.tables import WORKERS

    answer = await session.require(QueryLedger(topic="workers"))
    show_answer(answer, WORKERS, datetime.now(UTC), as_json=as_json)


async def _tasks(session: Session, status: str | None, source: str | None, limit: int, *, as_json: bool) -> None:
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.answers import show_answer
    from tubewarren_services.cli.tables import TASKS

    answer = await session.require(QueryLedger(topic="tasks", status=status, source_id=source, limit=limit))
    show_answer(answer, TASKS, datetime.now(UTC), as_json=as_json)

"""`svc sources`: put one on the list, look at them, list one again."""
# ruff: noqa: PLC0415 - each command imports what it needs

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson, Limit
from tubewarren_services.cli.plain_errors import CommandError
from tubewarren_services.cli.session import Session, talk
from tubewarren_services.cli.units import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tubewarren.messages.commands import ExpandSource, RefreshKind
    from tubewarren_services.cli.tables import Row

SourceStatus = Literal["pending", "in-progress", "done", "error"]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="sources", help="Put a source on the list, look at the list, or list one again.")


@app.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="A channel, a playlist or a video.")],
    *,
    name: Annotated[str | None, typer.Option(help="Fill the column Name.")] = None,
    gender: Annotated[str | None, typer.Option(help="Fill the column Gender.")] = None,
    accent: Annotated[str | None, typer.Option(help="Fill the column Accent.")] = None,
    content_type: Annotated[str | None, typer.Option(help="Fill the column ContentType.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Fill the column Type.")] = None,
    multispeaker: Annotated[str | None, typer.Option(help="Fill the column MultispeakerPercentage.")] = None,
    priority: Annotated[int, typer.Option(min=1, max=10, help="Serve it sooner: 1 is first, 10 is last.")] = 5,
    preset: Annotated[str | None, typer.Option(help="Choose settings by name; fills the column Preset.")] = None,
    every: Annotated[
        str | None, typer.Option(help="Look for new videos so often: 6h, 1d, or auto; fills the column Refresh.")
    ] = None,
) -> None:
    """Put a source on the list."""
    from tubewarren.sheets.tabs import PRESET, REFRESH, SOURCE_DETAILS
    from tubewarren_services.sheet_ingestor.refreshes import rhythm_of

    problem = problem_with(url)
    if problem:
        raise typer.BadParameter(problem, param_hint="URL")
    try:
        rhythm_of(every or "")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--every") from error
    said = (name, gender, accent, content_type, type_, multispeaker, preset, every)
    columns = dict(zip((*SOURCE_DETAILS, PRESET, REFRESH), said, strict=True))
    filled = {heading: value for heading, value in columns.items() if value is not None}
    talk(context, lambda session: _add(session, url.strip(), filled, priority))


@app.command("list")
def list_(
    context: typer.Context,
    *,
    status: Annotated[SourceStatus | None, typer.Option(help="Show only those in this state.")] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """List the sources and how far each is."""
    talk(context, lambda session: _list(session, status, limit, as_json=as_json))


@app.command()
def expand(
    context: typer.Context,
    source_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The IDs of sources.")],
) -> None:
    """List sources again and order each of their videos; what is finished is recognised."""
    talk(context, lambda session: _expand(session, list(dict.fromkeys(source_ids))))


@app.command()
def refresh(
    context: typer.Context,
    source_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The IDs of sources.")],
    *,
    whole: Annotated[
        bool, typer.Option("--whole", help="List them to their end: that shows what is gone, too.")
    ] = False,
) -> None:
    """Look through sources for what is new and order that alone."""
    talk(context, lambda session: _refresh(session, list(dict.fromkeys(source_ids)), "all" if whole else "news"))


def problem_with(url: str) -> str | None:
    """Why this cannot be a source's address; None when it looks like one."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError as error:
        return f"{url!r} is not a URL: {error}"
    if parts.scheme not in ("http", "https") or not host or any(letter.isspace() for letter in url.strip()):
        return f"{url!r} is not a URL; write it like https://www.youtube.com/@name"
    return None


async def _add(session: Session, url: str, columns: dict[str, str], priority: int) -> None:
    from tubewarren.messages.commands import AddSource

    await session.bus.publisher.publish(AddSource(url=url, columns=columns, priority=priority))
    output.say(f"Queued {url}. `svc sources list` shows it once the sheet-ingestor has written it down.")


async def _expand(session: Session, source_ids: list[str]) -> None:
    orders = await _orders(session, source_ids)
    await session.bus.publisher.publish(*orders)
    output.say(
        f"{count(len(orders), 'source')} will be listed again. Videos that are finished are recognised, and all others "
        "are tried anew, those that were given up included."
    )


async def _refresh(session: Session, source_ids: list[str], kind: "RefreshKind") -> None:
    orders = [order.model_copy(update={"refresh": kind}) for order in await _orders(session, source_ids)]
    await session.bus.publisher.publish(*orders)
    output.say(f"{count(len(orders), 'source')} will be looked through for what is new.")


async def _orders(session: Session, source_ids: list[str]) -> "list[ExpandSource]":
    from tubewarren.messages.commands import QueryLedger

    rows = [
        row
        for source_id in source_ids
        for row in (await session.require(QueryLedger(topic="sources", source_id=source_id))).rows
    ]
    return orders_for(source_ids, rows)


def orders_for(source_ids: "Sequence[str]", rows: "Sequence[Row]") -> "list[ExpandSource]":
    """The orders that list these sources again, from the ledger's rows of them.

    Raises:
        CommandError: the ledger does not know one of them, or its row in the sheet was refused.
    """
    known = {str(row["source_id"]): row for row in rows if row.get("url")}
    if unknown := [source_id for source_id in source_ids if source_id not in known]:
        raise CommandError(f"The ledger knows no source {', '.join(unknown)}; see `svc sources list`.")
    for source_id in source_ids:
        if known[source_id]["phase"] == "refused":
            reason = known[source_id].get("failure_reason")
            raise CommandError(f"Source {source_id} was refused: {reason} Correct its row in the tab Sources instead.")
    return [_order_for(known[source_id]) for source_id in source_ids]


def _order_for(row: "Row") -> "ExpandSource":
    from tubewarren.messages.commands import ExpandSource
    from tubewarren.sheets.tabs import PRESET

    columns = json.loads(str(row.get("columns") or "{}"))
    return ExpandSource.model_validate({**row, "columns": columns, "preset": columns.get(PRESET, "")})


async def _list(session: Session, status: str | None, limit: int, *, as_json: bool) -> None:
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.answers import show_answer
    from tubewarren_services.cli.tables import SOURCES

    answer = await session.require(QueryLedger(topic="sources", status=status, limit=limit))
    show_answer(answer, SOURCES, datetime.now(UTC), as_json=as_json)

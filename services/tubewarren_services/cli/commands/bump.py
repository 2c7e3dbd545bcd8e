"""`svc bump`: move what waits of a source, or one video, ahead."""
# ruff: noqa: PLC0415 - each command imports what it needs

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tubewarren.messages.bumps import BumpAnswered, BumpOrders
    from tubewarren_services.cli.tables import Row

_PATIENCE = timedelta(minutes=30)
"""Half a million copies take some minutes."""
_NO_ANSWER = (
    "No results-manager has answered for half an hour. The order stays queued, and it is carried out when one is back: "
    "start `svc up` or `svc run results-manager`."
)
_MOST_SOURCES = 100_000
_MOST_TASKS = 10_000


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("bump")(bump)


def bump(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="A source's ID, or its address as in the list.")
    ] = None,
    *,
    video: Annotated[
        str | None,
        typer.Option(metavar="VIDEO", help="Move this video alone: its ID or the beginning, as for `svc why`."),
    ] = None,
    priority: Annotated[int, typer.Option(min=1, max=10, help="Serve it as if it had this: 1 first, 10 last.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved, and move nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move what waits of a source ahead, or one video; what is under way, done or dead stays as it is."""
    if (source is None) == (video is None):
        raise CommandError("Say what to move ahead: a source, or --video with a video's ID.", USED_WRONGLY)
    talk(context, lambda session: _bump(session, source, video, priority, dry_run=dry_run, as_json=as_json))


async def _bump(
    session: Session, source: str | None, video: str | None, priority: int, *, dry_run: bool, as_json: bool
) -> None:
    from tubewarren_services.cli.bump_view import bump_lines

    if source is not None:
        orders = [await _order_for_source(session, source.strip(), priority)]
    else:
        orders = await _orders_for_video(session, (video or "").strip(), priority)
    answers = [await _carried_out(session, order.model_copy(update={"dry_run": True})) for order in orders]
    worth = [order for order, answer in zip(orders, answers, strict=True) if _has_something(answer)]
    answers = [answer.model_copy(update={"dry_run": dry_run}) for answer in answers]
    if not dry_run and worth:
        if not as_json:
            output.say("Every worker hears of it first, which takes some seconds.")
        answers = await _bumped(session, worth, orders, answers)
    if as_json:
        output.show_json([answer.model_dump(mode="json") for answer in answers])
        return
    for answer in answers:
        for line in bump_lines(answer, priority):
            output.say(line)


async def _bumped(
    session: Session, worth: "list[BumpOrders]", orders: "list[BumpOrders]", seen: "list[BumpAnswered]"
) -> "list[BumpAnswered]":
    """Announce it, carry it out where there is something to move, and let the list say so."""
    from tubewarren.bumping import ANNOUNCED_FOR
    from tubewarren.messages.bumps import AnnounceBump, PrioritiseSource
    from tubewarren.messages.events import FleetGates
    from tubewarren_services.cli.commands.pause import NO_MONITOR
    from tubewarren_services.cli.commands.work import GATES_PATIENCE

    for source_id in sorted({order.source_id for order in worth}):
        if await session.bus.ask_one(AnnounceBump(source_id=source_id), FleetGates, GATES_PATIENCE) is None:
            raise CommandError(NO_MONITOR)
    at = datetime.now(UTC) + ANNOUNCED_FOR
    for order in worth:
        if not order.video_id:
            # Before it: what a listing under way still finds must have the new priority when the rest is moved.
            await session.bus.publisher.publish(PrioritiseSource(source_id=order.source_id, priority=order.priority))
    return [
        await _carried_out(session, order.model_copy(update={"not_before": at})) if order in worth else answer
        for order, answer in zip(orders, seen, strict=True)
    ]


async def _carried_out(session: Session, order: "BumpOrders") -> "BumpAnswered":
    from tubewarren.messages.bumps import BumpAnswered

    answer = await session.bus.ask_one(order, BumpAnswered, _PATIENCE)
    if answer is None:
        raise CommandError(_NO_ANSWER)
    return answer


def _has_something(answer: "BumpAnswered") -> bool:
    from tubewarren.messages.bumps import Listing

    return answer.bumped > 0 or answer.listing in (Listing.BUMPED, Listing.UNDER_WAY, Listing.WAITING)


async def _order_for_source(session: Session, named: str, priority: int) -> "BumpOrders":
    from tubewarren.messages.bumps import BumpOrders
    from tubewarren.messages.commands import QueryLedger

    found = await session.require(QueryLedger(topic="sources", source_id=named))
    source_id = named
    if not found.rows:
        found = await session.require(QueryLedger(topic="sources", limit=_MOST_SOURCES))
        source_id = source_with_address(found.rows, named)
    return BumpOrders(storage=found.storage, source_id=source_id, priority=priority)


def source_with_address(rows: "Iterable[Row]", address: str) -> str:
    """The ID of the source that has this address, however it is spelled.

    Raises:
        CommandError: there is none.
    """
    from tubewarren.youtube.addresses import canonical_url

    wanted = canonical_url(address)
    for row in rows:
        if row.get("url") and canonical_url(str(row["url"])) == wanted:
            return str(row["source_id"])
    raise CommandError(f"The ledger knows no source {address}; see `svc sources list`.")


async def _orders_for_video(session: Session, named: str, priority: int) -> "list[BumpOrders]":
    from tubewarren.messages.bumps import BumpOrders
    from tubewarren.messages.commands import QueryLedger
    from tubewarren_services.cli.commands.why import the_one_meant

    source, _, beginning = named.rpartition("/")
    question = QueryLedger(topic="tasks", video_id=beginning, source_id=source or None, limit=_MOST_TASKS)
    found = await session.require(question)
    video_id = the_one_meant([str(row["video_id"]) for row in found.rows], beginning, named)
    return [
        BumpOrders(storage=found.storage, source_id=str(row["source_id"]), video_id=video_id, priority=priority)
        for row in found.rows
        if row["video_id"] == video_id
    ]

"""`svc why`: the story of one video."""
# ruff: noqa: PLC0415 - each command imports what it needs

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from tubewarren_services.cli.tables import Row
    from tubewarren_services.cli.why_view import Story

_MOST_MEANT = 10
_ROWS = 10_000


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("why")(why)


def why(
    context: typer.Context,
    video: Annotated[
        str,
        typer.Argument(metavar="VIDEO", help="A video's ID or its beginning, with SOURCE/ before it or without."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell the story of one video: its source, each attempt, where it is now and when it moves next."""
    talk(context, lambda session: _why(session, video, as_json=as_json))


async def _why(session: Session, video: str, *, as_json: bool) -> None:
    from tubewarren_services.cli.why_view import why_json, why_page

    now = datetime.now(UTC)
    story = await _story(session, video.strip(), now)
    if as_json:
        output.show_json(why_json(story))
        return
    console = output.person()
    console.print(why_page(story, console.width, now))


async def _story(session: Session, video: str, now: datetime) -> "Story":
    from tubewarren.messages.commands import QueryLedger
    from tubewarren.topology import DOWNLOADER
    from tubewarren_services.cli.why_view import story_of

    source, _, beginning = video.rpartition("/")
    source_id = source or None
    found = await session.require(QueryLedger(topic="tasks", video_id=beginning, source_id=source_id, limit=_ROWS))
    video_id = the_one_meant([str(row["video_id"]) for row in found.rows], beginning, video)
    tasks = [row for row in found.rows if row["video_id"] == video_id]
    sources: list[Row] = []
    for each in {str(row["source_id"]) for row in tasks}:
        sources += (await session.require(QueryLedger(topic="sources", source_id=each))).rows
    attempts = await session.require(QueryLedger(topic="attempts", video_id=video_id, source_id=source_id, limit=_ROWS))
    files = await session.require(QueryLedger(topic="results", video_id=video_id, limit=_ROWS))
    return story_of(
        tasks,
        sources,
        [row for row in attempts.rows if row["video_id"] == video_id],
        [row for row in files.rows if row["video_id"] == video_id],
        session.topology.work_queue(DOWNLOADER),
        now,
    )


def the_one_meant(video_ids: list[str], beginning: str, asked: str) -> str:
    """The only video whose id begins so, or is so.

    Raises:
        CommandError: there is none, or there are several.
    """
    meant = sorted({video_id for video_id in video_ids if beginning and video_id.startswith(beginning)})
    if not meant:
        raise CommandError(
            f"The ledger knows no video {asked}. Give its ID, as in the column ID of the tab Video Tasks or in "
            "`svc tasks list`; a video appears there when its source has been listed, see `svc sources list`."
        )
    if len(meant) > 1 and beginning not in meant:
        more = f" and {len(meant) - _MOST_MEANT} more" if len(meant) > _MOST_MEANT else ""
        raise CommandError(f"Which one? {', '.join(meant[:_MOST_MEANT])}{more}", USED_WRONGLY)
    return beginning if beginning in meant else meant[0]

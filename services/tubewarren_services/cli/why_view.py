"""The story of one video on one page: where it came from, what was tried, where it is now, and what comes next."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tubewarren.messages.commands import DownloadVideo
from tubewarren.topology import WorkQueue
from tubewarren_services.cli.tables import RESULTS, Column, Row, rows_table, style_of, text
from tubewarren_services.cli.units import spell_span

_MOST_ATTEMPTS = 23
"""The ledger remembers no more of one order."""
_ABOUT = timedelta(seconds=1)
_FILES = tuple(
    Column("sha256", "SHA-256", text, may_wrap=True, least=16) if column.key == "sha256" else column
    for column in RESULTS
    if column.key != "video_id"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order is, and when it moves next, in words."""

    where: str
    then: str


@dataclass(frozen=True, slots=True)
class Order:
    """A video as one source lists it.

    Attributes:
        task: the ledger's row of it.
        source: the ledger's row of its source, which tells what the person's sheet says; None when it has none.
        attempts: those that ended, oldest first.
    """

    task: Row
    source: Row | None
    attempts: tuple[Row, ...]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a video."""

    video_id: str
    orders: tuple[Order, ...]
    files: tuple[Row, ...]


def story_of(
    tasks: Sequence[Row],
    sources: Sequence[Row],
    attempts: Sequence[Row],
    files: Sequence[Row],
    work: WorkQueue,
    now: datetime,
) -> Story:
    """The ledger's rows of one video, put together; `tasks` has at least one."""
    of_source = {str(row["source_id"]): row for row in sources}
    orders = []
    for task in sorted(tasks, key=lambda row: str(row["source_id"])):
        own = tuple(row for row in attempts if row["source_id"] == task["source_id"])
        orders.append(Order(task, of_source.get(str(task["source_id"])), own, standing_of(task, own, work, now)))
    return Story(str(tasks[0]["video_id"]), tuple(orders), tuple(files))


def standing_of(  # noqa: PLR0911 - one for each state
    task: Row, attempts: Sequence[Row], work: WorkQueue, now: datetime
) -> Standing:
    """Where an order is and when it moves next, as far as the ledger knows."""
    match task["state"]:
        case "pending" if (day := _moment(task.get("next_at"))) is not None and day > now:
            then = f"{_clock(day.isoformat())}, in {spell_span(day - now)}: its source has so many a day"
            return Standing(f"parked; it hops over the queues {work.name}.retry.* until its day", then)
        case "pending":
            held = f", or in {work.held} while its source is paused" if work.held else ""
            return Standing(f"{_in_line(work)}{held}", "as soon as a worker is free and nothing better waits")
        case "in-progress":
            since = f", since {_clock(task.get('claimed_at'))}" if task.get("claimed_at") else ""
            way = f" by way of {task['egress']}" if task.get("egress") else ""
            return Standing(f"with {task['worker']}{way}, attempt {task['attempt']}{since}", "when that attempt ends")
        case "waiting":
            return _waiting(task, attempts, work, now)
        case "done":
            return Standing("finished", "never: it is done")
        case "filtered":
            return Standing("left out by its filter", "when the filter wants it and its source is expanded again")
        case "dead":
            order = DownloadVideo(
                video_id=str(task["video_id"]), url=str(task.get("url") or ""), source_id=str(task["source_id"])
            )
            return Standing(f"in the dead queue {work.dead}", f"when you say so: svc dead redrive {order.message_id}")
        case other:
            return Standing(str(other), "")


def _waiting(task: Row, attempts: Sequence[Row], work: WorkQueue, now: datetime) -> Standing:
    next_at, since = _moment(task.get("next_at")), _moment(task.get("state_at"))
    if next_at is None or next_at <= now:
        return Standing(f"{_in_line(work)}, after its wait", "as soon as a worker is free and nothing better waits")
    then = f"{_clock(next_at.isoformat())}, in {spell_span(next_at - now)}"
    if attempts and attempts[-1]["ending"] == "park":
        return Standing(f"parked; it hops over the queues {work.name}.retry.* until its time", then)
    rung = next((rung for rung in work.rungs if since and abs(next_at - since - rung.delay) < _ABOUT), None)
    return Standing(f"in the queue {rung.queue}" if rung else f"in one of the queues {work.name}.retry.*", then)


def _in_line(work: WorkQueue) -> str:
    return f"in one of the queues {work.lanes[0]} to {work.lanes[-1]}, by its rank"


def why_page(story: Story, width: int, now: datetime) -> RenderableType:
    """The story for a person."""
    parts: list[RenderableType] = [Text(f"Video {story.video_id}", style="bold")]
    for order in story.orders:
        parts += [Text(), _facts(order), *_tries(order)]
    parts += [Text(), Text("Files", style="bold"), rows_table(story.files, _FILES, width, now)]
    return Group(*parts)


def why_json(story: Story) -> dict[str, object]:
    """The story for a machine."""
    return {
        "video_id": story.video_id,
        "orders": [
            {
                "task": dict(order.task),
                "source": None if order.source is None else {**order.source, "columns": columns_of(order.source)},
                "attempts": [dict(row) for row in order.attempts],
                "where": order.standing.where,
                "next": order.standing.then,
            }
            for order in story.orders
        ],
        "files": [dict(row) for row in story.files],
    }


def columns_of(source: Row) -> Mapping[str, str]:
    """What the person's own columns say of a source."""
    try:
        columns = json.loads(str(source.get("columns") or "{}"))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in columns.items()} if isinstance(columns, dict) else {}


def _facts(order: Order) -> RenderableType:
    task, source = order.task, order.source
    grid = Table.grid(padding=(0, 2))
    facts = [
        ("Source", str(task["source_id"])),
        *([("Its URL", str(source.get("url") or "")), *columns_of(source).items()] if source else []),
        ("Title", str(task.get("title") or "")),
        ("URL", str(task.get("url") or "")),
        ("Listed", _clock(task.get("queued_at"))),
        ("Bumped", _clock(task.get("bumped_at"))),
        ("Status", str(task["state"])),
        ("Where", order.standing.where),
        ("Moves on", order.standing.then),
        ("Trace", str(task.get("trace_id") or "")),
    ]
    for name, value in facts:
        if value:
            style = style_of(value) if name == "Status" else ""
            grid.add_row(Text(name, style="bold"), Text(value, style=style, overflow="fold"))
    return grid


def _tries(order: Order) -> Iterator[RenderableType]:
    if not order.attempts:
        yield Text("No attempt has ended yet.")
    for row in order.attempts:
        way = f" by way of {row['egress']}" if row.get("egress") else ""
        head = Text.assemble(
            f"Attempt {row['attempt']}, ended {_clock(row['ended_at'])} on {row['worker']}{way}: ",
            (str(row["ending"]), "bold"),
            f" ({row['failure_kind']})" if row.get("failure_kind") else "",
            overflow="fold",
        )
        yield head
        for name in ("failure_reason", "failure_detail"):
            if row.get(name):
                yield Padding(Text(str(row[name]), overflow="fold"), (0, 0, 0, 2))
    if len(order.attempts) >= _MOST_ATTEMPTS:
        yield Text("Only the first and the newest attempts are remembered; there may be more in between.", style="dim")


def _clock(value: object) -> str:
    moment = _moment(value)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None

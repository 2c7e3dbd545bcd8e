"""Showing the view: on a terminal, and where there is none."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Command, Event, Message
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import FleetGates, Gate, LedgerAnswered, Verdict, VideoClaimed, VideoFailed
from tubewarren.messages.permits import QueryGates
from tubewarren_services.cli.live import TOPICS, show_live

if TYPE_CHECKING:
    from tubewarren.bus import Bus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLAIMED = VideoClaimed(at=NOW, video_id="v", source_id="s", worker="w", attempt=1)
GATE = Gate(kind="pause", name="7", reason="Lunch.", since=NOW)
FAILED = VideoFailed(
    at=NOW,
    video_id="v",
    source_id="s",
    worker="w",
    attempt=1,
    verdict=Verdict.BURY,
    failure=Failure(kind=FailureKind.GONE, reason="It is [private]."),
)


class Fleet:
    """A bus on which these events arrive, and a ledger answers when it has a summary."""

    def __init__(self, *events: Event, summary: dict[str, Any] | None = None, is_connected: bool = True) -> None:
        self.events = events
        self.summary = summary
        self.is_connected = is_connected
        self.topics: tuple[str, ...] = ()

    @asynccontextmanager
    async def watch(self, *topics: str) -> AsyncIterator["asyncio.Queue[Delivery]"]:
        self.topics = topics
        arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        for number, event in enumerate(self.events):
            arrived.put_nowait(Delivery(event, str(number)))
        yield arrived

    async def ask_one(self, command: Command, kind: type[Message], patience: timedelta) -> Message | None:
        del patience
        if isinstance(command, QueryGates):
            assert kind is FleetGates
            return FleetGates(at=NOW, gates=(GATE,))
        assert isinstance(command, QueryLedger)
        assert kind is LedgerAnswered
        if self.summary is None:
            return None
        return LedgerAnswered(at=NOW, storage="main", rows=(self.summary,) if command.topic == "summary" else ())


async def shown(fleet: Fleet, *, terminal: bool, kind: str = "xterm", alone: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, highlight=False, _environ={"TERM": kind})
    stop = asyncio.Event()
    stop.set()
    await show_live(cast("Bus", fleet), console, stop, is_alone=alone)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    assert isinstance(text, str)
    return text


async def test_on_a_terminal_what_arrived_is_drawn_before_it_leaves() -> None:
    text = await shown(Fleet(CLAIMED), terminal=True)

    assert "1 running" in text


async def test_elsewhere_each_ending_is_a_line_and_nothing_else_is() -> None:
    text = await shown(Fleet(CLAIMED, FAILED), terminal=False)

    assert text == "bury v from source s: It is [private].\n"


async def test_a_terminal_that_cannot_be_drawn_on_gets_lines() -> None:
    text = await shown(Fleet(CLAIMED, FAILED), terminal=True, kind="dumb")

    assert text == "bury v from source s: It is [private].\n"


async def test_it_begins_with_what_the_services_know() -> None:
    text = await shown(Fleet(summary={"tasks": 12, "tasks_done": 3}), terminal=True)

    assert "12 videos" in text
    assert "3 done" in text
    assert "Pause 7" in text


async def test_alone_it_takes_the_whole_screen_and_leaves_the_counts_behind() -> None:
    text = await shown(Fleet(summary={"tasks": 12}), terminal=True, alone=True)

    screen, _, left = text.partition("\x1b[?1049l")
    assert "\x1b[?1049h" in screen
    assert "12 videos" in left


@pytest.mark.parametrize("terminal", [False, True])
async def test_that_the_broker_is_away_is_said(terminal: bool) -> None:  # noqa: FBT001 - a case
    text = await shown(Fleet(is_connected=False), terminal=terminal)

    assert ("The broker has been away" if terminal else "The broker is away") in text


async def test_it_listens_to_sources_videos_workers_and_what_holds_work_back() -> None:
    fleet = Fleet()

    await shown(fleet, terminal=False)

    assert fleet.topics == TOPICS == ("source.#", "videos.#", "video.#", "worker.#", "fleet.#")


async def test_it_goes_on_until_it_is_stopped() -> None:
    stop = asyncio.Event()
    console = Console(file=io.StringIO(), force_terminal=False)
    showing = asyncio.create_task(show_live(cast("Bus", Fleet()), console, stop))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(showing), timeout=0.01)
    stop.set()

    await asyncio.wait_for(showing, timeout=30)

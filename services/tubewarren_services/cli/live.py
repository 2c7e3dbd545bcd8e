"""The live view on a terminal, or a line for each ended video where there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from rich.console import Console, RenderableType
from rich.live import Live

from tubewarren.bus import Bus, BusError
from tubewarren.delivery import Delivery
from tubewarren.messages import Message
from tubewarren.messages.commands import LedgerTopic, QueryLedger
from tubewarren.messages.events import FleetGates, LedgerAnswered
from tubewarren.messages.permits import QueryGates
from tubewarren_services.cli.view import LiveState, Look, line_of, looked, reduce
from tubewarren_services.cli.view_rendering import render, summary_of

TOPICS = ("source.#", "videos.#", "video.#", "worker.#", "fleet.#")

_REFRESH = timedelta(milliseconds=500)
_LOOK_EVERY = timedelta(seconds=5)
_REST = 20
"""Times as long as a look took: the counts of a very long ledger are not asked for all the time."""
_LONGEST_REST = timedelta(minutes=1)
_ANSWER_PATIENCE = timedelta(seconds=5)
_LOOK_PATIENCE = timedelta(seconds=20)
_MOST_RUNNING = 2000
_MOST_WORKERS = 5000


class LiveView:
    """What rich draws: the newest state, at the present moment and in the terminal's present size.

    Attributes:
        must_meet: the workers are to be asked for, because what became of them may have been missed.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.state = LiveState()
        self.must_meet = True
        self._clock = clock
        self._away_since: datetime | None = None

    def apply(self, event: Message) -> None:
        """Take in one event."""
        self.state = reduce(self.state, event, self._clock())

    def take(self, look: Look) -> None:
        """Take in what the services answered."""
        self.state = looked(self.state, look, self._clock())
        self.must_meet = self.must_meet and look.workers is None

    def note_broker(self, *, is_there: bool) -> bool:
        """Remember since when the broker is away; whether that changed."""
        was_there = self._away_since is None
        if is_there:
            self._away_since = None
        elif was_there:
            self._away_since = self._clock()
            self.must_meet = True
        return was_there is not is_there

    def at_size(self, width: int, height: int) -> RenderableType:
        """The view for a terminal of this size."""
        now = self._clock()
        away = None if self._away_since is None else now - self._away_since
        return render(self.state, width, now, height, away)

    def print_summary(self, console: Console) -> None:
        """Leave the counts behind, where the whole screen was drawn and is gone."""
        for line in summary_of(self.state, console.width, self._clock()):
            console.print(line)


async def show_live(bus: Bus, console: Console, stop: asyncio.Event, *, is_alone: bool = False) -> None:
    """Show the fleet's life until `stop` is set, also while the broker is away.

    Args:
        bus: what is listened to and asked.
        console: where it is shown.
        stop: ends it.
        is_alone: nobody else writes to this terminal, so the view takes the whole of it.

    Raises:
        BusError: the broker cannot be asked at the beginning.
    """
    view = LiveView()
    async with bus.watch(*TOPICS) as arrived:
        if not console.is_terminal or console.is_dumb_terminal:
            await _tell(bus, view, arrived, console, stop)
            return
        # Only now, so that nothing falls between the answers and the first event.
        view.take(await _look(bus, view))
        async with _looking(bus, view):
            await _draw(bus, view, arrived, console, stop, is_alone=is_alone)
        if is_alone:
            view.print_summary(console)


async def _draw(
    bus: Bus,
    view: LiveView,
    arrived: asyncio.Queue[Delivery],
    console: Console,
    stop: asyncio.Event,
    *,
    is_alone: bool,
) -> None:
    with Live(console=console, screen=is_alone, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            while not arrived.empty():
                view.apply(arrived.get_nowait().message)
            view.note_broker(is_there=bus.is_connected)
            live.update(view.at_size(console.width, console.height), refresh=True)
            if stop.is_set():
                return
            await _pause(stop)


async def _tell(
    bus: Bus, view: LiveView, arrived: asyncio.Queue[Delivery], console: Console, stop: asyncio.Event
) -> None:
    while True:
        while not arrived.empty():
            if (line := line_of(arrived.get_nowait().message)) is not None:
                console.print(line, markup=False, soft_wrap=True)
        if view.note_broker(is_there=bus.is_connected):
            words = "The broker is back." if bus.is_connected else "The broker is away; this goes on when it is back."
            console.print(words, soft_wrap=True)
        if stop.is_set():
            return
        await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_REFRESH.total_seconds()):
            await stop.wait()


@asynccontextmanager
async def _looking(bus: Bus, view: LiveView) -> AsyncIterator[None]:
    """Asks the services again and again, for what events do not tell, or told while nobody could hear them."""
    task = asyncio.create_task(_keep_looking(bus, view), name="looking")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _keep_looking(bus: Bus, view: LiveView) -> None:
    rest = _LOOK_EVERY
    while True:
        await asyncio.sleep(rest.total_seconds())
        rest = _LOOK_EVERY
        if not bus.is_connected:
            continue
        began = asyncio.get_running_loop().time()
        with suppress(BusError, TimeoutError):
            async with asyncio.timeout(_LOOK_PATIENCE.total_seconds()):
                view.take(await _look(bus, view))
            took = timedelta(seconds=asyncio.get_running_loop().time() - began)
            rest = min(_LONGEST_REST, max(_LOOK_EVERY, _REST * took))


async def _look(bus: Bus, view: LiveView) -> Look:
    summary = await _ask(bus, "summary", 1)
    is_there = summary is not None
    running = await _ask(bus, "tasks", _MOST_RUNNING, "in-progress") if is_there else None
    workers = await _ask(bus, "workers", _MOST_WORKERS) if is_there and view.must_meet else None
    gates = await bus.ask_one(QueryGates(), FleetGates, _ANSWER_PATIENCE)
    return Look(
        next(iter(summary.rows), None) if summary else None,
        None if running is None or running.truncated else running.rows,
        workers.rows if workers else None,
        gates.gates if gates else None,
    )


async def _ask(bus: Bus, topic: LedgerTopic, limit: int, status: str | None = None) -> LedgerAnswered | None:
    """The ledger's answer; None when nobody answers, for the view is of use without."""
    return await bus.ask_one(QueryLedger(topic=topic, status=status, limit=limit), LedgerAnswered, _ANSWER_PATIENCE)

"""The live view on a terminal, or a line for each ended video where there is none."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from rich.console import Console, RenderableType
from rich.live import Live

from tubewarren.bus import Bus
from tubewarren.delivery import Delivery
from tubewarren.messages import Message
from tubewarren.messages.commands import LedgerTopic, QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren_services.cli.view import LiveState, Row, history_of, line_of, reduce
from tubewarren_services.cli.view_rendering import render

TOPICS = ("source.#", "videos.#", "video.#", "worker.#")

_REFRESH = timedelta(milliseconds=250)
_LEDGER_PATIENCE = timedelta(seconds=2)
_TASKS_ASKED = 1000


class LiveView:
    """What rich draws: the newest state, at the present moment and in the terminal's present size."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.state = LiveState()
        self._clock = clock

    def apply(self, event: Message) -> None:
        """Take in one event."""
        self.state = reduce(self.state, event)

    def at_size(self, width: int, height: int) -> RenderableType:
        """The view for a terminal of this size."""
        return render(self.state, width, self._clock(), height)


async def show_live(bus: Bus, console: Console, stop: asyncio.Event) -> None:
    """Show the fleet's life until `stop` is set.

    Raises:
        BusError: the broker cannot be asked.
    """
    view = LiveView()
    async with bus.watch(*TOPICS) as arrived:
        # Only now, so that nothing falls between the ledger's answer and the first event.
        await _catch_up(bus, view)
        if console.is_terminal:
            await _draw(view, arrived, console, stop)
        else:
            await _tell(arrived, console, stop)


async def _draw(view: LiveView, arrived: asyncio.Queue[Delivery], console: Console, stop: asyncio.Event) -> None:
    with Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop") as live:
        while True:
            await _pause(stop)
            while not arrived.empty():
                view.apply(arrived.get_nowait().message)
            live.update(view.at_size(console.width, console.height), refresh=True)
            if stop.is_set():
                return


async def _tell(arrived: asyncio.Queue[Delivery], console: Console, stop: asyncio.Event) -> None:
    while True:
        await _pause(stop)
        while not arrived.empty():
            if (line := line_of(arrived.get_nowait().message)) is not None:
                console.print(line, markup=False, soft_wrap=True)
        if stop.is_set():
            return


async def _pause(stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_REFRESH.total_seconds()):
            await stop.wait()


async def _catch_up(bus: Bus, view: LiveView) -> None:
    sources = await _rows(bus, "sources")
    tasks = await _rows(bus, "tasks") if sources else ()
    for event in history_of(sources, tasks, datetime.now(UTC)):
        view.apply(event)


async def _rows(bus: Bus, topic: LedgerTopic) -> tuple[Row, ...]:
    """The ledger's rows; none when nobody answers, for the view is of use without."""
    answer = await bus.ask_one(QueryLedger(topic=topic, limit=_TASKS_ASKED), LedgerAnswered, _LEDGER_PATIENCE)
    return answer.rows if answer else ()

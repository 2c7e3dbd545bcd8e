"""The ingestor at work: polls the list, imports `sources.txt`, takes orders from the command line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from tubewarren.bus import BrokerUnavailableError, Bus
from tubewarren.delivery import Delivery
from tubewarren.messages import Command
from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import FleetGates, LedgerAnswered, SourceExpanded, SourceRefreshed
from tubewarren.messages.permits import QueryGates
from tubewarren.runner import Service, Surroundings
from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.backoff import Backoff
from tubewarren.sheets.opening import open_workbook
from tubewarren.topology import SHEET_INGESTOR
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.calendar import Calendar
from tubewarren_services.sheet_ingestor.entries import Terms
from tubewarren_services.sheet_ingestor.ingestor import Ingestor
from tubewarren_services.sheet_ingestor.numbers import NumberFile
from tubewarren_services.sheet_ingestor.reading import Reader, SourcesFile

_MONITOR_PATIENCE: Final = timedelta(seconds=5)
_LEDGER_PATIENCE: Final = timedelta(seconds=5)

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the ingestor up."""
    settings, bus = surroundings.settings, surroundings.bus
    calendar = await asyncio.to_thread(Calendar.open, settings.data_dir / "sheet-ingestor.sqlite")
    reader = Reader(
        workbook=open_workbook(settings.sheet, surroundings.telemetry),
        numbers=NumberFile(settings.data_dir / "sheet-ingestor.highest"),
        sources_file=SourcesFile(settings.sources_file),
    )
    hosts, presets = settings.youtube.allowed_hosts, settings.youtube.all_presets.keys()
    ingestor = Ingestor(
        reader=reader,
        terms=Terms(partial(check_address, allowed_hosts=hosts), presets),
        worker=surroundings.worker.name,
        publish=bus.publisher.publish,
        ask=partial(ask_monitor, bus),
        ask_ledger=partial(_ask_ledger, bus),
        calendar=calendar,
        settle_looks=settle_looks(settings.sheet),
    )
    # Before the first look, which needs to know what is held back; later changes are heard.
    topics = (FleetGates.type, SourceExpanded.type, SourceRefreshed.type)
    with closing(calendar):
        async with bus.watch(*topics) as told:
            ingestor.hear(await ask_monitor(bus, QueryGates()))
            adding = await bus.consume_commands(surroundings.topology, SHEET_INGESTOR, ingestor.take_order, prefetch=16)
            yield Service(
                consumptions=(adding,),
                loops=(
                    partial(keep_looking, ingestor.look, settings.sheet.poll_every),
                    partial(_keep_hearing, ingestor, told),
                ),
                activity=ingestor.activity,
                news=ingestor.looked,
            )


def settle_looks(sheet: SheetSettings) -> int:
    """How many looks must find a row as it is: a browser sends each cell on its own, an editor saves them together."""
    return 2 if sheet.spreadsheet_id else 1


async def keep_looking(
    look: Callable[[], Awaitable[bool]],
    every: timedelta,
    backoff: Backoff | None = None,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Look at the list for ever; one that cannot be used is left alone for longer each time.

    Args:
        look: False while the list cannot be used.
        every: how long it waits between two looks, at least.
        backoff: how much longer it waits then.
        pause: waits for so many seconds.
    """
    backoff = backoff or Backoff()
    pauses = backoff.pauses()
    while True:
        if await look():
            pauses, wait = backoff.pauses(), every
        else:
            wait = max(every, next(pauses))
        await pause(wait.total_seconds())


async def ask_monitor(bus: Bus, order: Command) -> FleetGates | None:
    """What holds work back, once the order is carried out; None when nobody answers in time, or nobody is there."""
    try:
        return await bus.ask_one(order, FleetGates, _MONITOR_PATIENCE)
    except BrokerUnavailableError as error:
        log.info("the heartbeat-monitor cannot be asked now; trying again", problem=str(error))
        return None


async def _ask_ledger(bus: Bus, query: QueryLedger) -> LedgerAnswered | None:
    try:
        return await bus.ask_one(query, LedgerAnswered, _LEDGER_PATIENCE)
    except BrokerUnavailableError as error:
        log.info("the ledger cannot be asked now; trying again", problem=str(error))
        return None


async def _keep_hearing(ingestor: Ingestor, told: asyncio.Queue[Delivery]) -> None:
    while True:
        match (await told.get()).message:
            case FleetGates() as gates:
                ingestor.hear(gates)
            case SourceExpanded() | SourceRefreshed() as event:
                ingestor.hear_of_listing(event)

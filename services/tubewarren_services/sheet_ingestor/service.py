"""The ingestor at work: polls the list, imports `sources.txt`, takes orders from the command line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import AddSource, ExpandSource
from tubewarren.messages.events import SourceAccepted, SourceRefused
from tubewarren.outcomes import Done, Outcome, Refund
from tubewarren.runner import Activity, Service, Surroundings
from tubewarren.sheets.errors import SheetError
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.sources_file import parse_sources
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import PRIORITY, SOURCES
from tubewarren.sheets.workbook import Workbook
from tubewarren.topology import SHEET_INGESTOR
from tubewarren.youtube.addresses import check_address
from tubewarren_services.sheet_ingestor.handler import (
    Accept,
    CheckAddress,
    Decision,
    Memory,
    Refuse,
    Wish,
    decide,
    take_in,
    told_of_doubled_ids,
)
from tubewarren_services.sheet_ingestor.memory import NumberFile

Publish = Callable[..., Awaitable[None]]
"""Publishes messages, all confirmed when it returns."""
Signature = tuple[int, int, int]
"""What tells one saved state of a file from another."""

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the ingestor up."""
    settings, bus = surroundings.settings, surroundings.bus
    ingestor = Ingestor(
        workbook=LocalWorkbook(settings.sheet.workbook),
        numbers=NumberFile(settings.data_dir / "sheet-ingestor.highest"),
        sources_file=settings.sources_file,
        check_address=partial(check_address, allowed_hosts=settings.youtube.allowed_hosts),
        publish=bus.publisher.publish,
    )

    async def poll() -> None:
        while True:
            await ingestor.look()
            await asyncio.sleep(settings.sheet.poll.total_seconds())

    adding = await bus.consume_commands(surroundings.topology, SHEET_INGESTOR, ingestor.add, prefetch=16)
    yield Service(consumptions=(adding,), loops=(poll,), activity=ingestor.activity)


@dataclass(slots=True)
class Ingestor:
    """The one that reads the list. Sheet trouble is told in the heartbeat, and the next look tries again."""

    workbook: Workbook
    numbers: NumberFile
    sources_file: Path | None
    check_address: CheckAddress
    publish: Publish
    _memory: Memory = field(default_factory=Memory)
    _imported: Signature | None = None
    _trouble: str = ""
    _file_trouble: str = ""
    _row_trouble: str = ""
    _looks: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """One look at the list: import what is new, give ids, decide, and order."""
        async with self._turn:
            try:
                decisions = await asyncio.to_thread(self._read)
            except SheetError as error:
                if str(error) != self._trouble:
                    log.warning("the list cannot be read; trying again", problem=str(error))
                self._trouble = str(error)
                return
            self._trouble = ""
            for decision in decisions:
                await self.publish(*_messages(decision))
                self._memory = self._memory.with_decisions((decision,))
            self._looks += 1

    async def add(self, delivery: Delivery) -> Outcome:
        """Put a source on the list, as asked by the command line."""
        order = delivery.message
        if not isinstance(order, AddSource):
            raise TypeError(f"{SHEET_INGESTOR} cannot handle a {order.type}")
        wish = Wish(order.url, {**order.columns, PRIORITY: str(order.priority)})
        try:
            async with self._turn:
                await asyncio.to_thread(self._add, wish)
        except SheetError as error:
            return Refund(Failure(kind=FailureKind.UNFIT, reason=str(error)))
        await self.look()
        return Done()

    def activity(self) -> Activity:
        """What the heartbeat says."""
        facts = {"looks": min(self._looks, 2), "sources": len(self._memory.accepted) + len(self._memory.refused)}
        doing = " ".join(words for words in (self._file_trouble, self._row_trouble) if words)
        return Activity(doing=doing, unfit=self._trouble, facts=facts)

    def _add(self, wish: Wish) -> None:
        self.workbook.create_missing([SOURCES])
        self._taken_in([wish])

    def _read(self) -> tuple[Decision, ...]:
        self.workbook.create_missing([SOURCES])
        signature, wishes = self._changed_file()
        table = self._taken_in(wishes)
        self._imported = signature
        self._row_trouble = told_of_doubled_ids(table)
        decisions = decide(table, self._memory, self.check_address)
        # A number that a person gave is as much in use as one of ours.
        self.numbers.note(decision.source_id for decision in decisions)
        return decisions

    def _changed_file(self) -> tuple[Signature | None, list[Wish]]:
        """What the sources file asks for, when it is not as it was imported last, and how to know it again."""
        if self.sources_file is None:
            return None, []
        try:
            status = self.sources_file.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            if signature == self._imported:
                return signature, []
            lines, bad_lines = parse_sources(self.sources_file.read_bytes())
        except OSError as error:
            self._file_trouble = f"{self.sources_file}: {error.strerror}. Write it, or name another file."
            return None, []
        for bad in bad_lines:
            log.warning("bad line passed over", file=str(self.sources_file), line=bad.number, reason=bad.reason)
        numbers = ", ".join(str(line.number) for line in bad_lines)
        self._file_trouble = f"{self.sources_file}: bad lines passed over: {numbers}" if numbers else ""
        return signature, [Wish(line.url, line.columns) for line in lines]

    def _taken_in(self, wishes: Sequence[Wish]) -> Table:
        """Sources, with the wishes in it and a number for each row; written only when that changes something."""
        change = partial(take_in, wishes=wishes, taken=(self.numbers.highest(),))
        table = self.workbook.read([SOURCES])[SOURCES]
        if not change(table).patch:
            return table
        written = self.workbook.edit({SOURCES: change})[SOURCES]
        self.numbers.note(written.edit.ids)
        return written.table


def _messages(decision: Decision) -> tuple[Message, ...]:
    now = datetime.now(UTC)
    match decision:
        case Accept(source_id, url, columns, priority):
            told = SourceAccepted(at=now, source_id=source_id, url=url, columns=dict(columns), priority=priority)
            order = ExpandSource(source_id=source_id, url=url, columns=dict(columns), priority=priority)
            return (told, order)
        case Refuse(source_id, url, failure):
            return (SourceRefused(at=now, source_id=source_id, url=url, failure=failure),)

"""Waiting for the storages' answers: as long as needed and no longer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from tubewarren.messages import Command, Message
from tubewarren.messages.commands import ReturnResults
from tubewarren.messages.events import ResultsMoved
from tubewarren_services.cli.commands.results import answers_to

if TYPE_CHECKING:
    from tubewarren.bus import Bus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEVER = timedelta(hours=1)
AT_ONCE = timedelta(milliseconds=1)


class Storages:
    """A bus on which some storages answer and then are silent."""

    def __init__(self, *storages: str) -> None:
        self.storages = storages
        self.is_closed = False

    async def ask(self, command: Command, patience: timedelta) -> AsyncIterator[Message]:
        del command, patience
        try:
            for storage in self.storages:
                yield ResultsMoved(at=NOW, storage=storage)
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


async def answering(bus: Any, expected: int, first: timedelta = NEVER, quiet: timedelta = NEVER) -> list[str]:
    answers = await answers_to(cast("Bus", bus), ReturnResults(), expected, first=first, quiet=quiet)
    return [answer.storage for answer in answers]


async def test_it_ends_when_all_that_are_expected_have_answered() -> None:
    bus = Storages("one", "two")

    assert await answering(bus, expected=2) == ["one", "two"]
    assert bus.is_closed


async def test_when_nobody_knows_how_many_there_are_silence_ends_it() -> None:
    assert await answering(Storages("one", "two"), expected=0, quiet=AT_ONCE) == ["one", "two"]


async def test_an_expected_storage_that_keeps_silent_does_not_hold_up_the_others() -> None:
    assert await answering(Storages("one"), expected=2, quiet=AT_ONCE) == ["one"]


async def test_a_storage_that_answers_twice_counts_once() -> None:
    assert await answering(Storages("one", "one", "two"), expected=2) == ["one", "two"]


async def test_no_answer_is_no_answer() -> None:
    assert await answering(Storages(), expected=1, first=AT_ONCE) == []

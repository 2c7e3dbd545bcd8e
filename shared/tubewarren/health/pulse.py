"""Feeling an event loop's pulse from another thread: it is asked, and either answers soon or hangs."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta

from tubewarren.health.findings import STARTING, Finding, Findings, stuck

PATIENCE = timedelta(seconds=5)
"""A loop that has not turned for so long hangs."""


@dataclass(slots=True)
class Watch:
    """What a service says of itself; asked in its own event loop, and only when somebody wants to know."""

    look: Callable[[], Findings] = lambda: STARTING


@dataclass(slots=True)
class Pulse:
    """Asks the loop of a service from the loop of the probe; one question at a time, however many want to know.

    A loop that nobody asks about is not disturbed, so a probe that is not used costs nothing.

    Attributes:
        loop: the service's.
        patience: after so long without an answer it counts as stuck.
        timer: seconds that pass evenly.
    """

    loop: asyncio.AbstractEventLoop
    watch: Watch
    patience: timedelta = PATIENCE
    timer: Callable[[], float] = time.monotonic
    _question: "Future[Findings] | None" = None
    _asked_at: float = field(default=0.0)

    async def feel(self) -> tuple[bool, Findings]:
        """Whether the loop turns, and what the service says, or that it cannot say anything."""
        question = self._pending()
        left = self.patience.total_seconds() - (self.timer() - self._asked_at)
        done, _ = await asyncio.wait((asyncio.wrap_future(question),), timeout=max(left, 0))
        return (True, done.pop().result()) if done else (False, stuck(self.timer() - self._asked_at))

    def _pending(self) -> "Future[Findings]":
        if self._question is None or self._question.done():
            self._question, self._asked_at = Future(), self.timer()
            self.loop.call_soon_threadsafe(self._reply, self._question)
        return self._question

    def _reply(self, question: "Future[Findings]") -> None:
        try:
            question.set_result(self.watch.look())
        except Exception as error:  # noqa: BLE001 - a defect here must be told and not end the service
            words = f"A defect in Tubewarren: {type(error).__name__}. Please report it."
            question.set_result((Finding("service", ok=False, words=words),))

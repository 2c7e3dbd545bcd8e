"""One child process, seen from its parent: speak with it, end it at once."""

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Self

from pydantic import ValidationError

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.nursery import Death, Newborn, Nursery, kill_child, kill_leftovers
from tubewarren.youtube.wire import REPORTS, More, Order, Reached, Report, Stop

_log = logging.getLogger(__name__)
_LONGEST_LINE = 16 * 1024 * 1024
_LAST_WORDS = 2000
_MEGABYTE = 1_000_000
_SECONDS_FOR_LAST_WORDS = 0.5


class Child:
    """A warm child process, alone in its session and process group."""

    def __init__(self, newborn: Newborn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process_id = newborn.process_id
        """Also the id of its process group."""
        self.busy = False
        """Whether an order is under way, so that the child is of no use to anybody else."""
        self.jobs = 0
        """Orders taken so far."""
        self._reader = reader
        self._writer = writer
        self._exited = newborn.exited
        self._last_words = ""
        self._phase = ""
        self._listening = asyncio.create_task(self._listen(newborn))
        self._killed = False
        # What it started may outlive it, holding its channel open.
        self._exited.add_done_callback(lambda _: kill_leftovers(newborn.process_id))

    @classmethod
    async def start(cls, nursery: Nursery) -> Self:
        """Have a child forked.

        Raises:
            YoutubeFailedError: `UNFIT`, when that is not possible.
        """
        newborn = await nursery.bear()
        reader, writer = await asyncio.open_connection(sock=newborn.channel, limit=_LONGEST_LINE)
        return cls(newborn, reader, writer)

    @property
    def is_alive(self) -> bool:
        """Whether it may take an order."""
        return not self._killed and not self._exited.done()

    async def send(self, order: Order) -> None:
        """Give an order; that the child died meanwhile is for `receive` to find."""
        if not isinstance(order, More | Stop):
            self.busy = True
            self.jobs += 1
            self._phase = ""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._writer.write(order.model_dump_json().encode() + b"\n")
            await self._writer.drain()

    async def receive(self) -> Report:
        """The next report.

        Raises:
            YoutubeFailedError: `POISON`, when the child died, or spoke nonsense and was killed for it.
        """
        try:
            line = await self._reader.readline()
            if line.endswith(b"\n"):
                report = REPORTS.validate_json(line)
                self._phase = report.phase if isinstance(report, Reached) else self._phase
                return report
        except ConnectionResetError:
            pass
        except (ValueError, ValidationError) as error:
            await self.end()
            raise _poison(
                "child-garbled", "the child process said something that cannot be read", str(error)
            ) from error
        # It is dying by itself: the code that counts is its own, not that of our signal.
        await asyncio.wait({self._exited}, timeout=_SECONDS_FOR_LAST_WORDS)
        death = await self.end()
        raise _poison("child-died", _obituary(death, self._phase), self._last_words.strip())

    def kill(self) -> None:
        """Kill it and all that it started, at once; harmless when it is dead."""
        if not self._killed and not self._exited.done():
            kill_child(self.process_id)
        self._killed = True

    async def end(self) -> Death:
        """Kill it and wait until it is gone."""
        self.kill()
        death = await asyncio.shield(self._exited)
        await asyncio.wait({self._listening}, timeout=_SECONDS_FOR_LAST_WORDS)
        self._listening.cancel()
        self._writer.transport.abort()
        return death

    async def _listen(self, newborn: Newborn) -> None:
        reader, writer = await asyncio.open_connection(sock=newborn.errors)
        try:
            while chunk := await reader.read(65536):
                text = chunk.decode(errors="replace")
                self._last_words = (self._last_words + text)[-_LAST_WORDS:]
                _log.debug("child %d: %s", self.process_id, text.rstrip())
        except ConnectionResetError:
            pass
        finally:
            writer.transport.abort()


def _how_it_died(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"died of {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _obituary(death: Death, phase: str) -> str:
    during = f" while it was {phase}" if phase else " while it worked on this"
    memory = f"; at its most it had {death.peak_bytes / _MEGABYTE:.0f} MB of memory" if death.peak_bytes else ""
    return f"the child process {_how_it_died(death.code)}{during}{memory}"


def _poison(rule: str, reason: str, detail: str) -> YoutubeFailedError:
    failure = Failure(kind=FailureKind.POISON, reason=reason, detail=detail[-_LAST_WORDS:], rule=rule)
    return YoutubeFailedError(failure)

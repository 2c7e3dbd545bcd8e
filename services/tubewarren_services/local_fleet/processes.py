"""The processes of a local fleet: started, restarted when they die, and stopped in order."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from tubewarren_services.local_fleet.pauses import Pauses

_USED_WRONGLY = 2
_COMPLAINT = "Error: "
"""How `svc` begins what it has to say when it ends."""
_LINES_TOLD = 3

Sleep = Callable[[float], Awaitable[object]]
"""Waits for so many seconds."""

log = structlog.stdlib.get_logger(__name__)


class ServiceStartError(Exception):
    """A service says that it cannot run here as it was asked to."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One process to run.

    Attributes:
        name: of its log file; unique in the fleet.
    """

    service: str
    name: str


class ServiceProcess:
    """One copy of a service, brought back whenever it dies, later each time.

    Args:
        command: the command line that runs it.
        pauses: before it is brought back.
        sleep: waits.
    """

    def __init__(
        self,
        copy: Copy,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_folder: Path,
        *,
        pauses: Pauses | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.copy = copy
        self._command = tuple(command)
        self._pauses = pauses or Pauses()
        self._sleep = sleep
        self._environment = environment
        self._log_file = log_folder / f"{copy.name}.log"
        self._starting: asyncio.Task[asyncio.subprocess.Process] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is only just being started."""
        if self._starting is None or not self._starting.done():
            return self._starting is not None
        return self._starting.exception() is None and self._starting.result().returncode is None

    async def keep_running(self) -> None:
        """Run until cancelled.

        Raises:
            ServiceStartError: the service refuses its settings; restarting would not help.
        """
        pause: timedelta | None = None
        clock = asyncio.get_running_loop().time
        while True:
            born = clock()
            code = await self._run()
            if code == _USED_WRONGLY:
                raise ServiceStartError(f"{self.copy.service} cannot start. {self._last_words()}")
            log.warning("a service died and is restarted", service=self.copy.name, exit_code=code)
            pause = self._pauses.after(timedelta(seconds=clock() - born), pause)
            await self._sleep(pause.total_seconds())

    async def stop(self, grace: timedelta) -> None:
        """Ask it to drain, and end it by force only when it has not left after `grace`."""
        process = await self._started()
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await process.wait()
        except TimeoutError:
            log.warning("a service did not stop in time and was killed", service=self.copy.name)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _run(self) -> int:
        self._starting = asyncio.create_task(self._start())
        # A start that is cancelled halfway kills what it has started; `stop` has a better word for it.
        process = await asyncio.shield(self._starting)
        return await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        with self._log_file.open("ab") as output:
            # The pipe to its standard input ends when we die, however we die, and then the service drains.
            # Its own session keeps Ctrl-C for us, who stop the services in order.
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )

    async def _started(self) -> asyncio.subprocess.Process | None:
        """The process, also when it is only just being started; None when it never was."""
        if self._starting is None:
            return None
        with suppress(OSError):  # told by whoever keeps it running
            return await self._starting
        return None

    def _last_words(self) -> str:
        """The complaint with which it ended, or else the last lines of its log."""
        text = self._log_file.read_text(errors="replace").strip()
        _, complains, complaint = f"\n{text}".rpartition(f"\n{_COMPLAINT}")
        if complains:
            return complaint
        return " ".join(text.splitlines()[-_LINES_TOLD:]) or f"See {self._log_file}."

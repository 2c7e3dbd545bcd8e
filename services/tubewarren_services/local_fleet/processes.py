"""The processes of a local fleet: started, restarted when they die, and stopped in order."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)
_USED_WRONGLY = 2

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
        first_pause: before it is brought back for the first time.
    """

    def __init__(
        self,
        copy: Copy,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_folder: Path,
        first_pause: timedelta = _FIRST_PAUSE,
    ) -> None:
        self.copy = copy
        self._command = tuple(command)
        self._first_pause = first_pause
        self._environment = environment
        self._log_file = log_folder / f"{copy.name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def keep_running(self) -> None:
        """Run until cancelled.

        Raises:
            ServiceStartError: the service refuses its settings; restarting would not help.
        """
        pause = self._first_pause
        while True:
            code = await self._run()
            if code == _USED_WRONGLY:
                raise ServiceStartError(f"{self.copy.service} cannot start. {self._last_words()}")
            log.warning("a service died and is restarted", service=self.copy.name, exit_code=code)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def stop(self, grace: timedelta) -> None:
        """Ask it to drain, and end it by force only when it has not left after `grace`."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self._process.wait()
        except TimeoutError:
            log.warning("a service did not stop in time and was killed", service=self.copy.name)
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _run(self) -> int:
        with self._log_file.open("ab") as output:
            # The pipe to its standard input ends when we die, however we die, and then the service drains.
            # Its own session keeps Ctrl-C for us, who stop the services in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        return await self._process.wait()

    def _last_words(self) -> str:
        lines = self._log_file.read_text(errors="replace").strip().splitlines()
        return " ".join(lines[-3:]) or f"See {self._log_file}."

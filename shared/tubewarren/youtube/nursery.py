"""The nursery, seen from its parent: one process that has loaded yt-dlp, and of which children are forked.

Loading yt-dlp costs a second or two of CPU and some 60 MB; a fork costs milliseconds and shares the memory. So a child
that was killed is replaced at once, and a machine with many of them does not pay for each.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import YoutubeFailedError

STARTUP = timedelta(seconds=60)
"""The longest that loading yt-dlp may take, where nothing else is said."""
_log = logging.getLogger(__name__)
_LAST_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended.

    Attributes:
        code: its exit code, negative for a signal.
        peak_bytes: the most memory that it, or something it started, ever had; None when nobody could tell.
    """

    code: int
    peak_bytes: int | None = None


_LOST = Death(-signal.SIGKILL)
_KIB = 1024
_Birth = asyncio.Future[tuple[int, asyncio.Future[Death]]]


@dataclass(frozen=True, slots=True)
class Newborn:
    """A forked child.

    Attributes:
        process_id: also of its session and process group.
        channel: orders out, reports in; ours to close.
        errors: what it writes to stderr; ours to close.
        exited: how it ended, once it is gone.
    """

    process_id: int
    channel: socket.socket
    errors: socket.socket
    exited: asyncio.Future[Death]


class Nursery:
    """Keeps the loaded process and forks children of it; use it as an async context manager.

    The process is started when the first child is wanted, and again when it died.
    """

    def __init__(
        self,
        startup: timedelta = STARTUP,
        environment: Mapping[str, str] | None = None,
        *,
        is_for_youtube_alone: bool = False,
    ) -> None:
        """Args:
        startup: the longest that loading yt-dlp may take.
        environment: of the children; ours when None.
        is_for_youtube_alone: what tells other sites apart, half a second's work, is left to a child that needs it.
        """
        self._startup = startup
        self._environment = environment
        self._is_for_youtube_alone = is_for_youtube_alone
        self._one_at_a_time = asyncio.Lock()
        self._process: Process | None = None
        self._control: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._last_words = ""
        self._expected: deque[_Birth] = deque()
        self._exits: dict[int, asyncio.Future[Death]] = {}
        self._is_lost = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Kill the loaded process and every child of it that is left."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.wait()
            self._process = None
        if self._listening is not None:
            await self._listening
            self._listening = None

    async def bear(self) -> Newborn:
        """Fork a child.

        Raises:
            YoutubeFailedError: `UNFIT`, when yt-dlp could not be loaded, or no process could be started.
        """
        async with self._one_at_a_time:
            control = await self._opened()
        born: _Birth = asyncio.get_running_loop().create_future()
        with ExitStack() as ours:
            try:
                channel, their_channel = socket.socketpair()
                ours.enter_context(channel)
                with their_channel:
                    errors, their_errors = socket.socketpair()
                    ours.enter_context(errors)
                    with their_errors:
                        socket.send_fds(control, [b"+"], [their_channel.fileno(), their_errors.fileno()])
                self._expected.append(born)
                # A child that nobody waits for any more finds its channel closed, and ends.
                process_id, exited = await born
            except OSError as error:
                raise _unfit(f"no child process could be started: {error}", self._last_words) from error
            ours.pop_all()
        return Newborn(process_id, channel, errors, exited)

    async def _opened(self) -> socket.socket:
        if self._control is not None and not self._is_lost:
            return self._control
        await self.close()
        self._is_lost = False
        self._control, theirs = socket.socketpair()
        loaded: _Birth = asyncio.get_running_loop().create_future()
        self._expected = deque([loaded])
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *_command(is_for_youtube_alone=self._is_for_youtube_alone),
                    stdin=theirs.fileno(),
                    stdout=PIPE,
                    stderr=PIPE,
                    start_new_session=True,
                    env=None if self._environment is None else dict(self._environment),
                )
        except OSError as error:
            await self.close()
            raise _unfit(f"no child process could be started: {error}") from error
        self._listening = asyncio.create_task(self._listen(self._process))
        try:
            async with asyncio.timeout(self._startup.total_seconds()):
                await loaded
        except OSError as error:
            await self.close()
            last_line = self._last_words.strip().rpartition("\n")[2] or "it said nothing"
            raise _unfit(f"a child process could not load yt-dlp: {last_line}", self._last_words) from error
        return self._control

    async def _listen(self, process: Process) -> None:
        words = asyncio.create_task(self._hear(process))
        if process.stdout is not None:
            async for line in process.stdout:
                self._told(line)
        # Seen at once; that the process has ended is told only later.
        self._is_lost = True
        # Nobody is left to say how its children end, so they end now.
        for orphan, exited in self._exits.items():
            kill_child(orphan)
            exited.set_result(_LOST)
        self._exits.clear()
        await asyncio.wait({words}, timeout=1)
        words.cancel()
        for expected in self._expected:
            if not expected.done():
                expected.set_exception(BrokenPipeError("the process that children are forked of died"))

    def _told(self, line: bytes) -> None:
        event, process_id, code, peak_kib = line.split()
        if event == b"died":
            self._exits.pop(int(process_id)).set_result(Death(int(code), int(peak_kib) * _KIB))
            return
        exited: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        if event == b"born":
            self._exits[int(process_id)] = exited
        expected = self._expected.popleft()
        if expected.done():
            return
        if event == b"unborn":
            expected.set_exception(OSError(int(code), os.strerror(int(code))))
        else:
            # The future goes along: the child may be dead before anybody looks it up.
            expected.set_result((int(process_id), exited))

    async def _hear(self, process: Process) -> None:
        while process.stderr is not None and (chunk := await process.stderr.read(65536)):
            text = chunk.decode(errors="replace")
            self._last_words = (self._last_words + text)[-_LAST_WORDS:]
            _log.debug("nursery %d: %s", process.pid, text.rstrip())


def kill_child(process_id: int) -> None:
    """Kill a child that is not known to be dead, and all that it started."""
    try:
        os.killpg(process_id, signal.SIGKILL)
    except ProcessLookupError:
        # Just forked: it has no group of its own yet.
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)


def kill_leftovers(process_id: int) -> None:
    """Kill what a dead child had started; harmless when there is nothing."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)


def _command(*, is_for_youtube_alone: bool) -> list[str]:
    youtube_alone = ["--youtube-alone"] if is_for_youtube_alone else []
    debug = ["--debug"] if _log.isEnabledFor(logging.DEBUG) else []
    return [sys.executable, "-m", "tubewarren.youtube.child", *youtube_alone, *debug]


def _unfit(reason: str, detail: str = "") -> YoutubeFailedError:
    return YoutubeFailedError(
        Failure(kind=FailureKind.UNFIT, reason=reason, detail=detail[-_LAST_WORDS:], rule="no-child")
    )

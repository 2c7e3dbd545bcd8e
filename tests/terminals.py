"""A terminal as a person sees it: a command on a pty, and what its screen shows."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pyte

_PATIENCE = timedelta(seconds=60)
_LOOK_EVERY = timedelta(milliseconds=20)


class Terminal:
    """One command on a screen of its own.

    Attributes:
        raw: everything that the command wrote.
    """

    def __init__(self, master: int, process: "subprocess.Popen[bytes]", columns: int, lines: int) -> None:
        self.raw = b""
        self._master = master
        self._process = process
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def colours(self) -> set[str]:
        return {cell.fg for line in self._screen.buffer.values() for cell in line.values()} - {"default"}

    @property
    def is_clean(self) -> bool:
        """Whether the cursor is back, and the screen of before."""
        left, entered = self.raw.rfind(b"\x1b[?1049l"), self.raw.rfind(b"\x1b[?1049h")
        return left >= entered and not self._screen.cursor.hidden

    def resize(self, columns: int, lines: int) -> None:
        """As a person's window manager does it; what was on the screen is garbage now."""
        self._screen.resize(lines, columns)
        _set_size(self._master, columns, lines)
        self._process.send_signal(signal.SIGWINCH)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def until(self, *words: str, without: Sequence[str] = ()) -> None:
        """Waits until all of these stand on the screen, and none of those."""

        def holds() -> bool:
            return all(each in self.text for each in words) and not any(each in self.text for each in without)

        await self._wait(holds, f"{words} without {without}")

    async def ended(self) -> int:
        """The command's exit code."""
        await self._wait(lambda: self._process.poll() is not None, "its end")
        self._read()
        assert self._process.returncode is not None
        return self._process.returncode

    async def watch(self) -> None:
        """Look on for a moment."""
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
        self._read()

    def _read(self) -> None:
        # The end of the command looks like an input/output error.
        with suppress(BlockingIOError, OSError):
            while piece := os.read(self._master, 65536):
                self.raw += piece
                self._stream.feed(piece)

    async def _wait(self, holds: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                while not holds():
                    await self.watch()
        except TimeoutError:
            raise AssertionError(f"not within {_PATIENCE.total_seconds():g} s: {what}, but\n{self.text}") from None


@asynccontextmanager
async def terminal(
    command: Sequence[str], columns: int, lines: int, environment: dict[str, str]
) -> AsyncIterator[Terminal]:
    """The command on a new terminal, which is ended at the end."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    # The terminal itself says how large it is.
    environment = {name: text for name, text in environment.items() if name not in {"COLUMNS", "LINES"}}
    _set_size(slave, columns, lines)
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and is looked at without waiting for it
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(master, process, columns, lines)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

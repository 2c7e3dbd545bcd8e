"""The process that loads yt-dlp once and forks the workers of it.

Run as `python -m tubewarren.youtube.child`, by `nursery`; it ends when the socket on its stdin is closed.
"""

import faulthandler
import gc
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NoReturn

from tubewarren.youtube.options import known_options
from tubewarren.youtube.ready import ReadyYoutubeDL
from tubewarren.youtube.rules import rulebook
from tubewarren.youtube.worker import Worker
from tubewarren.youtube.ytdlp_log import CapturingLogger

_OF_YOUTUBE: Final = "https://www.youtube.com/watch?v=0"
"""Too short for a video's ID, which is found before anything is sent."""
_OF_NOBODY: Final = "http:"
"""Without a host, it fails; but first each of some 1,800 extractors looks whether it is one of its own."""


def main() -> None:
    """Load yt-dlp, then fork a child for each pair of sockets that comes in on stdin, and tell of deaths on stdout."""
    control, told = socket.socket(fileno=os.dup(0)), os.dup(1)
    _hide_standard_streams()
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if "--debug" in sys.argv else logging.WARNING)
    _warm_up((_OF_YOUTUBE,) if "--youtube-alone" in sys.argv else (_OF_YOUTUBE, _OF_NOBODY))
    # What is loaded now is shared by all; counting references in it would copy it page by page.
    gc.collect()
    gc.freeze()
    deaths = _wake_on_deaths()
    os.write(told, b"ready 0 0 0\n")
    while True:
        waiting, _, _ = select.select([control.fileno(), deaths], [], [])
        if deaths in waiting:
            os.read(deaths, 4096)
            _tell_of_deaths(told)
        if control.fileno() in waiting:
            _fork(control, told)


def _fork(control: socket.socket, told: int) -> None:
    wanted, received, _, _ = socket.recv_fds(control, 1, 2)
    if not wanted:
        os._exit(0)
    try:
        process_id = os.fork()
    except OSError as error:
        os.write(told, b"unborn 0 %d 0\n" % (error.errno or 0))
    else:
        if process_id == 0:
            _become_child(control, told, *received)
        os.write(told, b"born %d 0 0\n" % process_id)
    for descriptor in received:
        os.close(descriptor)


def _wake_on_deaths() -> int:
    """A descriptor that can be read when a child died: a plain handler could run just before we wait, and be missed."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def _warm_up(addresses: Iterable[str]) -> None:
    """Pay now for what yt-dlp loads with its first address; nothing is sent anywhere."""
    quiet = {"quiet": True, "logger": CapturingLogger()}
    with ReadyYoutubeDL(quiet) as ydl:
        for address in addresses:
            # It always fails, and how is no matter.
            with suppress(Exception):
                ydl.extract_info(address, download=False, process=False)
    known_options()
    rulebook()


def _tell_of_deaths(told: int) -> None:
    with suppress(ChildProcessError):
        while (found := os.wait4(-1, os.WNOHANG))[0]:
            process_id, status, used = found
            os.write(told, b"died %d %d %d\n" % (process_id, os.waitstatus_to_exitcode(status), used.ru_maxrss))


def _become_child(control: socket.socket, told: int, channel: int, errors: int) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        control.close()
        os.close(told)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        os.close(errors)
        # A crash in a library then says where it was, on what is now stderr.
        faulthandler.enable()
        os.set_inheritable(channel, False)  # noqa: FBT003 - a positional-only parameter
        Worker(socket.socket(fileno=channel)).run()
    finally:
        # Never back into the loop of the process that forked us.
        os._exit(1)


def _hide_standard_streams() -> None:
    """Move our sockets out of the way of whatever reads stdin or prints: ffmpeg does one, people the other."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)


if __name__ == "__main__":
    main()

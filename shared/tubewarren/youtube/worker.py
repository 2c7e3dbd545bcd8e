"""One worker process: takes orders from its socket, works on one at a time, and reports.

It never outlives its parent: when the other end of the socket is closed it ends, in the middle of a download too, with
whatever it had started.
"""

import json
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, assert_never

from pydantic import BaseModel

from tubewarren.store.publishing import publishable
from tubewarren.youtube.failures import failure_of
from tubewarren.youtube.fetch import INFO_FILE
from tubewarren.youtube.identity_check import check_identity
from tubewarren.youtube.job import Progress, Task
from tubewarren.youtube.kept import Kept
from tubewarren.youtube.listing import list_entries
from tubewarren.youtube.news import News
from tubewarren.youtube.preset_check import check_presets
from tubewarren.youtube.processor import resolve
from tubewarren.youtube.rules import NO_USER_RULES
from tubewarren.youtube.wire import (
    ORDERS,
    Checked,
    CheckIdentity,
    CheckOptions,
    Entry,
    Failed,
    FetchOrder,
    FetchResult,
    Job,
    ListOrder,
    More,
    Page,
    Reached,
    Stop,
)


class Worker:
    """Works on the orders that come in over a socket."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._writing = threading.Lock()
        self._jobs: queue.Queue[Job] = queue.Queue()
        self._answers: queue.Queue[More | Stop] = queue.Queue()
        self._kept = Kept()

    def run(self) -> NoReturn:
        """Work until the other end of the socket is closed."""
        threading.Thread(target=self._read, name="orders", daemon=True).start()
        while True:
            self._work(self._jobs.get())

    def _read(self) -> None:
        try:
            for line in self._channel.makefile("rb"):
                order = ORDERS.validate_json(line)
                if isinstance(order, More | Stop):
                    self._answers.put(order)
                else:
                    self._jobs.put(order)
        finally:
            _end()

    def _work(self, order: Job) -> None:
        try:
            match order:
                case FetchOrder():
                    self._send(self._fetch(order))
                case ListOrder():
                    self._list(order)
                case CheckOptions():
                    check_presets(order.options, order.presets)
                    self._send(Checked())
                case CheckIdentity():
                    check_identity(order.options)
                    self._send(Checked())
                case _:
                    assert_never(order)
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - sys.exit in a user's function is a failure of that job alone
            added = order.rules if isinstance(order, FetchOrder | ListOrder) else NO_USER_RULES
            self._send(Failed(failure=failure_of(error, added=added)))

    def _fetch(self, order: FetchOrder) -> FetchResult:
        started = time.monotonic()
        processor = resolve(order.processor)
        order.folder.mkdir(parents=True, exist_ok=True)
        running = threading.Event()
        running.set()

        def report(progress: Progress) -> None:
            # A thread that a job left behind must not speak for the next.
            if running.is_set():
                self._send(_reached(progress))

        try:
            processor(_task(order, report, self._kept), order.columns, order.folder)
        finally:
            running.clear()
        info = _read_info(order.folder)
        return FetchResult(
            files=tuple(Path(name) for name in sorted(publishable(order.folder))),
            title=str(info.get("title") or ""),
            extractor=str(info.get("extractor") or ""),
            format=str(info.get("format") or ""),
            seconds=time.monotonic() - started,
        )

    def _list(self, order: ListOrder) -> None:
        entries: list[Entry] = []
        left_out: list[str] = []
        try:
            news = News(order.known, order.channel_id, order.wanted) if order.is_for_news else None
            for item in list_entries(order.url, order.options, order.allowed_hosts, order.rules, news):
                if isinstance(item, Entry):
                    entries.append(item)
                else:
                    left_out.append(item.reason)
                if max(len(entries), len(left_out)) >= order.page_size:
                    self._hand_over(entries, left_out)
        except _Stopped:
            raise
        except Exception:
            # What was read before the list broke is good, and its reader should have it.
            if entries or left_out:
                self._hand_over(entries, left_out)
            raise
        self._send(Page(entries=tuple(entries), left_out=tuple(left_out), last=True))

    def _hand_over(self, entries: list[Entry], left_out: list[str]) -> None:
        """Give one page away, and wait until the next is wanted: nothing piles up on either side."""
        self._send(Page(entries=tuple(entries), left_out=tuple(left_out)))
        entries.clear()
        left_out.clear()
        if isinstance(self._answers.get(), Stop):
            raise _Stopped

    def _send(self, report: BaseModel) -> None:
        with self._writing:
            try:
                self._channel.sendall(report.model_dump_json().encode() + b"\n")
            except (BrokenPipeError, ConnectionResetError):
                _end()


class _Stopped(Exception):  # noqa: N818 - not an error: nobody wants the rest of a list
    """No more pages are wanted."""


def _end() -> None:
    # Our own group, so ffmpeg and the JavaScript runtime go too.
    os.killpg(os.getpid(), signal.SIGKILL)


def _task(order: FetchOrder, report: Callable[[Progress], None], kept: Kept) -> Task:
    return Task(
        id=order.id,
        url=order.url,
        title=order.title,
        source_id=order.source_id,
        attempt=order.attempt,
        options=order.options,
        report=report,
        live=order.live,
        rules=order.rules,
        media=order.media,
        wanted=order.wanted,
        kept=kept,
    )


def _reached(progress: Progress) -> Reached:
    return Reached(
        phase=progress.phase,
        done_bytes=progress.done_bytes,
        total_bytes=progress.total_bytes,
        speed_bytes_per_second=progress.speed_bytes_per_second,
        eta_seconds=progress.eta_seconds,
        part=progress.part,
    )


def _read_info(folder: Path) -> dict[str, object]:
    with suppress(OSError, ValueError):
        info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        return info if isinstance(info, dict) else {}
    return {}

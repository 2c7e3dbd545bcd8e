"""The pool: warm child processes that work for asyncio, one order each, and are killed when they do not get on."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Self, assert_never

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.child_process import Child
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.job import Progress, unheard
from tubewarren.youtube.nursery import STARTUP, Nursery
from tubewarren.youtube.vitality import Vitality
from tubewarren.youtube.wire import Checked, Failed, FetchOrder, FetchResult, ListOrder, More, Page, Reached, Stop


class ChildPool:
    """Runs orders in child processes, `size` at a time; use it as an async context manager.

    Cancelling a call kills its child, with all that it started, before the call ends: another worker may be starting
    on the same video in the same moment.
    """

    def __init__(
        self,
        size: int,
        *,
        jobs_per_child: int = 200,
        startup: timedelta = STARTUP,
        environment: Mapping[str, str] | None = None,
        nursery: Nursery | None = None,
    ) -> None:
        """Args:
        size: children kept, so orders worked on at once.
        jobs_per_child: orders after which a child is replaced, which bounds what it may leak.
        startup: the longest that loading yt-dlp may take.
        environment: of the children; ours when None.
        nursery: where children come from, when several pools share one; else one of our own is kept.
        """
        self._size = size
        self._jobs_per_child = jobs_per_child
        self._nursery = nursery or Nursery(startup, environment)
        self._owns_nursery = nursery is None
        self._idle: asyncio.Queue[asyncio.Task[Child]] = asyncio.Queue()
        self._starts: set[asyncio.Task[Child]] = set()

    async def __aenter__(self) -> Self:
        for _ in range(self._size):
            self._idle.put_nowait(self._start())
        return self

    async def __aexit__(self, *_: object) -> None:
        starts = tuple(self._starts)
        for start in starts:
            start.cancel()
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(outcome, Child):
                await outcome.end()
        if self._owns_nursery:
            await self._nursery.close()

    async def fetch(self, order: FetchOrder, on_progress: Callable[[Progress], None] = unheard) -> FetchResult:
        """Work on one video.

        Raises:
            YoutubeFailedError: classified; `TRANSIENT` for the deadline and the watchdog, `POISON` for a child that
                died, and whatever the processor's own failure means.
        """
        async with self._child() as child:
            await child.send(order)
            result = await _follow(child, order, on_progress)
            child.busy = False
            if isinstance(result, Failed):
                raise YoutubeFailedError(result.failure)
            return result

    async def pages(self, order: ListOrder) -> AsyncGenerator[Page, None]:
        """List a source, page by page.

        The second page is read when it is asked for: often the first is enough. From then on the child is one page
        ahead, so that it and its reader work at the same time.

        Close it (`contextlib.aclosing`) when leaving it before its end.

        Raises:
            YoutubeFailedError: classified; in the middle too, so what came before is not the whole.
        """
        async with self._child() as child:
            await child.send(order)
            left, is_ahead = order.deadline, False
            while True:
                page, taken = await _next_page(child, order, left)
                left -= taken
                child.busy = not page.last
                if is_ahead and not page.last:
                    await child.send(More())
                try:
                    yield page
                except GeneratorExit:
                    if not page.last and not is_ahead:
                        await child.send(Stop())
                        child.busy = False
                    raise
                if page.last:
                    return
                if not is_ahead:
                    await child.send(More())
                is_ahead = True

    @asynccontextmanager
    async def _child(self) -> AsyncIterator[Child]:
        start = await self._idle.get()
        try:
            if start.done() and not _is_usable(start):
                start = self._replace(start)
            child = await asyncio.shield(start)
            try:
                yield child
            finally:
                if child.busy:
                    child.kill()
                if not child.is_alive or child.jobs >= self._jobs_per_child:
                    start = self._replace(start)
                    await child.end()
        except YoutubeFailedError:
            if start.done() and not _is_usable(start):
                start = self._replace(start)
            raise
        finally:
            self._idle.put_nowait(start)

    def _start(self) -> asyncio.Task[Child]:
        start = asyncio.create_task(Child.start(self._nursery))
        self._starts.add(start)
        return start

    def _replace(self, start: asyncio.Task[Child]) -> asyncio.Task[Child]:
        self._starts.discard(start)
        return self._start()


async def _follow(child: Child, order: FetchOrder, on_progress: Callable[[Progress], None]) -> FetchResult | Failed:
    clock = asyncio.get_running_loop().time
    end = clock() + order.deadline.total_seconds()
    vitality = Vitality(patience=order.no_progress.total_seconds(), alive_at=clock())
    while True:
        if clock() >= end:
            raise _late("deadline", f"It was not finished within {_spoken(order.deadline)}")
        if clock() >= vitality.dead_at:
            vitality.measured(await asyncio.to_thread(_bytes_in, order.folder), clock())
        if clock() >= vitality.dead_at:
            raise _late("no-progress", f"There was no progress for {_spoken(order.no_progress)}")
        try:
            async with asyncio.timeout_at(min(end, vitality.dead_at)):
                report = await child.receive()
        except TimeoutError:
            continue
        match report:
            case FetchResult() | Failed():
                return report
            case Reached():
                progress = _progress(report)
                vitality.reported(progress, clock())
                on_progress(progress)
            case Page() | Checked():
                pass
            case _:
                assert_never(report)


async def _next_page(child: Child, order: ListOrder, left: timedelta) -> tuple[Page, timedelta]:
    clock = asyncio.get_running_loop().time
    asked = clock()
    patience = min(left, order.no_progress)
    try:
        async with asyncio.timeout(max(patience.total_seconds(), 0)):
            report = await child.receive()
    except TimeoutError:
        if left <= order.no_progress:
            reason = f"The list was not read to its end within {_spoken(order.deadline)}"
            raise _late("deadline", reason) from None
        raise _late("no-progress", f"There was no new page of the list within {_spoken(order.no_progress)}") from None
    match report:
        case Page():
            return report, timedelta(seconds=clock() - asked)
        case Failed():
            child.busy = False
            raise YoutubeFailedError(report.failure)
        case Reached() | FetchResult() | Checked():
            raise _late("child-garbled", "The process that worked on it answered something else")
        case _:
            assert_never(report)


def _is_usable(start: asyncio.Task[Child]) -> bool:
    if start.cancelled() or start.exception() is not None:
        return False
    return start.result().is_alive


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(root, name).stat().st_size
    return total


def _progress(report: Reached) -> Progress:
    return Progress(
        phase=report.phase,
        done_bytes=report.done_bytes,
        total_bytes=report.total_bytes,
        speed_bytes_per_second=report.speed_bytes_per_second,
        eta_seconds=report.eta_seconds,
        part=report.part,
    )


def _late(rule: str, reason: str) -> YoutubeFailedError:
    failure = Failure(kind=FailureKind.TRANSIENT, reason=f"{reason}, so it was stopped.", rule=rule)
    return YoutubeFailedError(failure)


def _spoken(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:g} seconds" if seconds < 120 else f"{seconds / 60:g} minutes"  # noqa: PLR2004 - as people say it

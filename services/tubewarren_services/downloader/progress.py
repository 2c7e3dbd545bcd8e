"""Progress of running downloads, told at most once a second each, and never waited for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import VideoProgress
from tubewarren.youtube.job import Progress

_EVERY = timedelta(seconds=1)


@dataclass(slots=True)
class ProgressBoard:
    """Where the downloads of one worker say how far they are."""

    worker: str
    publish: Callable[[VideoProgress], Awaitable[None]]
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    _running: dict[str, str] = field(default_factory=dict)

    @property
    def doing(self) -> str:
        """The running videos in a few words."""
        return ", ".join(sorted(self._running.values()))

    @asynccontextmanager
    async def following(self, video: DownloadVideo) -> AsyncIterator[Callable[[Progress], None]]:
        """Give the download something to report to, and pass on what is newest from time to time."""
        newest: deque[Progress] = deque(maxlen=1)

        async def pass_on() -> None:
            while True:
                if newest:
                    await self.publish(self._event(video, newest.pop()))
                await self.pause(_EVERY.total_seconds())

        self._running[video.key] = video.video_id
        passing = asyncio.create_task(pass_on())
        try:
            yield newest.append
        finally:
            self._running.pop(video.key, None)
            passing.cancel()
            # Whatever became of the telling, it is not what becomes of the download.
            await asyncio.gather(passing, return_exceptions=True)

    def _event(self, video: DownloadVideo, progress: Progress) -> VideoProgress:
        return VideoProgress(
            at=datetime.now(UTC),
            video_id=video.video_id,
            source_id=video.source_id,
            worker=self.worker,
            phase=progress.phase,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
            speed_bytes_per_second=progress.speed_bytes_per_second,
            eta_seconds=progress.eta_seconds,
        )

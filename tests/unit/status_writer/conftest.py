"""A workbook on disk, a status-writer over it, and the events of a small story."""

import asyncio
import csv
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.events import (
    ListedVideo,
    Verdict,
    VideoClaimed,
    VideoDownloaded,
    VideoFailed,
    VideoProgress,
    VideosQueued,
)
from tubewarren.sheets.backoff import Backoff
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.local import LocalWorkbook
from tubewarren.sheets.patience import Patience
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import TABS, Tab
from tubewarren.sheets.workbook import EditT, Workbook, Written
from tubewarren.youtube.filters import filtered
from tubewarren_services.status_writer.mirror import Mirror
from tubewarren_services.status_writer.scribe import Scribe
from tubewarren_services.status_writer.service import Writer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Troubled:
    """A workbook that fails as often as it is told to, and counts what it is asked."""

    real: Workbook
    failures: int = 0
    edits: int = 0

    def read(self, tabs: Collection[Tab]) -> Mapping[Tab, Table]:
        return self.real.read(tabs)

    def edit(self, changes: Mapping[Tab, Callable[[Table], EditT]]) -> Mapping[Tab, Written[EditT]]:
        self.edits += 1
        if self.failures:
            self.failures -= 1
            raise SheetUnavailableError("The folder is read-only: make it writable.")
        return self.real.edit(changes)

    def create_missing(self, tabs: Collection[Tab] = TABS) -> tuple[Tab, ...]:
        return self.real.create_missing(tabs)


@dataclass
class Desk:
    """A status-writer that can be restarted, and the person's view of its folder."""

    folder: Path
    mirror_file: Path
    pauses: list[float] = field(default_factory=list)
    unfit_while_waiting: list[str] = field(default_factory=list)
    now: datetime = NOON
    most_videos: int = 10_000
    look_every: timedelta = timedelta(0)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._start()

    def restart(self) -> None:
        self.scribe.close()
        self._start()

    def _start(self) -> None:
        prompt = Patience(settle=timedelta(0), pause=lambda _: None)
        self.book = Troubled(LocalWorkbook(self.folder, patience=prompt))
        self.scribe = Scribe(
            Mirror.open(self.mirror_file),
            self.book,
            self.most_videos,
            self.look_every,
            timer=lambda: self.seconds,
            clock=lambda: self.now,
        )
        never_lucky = Backoff(chance=lambda: 1.0)
        self.writer = Writer(
            self.scribe,
            delivery_limit=10,
            timer=lambda: self.seconds,
            clock=lambda: self.now,
            backoff=never_lucky,
            pause=self._pause,
        )

    async def tell(self, *events: Message) -> None:
        await self.writer.remember([Delivery(event, str(event.message_id)) for event in events])
        await self.writer.write()

    async def overhear(self, *events: Message) -> None:
        """Lets it hear how far videos are, which waits in no queue."""
        arrived: asyncio.Queue[Delivery] = asyncio.Queue()
        for event in events:
            arrived.put_nowait(Delivery(event, str(event.message_id)))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.writer.follow(arrived), 0.01)

    def grid(self, tab: Tab) -> list[list[str]]:
        return list(csv.reader(self._file(tab).read_text().splitlines()))

    def put(self, tab: Tab, grid: list[list[str]]) -> None:
        """What a person's editor does: saves all it has, over whatever is there."""
        with self._file(tab).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(grid)

    def column(self, tab: Tab, name: str) -> dict[str, str]:
        """One column by the first key column."""
        header, *rows = self.grid(tab)
        key = header.index(tab.key[0])
        return {row[key]: row[header.index(name)] for row in rows}

    def _file(self, tab: Tab) -> Path:
        return self.folder / f"{tab.name}.csv"

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.unfit_while_waiting.append(self.writer.activity().unfit)


@dataclass(frozen=True)
class Story:
    """Events about videos of source 7, by video and second."""

    def queued(self, *video_ids: str, at: float = 0) -> VideosQueued:
        videos = tuple(ListedVideo(video_id=each, url=f"https://x/{each}", title=each.upper()) for each in video_ids)
        return VideosQueued(at=_at(at), source_id="7", videos=videos)

    def claimed(self, video_id: str, at: float = 10) -> VideoClaimed:
        return VideoClaimed(at=_at(at), video_id=video_id, source_id="7", worker="box/downloader", attempt=1)

    def progress(self, video_id: str, done_bytes: int, at: float = 15) -> VideoProgress:
        return VideoProgress(
            at=_at(at),
            video_id=video_id,
            source_id="7",
            worker="box/downloader",
            phase="downloading",
            done_bytes=done_bytes,
            total_bytes=100,
        )

    def buried(self, video_id: str, at: float = 20) -> VideoFailed:
        failure = Failure(kind=FailureKind.GONE, reason="It is gone.")
        return VideoFailed(
            at=_at(at),
            video_id=video_id,
            source_id="7",
            worker="box/downloader",
            attempt=1,
            verdict=Verdict.BURY,
            failure=failure,
        )

    def left_out(self, video_id: str) -> VideoFailed:
        return self.buried(video_id).model_copy(update={"failure": filtered("shorter than 1m")})

    def downloaded(self, video_id: str, at: float = 30) -> VideoDownloaded:
        return VideoDownloaded(
            at=_at(at),
            video_id=video_id,
            source_id="7",
            worker="box/downloader",
            attempt=1,
            storage="main",
            size_bytes=1,
            sha256="",
            seconds=1,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "workbook", tmp_path / "mirror.sqlite")
    yield desk
    desk.scribe.close()


@pytest.fixture
def story() -> Story:
    return Story()


def _at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)

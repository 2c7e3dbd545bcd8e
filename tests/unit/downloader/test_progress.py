"""Progress of running downloads: the newest, at most once a second, and never waited for."""

import asyncio
from dataclasses import dataclass, field

from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import VideoProgress
from tubewarren.youtube.job import Progress
from tubewarren_services.downloader.progress import ProgressBoard

VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7")
OTHER = DownloadVideo(video_id="v2", url="https://x.invalid/v2", source_id="7")


@dataclass
class Radio:
    """Hears what is told, and lets time pass when a test says so."""

    heard: list[VideoProgress] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    blocks: asyncio.Event | None = None
    fails: bool = False
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def board(self) -> ProgressBoard:
        return ProgressBoard("box/downloader", self.publish, self.pause)

    async def publish(self, event: VideoProgress) -> None:
        if self.fails:
            raise ConnectionError("the broker is away")
        if self.blocks is not None:
            await self.blocks.wait()
        self.heard.append(event)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self._turn.acquire()

    async def a_second_passes(self) -> None:
        self._turn.release()
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def at(done_bytes: int) -> Progress:
    return Progress("download", done_bytes, 100, 10.0, 5.0)


async def test_of_many_reports_in_a_second_the_newest_is_told() -> None:
    radio = Radio()

    async with radio.board().following(VIDEO) as report:
        await settled()
        for done_bytes in range(50):
            report(at(done_bytes))
        await settled()
        before = list(radio.heard)
        await radio.a_second_passes()
        await radio.a_second_passes()

    assert before == []
    assert [event.done_bytes for event in radio.heard] == [49]
    assert set(radio.pauses) == {1.0}


async def test_what_is_told_is_everything_that_is_known() -> None:
    radio = Radio()

    async with radio.board().following(VIDEO) as report:
        report(at(50))
        await settled()

    (event,) = radio.heard
    assert (event.video_id, event.source_id, event.worker, event.phase) == ("v1", "7", "box/downloader", "download")
    assert (event.done_bytes, event.total_bytes, event.speed_bytes_per_second, event.eta_seconds) == (50, 100, 10.0, 5)


async def test_a_report_that_comes_while_one_is_being_told_is_not_lost() -> None:
    radio = Radio(blocks=asyncio.Event())

    async with radio.board().following(VIDEO) as report:
        report(at(1))
        await settled()
        report(at(2))
        assert radio.blocks is not None
        radio.blocks.set()
        await radio.a_second_passes()

    assert [event.done_bytes for event in radio.heard] == [1, 2]


async def test_a_download_ends_without_waiting_for_a_broker_that_is_away() -> None:
    radio = Radio(blocks=asyncio.Event())

    async with asyncio.timeout(30), radio.board().following(VIDEO) as report:
        report(at(1))
        await settled()

    assert radio.heard == []


async def test_telling_that_fails_is_not_the_failure_of_the_download() -> None:
    radio = Radio(fails=True)

    async with radio.board().following(VIDEO) as report:
        report(at(1))
        await settled()

    assert radio.heard == []


async def test_the_board_knows_what_is_running() -> None:
    board = Radio().board()

    async with board.following(OTHER):
        async with board.following(VIDEO):
            both = board.doing
        one = board.doing

    assert (both, one, board.doing) == ("v1, v2", "v2", "")

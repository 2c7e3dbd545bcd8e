"""One video, from the order to its files: a real store, and a site that is played."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import DownloadVideo, ReturnResults
from tubewarren.messages.events import Verdict, VideoClaimed, VideoDownloaded, VideoFailed
from tubewarren.outcomes import Bury, Done, Outcome, Park, Refund, Retry, SecondOpinion
from tubewarren.store.errors import DiskFullError, ManifestUnreadableError, StoreError, StoreUnfitError, VideoBusyError
from tubewarren.store.store import Store
from tubewarren.youtube.errors import AddressRefusedError, YoutubeFailedError
from tubewarren.youtube.filters import filtered
from tubewarren.youtube.job import OPTION_REFUSED
from tubewarren.youtube.wire import FetchResult
from tubewarren_services.downloader.handler import Ports, handle, second_opinion
from tubewarren_services.downloader.service import _to_its_end

VIDEO = DownloadVideo(
    video_id="v1", url="https://x.invalid/v1", source_id="7", title="As listed", columns={"Name": "Ada"}
)
CUT = Failure(kind=FailureKind.TRANSIENT, reason="The line was cut.")
Fetch = Callable[[DownloadVideo, int, Path], Awaitable[FetchResult]]


async def a_file(video: DownloadVideo, attempt: int, folder: Path) -> FetchResult:
    (folder / "film.mp4").write_bytes(b"film" * (attempt + 1))
    (folder / "info.json").write_text(video.url)
    return FetchResult(files=(Path("film.mp4"), Path("info.json")), title="As downloaded")


@dataclass
class Workshop:
    """A downloader with a real store."""

    store: Store
    fetch: Fetch = a_file
    fetches: int = 0
    has_others: bool = False
    told: list[VideoClaimed] = field(default_factory=list)
    find: Callable[[str], Awaitable[object]] | None = None

    def ports(self) -> Ports:
        async def fetch(video: DownloadVideo, attempt: int, folder: Path) -> FetchResult:
            self.fetches += 1
            return await self.fetch(video, attempt, folder)

        async def announce(event: VideoClaimed) -> None:
            self.told.append(event)

        return Ports(
            worker="box/downloader",
            egress="home",
            has_others=lambda: self.has_others,
            storage="main",
            yt_dlp_version="2026.10.26",
            presets=("audio", "small"),
            check_address=_check,
            find=self.find or (lambda video_id: _to_its_end(self.store.find, video_id)),  # type: ignore[arg-type] # a fake may find anything
            note_source=lambda video: _to_its_end(
                self.store.add_source, video.video_id, video.source_id, video.columns
            ),
            claim=self.store.claim,
            fetch=fetch,
            publish_result=lambda staging, draft: _to_its_end(self.store.publish, staging, draft),
            announce=announce,
        )

    async def work_on(self, message: Message = VIDEO, attempt: int = 1) -> Outcome:
        return await handle(Delivery(message, "id", attempt=attempt), ports=self.ports())


def _check(url: str) -> str:
    if "refused" in url:
        raise AddressRefusedError(Failure(kind=FailureKind.BAD_INPUT, reason="Not allowed."))
    return url


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(Store(tmp_path / "results", tmp_path / "selected"))


def downloaded(outcome: Outcome) -> VideoDownloaded:
    assert isinstance(outcome, Done)
    (event,) = outcome.publish
    assert isinstance(event, VideoDownloaded)
    return event


async def test_a_video_is_claimed_fetched_and_published_with_its_manifest(workshop: Workshop) -> None:
    event = downloaded(await workshop.work_on(attempt=2))

    manifest = workshop.store.find("v1")
    assert manifest is not None
    assert (manifest.title, manifest.source_ids, manifest.attempt) == ("As downloaded", ("7",), 2)
    assert (manifest.worker, manifest.yt_dlp_version) == ("box/downloader", "2026.10.26")
    assert [file.name for file in manifest.files] == ["film.mp4", "info.json"]
    assert (event.size_bytes, event.sha256) == (manifest.size_bytes, manifest.main_file.sha256)
    assert (event.storage, event.worker, event.attempt, event.already_present) == ("main", "box/downloader", 2, False)
    (claimed,) = workshop.told
    assert (claimed.video_id, claimed.source_id, claimed.attempt) == ("v1", "7", 2)


async def test_a_finished_video_is_recognised_and_not_fetched_again(workshop: Workshop) -> None:
    first = downloaded(await workshop.work_on())

    second = downloaded(await workshop.work_on())

    assert workshop.fetches == 1
    assert second.already_present
    assert (second.size_bytes, second.sha256, second.seconds) == (first.size_bytes, first.sha256, 0.0)
    assert len(workshop.told) == 1


async def test_a_preset_that_this_downloader_lacks_leaves_the_video_to_others_uncharged(workshop: Workshop) -> None:
    outcome = await workshop.work_on(VIDEO.model_copy(update={"preset": "large"}))

    assert isinstance(outcome, Refund)
    assert not outcome.at_once, "those that know it may be busy, and this one would have it back at once"
    assert outcome.failure.kind is FailureKind.UNFIT
    assert outcome.failure.reason == (
        "box/downloader knows no preset 'large' (it knows audio, small): write it into youtube.presets of its settings."
    )
    assert (workshop.fetches, workshop.told) == (0, [])


async def test_what_its_filter_leaves_out_has_ended_without_a_failure_and_lies_in_no_dead_queue(
    workshop: Workshop,
) -> None:
    async def out_of_the_window(video: DownloadVideo, attempt: int, folder: Path) -> FetchResult:
        del video, attempt, folder
        raise YoutubeFailedError(filtered("uploaded before 2024-01-01"))

    workshop.fetch = out_of_the_window

    outcome = await workshop.work_on(attempt=3)

    assert isinstance(outcome, Done)
    (event,) = outcome.publish
    assert isinstance(event, VideoFailed)
    assert (event.video_id, event.source_id, event.attempt, event.verdict) == ("v1", "7", 3, Verdict.BURY)
    assert (event.worker, event.egress) == ("box/downloader", "home")
    assert event.failure == filtered("uploaded before 2024-01-01")
    assert workshop.store.find("v1") is None


async def test_a_finished_video_is_recognised_whatever_its_preset(workshop: Workshop) -> None:
    await workshop.work_on()

    assert downloaded(await workshop.work_on(VIDEO.model_copy(update={"preset": "large"}))).already_present


@pytest.mark.parametrize(("preset", "at_once"), [("audio", False), ("", True)])
async def test_an_option_that_cannot_be_is_the_machines_trouble_unless_a_preset_names_it(
    workshop: Workshop,
    preset: str,
    at_once: bool,  # noqa: FBT001
) -> None:
    async def refused(video: DownloadVideo, attempt: int, folder: Path) -> FetchResult:
        del video, attempt, folder
        raise YoutubeFailedError(Failure(kind=FailureKind.UNFIT, reason="No such option.", rule=OPTION_REFUSED))

    workshop.fetch = refused

    outcome = await workshop.work_on(VIDEO.model_copy(update={"preset": preset}))

    assert isinstance(outcome, Refund)
    assert outcome.at_once is at_once


async def test_a_second_source_of_a_finished_video_is_noted(workshop: Workshop) -> None:
    await workshop.work_on()

    event = downloaded(await workshop.work_on(VIDEO.model_copy(update={"source_id": "8", "columns": {"Name": "Ben"}})))

    manifest = workshop.store.find("v1")
    assert manifest is not None
    assert manifest.source_ids == ("7", "8")
    assert manifest.columns == {"7": {"Name": "Ada"}, "8": {"Name": "Ben"}}
    assert event.source_id == "8"


async def test_a_selected_video_is_finished_too(workshop: Workshop) -> None:
    await workshop.work_on()
    workshop.store.select(["v1"])

    event = downloaded(await workshop.work_on())

    assert event.already_present
    assert workshop.fetches == 1


async def test_a_video_that_somebody_finishes_between_the_look_and_the_claim_is_not_fetched(
    workshop: Workshop,
) -> None:
    await workshop.work_on()
    looks = iter([None])

    async def blind_once(video_id: str) -> object:
        return next(looks, workshop.store.find(video_id))

    workshop.find = blind_once

    event = downloaded(await workshop.work_on())

    assert event.already_present
    assert workshop.fetches == 1


async def test_a_video_that_somebody_is_at_comes_back_uncharged(workshop: Workshop) -> None:
    with workshop.store.claim("v1"):
        outcome = await workshop.work_on()

    assert isinstance(outcome, Refund)
    assert outcome.failure.kind is FailureKind.TRANSIENT
    assert "another worker" in outcome.failure.reason
    assert workshop.told == []


@pytest.mark.parametrize(
    ("error", "outcome", "kind"),
    [
        (DiskFullError("full"), Refund, FailureKind.UNFIT),
        (StoreUnfitError("not writable"), Refund, FailureKind.UNFIT),
        (VideoBusyError("busy"), Refund, FailureKind.TRANSIENT),
        (ManifestUnreadableError("damaged"), Retry, FailureKind.UNKNOWN),
        (StoreError("something new"), Retry, FailureKind.UNKNOWN),
    ],
)
async def test_what_the_store_says_decides_what_becomes_of_the_order(
    error: StoreError, outcome: type[Outcome], kind: FailureKind, workshop: Workshop
) -> None:
    async def fail(_: str) -> object:
        raise error

    workshop.find = fail

    result = await workshop.work_on()

    assert type(result) is outcome
    assert result.failure.kind is kind  # type: ignore[union-attr] # none of them is Done
    assert str(error) in result.failure.reason  # type: ignore[union-attr] # as above


async def test_an_id_that_cannot_name_a_folder_is_buried(workshop: Workshop) -> None:
    outcome = await workshop.work_on(VIDEO.model_copy(update={"video_id": "../../etc"}))

    assert isinstance(outcome, Bury)
    assert outcome.failure.kind is FailureKind.BAD_INPUT


async def test_a_processor_that_leaves_no_file_is_tried_again(workshop: Workshop) -> None:
    async def nothing(*_: object) -> FetchResult:
        return FetchResult(files=(Path("film.mp4"),))

    workshop.fetch = nothing

    outcome = await workshop.work_on()

    assert isinstance(outcome, Retry)
    assert outcome.failure.kind is FailureKind.TRANSIENT


async def test_a_foreign_folder_in_the_place_of_the_result_is_left_alone(workshop: Workshop, tmp_path: Path) -> None:
    foreign = tmp_path / "results" / "v1" / "mine.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")

    outcome = await workshop.work_on()

    assert isinstance(outcome, Retry)
    assert foreign.read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FailureKind.TRANSIENT, Retry),
        (FailureKind.EXTRACTOR, Retry),
        (FailureKind.POISON, Retry),
        (FailureKind.UNKNOWN, Retry),
        (FailureKind.BLOCKED, Refund),
        (FailureKind.UNFIT, Refund),
        (FailureKind.NOT_YET, Park),
        (FailureKind.GATED, Bury),
        (FailureKind.GONE, Bury),
        (FailureKind.BAD_INPUT, Bury),
        (FailureKind.SUSPECT, SecondOpinion),
    ],
)
async def test_a_failed_fetch_has_its_class_decide_and_frees_the_video(
    kind: FailureKind, outcome: type[Outcome], workshop: Workshop
) -> None:
    failure = Failure(kind=kind, reason="So it is.")

    async def fail(_: DownloadVideo, __: int, folder: Path) -> FetchResult:
        (folder / "film.mp4.part").write_bytes(b"half")
        raise YoutubeFailedError(failure)

    workshop.fetch = fail

    result = await workshop.work_on()

    assert type(result) is outcome
    assert getattr(result, "failure", None) == failure
    with workshop.store.claim("v1") as staging:
        assert (staging.folder / "film.mp4.part").read_bytes() == b"half"


async def test_an_address_that_is_not_allowed_is_buried_before_anything_is_touched(workshop: Workshop) -> None:
    outcome = await workshop.work_on(VIDEO.model_copy(update={"url": "https://refused.invalid/"}))

    assert isinstance(outcome, Bury)
    assert (workshop.fetches, workshop.told) == (0, [])


async def test_a_cancelled_download_ends_and_gives_its_claim_back(workshop: Workshop) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(*_: object) -> FetchResult:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    workshop.fetch = endless
    working = asyncio.create_task(workshop.work_on())
    await begun.wait()
    with pytest.raises(VideoBusyError), workshop.store.claim("v1"):
        pass
    working.cancel()

    with pytest.raises(asyncio.CancelledError):
        await working

    assert ended.is_set()
    with workshop.store.claim("v1"):
        pass


async def test_what_runs_in_a_thread_is_waited_for_however_often_it_is_cancelled() -> None:
    go_on, happened = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> str:
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        happened.append("the thread ended")
        raise ValueError("nobody asks any more")

    async def hold_the_claim() -> None:
        try:
            await _to_its_end(work)
        finally:
            happened.append("the claim went")

    holding = asyncio.create_task(hold_the_claim())
    for _ in range(3):
        for _ in range(5):
            await asyncio.sleep(0)
        holding.cancel()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(holding, 30)

    assert happened == ["the thread ended", "the claim went"]


async def test_work_in_a_thread_gives_its_result_and_its_errors() -> None:
    assert await _to_its_end(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await _to_its_end(divmod, 7, 0)


async def test_another_order_is_a_bug(workshop: Workshop) -> None:
    with pytest.raises(TypeError, match=r"results\.return\.v1"):
        await workshop.work_on(ReturnResults())


@pytest.mark.parametrize(
    ("opinions", "has_others", "is_believed"),
    [
        ((), True, False),
        ((), False, False),
        (("home",), True, False),
        (("home",), False, True),
        (("abroad",), True, True),
        (("abroad",), False, True),
        (("home", "abroad"), False, True),
    ],
)
def test_an_ambiguous_verdict_is_believed_when_another_egress_agrees_or_when_there_is_none(
    opinions: tuple[str, ...],
    has_others: bool,  # noqa: FBT001 - one column of the table
    is_believed: bool,  # noqa: FBT001 - as above
) -> None:
    suspect = Failure(kind=FailureKind.SUSPECT, reason="Video unavailable.", detail="Video unavailable")

    outcome = second_opinion(suspect, opinions, "home", has_others=has_others)

    if is_believed:
        assert isinstance(outcome, Bury)
        assert (outcome.failure.kind, outcome.failure.detail) == (FailureKind.GONE, "Video unavailable")
    else:
        assert outcome == SecondOpinion(suspect, "home")

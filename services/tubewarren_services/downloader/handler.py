"""One video, from the order to its files: pure of broker, disk and yt-dlp, which come as ports."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import Verdict, VideoClaimed, VideoDownloaded, VideoFailed
from tubewarren.outcomes import Bury, Done, Outcome, Refund, Retry, SecondOpinion, outcome_of
from tubewarren.store.claims import Staging
from tubewarren.store.errors import (
    DiskFullError,
    InvalidVideoIdError,
    ManifestUnreadableError,
    NothingToPublishError,
    ResultInTheWayError,
    StoreError,
    StoreUnfitError,
    VideoBusyError,
)
from tubewarren.store.manifest import Draft, Manifest
from tubewarren.youtube.errors import YoutubeError
from tubewarren.youtube.job import OPTION_REFUSED
from tubewarren.youtube.presets import unknown_preset
from tubewarren.youtube.wire import FetchResult


@dataclass(frozen=True, slots=True)
class Ports:
    """What the downloader needs of the world.

    Attributes:
        worker: this downloader's name.
        egress: its way to the internet.
        has_others: whether another egress is at work, which can give a second opinion.
        storage: the name of the store that it fills.
        presets: the names of those that it knows.
        check_address: raises AddressRefusedError for an address that may not be worked on.
        find: the manifest of a video that is finished here.
        note_source: writes down that one more source lists a finished video.
        claim: the right to work on a video; raises VideoBusyError while somebody else has it.
        fetch: downloads into a folder; raises YoutubeError. Cancelling it ends the download at once.
        publish_result: makes the files appear, whole and at once.
        announce: publishes events; all are confirmed when it returns.
    """

    worker: str
    egress: str
    has_others: Callable[[], bool]
    storage: str
    yt_dlp_version: str
    presets: Collection[str]
    check_address: Callable[[str], str]
    find: Callable[[str], Awaitable[Manifest | None]]
    note_source: Callable[[DownloadVideo], Awaitable[Manifest]]
    claim: Callable[[str], AbstractContextManager[Staging]]
    fetch: Callable[[DownloadVideo, int, Path], Awaitable[FetchResult]]
    publish_result: Callable[[Staging, Draft], Awaitable[Manifest]]
    announce: Callable[[VideoClaimed], Awaitable[None]]


async def handle(delivery: Delivery, *, ports: Ports) -> Outcome:
    """Work on one order. One that was carried out before is recognised, and nothing is downloaded twice."""
    video = delivery.message
    if not isinstance(video, DownloadVideo):
        raise TypeError(f"the downloader cannot handle a {video.type}")
    try:
        ports.check_address(video.url)
        if await ports.find(video.video_id) is not None:
            return await _already_here(video, delivery.attempt, ports)
        if video.preset and video.preset not in ports.presets:
            return Refund(unknown_preset(video.preset, ports.presets, ports.worker))
        with ports.claim(video.video_id) as staging:
            return await _download(video, delivery.attempt, staging, ports)
    except YoutubeError as error:
        if error.failure.kind is FailureKind.FILTERED:
            return Done(publish=(_left_out(video, delivery.attempt, error.failure, ports),))
        return _outcome_of_failure(error.failure, video, delivery.opinions, ports)
    except StoreError as error:
        return _outcome_of_store(error)


def second_opinion(failure: Failure, opinions: tuple[str, ...], egress: str, *, has_others: bool) -> Outcome:
    """Believe that a video is gone when another egress says so too, or when there is no other and we look again.

    The same words are used for what is gone and for what is only kept from us.
    """
    others = [each for each in opinions if each != egress]
    if not others and (has_others or not opinions):
        return SecondOpinion(failure, egress)
    seen_from = f"from {len({*opinions, egress})} ways to the internet" if others else "twice"
    reason = f"It is not available, seen {seen_from}: it was removed, or is kept from us everywhere."
    return Bury(failure.model_copy(update={"kind": FailureKind.GONE, "reason": reason}))


async def _download(video: DownloadVideo, attempt: int, staging: Staging, ports: Ports) -> Outcome:
    started = datetime.now(UTC)
    if await ports.find(video.video_id) is not None:
        # Somebody finished it between our first look and our claim.
        return await _already_here(video, attempt, ports)
    await ports.announce(
        VideoClaimed(
            at=started,
            video_id=video.video_id,
            source_id=video.source_id,
            worker=ports.worker,
            egress=ports.egress,
            attempt=attempt,
        )
    )
    result = await ports.fetch(video, attempt, staging.folder)
    draft = Draft(
        url=video.url,
        source_id=video.source_id,
        worker=ports.worker,
        attempt=attempt,
        finished_at=datetime.now(UTC),
        title=result.title or video.title,
        columns=video.columns,
        yt_dlp_version=ports.yt_dlp_version,
        files=tuple(file.as_posix() for file in result.files),
    )
    manifest = await ports.publish_result(staging, draft)
    seconds = (datetime.now(UTC) - started).total_seconds()
    return Done(publish=(_downloaded(video, attempt, manifest, seconds, ports),))


async def _already_here(video: DownloadVideo, attempt: int, ports: Ports) -> Outcome:
    manifest = await ports.note_source(video)
    event = _downloaded(video, attempt, manifest, 0.0, ports)
    return Done(publish=(event.model_copy(update={"already_present": True}),))


def _downloaded(
    video: DownloadVideo, attempt: int, manifest: Manifest, seconds: float, ports: Ports
) -> VideoDownloaded:
    return VideoDownloaded(
        at=datetime.now(UTC),
        video_id=video.video_id,
        source_id=video.source_id,
        worker=ports.worker,
        egress=ports.egress,
        attempt=attempt,
        storage=ports.storage,
        size_bytes=manifest.size_bytes,
        sha256=manifest.main_file.sha256,
        seconds=seconds,
    )


def _left_out(video: DownloadVideo, attempt: int, failure: Failure, ports: Ports) -> VideoFailed:
    """An end without a failure: its order is done with, and lies in no dead queue."""
    return VideoFailed(
        at=datetime.now(UTC),
        video_id=video.video_id,
        source_id=video.source_id,
        worker=ports.worker,
        egress=ports.egress,
        attempt=attempt,
        verdict=Verdict.BURY,
        failure=failure,
    )


def _outcome_of_failure(failure: Failure, video: DownloadVideo, opinions: tuple[str, ...], ports: Ports) -> Outcome:
    if failure.kind is FailureKind.SUSPECT:
        return second_opinion(failure, opinions, ports.egress, has_others=ports.has_others())
    if failure.rule == OPTION_REFUSED and video.preset:
        # It concerns those videos that name the preset, and not the machine.
        return Refund(failure)
    return outcome_of(failure, datetime.now(UTC))


def _outcome_of_store(error: StoreError) -> Outcome:
    match error:
        case VideoBusyError():
            return Refund(Failure(kind=FailureKind.TRANSIENT, reason=str(error)))
        case DiskFullError() | StoreUnfitError():
            return Refund(Failure(kind=FailureKind.UNFIT, reason=str(error)), at_once=True)
        case InvalidVideoIdError():
            return Bury(Failure(kind=FailureKind.BAD_INPUT, reason=str(error)))
        case NothingToPublishError():
            return Retry(Failure(kind=FailureKind.TRANSIENT, reason=str(error)))
        case ManifestUnreadableError() | ResultInTheWayError():
            return Retry(Failure(kind=FailureKind.UNKNOWN, reason=str(error)))
        case _:
            return Retry(Failure(kind=FailureKind.UNKNOWN, reason=f"{type(error).__name__}: {error}"))

"""The downloader at work: warm yt-dlp processes that fill a store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from tubewarren.admission import Shift
from tubewarren.delivery import Delivery
from tubewarren.fitness import Fitness, machine_with
from tubewarren.messages.commands import DownloadVideo
from tubewarren.outcomes import Outcome
from tubewarren.runner import Service, Surroundings
from tubewarren.settings import Settings
from tubewarren.store.store import Store
from tubewarren.telemetry.telemetry import Telemetry
from tubewarren.topology import DOWNLOADER
from tubewarren.workplace import open_workplace
from tubewarren.youtube.addresses import check_address
from tubewarren.youtube.identity import Identity
from tubewarren.youtube.job import Progress
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.processor import DEFAULT_PROCESSOR
from tubewarren.youtube.wire import FetchOrder, FetchResult
from tubewarren_services.downloader.handler import Ports, handle
from tubewarren_services.downloader.progress import ProgressBoard
from tubewarren_services.downloader.steps import Steps, tell_of_result

T = TypeVar("T")


@asynccontextmanager
async def open_service(surroundings: Surroundings) -> AsyncIterator[Service]:
    """Bring the downloader up."""
    settings, bus, telemetry = surroundings.settings, surroundings.bus, surroundings.telemetry
    store = await asyncio.to_thread(Store, settings.store.results.absolute(), settings.store.selected.absolute())
    board = ProgressBoard(surroundings.worker.name, bus.publisher.publish)
    asks_node = "javascript" in settings.fitness.programs
    fitness = Fitness(settings.fitness, partial(machine_with, settings.store.results, asks_node=asks_node))
    concurrency = settings.downloader.concurrency
    shift = Shift(settings.shift.tasks, settings.shift.cooldown)
    async with (
        open_workplace(surroundings, DOWNLOADER, fitness.why_unfit, shift) as place,
        ChildPool(concurrency, jobs_per_child=settings.downloader.jobs_per_process, nursery=place.nursery) as pool,
    ):
        ports = Ports(
            worker=surroundings.worker.name,
            egress=place.identity.egress,
            has_others=lambda: place.admission.has_others,
            storage=settings.store.name,
            yt_dlp_version=version("yt-dlp"),
            presets=settings.youtube.all_presets.keys(),
            check_address=partial(check_address, allowed_hosts=settings.youtube.allowed_hosts),
            find=lambda video_id: _to_its_end(store.find, video_id),
            note_source=lambda video: _to_its_end(store.add_source, video.video_id, video.source_id, video.columns),
            claim=store.claim,
            fetch=partial(_fetch, pool, board, settings, place.identity, telemetry),
            publish_result=lambda staging, draft: _to_its_end(store.publish, staging, draft),
            announce=bus.publisher.publish,
        )

        async def download(delivery: Delivery, egress: str) -> Outcome:
            outcome = await handle(delivery, ports=replace(ports, egress=egress))
            tell_of_result(telemetry, outcome)
            return outcome

        yield await place.work(
            download,
            concurrency,
            doing=lambda: board.doing,
            facts={"yt_dlp": ports.yt_dlp_version, "concurrency": concurrency},
        )


async def _fetch(
    pool: ChildPool,
    board: ProgressBoard,
    settings: Settings,
    identity: Identity,
    telemetry: Telemetry,
    video: DownloadVideo,
    attempt: int,
    folder: Path,
) -> FetchResult:
    preset = settings.youtube.preset(video.preset)
    order = FetchOrder(
        id=video.video_id,
        url=video.url,
        folder=folder,
        title=video.title,
        source_id=video.source_id,
        attempt=attempt,
        columns=video.columns,
        processor=settings.downloader.processor or DEFAULT_PROCESSOR,
        live=preset.live,
        media=preset.media,
        wanted=settings.youtube.wanted(video.preset, video.columns),
        rules=settings.youtube.rules,
        deadline=settings.downloader.deadline,
        no_progress=settings.downloader.no_progress,
    )
    steps = Steps(telemetry)

    async with board.following(video) as report, identity.wearing(preset.options, counts=True) as options:

        def hear(progress: Progress) -> None:
            steps.hear(progress)
            report(progress)

        with steps.followed():
            return await pool.fetch(order.model_copy(update={"options": options}), hear)


async def _to_its_end(work: Callable[..., T], *arguments: object) -> T:
    """Run blocking work in a thread, and when cancelled wait for its end: the claim may not go while it runs."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            # Whoever cancels twice does not make the thread any faster.
            with suppress(asyncio.CancelledError):
                await asyncio.wait((running,))
        with suppress(Exception):
            running.result()
        raise

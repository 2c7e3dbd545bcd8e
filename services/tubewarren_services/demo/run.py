"""The demo: a small media site on loopback, a whole fleet, and a reckoning at the end."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ByteSize
from rich.console import Console

from tubewarren.messages.commands import QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren.settings import Settings
from tubewarren.settings.model import (
    DownloaderSettings,
    FitnessSettings,
    HeartbeatSettings,
    LogSettings,
    RetrySettings,
    SheetSettings,
    StoreSettings,
    YoutubeSettings,
)
from tubewarren.sheets.opening import open_workbook
from tubewarren.youtube.addresses import video_key
from tubewarren_services.audit.books import Books, LedgerBook, QueueBook, Value
from tubewarren_services.audit.gathering import file_book, ledger_book, queue_book, sheet_book
from tubewarren_services.demo.catalogue import demo_catalogue
from tubewarren_services.demo.reckoning import Ending, shortfalls
from tubewarren_services.demo.site import Site, serve_site
from tubewarren_services.local_fleet.fleet import Fleet, Say, Show, open_fleet, shown

_PATIENCE = timedelta(minutes=5)
_MINE = ("results", "selected", "workbook", "data")
_MARK = ".tubewarren-demo"


class DemoFolderError(Exception):
    """The folder holds things that are not the demo's."""


class DemoTimeoutError(Exception):
    """The demo did not come to its end."""


@dataclass(frozen=True, slots=True)
class _Report:
    summary: Mapping[str, Value]
    ledger: LedgerBook
    queues: QueueBook
    seconds: float


async def run_demo(folder: Path, show: Show, say: Say) -> int:
    """Run the demo in a folder and tell how it went.

    Returns:
        The exit code: 0 only if every file is there with the right checksum and everything else is accounted for.

    Raises:
        DemoFolderError: the folder is in use for something else.
        DemoTimeoutError: it did not end within five minutes.
    """
    folder = _cleared(folder)
    async with serve_site(demo_catalogue()) as site:
        expected = _write_sources(folder / "sources.txt", site)
        settings = _settings(folder, site)
        report = await _work(settings, show, say)
        found = list(shortfalls(_endings(site), expected, _books(settings, report)))
    _tell(Console(), settings, report, found)
    return 1 if found else 0


async def _work(settings: Settings, show: Show, say: Say) -> _Report:
    started = datetime.now(UTC)
    async with open_fleet(settings, say=say) as fleet:
        try:
            async with shown(fleet, show), asyncio.timeout(_PATIENCE.total_seconds()):
                summary = await fleet.finish()
        except TimeoutError as error:
            raise DemoTimeoutError(
                f"The demo did not end within {_PATIENCE.total_seconds():.0f} s; its logs are in "
                f"{settings.data_dir / 'logs'}."
            ) from error
        seconds = (datetime.now(UTC) - started).total_seconds()
        queues = await queue_book(fleet.bus, fleet.topology, settings.store.name)
        # The fleet is finished: nobody has anything in hand.
        queues = replace(queues, in_hand={work.name: 0 for work in fleet.topology.work})
        return _Report(summary, await ledger_book(partial(_ask, fleet)), queues, seconds)


async def _ask(fleet: Fleet, query: QueryLedger) -> LedgerAnswered:
    return LedgerAnswered(at=datetime.now(UTC), storage="", rows=tuple(map(dict, await fleet.ask(query))))


def _cleared(folder: Path) -> Path:
    """Begin anew, but only in a folder that an earlier demo made."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / _MARK
    if any(folder.iterdir()) and not mark.exists():
        raise DemoFolderError(f"{folder} holds other things; give the demo an empty folder with --folder DIR.")
    mark.touch()
    for name in _MINE:
        shutil.rmtree(folder / name, ignore_errors=True)
    return folder


def _write_sources(path: Path, site: Site) -> dict[str, str]:
    """A list with good sources and bad ones; how each must end, by address."""
    path.write_text(
        "# URL|Name|Gender|Accent|ContentType|Type|MultispeakerPercentage\n"
        f"{site.feed_url}|The demo channel|female|Irish|podcast|channel|0\n"
        "\n"
        f"{site.flaky_feed_url}|The second channel|male|Scottish|interview|channel|40\n"
        f"{site.empty_feed_url}|Nothing in it\n"
        f"{site.gone_feed_url}|Not there any more\n"
        "not an address|Somebody's typing error\n"
    )
    return {
        site.feed_url: "done",
        site.flaky_feed_url: "done",
        site.empty_feed_url: "error",
        site.gone_feed_url: "error",
        "not an address": "error",
    }


def _settings(folder: Path, site: Site) -> Settings:
    """The demo's own, whatever the environment says; waits are short, because the site is near."""
    seconds = [timedelta(seconds=number) for number in (1, 2, 4)]
    return Settings(
        broker_url=None,
        data_dir=folder / "data",
        sources_file=folder / "sources.txt",
        worker_name=None,
        grace=timedelta(seconds=20),
        sheet=SheetSettings(workbook=folder / "workbook", poll=timedelta(seconds=1), flush=timedelta(seconds=1)),
        store=StoreSettings(results=folder / "results", selected=folder / "selected"),
        downloader=DownloaderSettings(concurrency=4),
        youtube=YoutubeSettings(allowed_hosts=(urlsplit(site.url).netloc,), options={"proxy": ""}),
        heartbeat=HeartbeatSettings(every=timedelta(seconds=3)),
        retry=RetrySettings(ladder=tuple(seconds)),
        # Sound files need no ffmpeg, and not much room.
        fitness=FitnessSettings(disk_floor=ByteSize(50_000_000), programs=()),
        log=LogSettings(),
    )


def _endings(site: Site) -> list[Ending]:
    return [Ending(video_key("generic", video.slug, video.url), video.expected, video.sha256) for video in site.videos]


def _books(settings: Settings, report: _Report) -> Books:
    """What is written down when the fleet has left: only then the sheet has its last word."""
    store = settings.store
    return Books(
        report.ledger,
        sheet_book(open_workbook(settings.sheet), settings.sheet.most_videos),
        file_book(store.results, store.selected, store.name, lambda _: True),
        report.queues,
    )


def _tell(console: Console, settings: Settings, report: _Report, found: list[str]) -> None:
    retried = sum(1 for row in report.ledger.tasks if isinstance(row["attempts"], int) and row["attempts"] > 1)
    videos = {row["video_id"] for row in report.ledger.tasks}
    by_state = {
        state: {row["video_id"] for row in report.ledger.tasks if row["state"] == state} for state in ("done", "dead")
    }
    size = report.summary.get("bytes") or 0
    for name, value in (
        ("sources", f"{len(report.ledger.sources)} ({report.summary.get('sources_error')} with an error, as planned)"),
        ("videos", str(len(videos))),
        ("done", str(len(by_state["done"]))),
        ("retried", str(retried)),
        ("dead", str(len(by_state["dead"]))),
        ("bytes", f"{size:,}"),
        ("seconds", f"{report.seconds:.1f}"),
        ("files", str(settings.store.results)),
        ("workbook", str(settings.sheet.workbook)),
    ):
        # Not wrapped and not shortened: the paths are there to be copied.
        console.print(f"{name:<10}{value}", soft_wrap=True, markup=False)
    for problem in found:
        console.print(f"[red]not as it must be:[/] {problem}")
    if not found:
        console.print("Every file has the right checksum, and everything else is accounted for.")

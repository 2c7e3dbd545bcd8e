"""How long lists fare: our source-expander, and bare yt-dlp, on the same lists of a stand-in for YouTube.

`python -m bench.listings`, in `tests/`, with nothing else running on the machine. First the lists are queued with no
downloader beside, since bare yt-dlp has none; then with one, to see when its first download begins.
"""

# ruff: noqa: T201 - it is a command

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.downloads import (
    EACH,
    KEPT,
    LINGER_SECONDS,
    OURS,
    BareLoop,
    Comparison,
    Figures,
    Fleet,
    Lot,
    Site,
    fleet_of,
    plain_film,
    print_parts,
    put_up,
    run_commands,
    site_apart,
)
from bench.lab import node_in
from brokers import BrokerUnderTest, run_apart
from standins.youtube import YoutubeStandin
from standins.youtube_channels import Channel
from tubewarren.bus import open_bus
from tubewarren.messages.commands import ExpandSource
from tubewarren.messages.events import SourceExpanded, SourceFailed, VideoClaimed
from tubewarren.telemetry.logs import configure

_KINDS: Final = ("channel", "playlist")
_WATCHERS: Final = ("heartbeat-monitor", "results-manager")
_EXPANDER: Final = "source-expander"
_DOWNLOADER: Final = "downloader"
_MOST_OF_BARE: Final = 1.3
_FIRST_WITHIN_SECONDS: Final = 3
_FILM: Final = plain_film(200_000)
_PATIENCE: Final = timedelta(minutes=2)
_WARM: Final = Lot("warm", _FILM, 4, 0)


def put_up_list(youtube: YoutubeStandin, kind: str, name: str, entries: int) -> str:
    """A channel, or a playlist, with so many videos that can be downloaded, too; its address."""
    if kind == "channel":
        channel = Channel(f"UC{name:-<22}", (f"@{name}",), videos=entries)
        put_up(youtube, channel.video_ids("videos"), _FILM)
        return f"{youtube.add_channel(channel)}/videos"
    playlist = youtube.add_playlist(f"PL{name:-<22}", entries)
    put_up(youtube, playlist.video_ids, _FILM)
    return f"https://www.youtube.com/playlist?list={playlist.list_id}"


async def seconds_to(
    fleet: Fleet, address: str, end: type[SourceExpanded | VideoClaimed], entries: int | None = None
) -> float:
    """Order a list, of so many entries; how long it took until the first event of a kind was seen."""
    url = fleet.machine.settings["BROKER_URL"]
    async with (
        asyncio.timeout(_PATIENCE.total_seconds()),
        open_bus(url, "bench") as bus,
        bus.watch(end.type, SourceFailed.type) as seen,
    ):
        began = time.monotonic()
        await bus.publisher.publish(ExpandSource(source_id=address, url=address))
        event = (await seen.get()).message
        assert not isinstance(event, SourceFailed), f"{address}: {event.failure.reason}"
        seconds = time.monotonic() - began
        assert not isinstance(event, SourceExpanded) or event.videos == (entries or event.videos), f"{address}: {event}"
        return seconds


def queue(fleet: Fleet, address: str, entries: int) -> tuple[Figures, dict[str, float]]:
    """Have a list queued; what this took, and the CPU by service."""
    before = fleet.cpu_seconds()
    seconds = run_apart(seconds_to(fleet, address, SourceExpanded, entries))
    time.sleep(LINGER_SECONDS)
    used = {name: spent - before.get(name, 0) for name, spent in fleet.cpu_seconds().items()}
    return Figures(entries, seconds, sum(used.values())), used


def compare(kind: str, site: Site, fleet: Fleet, bare: BareLoop, rounds: int, entries: int) -> None:
    """List in all ways, in turn, and print what that took."""
    taken: dict[str, list[Figures]] = {OURS: [], KEPT: [], EACH: []}
    used: list[dict[str, float]] = []
    for number in range(rounds):
        address = site.call(put_up_list, kind, f"{number}-bench-{kind}", entries)
        figures, by_service = queue(fleet, address, entries)
        taken[OURS].append(figures)
        used.append(by_service)
        taken[KEPT].append(replace(bare.run([address]), videos=entries))
        if number == 0:  # it is slow, and far from any limit
            command = [*site.command, "--flat-playlist", "--print", "id", address]
            taken[EACH].append(replace(run_commands([command], site.environment, 1), videos=entries))
    compared = Comparison(taken)
    print(f"\na {kind} of {entries} entries, medians of {rounds} rounds, no downloader")
    print(*compared.table(), sep="\n")
    for name in (KEPT, EACH):
        wall = compared.ratio(OURS, name, lambda figures: figures.wall_seconds)
        cpu = compared.ratio(OURS, name, lambda figures: figures.cpu_seconds)
        print(f"ours / {name:<25}wall {wall}, target at most {_MOST_OF_BARE:.1f}; CPU {cpu}")
    print_parts({name: median(each[name] for each in used) / entries for name in used[0]})


def exhaust(ydl: Any, address: str) -> None:
    """List as yt-dlp does, with nothing done to the entries."""
    info = ydl.extract_info(address, download=False, process=False)
    while info.get("_type") in {"url", "url_transparent"}:
        info = ydl.extract_info(info["url"], download=False, process=False, ie_key=info.get("ie_key"))
    assert sum(1 for _ in info["entries"]) > 1, address


def first_download(kind: str, site: Site, broker: BrokerUnderTest, folder: Path, entries: int) -> float:
    """Order a list from a fleet of its own, because many downloads are left; seconds to the first of them."""
    address = site.call(put_up_list, kind, folder.name, entries)
    with fleet_of(folder, site, broker, (*_WATCHERS, _EXPANDER, _DOWNLOADER)) as fleet:
        fleet.download(_WARM.ids("", _WARM.videos))
        return run_apart(seconds_to(fleet, address, VideoClaimed))


def run(options: argparse.Namespace, folder: Path) -> None:
    """Run it all, and print the figures."""
    with ExitStack() as stack:
        site = stack.enter_context(site_apart())
        broker = BrokerUnderTest.of(stack.enter_context(node_in(folder / "broker")))
        warm = [site.call(put_up_list, kind, f"warm-{kind}", 120) for kind in _KINDS]
        site.call(put_up, _WARM.ids("", _WARM.videos), _FILM)
        with fleet_of(folder / "box", site, broker, (*_WATCHERS, _EXPANDER)) as fleet:
            for address in (*warm, *warm):
                run_apart(seconds_to(fleet, address, SourceExpanded))
            bare = BareLoop(site, exhaust, {"noplaylist": False}, [warm])
            stack.callback(bare.close)
            for kind in _KINDS:
                compare(kind, site, fleet, bare, options.rounds, options.entries)
        print(f"\nwith a downloader, medians of {options.first} rounds")
        for kind in _KINDS:
            names = [f"{number}-first-{kind}" for number in range(options.first)]
            found = sorted(first_download(kind, site, broker, folder / name, options.entries) for name in names)
            print(
                f"{kind:<12}first download after {median(found):.2f} s ({found[0]:.2f} to {found[-1]:.2f}), "
                f"target at most {_FIRST_WITHIN_SECONDS}",
                flush=True,
            )


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.listings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="of each way, in turn (default: 2)")
    parser.add_argument("--first", type=int, default=3, help="rounds with a downloader (default: 3)")
    parser.add_argument("--entries", type=int, default=5000, help="of each list (default: 5000)")
    options = parser.parse_args()
    configure("bench", "critical", "auto", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tubewarren-listings-") as folder:
        run(options, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

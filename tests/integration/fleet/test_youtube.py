"""From a list of youtube.com addresses, through all services and a real broker, to checked files."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fleets import Machine, MachineFor, wait_until
from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_channels import Channel
from standins.youtube_media import Film, Trouble
from standins.youtube_videos import Video

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

TO_THE_END = timedelta(seconds=90)
ADA = Channel("UCada-channel-0123456789", ("@ada",), title="Ada", videos=4, shorts=2, streams=1)
PLAYLIST = "PLmixed-bag-0123456789abc"
SERVICES = ("heartbeat-monitor", "results-manager", "status-writer", "sheet-ingestor", "source-expander", "downloader")


@pytest.fixture
def youtube() -> Iterator[YoutubeStandin]:
    """A channel whose videos are fine, but for one that breaks twice and one that is private."""
    with youtube_standin() as youtube:
        youtube.add_channel(ADA)
        for tab in ADA.counts:
            for video_id in ADA.video_ids(tab):
                youtube.add_video(Video(video_id, title=f"{tab} {video_id}"))
        first, second, *_ = ADA.video_ids("videos")
        youtube.add_video(Video(first, film=Film(trouble=Trouble.BROKEN_TWICE)))
        youtube.add_video(
            Video(
                second,
                status="LOGIN_REQUIRED",
                reason="This video is private",
                subreason="If the owner of this video has granted you access, please sign in.",
            )
        )
        yield youtube


@pytest.fixture
def machine(machine_for: MachineFor, youtube: YoutubeStandin) -> Machine:
    options = {"proxy": youtube.proxy_url, "compat_opts": ["no-certifi"]}
    machine = machine_for(
        YOUTUBE__OPTIONS=json.dumps({**options, "extractor_args": {"youtube": {"player_client": ["visionos"]}}}),
        SOURCES_FILE="sources.txt",
    )
    machine.environment |= youtube.environment
    return machine


def test_a_list_of_youtube_addresses_becomes_checked_files_and_a_sheet_that_tells_all(machine: Machine) -> None:
    shared = ADA.video_ids("shorts")[0]
    machine.sources(
        "https://www.youtube.com/@Ada/featured|Ada|female|Irish",
        f"https://youtu.be/{shared}?si=x|The same again",
        "https://www.youtube.com/results?search_query=ada",
    )

    fleet = machine.start("up", "--once")

    assert fleet.wait(TO_THE_END) == 1, fleet.text
    fine = {video_id for tab in ADA.counts for video_id in ADA.video_ids(tab)} - {ADA.video_ids("videos")[1]}
    assert machine.finished == fine
    assert all(machine.store.verify(video_id).is_intact for video_id in fine)
    assert machine.manifest(shared).source_ids == ("1", "2")
    assert machine.manifest(shared).columns["1"] == {"Name": "Ada", "Gender": "female", "Accent": "Irish"}
    ada, again, search = machine.rows("Sources")
    assert [row["Status"] for row in (ada, again, search)] == ["done", "done", "error"]
    assert (ada["Videos"], ada["Done"], ada["Failed"]) == ("7", "6", "1")
    assert "this is a search" in search["LastError"]
    videos = machine.rows("Video Tasks")
    assert Counter(row["Status"] for row in videos) == {"done": 7, "error": 1}
    (dead,) = (row for row in videos if row["Status"] == "error")
    assert "private" in dead["LastError"]
    assert machine.manifest(ADA.video_ids("videos")[0]).attempt > 1


def test_a_refresh_gets_what_is_new_nothing_twice_and_tells_what_is_gone(
    machine: Machine, youtube: YoutubeStandin
) -> None:
    machine.sources("https://www.youtube.com/@ada|Ada")
    for running in [machine.run(service) for service in SERVICES]:
        running.until_ready()
    wait_until(lambda: machine.rows("Sources"), TO_THE_END, holds=lambda rows: rows and rows[0]["Status"] == "done")
    grown = replace(ADA, videos=5)
    fresh = grown.video_ids("videos")[-1]
    youtube.add_video(Video(fresh))
    youtube.add_channel(grown)
    before = len(youtube.requests)

    assert machine.svc("sources", "refresh", "1").returncode == 0
    wait_until(lambda: machine.finished, TO_THE_END, holds=lambda found: fresh in found)
    wait_until(lambda: machine.rows("Sources")[0], holds=lambda row: (row["Status"], row["Videos"]) == ("done", "8"))

    asked = Counter(request.video_id for request in youtube.requests[before:] if request.video_id)
    assert set(asked) == {fresh}
    assert machine.rows("Sources")[0]["ClaimedBy"] == "box/source-expander"

    youtube.add_channel(ADA)
    assert machine.svc("sources", "refresh", "--whole", "1").returncode == 0
    (row,) = wait_until(
        lambda: [row for row in machine.rows("Video Tasks") if row["LastError"].startswith("Not in its source")],
        TO_THE_END,
    )
    assert (row["ID"], row["Status"]) == (fresh, "done")
    assert fresh in machine.finished

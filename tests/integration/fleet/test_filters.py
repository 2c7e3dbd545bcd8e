"""Filters from a cell of the list to what its row tells, through all services and a real broker."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from fleets import Machine, MachineFor, wait_until
from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_channels import Channel
from standins.youtube_videos import Video

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

TO_THE_END = timedelta(seconds=90)
ADA = Channel("UCada-channel-0123456789", ("@ada",), title="Ada", videos=3, shorts=2, streams=1)
URL = "https://www.youtube.com/@ada"


@pytest.fixture
def youtube() -> Iterator[YoutubeStandin]:
    """A channel with one older video."""
    with youtube_standin() as youtube:
        youtube.add_channel(ADA)
        for tab in ADA.counts:
            for number, video_id in enumerate(ADA.video_ids(tab)):
                youtube.add_video(Video(video_id, uploaded=date(2024 - number // 2, 5, 1)))
        yield youtube


@pytest.fixture
def machine(machine_for: MachineFor, youtube: YoutubeStandin) -> Machine:
    options = {"proxy": youtube.proxy_url, "compat_opts": ["no-certifi"]}
    machine = machine_for(
        YOUTUBE__OPTIONS=json.dumps({**options, "extractor_args": {"youtube": {"player_client": ["visionos"]}}}),
        YOUTUBE__PRESETS=json.dumps({"since": {"filter": "2024-01-01.."}}),
    )
    machine.environment |= youtube.environment
    assert machine.svc("sheet", "init").returncode == 0
    return machine


def test_a_row_tells_what_its_filter_left_out_and_a_dead_queue_has_none_of_it(machine: Machine) -> None:
    *fine, old = ADA.video_ids("videos")
    machine.append_rows("Sources", {"URL": URL, "Name": "Ada", "Preset": "since", "Filter": "tabs videos"})

    fleet = machine.start("up", "--once")

    assert fleet.wait(TO_THE_END) == 0, fleet.text
    assert machine.finished == set(fine)
    assert machine.manifest(fine[0]).columns["1"] == {"Name": "Ada", "Preset": "since", "Filter": "tabs videos"}
    (row,) = machine.rows("Sources")
    assert (row["Status"], row["Videos"], row["Done"], row["Failed"]) == ("done", "3", "2", "0")
    assert row["Progress"] == "2/3, 1 filtered"
    assert row["LastError"] == "3 of its entries left out: 2 in the tab shorts; 1 in the tab streams"
    videos = machine.rows("Video Tasks")
    assert Counter(each["Status"] for each in videos) == {"done": 2, "filtered": 1}
    (left_out,) = (each for each in videos if each["Status"] == "filtered")
    assert (left_out["ID"], left_out["LastError"]) == (old, "Left out by the filter: uploaded before 2024-01-01.")
    assert machine.rows("Dead-Letter Tasks") == []


def test_so_many_a_day_start_at_once_and_the_others_say_when_and_what_cannot_be_read_is_told_in_its_row(
    machine: Machine,
) -> None:
    first, second, third = ADA.video_ids("videos")
    machine.append_rows(
        "Sources",
        {"URL": URL, "Filter": "tabs videos, 1 a day", "Preset": "metadata-only"},
        {"URL": f"{URL}/shorts", "Filter": "the best ones"},
    )
    fleet = machine.start("up")

    wait_until(lambda: machine.finished, TO_THE_END, holds=lambda found: first in found)
    wait_until(lambda: machine.rows("Sources")[0]["LastError"], holds=lambda told: "; 1 a day: the last starts" in told)
    unread = wait_until(lambda: machine.rows("Sources")[1], holds=lambda row: row["Status"] == "error")

    assert machine.finished == {first}
    assert [path.name for path in (machine.results / first).iterdir() if path.name != "manifest.json"] == ["info.json"]
    rows = wait_until(
        lambda: {row["ID"]: row["Status"] for row in machine.rows("Video Tasks")},
        holds=lambda found: {second, third} <= found.keys(),
    )
    assert (rows[second], rows[third]) == ("pending", "pending")
    assert unread["LastError"].startswith("The filter has 'the best ones'; what can be written is: newest 50, ")
    assert fleet.is_running


def test_a_service_does_not_start_with_a_preset_that_yt_dlp_does_not_know(machine: Machine) -> None:
    presets = json.dumps({"mine": {"writesubtitels": True}})

    for service in ("downloader", "source-expander"):
        refused = machine.run(service, settings={"YOUTUBE__PRESETS": presets})

        assert refused.wait() == 2
        assert "youtube.presets.mine: yt-dlp has no option called writesubtitels; did you mean" in refused.text

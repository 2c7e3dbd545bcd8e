"""Fitness: what a machine must have, in words that say what to do."""

import os
from pathlib import Path

import pytest

from tubewarren.fitness import Fitness, Machine, machine_with, nearest_existing, unfitness
from tubewarren.settings.model import FitnessSettings

WELL = Machine(free_bytes=10**12, ffmpeg="/usr/bin/ffmpeg", deno="/usr/bin/deno", node=None, yt_dlp="2026.10.26")
BARE = Machine(free_bytes=10**6, ffmpeg=None, deno=None, node=None, yt_dlp="2026.9.5")


def needs(**more: object) -> FitnessSettings:
    return FitnessSettings.model_validate({"disk_floor": "0", "programs": "", **more})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (needs(disk_floor="1GB"), "Only 1 MB are free for results, and 1000 MB must stay free: free some space."),
        (needs(programs="ffmpeg"), "ffmpeg is missing: install it"),
        (needs(programs="javascript"), "There is no JavaScript runtime: install deno"),
        (needs(yt_dlp="2026.10.01"), "yt-dlp 2026.9.5 is older than the fleet's minimum, 2026.10.01: update it."),
    ],
    ids=["disk", "ffmpeg", "javascript", "yt-dlp"],
)
def test_what_is_missing_is_named_with_what_to_do(settings: FitnessSettings, words: str) -> None:
    assert words in unfitness(BARE, settings)
    assert unfitness(WELL, settings) == ""


def test_everything_that_is_missing_is_named_at_once() -> None:
    said = unfitness(BARE, needs(disk_floor="1GB", programs="ffmpeg,javascript", yt_dlp="2026.10.01"))

    assert all(word in said for word in ("MB", "ffmpeg", "JavaScript", "yt-dlp"))


def test_what_nobody_asks_for_may_be_missing() -> None:
    assert unfitness(BARE, needs()) == ""


@pytest.mark.parametrize(
    ("node", "runs"), [("v22.1.0", True), ("v24.0.0", True), ("v20.20.2", False), ("nonsense", False), (None, False)]
)
def test_node_runs_javascript_from_its_22nd_version_on(node: str | None, runs: bool) -> None:  # noqa: FBT001 - a column
    assert Machine(0, None, None, node, "2026.1.1").runs_javascript is runs


async def test_a_machine_is_looked_at_every_few_seconds_and_not_every_time() -> None:
    machines = [BARE, WELL]
    seconds = 0.0
    fitness = Fitness(needs(programs="ffmpeg"), lambda: machines.pop(0), timer=lambda: seconds)

    assert "ffmpeg" in await fitness.why_unfit()
    seconds = 4
    assert "ffmpeg" in await fitness.why_unfit()
    seconds = 5
    assert await fitness.why_unfit() == ""


def test_this_machine_is_seen_as_it_is_also_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    seen = machine_with(tmp_path / "not" / "yet")

    assert seen.free_bytes > 0
    assert seen.yt_dlp.startswith("20")
    assert nearest_existing(tmp_path / "not" / "yet") == tmp_path


def test_nodejs_is_started_at_most_once_a_minute_and_at_once_when_it_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    node, started = tmp_path / "node", tmp_path / "started"
    node.write_text(f"#!/bin/sh\necho once >> '{started}'\necho v22.1.0\n")
    node.chmod(0o755)

    seen = [machine_with(tmp_path).node for _ in range(5)]
    before = len(started.read_text().splitlines())
    os.utime(node, (1, 1))
    again = machine_with(tmp_path).node

    assert {*seen, again} == {"v22.1.0"}
    assert before <= 2, "no more than one minute may end meanwhile"
    assert len(started.read_text().splitlines()) > before

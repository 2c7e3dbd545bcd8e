"""The live view on terminals of several sizes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.messages.events import Gate, Verdict
from tubewarren_services.cli.view import Books, LiveState, Running, Setback, Tally
from tubewarren_services.cli.view_rendering import render
from tubewarren_services.cli.workers_view import WorkerLine
from unit.cli.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLOCK = f"{NOW.astimezone():%H:%M}"
DISK = "The disk is full."
BUSY = LiveState(
    running={
        ("7", "vvvvvvvvvvv"): Running(
            "vvvvvvvvvvv", "7", "box/downloader", NOW, "downloading", 25_000_000, 100_000_000, 2_500_000, 30
        ),
        ("7", "unknownsize"): Running("unknownsize", "7", "box/downloader", NOW, "downloading", 3_000_000),
        ("7", "merging"): Running("merging", "7", "box/downloader.2", NOW, "merging"),
    },
    titles={"vvvvvvvvvvv": "A title that is a good deal longer than any narrow terminal has room for, really"},
    workers={
        "box/downloader": WorkerLine("downloader", "active", NOW),
        "box/downloader.2": WorkerLine("downloader", "unfit", NOW, DISK),
    },
    setbacks=(
        Setback("some video", Verdict.BURY, "It is private.", NOW),
        Setback(
            "another video with a long title, and more of it than fits anywhere at all",
            Verdict.RETRY,
            "The line was cut.",
            NOW - timedelta(hours=2),
            NOW + timedelta(minutes=5),
        ),
    ),
    finished=Tally().plus(NOW, 12),
    retried=Tally().plus(NOW, 2),
    buried=Tally().plus(NOW, 3),
    books=Books(2, 1, 1200, 400, 10, 20, 100, NOW - timedelta(hours=3), 12_000_000_000),
    began_at=NOW - timedelta(hours=1),
    gates=(
        Gate(
            kind="egress",
            name="home",
            reason="YouTube limits the rate of this address, as it does.",
            since=NOW - timedelta(minutes=5),
            until=NOW + timedelta(minutes=55),
        ),
    ),
)
CROWD = replace(
    BUSY,
    running={
        ("7", str(n)): Running(f"video-{n:03}", "7", f"box-{n:03}", NOW, "downloading", 5, 9, 1, 1) for n in range(200)
    },
    workers={
        f"box-{n:03}": WorkerLine("downloader", "lost" if n % 5 == 0 else "active", NOW - timedelta(minutes=4))
        for n in range(200)
    },
    gates=tuple(Gate(kind="pause", name=str(n), reason="Lunch.", since=NOW) for n in range(30)),
    setbacks=BUSY.setbacks * 10,
)
NARROW = f"""\
2 sources (1 ended)  1,200 videos  400 done  10 failed (+3 in 10 min)
20 filtered  3 running  767 waiting
12/min  2.5 MB/s  12 GB stored  2 retried in 10 min  oldest waits 3 h
about 1 h left  {CLOCK}
Egress home (for 5 min, next look in 55 min): YouTube limits the rate of this a…

1 downloader active  1 downloader unfit
unfit  box/downloader.2 The disk is full.

dead      0 s ago  some video: It is private.
retry     2 h ago  another video with …: The line was cut. (again in 5 min)

Video                                      Progress               Speed      ETA
────────────────────────────────────────────────────────────────────────────────
A title that is a good deal longer than …  ━━╸           25%   2.5 MB/s     0:30
unknownsize                                3.0 MB
merging                                    merging
"""


def stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_a_narrow_terminal_shows_what_matters_first_and_cuts_only_ends() -> None:
    assert stripped(drawn(render(BUSY, 80, NOW, 24), 80)) == NARROW


def test_a_wide_terminal_has_room_for_source_worker_and_size_and_cuts_nothing() -> None:
    wide = drawn(render(BUSY, 200, NOW, 60), 200)

    for words in (
        *("Source", "Worker", "25 MB of 100 MB", "box/downloader.2", "A title that is a good deal longer"),
        "YouTube limits the rate of this address, as it does.\n",
    ):
        assert words in stripped(wide)
    assert "Source " not in drawn(render(BUSY, 80, NOW, 24), 80)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (200, 60)])
@pytest.mark.parametrize("state", [LiveState(), BUSY, CROWD], ids=["idle", "busy", "crowd"])
@pytest.mark.parametrize("colour", [False, True])
def test_it_fits_the_terminal(state: LiveState, width: int, height: int, colour: bool) -> None:  # noqa: FBT001 - a case
    view = render(state, width, NOW, height, timedelta(seconds=3))
    lines = drawn(view, width).splitlines()

    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width
    assert ("\x1b[" in drawn(view, width, colour=colour)) is colour


@pytest.mark.parametrize(("width", "height", "running", "lost"), [(80, 24, 196, 38), (200, 60, 173, 33)])
def test_of_a_crowd_it_says_how_much_is_left_out(width: int, height: int, running: int, lost: int) -> None:
    lines = stripped(drawn(render(CROWD, width, NOW, height), width)).splitlines()

    left_out = [line for line in lines if line.startswith("… and")]
    assert "160 downloader active  40 downloader lost" in lines
    assert "lost   box-000 (heard 4 min ago)" in lines
    assert left_out[1:] == [f"… and {lost} more", f"… and {running} more"]
    assert sum(line.startswith("video-") for line in lines) == 200 - running
    assert len(lines) == height


def test_while_the_broker_is_away_it_says_that_all_is_from_before() -> None:
    text = drawn(render(BUSY, 80, NOW, 24, timedelta(minutes=2)), 80)

    assert "The broker has been away for 2 min: this is from before. It goes on by itself.\n" in text


def test_who_does_not_answer_is_named() -> None:
    alone = drawn(render(LiveState(is_ledger_there=False, gates=None), 80, NOW), 80)
    later = drawn(render(replace(BUSY, is_ledger_there=False), 80, NOW), 80)

    assert "No results-manager answers: only what is heard here is counted." in alone
    assert "No heartbeat-monitor answers" in alone
    assert "No results-manager answers: these are the last counts." in later


def test_an_idle_fleet_says_so() -> None:
    text = drawn(render(LiveState(), 80, NOW), 80)

    assert "Nothing is running." in text
    assert "No worker has been heard yet." in text

import errno
import json
from pathlib import Path

import pytest

from chaos.plan import Behaviour, PlannedVideo, checksum_of
from chaos.processor import CALLS, FILM, blocking, full, outage, work
from fleets import sha256_of
from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import Task


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUBEWARREN_EGRESS", "home")
    work_folder = tmp_path / "work"
    work_folder.mkdir()
    return work_folder


def outcome(folder: Path, video: PlannedVideo, attempt: int = 1) -> str:
    """What it raised, in one word."""
    url = f"http://127.0.0.1/media/{video.slug}.wav"
    try:
        work(Task(id=video.slug, url=url, source_id="1", attempt=attempt), {}, folder)
    except ProcessingFailedError as error:
        return error.failure.kind
    except RuntimeError:
        return "strange"
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    assert sha256_of(folder / FILM) == checksum_of(video.slug)
    return "done"


def test_a_flaky_video_works_after_its_failures_and_every_call_is_noted(folder: Path) -> None:
    video = PlannedVideo(0, Behaviour.FLAKY, times=2)

    assert [outcome(folder, video, attempt) for attempt in (1, 2, 3)] == ["transient", "transient", "done"]
    noted = [json.loads(line) for line in Path(CALLS).read_text().splitlines()]
    assert [(each["attempt"], each["does"]) for each in noted] == [(1, "transient"), (2, "transient"), (3, "done")]


def test_a_hidden_video_is_hidden_from_one_egress_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = PlannedVideo(0, Behaviour.HIDDEN, times=0)

    assert outcome(folder, video) == "suspect"
    monkeypatch.setenv("TUBEWARREN_EGRESS", "abroad")
    assert outcome(folder, video) == "done"


def test_the_weather_comes_before_the_video(folder: Path) -> None:
    video = PlannedVideo(0, Behaviour.GONE)

    blocking("abroad").touch()
    assert outcome(folder, video) == FailureKind.GONE
    outage().touch()
    assert outcome(folder, video) == FailureKind.EXTRACTOR
    full("home").touch()
    assert outcome(folder, video) == "ENOSPC"
    blocking("home").touch()
    assert outcome(folder, video) == FailureKind.BLOCKED


def test_a_strange_video_says_something_that_nobody_knows(folder: Path) -> None:
    assert outcome(folder, PlannedVideo(0, Behaviour.STRANGE)) == "strange"

"""The steps of a download, as spans of it and as durations."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from standins.listener import Listener, listening
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.events import VideoDownloaded
from tubewarren.outcomes import Done, Outcome, Retry
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.job import Progress
from tubewarren_services.downloader.steps import Steps, tell_of_result

SECOND = 1_000_000_000
CUT = Failure(kind=FailureKind.TRANSIENT, reason="It was cut.")
DOWNLOADED = VideoDownloaded(
    at=datetime(2026, 3, 1, tzinfo=UTC),
    video_id="v1",
    source_id="7",
    worker="w",
    attempt=1,
    storage="main",
    size_bytes=500,
    sha256="0",
    seconds=1.0,
)


@dataclass
class Download:
    """One that is told of, second by second."""

    listener: Listener
    now: int = 100 * SECOND

    def __post_init__(self) -> None:
        self.steps = Steps(self.listener.telemetry, lambda: self.now)

    def says(self, phase: str, part: str = "", done_bytes: int = 0) -> None:
        self.steps.hear(Progress(phase, done_bytes, part=part))
        self.now += SECOND


@pytest.fixture
def download() -> Iterator[Download]:
    with listening() as listener:
        yield Download(listener)


def test_each_step_is_a_span_of_the_attempt_from_its_first_report_to_that_of_the_next(download: Download) -> None:
    with download.listener.telemetry.span("process downloader", "consumer"), download.steps.followed():
        download.says("extracting")
        download.says("downloading", "137")
        download.says("downloading", "137", 10)
        download.says("downloading", "140", 20)
        download.says("processing with Merger")
        download.says("processing with FixupM4a")
        download.says("checking")
        download.says("counting sheep")

    *steps, attempt = download.listener.spans
    told = [
        (span.name, ((span.start_time or 0) // SECOND, (span.end_time or 0) // SECOND), (span.attributes or {}))
        for span in steps
    ]
    assert told == [
        ("extract", (100, 101), {"tubewarren.phase": "extracting"}),
        ("download", (101, 103), {"tubewarren.phase": "downloading", "tubewarren.format": "137"}),
        ("download", (103, 104), {"tubewarren.phase": "downloading", "tubewarren.format": "140"}),
        ("merge", (104, 105), {"tubewarren.phase": "processing with Merger"}),
        ("postprocess", (105, 106), {"tubewarren.phase": "processing with FixupM4a"}),
        ("check", (106, 107), {"tubewarren.phase": "checking"}),
        ("process", (107, 108), {"tubewarren.phase": "counting sheep"}),
    ]
    assert all(span.parent == attempt.context for span in steps)


def test_durations_are_measured_by_step_and_in_all_and_say_nothing_of_the_format(download: Download) -> None:
    with download.steps.followed():
        download.says("extracting")
        download.says("downloading", "137")
        download.says("downloading", "140")

    figures = download.listener.figures
    assert figures("tubewarren.download.step.duration") == {
        (("tubewarren.step", "extract"),): (1, 1.0),
        (("tubewarren.step", "download"),): (2, 2.0),
    }
    assert figures("tubewarren.download.duration") == {(): (1, 3.0)}


def test_the_step_in_which_a_download_fails_fails_with_it(download: Download) -> None:
    def fail() -> None:
        with download.steps.followed():
            download.says("extracting")
            download.says("downloading", "137")
            raise YoutubeFailedError(CUT)

    with pytest.raises(YoutubeFailedError):
        fail()

    extract, broken = download.listener.spans
    assert "error.type" not in (extract.attributes or {})
    assert (broken.attributes or {})["error.type"] == "transient"
    assert download.listener.figures("tubewarren.download.duration") == {(("error.type", "transient"),): (1, 2.0)}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Done(publish=(DOWNLOADED,)), {(): 500}),
        (Done(publish=(DOWNLOADED.model_copy(update={"already_present": True}),)), {}),
        (Retry(CUT), {}),
    ],
)
def test_bytes_are_counted_when_they_have_become_a_result(
    outcome: Outcome, expected: dict[object, int], download: Download
) -> None:
    tell_of_result(download.listener.telemetry, outcome)

    assert download.listener.figures("tubewarren.downloaded") == expected

"""The meter: how far a whole job is, and what size a file must have to count as finished."""

from pathlib import Path
from typing import Any

import pytest

from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.job import Progress, unheard
from tubewarren.youtube.meter import Meter

YOUTUBE = {"protocol": "https", "extractor": "youtube"}


@pytest.mark.parametrize(
    ("promised", "info", "complaint"),
    [
        (10, {}, None),
        (11, {}, "10 bytes where 11 were"),
        (None, {}, None),
        (None, {**YOUTUBE, "filesize": 10}, None),
        (None, {**YOUTUBE, "filesize": 11}, "10 bytes where 11 were"),
        (10, {**YOUTUBE, "filesize": 11}, "10 bytes where 11 were"),
        (12, {**YOUTUBE, "filesize": 11}, "10 bytes where 11 and 12 were"),
        (None, {**YOUTUBE, "extractor": "elsewhere", "filesize": 11}, None),
        (None, {**YOUTUBE, "protocol": "m3u8_native", "filesize": 11}, None),
    ],
)
def test_a_file_counts_only_with_as_many_bytes_as_player_and_server_announced(
    tmp_path: Path, promised: int | None, info: dict[str, Any], complaint: str | None
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 10)
    meter = Meter(unheard)
    meter.on_download({"status": "downloading", "filename": str(path), "downloaded_bytes": 5, "total_bytes": promised})
    finished = {"status": "finished", "filename": str(path), "total_bytes": 10, "info_dict": info}

    if complaint is None:
        meter.on_download(finished)
    else:
        with pytest.raises(ProcessingFailedError, match=complaint):
            meter.on_download(finished)

    assert path.exists() is (complaint is None)


def test_an_empty_file_never_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()

    with pytest.raises(ProcessingFailedError, match="0 bytes where more were announced"):
        Meter(unheard).on_download({"status": "finished", "filename": str(path), "total_bytes": 0})


class Ear:
    """Hears reports, a tenth of a second after one another."""

    def __init__(self) -> None:
        self.heard: list[Progress] = []
        self.now = 0.0
        self.meter = Meter(self.heard.append, lambda: self.now)

    def part(self, name: str, size: int, **more: Any) -> None:
        """A part that comes in ten pieces."""
        status = {"filename": name, "total_bytes": size, "info_dict": {"format_id": name}, **more}
        for done in range(0, size, size // 10):
            self.meter.on_download({**status, "status": "downloading", "downloaded_bytes": done})
            self.now += 0.1
        self.meter.on_download({**status, "status": "finished", "downloaded_bytes": size})


def test_progress_is_told_twice_a_second_and_at_the_end_of_each_part() -> None:
    ear = Ear()

    ear.part("a", 100)

    assert [progress.done_bytes for progress in ear.heard] == [0, 50, 100]


def test_the_parts_of_a_video_are_counted_together_from_the_first_byte() -> None:
    ear = Ear()
    ear.meter.expect({"requested_formats": [{"format_id": "a", "filesize": 100}, {"format_id": "b", "filesize": 300}]})

    ear.part("a", 100)
    ear.part("b", 300)

    assert {progress.total_bytes for progress in ear.heard} == {400}
    assert [progress.done_bytes for progress in ear.heard] == [0, 50, 100, 100, 250, 400]


def test_each_format_is_told_of_by_its_name_as_soon_as_it_begins_and_captions_have_none() -> None:
    ear = Ear()
    ear.meter.expect({"requested_formats": [{"format_id": "137"}, {"format_id": "140"}]})

    ear.part("v1.en.vtt", 10)
    ear.part("137", 10)
    ear.part("140", 10)

    assert list(dict.fromkeys(progress.part for progress in ear.heard)) == ["", "137", "140"]
    assert next(progress.done_bytes for progress in ear.heard if progress.part == "140") == 20


def test_the_time_that_is_left_is_that_of_all_parts() -> None:
    ear = Ear()
    ear.meter.expect({"requested_formats": [{"format_id": "a", "filesize": 100}, {"format_id": "b", "filesize": 300}]})

    ear.part("a", 100, speed=10.0)

    assert [progress.eta_seconds for progress in ear.heard] == [40.0, 35.0, 30.0]


def test_a_guess_gives_way_to_what_the_server_says_and_no_guess_is_no_total() -> None:
    ear = Ear()
    ear.meter.expect({"requested_formats": [{"format_id": "a", "filesize_approx": 90.5}, {"format_id": "b"}]})

    ear.part("a", 100)
    ear.part("b", 300)

    assert [progress.total_bytes for progress in ear.heard] == [None, None, None, 400, 400, 400]


def test_an_estimate_that_is_overtaken_never_makes_more_than_all() -> None:
    ear = Ear()

    ear.meter.on_download(
        {"status": "downloading", "filename": "a", "downloaded_bytes": 30, "total_bytes_estimate": 20.0}
    )

    assert (ear.heard[0].done_bytes, ear.heard[0].total_bytes) == (30, 30)


def test_captions_are_counted_beside_the_formats() -> None:
    ear = Ear()
    ear.meter.expect({"format_id": "a", "filesize": 100})

    ear.part("x.en.vtt", 10, info_dict={"ext": "vtt"})
    ear.part("a", 100)

    assert [(progress.done_bytes, progress.total_bytes) for progress in ear.heard][-1] == (110, 110)


def test_a_step_after_the_transfer_is_told_with_all_bytes() -> None:
    ear = Ear()
    ear.part("a", 100)

    ear.meter.on_processing({"status": "started", "postprocessor": "Merger"})
    ear.meter.on_processing({"status": "finished", "postprocessor": "Merger"})

    assert ear.heard[-1] == Progress("processing with Merger", 100, 100)
    assert len(ear.heard) == 4

"""Partial files: gone on with only when they are of the very file that is wanted now."""

from pathlib import Path
from typing import Any

import pytest

from tubewarren.youtube.partials import PARTIAL_FOLDER, drop, prepare

FILE = {"format_id": "140", "filesize": 1000, "url": "https://x/videoplayback?lmt=7", "language": "en"}


def info(extractor: str = "youtube", **changed: Any) -> dict[str, Any]:
    return {"extractor": extractor, "requested_formats": [{"format_id": "134", "filesize": 5}, {**FILE, **changed}]}


@pytest.mark.parametrize(
    ("later", "kept"),
    [
        (info(), True),
        (info(url="https://elsewhere/videoplayback?lmt=7&expire=1"), True),
        (info(filesize=1001), False),
        (info(url="https://x/videoplayback?lmt=8"), False),
        (info(language="de"), False),
        (info(format_id="251", filesize=2000), True),
    ],
    ids=["the same", "at another address", "larger", "newer", "in another language", "another format"],
)
def test_what_is_unfinished_of_another_file_is_dropped(tmp_path: Path, later: dict[str, Any], *, kept: bool) -> None:
    prepare(tmp_path, info())
    unfinished = tmp_path / PARTIAL_FOLDER / "x.140.m4a.part"
    unfinished.touch()

    prepare(tmp_path, later)

    assert unfinished.exists() is kept


def test_what_comes_in_pieces_begins_anew_and_what_lies_beside_it_stays(tmp_path: Path) -> None:
    prepare(tmp_path, info())
    partial = tmp_path / PARTIAL_FOLDER
    pieces = [partial / f"x.[9]0.mp4{end}" for end in (".ytdl", ".part", ".part-Frag3", ".part-Frag4.part")]
    others = [partial / name for name in ("x.140.m4a", "x.140.m4a.part", "x.90.mp4.part")]
    for file in (*pieces, *others):
        file.touch()

    prepare(tmp_path, info())

    assert [file.exists() for file in pieces] == [False] * 4
    assert all(file.exists() for file in others)


def test_a_second_change_is_noticed_too(tmp_path: Path) -> None:
    prepare(tmp_path, info())
    prepare(tmp_path, info(filesize=2000))
    unfinished = tmp_path / PARTIAL_FOLDER / "x.140.m4a.part"
    unfinished.touch()

    prepare(tmp_path, info())

    assert not unfinished.exists()


def test_a_format_that_was_left_for_another_is_remembered(tmp_path: Path) -> None:
    prepare(tmp_path, info())
    prepare(tmp_path, info(format_id="251"))
    unfinished = tmp_path / PARTIAL_FOLDER / "x.140.m4a.part"
    unfinished.touch()

    prepare(tmp_path, info(filesize=2000))

    assert not unfinished.exists()


def test_one_file_alone_is_known_again(tmp_path: Path) -> None:
    prepare(tmp_path, {"extractor": "youtube", **FILE})
    unfinished = tmp_path / PARTIAL_FOLDER / "x.140.m4a.part"
    unfinished.touch()

    prepare(tmp_path, {"extractor": "youtube", **FILE, "filesize": 1})

    assert not unfinished.exists()


def test_the_rounded_numbers_of_other_sites_drop_nothing(tmp_path: Path) -> None:
    prepare(tmp_path, info("elsewhere"))
    unfinished = tmp_path / PARTIAL_FOLDER / "x.140.m4a.part"
    unfinished.touch()

    prepare(tmp_path, info("elsewhere", filesize=1001))

    assert unfinished.exists()


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    prepare(tmp_path, info())
    (tmp_path / PARTIAL_FOLDER / "origin.json").write_text("[")

    prepare(tmp_path, info())

    drop(tmp_path)
    assert not list(tmp_path.iterdir())

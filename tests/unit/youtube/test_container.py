"""What is read of a film's tables: all of it where the file is whole, and nothing else ever."""

import struct
from datetime import timedelta
from pathlib import Path

import pytest

from standins.youtube_media import TINY
from tubewarren.youtube.container import look_into
from tubewarren.youtube.ffprobe import Found

SECOND = timedelta(seconds=1)


def element(name: str, *content: bytes) -> bytes:
    """One of Matroska's, its size in eight bytes."""
    inside = b"".join(content)
    return bytes.fromhex(name) + (len(inside) | 1 << 56).to_bytes(8, "big") + inside


def block(name: str, ticks: int) -> bytes:
    return element(name, b"\x81" + struct.pack(">h", ticks) + b"\x80 sound or picture")


def matroska(*tracks: int, cluster: bytes = b"") -> bytes:
    header = element("1a45dfa3", element("4282", b"webm"))
    info = element("1549a966", element("2ad7b1", b"\x0f\x42\x40"), element("4489", struct.pack(">d", 9_500)))
    entries = (element("ae", element("83", bytes([kind]))) for kind in tracks)
    first = element("1f43b675", element("e7", b"\x00"), block("a3", 0))
    last = cluster or element(
        "1f43b675",
        element("e7", b"\x1f\x40"),
        block("a3", 900),
        element("a0", block("a1", 1_000), element("9b", b"\x14")),
    )
    return header + element("18538067", info, element("1654ae6b", *entries), first, last)


def looked_into(folder: Path, content: bytes) -> Found | None:
    file = folder / "film"
    file.write_bytes(content)
    return look_into(file)


def test_a_whole_mp4_is_read(tmp_path: Path) -> None:
    found = looked_into(tmp_path, TINY.body)

    assert found is not None
    assert (found.has_video, found.has_sound) == (True, True)
    assert found.end is not None
    assert found.promised is not None
    assert abs(found.end - 10 * SECOND) < SECOND / 2
    assert abs(found.promised - 10 * SECOND) < SECOND / 2


@pytest.mark.parametrize(("tracks", "has_video", "has_sound"), [((1, 2), True, True), ((2,), False, True)])
def test_a_whole_webm_is_read(tmp_path: Path, tracks: tuple[int, ...], has_video: bool, has_sound: bool) -> None:  # noqa: FBT001
    found = looked_into(tmp_path, matroska(*tracks))

    assert found == Found(has_video, has_sound, end=9 * SECOND, promised=9.5 * SECOND)


@pytest.mark.parametrize("content", [TINY.body, matroska(1, 2)], ids=["mp4", "webm"])
def test_of_a_file_that_was_cut_anywhere_nothing_is_said(tmp_path: Path, content: bytes) -> None:
    whole = len(content)

    said = [
        length
        for length in (*range(0, whole, 13), *range(whole - 40, whole))
        if looked_into(tmp_path, content[:length]) is not None
    ]

    assert said == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no film</html>",
        TINY.body + b"more",
        TINY.body.replace(b"mdat", b"free"),
        TINY.body.replace(b"stsz", b"stz2"),
        TINY.body + struct.pack(">I4s", 8, b"moof"),
        matroska(1, 2) + b"more",
        matroska(1, 2, cluster=b"\x1f\x43\xb6\x75\xff"),
        matroska(1, 2, cluster=element("1f43b675", element("e7", b"\x00"))),
    ],
    ids=[
        "empty",
        "a page",
        "mp4 and more",
        "mp4 without its media",
        "mp4 with another table",
        "mp4 in fragments",
        "webm and more",
        "webm of unknown size",
        "webm with nothing at its end",
    ],
)
def test_of_what_is_unusual_nothing_is_said(tmp_path: Path, content: bytes) -> None:
    assert looked_into(tmp_path, content) is None


@pytest.mark.parametrize("missing", [16, None], ids=["a little", "nearly all"])
def test_tables_that_name_more_than_there_is_are_not_believed(tmp_path: Path, missing: int | None) -> None:
    media = TINY.body.index(b"mdat") - 4
    (size,) = struct.unpack_from(">I", TINY.body, media)
    gone = missing or size - 16
    # The same boxes, with the end of the media gone and something to skip in its place.
    header, skipped = struct.pack(">I4s", size - gone, b"mdat"), struct.pack(">I4s", gone, b"free") + bytes(gone - 8)
    emptied = header + TINY.body[media + 8 : media + size - gone] + skipped

    assert looked_into(tmp_path, TINY.body[:media] + emptied + TINY.body[media + size :]) is None

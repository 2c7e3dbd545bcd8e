"""Container: what the tables of a finished film say, read here because starting ffprobe costs more than a small video.

Two kinds are read, MP4 and Matroska with WebM, as they are written when a whole file is there. Whatever is unusual,
broken, or at odds with the file's size is left to ffprobe: what is said here is that all which the tables name lies in
the file, to its last byte.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from tubewarren.youtube.ffprobe import Found

_Span = tuple[int, int]
_Part = tuple[bytes, int, int]
"""What it is, and where its content begins and ends."""

_TRACK: Final = b"\xae"
_TRACK_TYPE: Final = b"\x83"
_VIDEO, _SOUND = 1, 2
_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_TIMESTAMP: Final = b"\xe7"
_SIMPLE_BLOCK: Final = b"\xa3"
_BLOCK_GROUP: Final = b"\xa0"
_BLOCK: Final = b"\xa1"
_UNIT_NANOSECONDS: Final = b"\x2a\xd7\xb1"
_DURATION: Final = b"\x44\x89"
_NANOSECONDS: Final = 1_000_000_000


def look_into(file: Path) -> Found | None:
    """What is in a file that is whole; None when this cannot be told here."""
    with (
        suppress(OSError, ValueError, KeyError, IndexError, ZeroDivisionError, struct.error),
        file.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        if content[4:8] == b"ftyp":
            return _in_mp4(content)
        if content[:4] == b"\x1a\x45\xdf\xa3":
            return _in_matroska(content)
    return None


@dataclass(frozen=True, slots=True)
class _Track:
    kind: bytes
    end_seconds: float
    size_bytes: int
    last_chunk: int


def _in_mp4(content: mmap.mmap) -> Found | None:
    parts = [*_boxes(content, 0, len(content))]
    if any(kind == b"moof" for kind, _, _ in parts):
        return None
    (moov,) = ((start, end) for kind, start, end in parts if kind == b"moov")
    inside = [*_boxes(content, *moov)]
    tracks = [_track(content, start, end) for kind, start, end in inside if kind == b"trak"]
    media = [(start, end) for kind, start, end in parts if kind == b"mdat"]
    has_room = sum(track.size_bytes for track in tracks) <= sum(end - start for start, end in media)
    if not has_room or not all(any(start <= each.last_chunk < end for start, end in media) for each in tracks):
        return None
    unit, length = _unit_and_length(content, *_only(inside, b"mvhd"))
    kinds = {track.kind for track in tracks}
    return Found(
        has_video=b"vide" in kinds,
        has_sound=b"soun" in kinds,
        end=timedelta(seconds=max(each.end_seconds for each in tracks if each.kind in {b"vide", b"soun"})),
        promised=timedelta(seconds=length / unit),
    )


def _track(content: mmap.mmap, start: int, end: int) -> _Track:
    inside = [*_boxes(content, start, end)]
    media = [*_boxes(content, *_only(inside, b"mdia"))]
    tables = [*_boxes(content, *_only([*_boxes(content, *_only(media, b"minf"))], b"stbl"))]
    unit, _ = _unit_and_length(content, *_only(media, b"mdhd"))
    handler = _only(media, b"hdlr")[0]
    ticks = _numbers(content, _only(tables, b"stts")[0])
    lasts = sum(count * length for count, length in zip(ticks[::2], ticks[1::2], strict=True))
    return _Track(
        kind=content[handler + 8 : handler + 12],
        end_seconds=(lasts - _left_out(content, inside)) / unit,
        size_bytes=_size_of_samples(content, _only(tables, b"stsz")[0]),
        last_chunk=max(_chunks(content, tables)),
    )


def _boxes(content: mmap.mmap, start: int, end: int) -> Iterator[_Part]:
    while start < end:
        size, kind = struct.unpack_from(">I4s", content, start)
        header = 8
        if size == 1:
            (size,), header = struct.unpack_from(">Q", content, start + 8), 16
        if size < header or start + size > end:
            raise ValueError(kind)
        yield kind, start + header, start + size
        start += size


def _unit_and_length(content: mmap.mmap, start: int, _end: int) -> tuple[int, int]:
    """How many ticks make a second, and how many there are."""
    layout, offset = (">IQ", 20) if content[start] else (">II", 12)
    unit, length = struct.unpack_from(layout, content, start + offset)
    return unit, length


def _left_out(content: mmap.mmap, track: list[_Part]) -> int:
    """Ticks at a track's beginning that are not played."""
    edits = [_only([*_boxes(content, start, end)], b"elst") for kind, start, end in track if kind == b"edts"]
    for start, _ in edits:
        count, _, begins = struct.unpack_from(">IQq" if content[start] else ">IIi", content, start + 4)
        if count != 1 or begins < 0:
            raise ValueError(count)
        return int(begins)
    return 0


def _size_of_samples(content: mmap.mmap, start: int) -> int:
    size, count = struct.unpack_from(">II", content, start + 4)
    return int(size * count or sum(struct.unpack_from(f">{count}I", content, start + 12)))


def _chunks(content: mmap.mmap, tables: list[_Part]) -> tuple[int, ...]:
    ((kind, start, _),) = (each for each in tables if each[0] in {b"stco", b"co64"})
    (count,) = struct.unpack_from(">I", content, start + 4)
    return struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", content, start + 8)


def _numbers(content: mmap.mmap, start: int) -> tuple[int, ...]:
    (pairs,) = struct.unpack_from(">I", content, start + 4)
    return struct.unpack_from(f">{2 * pairs}I", content, start + 8)


def _only(parts: list[_Part], kind: bytes) -> _Span:
    (span,) = ((start, end) for found, start, end in parts if found == kind)
    return span


def _in_matroska(content: mmap.mmap) -> Found:
    _, (_, start, end) = _elements(content, 0, len(content))
    parts = [*_elements(content, start, end)]
    info = [*_elements(content, *_only(parts, b"\x15\x49\xa9\x66"))]
    tracks = [
        [*_elements(content, *span)]
        for kind, *span in _elements(content, *_only(parts, b"\x16\x54\xae\x6b"))
        if kind == _TRACK
    ]
    kinds = {_number(content, *_only(track, _TRACK_TYPE)) for track in tracks}
    units = [_number(content, *span) for kind, *span in info if kind == _UNIT_NANOSECONDS]
    second = _NANOSECONDS / (units[0] if units else 1_000_000)
    last = max(span for kind, *span in parts if kind == _CLUSTER)
    start, end = _only(info, _DURATION)
    (promised,) = struct.unpack(">f" if end - start == struct.calcsize(">f") else ">d", content[start:end])
    return Found(
        has_video=_VIDEO in kinds,
        has_sound=_SOUND in kinds,
        end=timedelta(seconds=_end_of_cluster(content, *last) / second),
        promised=timedelta(seconds=promised / second),
    )


def _end_of_cluster(content: mmap.mmap, start: int, end: int) -> int:
    """When its last picture or sound begins, in ticks."""
    parts = [*_elements(content, start, end)]
    groups = (_only([*_elements(content, *span)], _BLOCK) for kind, *span in parts if kind == _BLOCK_GROUP)
    blocks = [*groups, *((start, end) for kind, start, end in parts if kind == _SIMPLE_BLOCK)]
    # Behind the track's number, which takes one byte in any file that has fewer than 127 of them.
    last = max(int.from_bytes(content[start + 1 : start + 3], "big", signed=True) for start, _ in blocks)
    return _number(content, *_only(parts, _TIMESTAMP)) + last


def _elements(content: mmap.mmap, start: int, end: int) -> Iterator[_Part]:
    while start < end:
        name_ends = start + _width(content[start])
        size_ends = name_ends + (width := _width(content[name_ends]))
        size = int.from_bytes(content[name_ends:size_ends], "big") & ((1 << 7 * width) - 1)
        # All ones say that nobody knew it, and as a number they are too many.
        if size_ends + size > end:
            raise ValueError(start)
        yield content[start:name_ends], size_ends, size_ends + size
        start = size_ends + size


def _width(first: int) -> int:
    """Of a number or name that begins with this byte."""
    if first == 0:
        raise ValueError(first)
    return 9 - first.bit_length()


def _number(content: mmap.mmap, start: int, end: int) -> int:
    return int.from_bytes(content[start:end], "big")

"""Partial files: what an attempt left unfinished, and whether the next one may go on from it.

yt-dlp goes on blindly from whatever has the right name. The format is part of the name, but YouTube encodes anew, and
numbers the tracks of a video by their order: the old beginning of one file and the new end of another make a file of
the right size and of no use.

What comes in pieces, as of HLS and DASH, is not gone on with at all. yt-dlp notes how many pieces it has, and the note
is wrong when a piece could not be written (it counts all the same, and is then missing), when the process was killed
between piece and note (it comes twice), and for HLS that begins with a piece about all others (that comes again).
"""

import glob
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PARTIAL_FOLDER = ".partial"
"""Inside the job's folder."""

_ORIGIN = "origin.json"


def prepare(folder: Path, info: Mapping[str, Any]) -> None:
    """Drop what is unfinished of other files than those that were chosen now, and note which these are.

    Args:
        folder: of the job.
        info: what yt-dlp has chosen.
    """
    partial = folder / PARTIAL_FOLDER
    # Only YouTube tells its files apart so exactly; other sites' numbers may change from one look to the next.
    is_youtube = str(info.get("extractor")).startswith("youtube")
    parts = info.get("requested_formats") or (info,) if is_youtube else ()
    chosen = {str(part.get("format_id")): _version(part) for part in parts}
    before = _noted(partial)
    if any(before.get(name, version) != version for name, version in chosen.items()):
        drop(folder)
    _drop_pieces(partial)
    partial.mkdir(parents=True, exist_ok=True)
    (partial / _ORIGIN).write_text(json.dumps({**before, **chosen}), encoding="utf-8")


def drop(folder: Path) -> None:
    """Remove what is unfinished, so that the next attempt begins anew."""
    shutil.rmtree(folder / PARTIAL_FOLDER, ignore_errors=True)


def _drop_pieces(partial: Path) -> None:
    for note in partial.glob("*.ytdl"):
        for left in partial.glob(f"{glob.escape(note.name.removesuffix('.ytdl'))}.part*"):
            left.unlink()
        note.unlink()


def _version(part: Mapping[str, Any]) -> str:
    """What tells this file from an older one of the same format."""
    modified = parse_qs(urlsplit(str(part.get("url") or "")).query).get("lmt", [""])
    return f"{part.get('filesize') or ''}/{modified[0]}/{part.get('language') or ''}"


def _noted(partial: Path) -> Mapping[str, str]:
    with suppress(OSError, ValueError):
        noted = json.loads((partial / _ORIGIN).read_text(encoding="utf-8"))
        return noted if isinstance(noted, dict) else {}
    return {}

"""Publishing: staged files become a result, all at once or not at all."""

import errno
import os
import re
from collections.abc import Callable
from enum import StrEnum, unique
from pathlib import Path

from tubewarren.store.claims import Staging, locked, remove_if_empty
from tubewarren.store.disk import digest, full_disk_named, replace_durably, sync_folder
from tubewarren.store.errors import NothingToPublishError, ResultInTheWayError
from tubewarren.store.finished import add_source, find, place_of
from tubewarren.store.layout import MANIFEST, Layout
from tubewarren.store.manifest import Draft, Manifest, PublishedFile

# What yt-dlp and its helpers leave while they work: name.part, name.part-Frag7, name.ytdl, name.temp.mp4.
_TEMPORARY = re.compile(r"\.(part|ytdl|tmp|temp|aria2)$|\.part-Frag\d+|\.temp\.[^.]+$", re.IGNORECASE)
_IN_THE_WAY = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


@unique
class Step(StrEnum):
    """The moments of a publication, each just reached; a process may die at any."""

    HASHED = "hashed"
    DESCRIBED = "described"
    CLEANED = "cleaned"
    LOOKED = "looked"
    """Nobody has finished it, and it is our turn: the rename is next."""
    PUBLISHED = "published"


Checkpoint = Callable[[Step], None]
"""Called at every step, so that a test can die or fail there."""


def publish(layout: Layout, staging: Staging, draft: Draft, checkpoint: Checkpoint) -> Manifest:
    """Make a result of the staged files, unless the video is finished already: the first one wins.

    Where locks are not shared between hosts, or are lost while a process is frozen, the rename alone decides.

    Raises:
        NothingToPublishError: the files are not there.
        ResultInTheWayError: a folder of someone else has the result's name.
        DiskFullError: there is no room for the manifest.
        ManifestUnreadableError: there is a result, and its manifest is damaged.
    """
    first = find(layout, staging.video_id)
    if first is None:
        with full_disk_named(layout.results):
            manifest = _published(layout, staging, draft, checkpoint)
        if manifest is not None:
            checkpoint(Step.PUBLISHED)
            return manifest
        _, first = place_of(layout, staging.video_id)
    staging.discard()
    if draft.source_id in first.source_ids:  # who comes late may know the columns of long ago
        return first
    return add_source(layout, staging.video_id, draft.source_id, draft.columns)


def _published(layout: Layout, staging: Staging, draft: Draft, checkpoint: Checkpoint) -> Manifest | None:
    """None when somebody else finished the video meanwhile, perhaps with the very folder that was ours."""
    try:
        manifest = _prepare(staging, draft, checkpoint)
        return manifest if _appeared(layout, staging, checkpoint) else None
    except (FileNotFoundError, NothingToPublishError):
        if find(layout, staging.video_id) is None:
            raise
        return None


def _prepare(staging: Staging, draft: Draft, checkpoint: Checkpoint) -> Manifest:
    """Bring the staging folder into the exact shape of the result."""
    names = _names(staging, draft)
    manifest = draft.manifest(staging.video_id, tuple(_described(staging.folder, name) for name in names))
    checkpoint(Step.HASHED)
    replace_durably(staging.folder / MANIFEST, manifest.to_json())
    checkpoint(Step.DESCRIBED)
    _clean(staging.folder, keep=frozenset({*names, MANIFEST}))
    checkpoint(Step.CLEANED)
    return manifest


def _names(staging: Staging, draft: Draft) -> list[str]:
    there = publishable(staging.folder)
    wanted = sorted(there if draft.files is None else set(draft.files))
    absent = [name for name in wanted if name not in there]
    if absent:
        raise NothingToPublishError(
            f"{staging.video_id}: {', '.join(absent)} cannot be published from {staging.folder}: missing, "
            "temporary, or not a plain file; the download is not complete"
        )
    if not wanted:
        raise NothingToPublishError(
            f"{staging.video_id}: no finished file in {staging.folder}; the download is not complete"
        )
    return wanted


def publishable(folder: Path) -> set[str]:
    """The files in a folder, relative to it, that are nobody's temporary ones, nor what a publication leaves there."""
    return {
        name
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
        for name in (path.relative_to(folder).as_posix(),)
        if name != MANIFEST and not _is_temporary(name)
    }


def _is_temporary(name: str) -> bool:
    return any(part.startswith(".") or _TEMPORARY.search(part) for part in name.split("/"))


def _described(folder: Path, name: str) -> PublishedFile:
    with (folder / name).open("rb") as stream:
        size_bytes, sha256 = digest(stream)
        os.fsync(stream.fileno())  # a result never names bytes that a power cut can take back
    return PublishedFile(name=name, size_bytes=size_bytes, sha256=sha256)


def _clean(folder: Path, keep: frozenset[str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):  # children before their folders
        if path.is_dir() and not path.is_symlink():
            if not remove_if_empty(path):
                sync_folder(path)
        elif path.relative_to(folder).as_posix() not in keep:
            path.unlink()
    sync_folder(folder)


def _appeared(layout: Layout, staging: Staging, checkpoint: Checkpoint) -> bool:
    """The one rename; false when another result was there first."""
    target = layout.result(staging.video_id)
    with locked(layout.turn(staging.video_id), wait=True):
        if find(layout, staging.video_id) is not None:
            return False
        checkpoint(Step.LOOKED)
        try:
            staging.folder.rename(target)
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            if find(layout, staging.video_id) is not None:
                return False
            raise ResultInTheWayError(
                f"{target} is there already and has no {MANIFEST}; move it away, and the download is published"
            ) from error
    sync_folder(layout.results)
    return True

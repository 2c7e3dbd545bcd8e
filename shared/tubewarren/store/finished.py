"""Finished videos: where they are, and which sources list them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tubewarren.store.claims import locked
from tubewarren.store.disk import full_disk_named, replace_durably
from tubewarren.store.errors import InvalidVideoIdError, VideoMissingError
from tubewarren.store.layout import MANIFEST, Layout, valid
from tubewarren.store.manifest import Manifest, manifest_in


def find(layout: Layout, video_id: str) -> Manifest | None:
    """The manifest of a finished video, selected or not.

    Raises:
        ManifestUnreadableError: there is a result, and its manifest is damaged.
    """
    place = _place(layout, video_id)
    return place and place[1]


def place_of(layout: Layout, video_id: str) -> tuple[Path, Manifest]:
    """The folder and the manifest of a finished video, at this moment.

    Raises:
        VideoMissingError: it is not finished here.
        ManifestUnreadableError: as for `find`.
    """
    place = _place(layout, video_id)
    if place is None:
        raise VideoMissingError(
            f"no finished result of {video_id} in {layout.results} or {layout.selected}; download it first"
        )
    return place


def add_source(layout: Layout, video_id: str, source_id: str, columns: Mapping[str, str]) -> Manifest:
    """Note that one more source lists a finished video.

    Raises:
        VideoMissingError: it is not finished here.
        DiskFullError: there is no room for the new manifest; the old one stays.
    """
    with locked(layout.turn(video_id), wait=True), full_disk_named(layout.results):
        folder, manifest = place_of(layout, video_id)
        changed = manifest.with_source(source_id, columns)
        if changed != manifest:
            replace_durably(folder / MANIFEST, changed.to_json())
        return changed


def visible_ids(folder: Path) -> Iterator[str]:
    """Each entry of a folder that is named like a video, in order."""
    for name in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        try:
            yield valid(name)
        except InvalidVideoIdError:  # our own staging, or something a person put there
            continue


def _place(layout: Layout, video_id: str) -> tuple[Path, Manifest] | None:
    # A move from selected to results between our two looks would hide it, hence the third.
    for folder in (layout.result(video_id), layout.chosen(video_id), layout.result(video_id)):
        manifest = manifest_in(folder)
        if manifest is not None:
            return folder, manifest
    return None

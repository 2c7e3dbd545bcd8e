"""Verification: is a result still what its manifest says?"""

import os
from dataclasses import dataclass

from tubewarren.store.claims import locked
from tubewarren.store.disk import digest
from tubewarren.store.finished import place_of
from tubewarren.store.layout import Layout
from tubewarren.store.manifest import PublishedFile


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; names of files.

    Attributes:
        damaged: are there with another size or checksum.
        missing: are in the manifest and not in the folder.
    """

    video_id: str
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Every file is there, byte for byte."""
        return not self.damaged and not self.missing


def verify(layout: Layout, video_id: str) -> Verification:
    """Read every file of a result again.

    Raises:
        VideoMissingError: the video is not finished here.
        ManifestUnreadableError: its manifest is damaged.
    """
    with locked(layout.turn(video_id), wait=True):
        folder, manifest = place_of(layout, video_id)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    # Files are opened relative to the folder itself: reading them takes long, and it may be moved meanwhile.
    try:
        findings = [(file.name, _is_as_described(descriptor, file)) for file in manifest.files]
    finally:
        os.close(descriptor)
    return Verification(
        video_id,
        damaged=tuple(name for name, finding in findings if finding is False),
        missing=tuple(name for name, finding in findings if finding is None),
    )


def _is_as_described(folder: int, file: PublishedFile) -> bool | None:
    """None where there is no such file."""
    try:
        descriptor = os.open(file.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return digest(stream) == (file.size_bytes, file.sha256)

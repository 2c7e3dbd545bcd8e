"""The store: finished videos on this machine, and the staging where they come about."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tubewarren.store import finished, fitness, moves, publishing, verification
from tubewarren.store.claims import Staging, claimed, sweep
from tubewarren.store.layout import Layout
from tubewarren.store.manifest import Draft, Manifest
from tubewarren.store.moves import Moves
from tubewarren.store.publishing import Checkpoint, Step
from tubewarren.store.verification import Verification


def _no_checkpoint(step: Step) -> None:
    del step


class Store:
    """Two folders on one filesystem, shared by any number of processes and threads.

    Every method blocks on the disk; from an event loop, call it in a thread. Every method that takes a video id
    raises InvalidVideoIdError for one that cannot safely name a folder.

    Args:
        results: where finished videos appear, each in a folder named by its id.
        selected: where selected ones wait for the person.
        checkpoint: called at each step of a publication; for tests.

    Raises:
        StoreUnfitError: the folders cannot serve; the message says why.
        DiskFullError: there is no room for a folder.
    """

    def __init__(self, results: Path, selected: Path, *, checkpoint: Checkpoint = _no_checkpoint) -> None:
        self._layout = Layout(results, selected)
        self._checkpoint = checkpoint
        fitness.prepare(self._layout)
        sweep(self._layout)

    def claim(self, video_id: str) -> AbstractContextManager[Staging]:
        """Hold the claim on a video; what its staging folder holds outlives the claim, until it is published.

        Raises:
            VideoBusyError: on entry, when another worker holds the claim.
            DiskFullError: on entry, when there is no room for a folder.
        """
        return claimed(self._layout, video_id)

    def publish(self, staging: Staging, draft: Draft) -> Manifest:
        """Make a result of the staged files by one rename; temporary and hidden ones are dropped.

        When the video is finished already, by whatever host, ours are discarded, the draft's source is noted unless
        it is known, and the manifest of the first is returned. Hashes in the caller's thread, which takes as long as
        reading the files.

        Raises:
            NothingToPublishError: the files are not there; nothing was changed.
            ResultInTheWayError: a folder that is not a result has the name; the staging stays.
            DiskFullError: the staging stays, and it can be tried again.
            ManifestUnreadableError: there is a result, and its manifest is damaged.
        """
        return publishing.publish(self._layout, staging, draft, self._checkpoint)

    def find(self, video_id: str) -> Manifest | None:
        """The manifest of a finished video, selected or not.

        Raises:
            ManifestUnreadableError: there is a result, and its manifest is damaged.
        """
        return finished.find(self._layout, video_id)

    def folder(self, video_id: str) -> Path:
        """Where a finished video is at this moment.

        Raises:
            VideoMissingError: it is not finished here.
            ManifestUnreadableError: as for `find`.
        """
        return finished.place_of(self._layout, video_id)[0]

    def finished_ids(self) -> Iterator[str]:
        """Every folder named like a video, selected ones last; `find` tells what each is."""
        yield from finished.visible_ids(self._layout.results)
        yield from finished.visible_ids(self._layout.selected)

    def add_source(self, video_id: str, source_id: str, columns: Mapping[str, str]) -> Manifest:
        """Note that one more source lists a finished video; its columns replace earlier ones of that source.

        Raises:
            VideoMissingError: it is not finished here.
            DiskFullError: the old manifest stays.
        """
        return finished.add_source(self._layout, video_id, source_id, columns)

    def verify(self, video_id: str) -> Verification:
        """Read every file of a result again and compare it with the manifest.

        Raises:
            VideoMissingError: it is not finished here.
        """
        return verification.verify(self._layout, video_id)

    def select(self, video_ids: Iterable[str], *, dry_run: bool = False) -> Moves:
        """Move finished videos to the selected ones; can be interrupted at any point and run again.

        Raises:
            InvalidVideoIdError: nothing was moved.
        """
        return moves.select(self._layout, video_ids, dry_run=dry_run)

    def return_all(self, *, dry_run: bool = False) -> Moves:
        """Move all that is selected back; can be interrupted at any point and run again."""
        return moves.return_all(self._layout, dry_run=dry_run)

    def free_bytes(self) -> int:
        """What this process may still write on the store's filesystem."""
        status = os.statvfs(self._layout.results)
        return status.f_bavail * status.f_frsize

"""Claims: one worker at a video at a time, whatever becomes of its process."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tubewarren.store.disk import full_disk_named
from tubewarren.store.errors import VideoBusyError
from tubewarren.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Staging:
    """The right to work on a video, while the claim is held.

    Attributes:
        folder: where to work. What an interrupted attempt left there is still there.
    """

    video_id: str
    folder: Path

    def discard(self) -> None:
        """Empty the folder: partial files are of no use any more."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)


@contextmanager
def claimed(layout: Layout, video_id: str) -> Iterator[Staging]:
    """Hold the claim on a video; the kernel gives it back when the process dies.

    Raises:
        VideoBusyError: another worker holds it.
        InvalidVideoIdError: the id cannot name a folder.
        DiskFullError: there is no room even for a folder.
    """
    work = layout.work(video_id)
    with locked(layout.claim(video_id), wait=False):
        with full_disk_named(layout.results):
            work.mkdir(exist_ok=True)
        try:
            yield Staging(video_id, work)
        finally:
            remove_if_empty(work)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold an exclusive lock on a file that exists only as long as someone holds it.

    Raises:
        VideoBusyError: someone else holds it, and `wait` is false.
        DiskFullError: there is no room for the file.
    """
    with full_disk_named(path.parent):
        descriptor = _locked_descriptor(path, wait=wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock goes: nobody else can hold this name now
        os.close(descriptor)


def sweep(layout: Layout) -> None:
    """Remove lock files that a killed process left."""
    for path in layout.locks.iterdir():
        with suppress(VideoBusyError), locked(path, wait=False):
            pass


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder when nothing is in it; say whether that was so."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _locked_descriptor(path: Path, *, wait: bool) -> int:
    while True:
        # Opened for writing because NFS grants exclusive locks on nothing else; not inherited by children,
        # which could otherwise outlive the claim with it.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise VideoBusyError(f"{path.stem} is being worked on by another worker; try again later") from error
        except BaseException:
            os.close(descriptor)
            raise
        # The holder before us deleted the file between our open and our lock: what we hold means nothing.
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(descriptor))

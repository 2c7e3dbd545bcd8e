"""The folder of a local workbook as the file system sees it: one writer at a time, and errors in words."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.patience import Patience

LOCK_NAME = ".tubewarren.lock"

_ADVICE = {
    errno.EACCES: "let this user read and write the workbook's folder and files",
    errno.EPERM: "let this user read and write the workbook's folder and files",
    errno.EROFS: "its file system is read-only: choose another folder, or mount it writable",
    errno.ENOSPC: "free some space on this disk",
    errno.EDQUOT: "free some space, your quota is used up",
    errno.ENOENT: "bring it back, or start again to have it made anew",
    errno.ENOTDIR: "choose a folder for the workbook, not a file",
    errno.EEXIST: "choose a folder for the workbook, not a file",
}


@contextmanager
def told_in_words(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into the sheet's own error.

    Raises:
        SheetUnavailableError: an operation inside failed.
    """
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        advice = _ADVICE.get(error.errno or 0, "see whether the disk is all right")
        raise SheetUnavailableError(
            f"{path} cannot be used now ({what}): {advice}. Nothing is lost; it is tried again."
        ) from error


@contextmanager
def sole_writer(folder: Path, patience: Patience) -> Iterator[None]:
    """Keep every other writer of ours out, in whichever process; a dead one holds nothing.

    Raises:
        SheetUnavailableError: the folder cannot be written, or another writer does not let go.
    """
    with told_in_words(folder):
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _take(lock, folder, patience)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path, patience: Patience) -> None:
    for _ in patience.tries():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        except OSError as error:
            raise SheetUnavailableError(
                f"{folder} cannot be locked ({error.strerror}): choose a folder on a disk of this machine."
            ) from error
        return
    seconds = patience.limit.total_seconds()
    raise SheetUnavailableError(
        f"Another process has been writing to {folder} for over {seconds:g} s; it is tried again. "
        "If that goes on, look for a process of Tubewarren that hangs."
    )

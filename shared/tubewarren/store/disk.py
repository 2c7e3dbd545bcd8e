"""Bytes that stay: durable writes, checksums, and a full disk called by its name."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tubewarren.store.errors import DiskFullError

_BLOCK_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FOLDERS_CANNOT_BE_SYNCED = frozenset({errno.EINVAL, errno.ENOTSUP})


@contextmanager
def full_disk_named(folder: Path) -> Iterator[None]:
    """Turn the system's words for a full disk into ours.

    Raises:
        DiskFullError: the disk or the quota is exhausted.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFullError(
            f"no room left on the disk of {folder} ({error.strerror}); free some space there and work goes on"
        ) from error


def digest(stream: BinaryIO) -> tuple[int, str]:
    """Size in bytes and SHA-256 of what a stream still holds, in flat memory."""
    checksum = hashlib.sha256()
    size_bytes = 0
    while block := stream.read(_BLOCK_BYTES):
        checksum.update(block)
        size_bytes += len(block)
    return size_bytes, checksum.hexdigest()


def replace_durably(path: Path, text: str) -> None:
    """Give a file a new content, whole or not at all, that survives a power cut."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with fresh.open("x", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where its filesystem can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _FOLDERS_CANNOT_BE_SYNCED:  # some network filesystems
            raise
    finally:
        os.close(descriptor)

"""The exclusive lock on a node's folder, which the system releases even after a kill -9."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Self

from tubewarren.broker.errors import NodeInUseError


class FolderLock:
    """An exclusive lock, held from its making until `release` or the end of this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, *, data_dir: Path) -> Self:
        """Takes the lock and writes this process's id into its file.

        Raises:
            NodeInUseError: somebody else holds it.
        """
        # Not inheritable, as Python opens every file: the server must not go on holding it after us.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise NodeInUseError(data_dir, holder or "unknown") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Gives the lock back; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

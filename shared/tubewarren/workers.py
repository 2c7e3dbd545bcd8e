"""The name of a worker: the same after a restart, unique on its machine."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

_MOST_COPIES = 1000


class WorkerFolderError(Exception):
    """The data folder cannot hold the locks by which copies of a service tell themselves apart."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One running copy of a service.

    Attributes:
        name: such as `box/downloader`, and `box/downloader.2` for the second copy there.
        version: of Tubewarren.
    """

    name: str
    service: str
    host: str
    process_id: int
    version: str = field(default_factory=partial(version, "tubewarren"))


@contextmanager
def worker_identity(data_dir: Path, service: str, host: str | None = None) -> Iterator[Worker]:
    """Take the lowest free number among this machine's copies of a service, for as long as the process lives.

    The kernel frees the number when the process dies, however it dies, so a restart gets its old name back.

    Raises:
        WorkerFolderError: the data folder is not writable.
    """
    host = host or socket.gethostname()
    folder = data_dir / "workers"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number, descriptor = _take_number(folder, service)
    except OSError as error:
        raise WorkerFolderError(
            f"{folder}: {error.strerror}. Choose a writable data folder with --data-dir or TUBEWARREN_DATA_DIR."
        ) from error
    try:
        suffix = "" if number == 1 else f".{number}"
        yield Worker(f"{host}/{service}{suffix}", service, host, os.getpid())
    finally:
        os.close(descriptor)


def _take_number(folder: Path, service: str) -> tuple[int, int]:
    for number in range(1, _MOST_COPIES + 1):
        descriptor = os.open(folder / f"{service}.{number}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return number, descriptor
    raise BlockingIOError(0, f"{_MOST_COPIES} copies of {service} are running here already")

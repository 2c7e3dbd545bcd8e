"""The known workers in a small file, so that those who fall silent while the monitor restarts are noticed."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from tubewarren_services.heartbeat_monitor.handler import KnownWorker

_FORM: Final = TypeAdapter(tuple[KnownWorker, ...])

log = structlog.stdlib.get_logger(__name__)


class FleetFile:
    """The file; losing it costs only the memory of workers that never beat again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, KnownWorker]:
        """The workers by name; none when there is no file, or when it is damaged, which is logged.

        They come back as not told of yet: their first beat is news again.
        """
        try:
            workers = _FORM.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            log.warning("the file of known workers cannot be read; starting without", path=str(self._path), error=error)
            return {}
        return {worker.name: replace(worker, told_at=None) for worker in workers}

    def save(self, workers: Mapping[str, KnownWorker]) -> None:
        """Put these in the file's place, whole or not at all.

        Raises:
            OSError: the file cannot be written; the one before is still there.
        """
        new = self._path.with_name(f".{self._path.name}.new")
        with new.open("wb") as file:
            file.write(_FORM.dump_json(tuple(workers.values()), indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

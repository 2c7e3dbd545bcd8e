"""What the monitor must remember across its restarts, in small files."""

import os
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)


class StateFile(Generic[T]):
    """One state in one file.

    Args:
        form: how the state is written.
        what: the state in words, for the log.
    """

    def __init__(self, path: Path, form: TypeAdapter[T], what: str) -> None:
        self._path = path
        self._form = form
        self._what = what

    def load(self) -> T | None:
        """The state; None when there is no file, or when it is damaged, which is logged."""
        try:
            return self._form.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            log.warning("a file cannot be read; starting without", holds=self._what, path=str(self._path), error=error)
            return None

    def save(self, state: T) -> None:
        """Put this in the file's place, whole or not at all.

        Raises:
            OSError: the file cannot be written; the one before is still there.
        """
        new = self._path.with_name(f".{self._path.name}.new")
        with new.open("wb") as file:
            file.write(self._form.dump_json(state, indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

"""The highest number ever given to a source, kept beyond restarts and deleted rows."""

from collections.abc import Iterable
from pathlib import Path

_LONGEST_COUNT = 15
"""Digits; longer ones are somebody's own numbering, from which nobody goes on."""


class NumberFile:
    """Remembers the highest source number; a lost file only means that a deleted source's number may be reused."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def highest(self) -> str:
        """The number as an id; `0` when none was ever given."""
        try:
            text = self._path.read_text().strip()
        except OSError:
            return "0"
        return text if _is_count(text) else "0"

    def note(self, ids: Iterable[str]) -> None:
        """Remember ids that are in use, whoever gave them."""
        highest = max((int(each) for each in ids if _is_count(each)), default=0)
        if highest <= int(self.highest()):
            return
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(f"{highest}\n")
        temporary.replace(self._path)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT

"""The highest number ever given to a source, kept beyond restarts and deleted rows."""

from collections.abc import Iterable
from pathlib import Path


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
        return text if text.isdigit() else "0"

    def note(self, ids: Iterable[str]) -> None:
        """Remember ids that were just given."""
        highest = max((int(each) for each in ids if each.isdigit()), default=0)
        if highest <= int(self.highest()):
            return
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(f"{highest}\n")
        temporary.replace(self._path)

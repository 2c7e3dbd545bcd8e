"""The part of a server's log that says why it did not start."""

from pathlib import Path
from typing import Final

_LINES_SHOWN: Final = 12
_TAIL_BYTES: Final = 65_536


def telling_end(path: Path, offset: int) -> list[str]:
    """The telling lines of what was written to a log after this offset; none when nothing was."""
    size = size_bytes(path)
    if size <= offset:
        return []
    with path.open("rb") as file:
        file.seek(max(offset, size - _TAIL_BYTES))
        return telling_lines(file.read().decode(errors="replace"))


def telling_lines(log: str) -> list[str]:
    """The few lines that say why a start failed: from the verdict on, or else the last ones."""
    lines = [line for line in log.splitlines() if line.strip()]
    verdict = next((number for number, line in enumerate(lines) if line.endswith("BOOT FAILED")), None)
    return lines[-_LINES_SHOWN:] if verdict is None else lines[verdict : verdict + _LINES_SHOWN]


def size_bytes(path: Path) -> int:
    """How long a file is; 0 when there is none."""
    return path.stat().st_size if path.exists() else 0

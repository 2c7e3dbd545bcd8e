"""The layout: which path belongs to which video."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tubewarren.store.errors import InvalidVideoIdError

MANIFEST = "manifest.json"

_MAX_CHARACTERS = 150
_MAX_BYTES = 240  # a name may have 255, and lock files add a suffix


# The first that applies is told; lone surrogates cannot be printed, so what is counted in bytes can be encoded.
_PROBLEMS: dict[str, Callable[[str], bool]] = {
    "is empty": lambda video_id: not video_id.strip(),
    f"is longer than {_MAX_CHARACTERS} characters": lambda video_id: len(video_id) > _MAX_CHARACTERS,
    "starts with a dot": lambda video_id: video_id.startswith("."),
    "contains a path separator": lambda video_id: "/" in video_id or "\\" in video_id,
    "contains a character that cannot be printed": lambda video_id: not video_id.isprintable(),
    f"is longer than {_MAX_BYTES} bytes": lambda video_id: len(video_id.encode()) > _MAX_BYTES,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a store; every one made from a video id goes through `valid`."""

    results: Path
    selected: Path

    @property
    def staging(self) -> Path:
        """Where work happens, inside the results: a rename out of it stays on one filesystem."""
        return self.results / ".staging"

    @property
    def locks(self) -> Path:
        """Lock files; the leading dot keeps them apart from every video."""
        return self.staging / ".locks"

    def result(self, video_id: str) -> Path:
        """Where a finished video is."""
        return self.results / valid(video_id)

    def chosen(self, video_id: str) -> Path:
        """Where a finished video is while it is selected."""
        return self.selected / valid(video_id)

    def work(self, video_id: str) -> Path:
        """Where a video is worked on."""
        return self.staging / valid(video_id)

    def claim(self, video_id: str) -> Path:
        """The lock of whoever works on a video."""
        return self.locks / f"{valid(video_id)}.claim"

    def turn(self, video_id: str) -> Path:
        """The lock of whoever changes a finished video; held for moments."""
        return self.locks / f"{valid(video_id)}.turn"


def valid(video_id: str) -> str:
    """The id itself, when it can safely name a folder.

    Raises:
        InvalidVideoIdError: it cannot.
    """
    problem = _problem(video_id)
    if problem is not None:
        raise InvalidVideoIdError(
            f"video id {video_id[:200]!r} cannot name a result folder: it {problem}; check the source's listing"
        )
    return video_id


def _problem(video_id: str) -> str | None:
    return next((words for words, applies in _PROBLEMS.items() if applies(video_id)), None)

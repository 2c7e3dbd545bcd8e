"""What can be found in a sheet of the older coordinator, and by what it is judged."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique

from tubewarren.sheets.patch import Patch
from tubewarren.sheets.reconcile import Key
from tubewarren.sheets.tabs import Tab


@unique
class Kind(StrEnum):
    """What can be found."""

    SOURCE_LEFT = "source-left"
    """A source that a worker claimed which is gone."""
    SOURCE_WITHOUT_ID = "source-without-id"
    SOURCE_ID_TWICE = "source-id-twice"
    """Another source has its ID."""
    SOURCE_TWICE = "source-twice"
    """The same source again."""
    SOURCE_TWICE_DIFFERING = "source-twice-differing"
    """The same source again, described otherwise: a person has to choose."""
    VIDEO_LEFT = "video-left"
    """A video that waits, or that a worker claimed which is gone."""
    VIDEO_WITHOUT_ID = "video-without-id"
    VIDEO_ID_A_NUMBER = "video-id-a-number"
    """The spreadsheet took the ID for a number: 42 instead of 00000000042."""
    VIDEO_TWICE = "video-twice"
    HEALTHY_VIDEO = "healthy-video"
    """A video that was declared dead for something that passes."""
    HEALTHY_DEAD_LETTER = "healthy-dead-letter"
    """Its row among the dead."""
    WORKER_LEFT = "worker-left"


@dataclass(frozen=True, slots=True)
class Found:
    """One row that something is wrong with.

    Attributes:
        what: the row, as a person knows it.
        detail: what it says of itself, or what it gets.
    """

    kind: Kind
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was found in a tab, and what puts it right; an `Edit`."""

    patch: Patch = field(default_factory=Patch)
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """By what the tabs are judged.

    Attributes:
        now: the present.
        is_healthy: whether the words of a failure say that the video may be had all the same.
        video_id: the id of the video at this address; None when there is none to be seen.
        kept: rows by tab that our own fleet keeps already, and that are none of the older coordinator's any more.
        taken_ids: ids of sources that may not be given again although no row has them.
    """

    now: datetime
    is_healthy: Callable[[str], bool]
    video_id: Callable[[str], str | None]
    kept: Mapping[Tab, Collection[Key]] = field(default_factory=dict)
    taken_ids: Collection[str] = ()

    def keeps(self, tab: Tab, key: Key) -> bool:
        """Whether our fleet keeps this row."""
        return key in self.kept.get(tab, ())

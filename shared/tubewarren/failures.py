"""What went wrong with one piece of work: a class that decides what happens next, and a reason for a person."""

from enum import StrEnum, unique
from typing import Self

from pydantic import BaseModel, ConfigDict


@unique
class FailureKind(StrEnum):
    """What a failure means, not what it looks like; the action follows from it alone."""

    TRANSIENT = "transient"
    """The network or the far server had a bad moment: try again."""
    BLOCKED = "blocked"
    """This worker is refused, not the video: rate limit, bot check."""
    NOT_YET = "not-yet"
    """A premiere, an upcoming or running live stream, a video still being processed."""
    GATED = "gated"
    """Needs something this worker lacks: membership, age check, payment, another country."""
    GONE = "gone"
    """Private, removed, terminated: it will not come back by waiting."""
    BAD_INPUT = "bad-input"
    """What the person wrote cannot be worked on: not a URL, a host that is not allowed, nothing in the list."""
    EXTRACTOR = "extractor"
    """yt-dlp no longer understands the site."""
    UNFIT = "unfit"
    """This machine cannot work now: disk full, ffmpeg missing."""
    POISON = "poison"
    """Kills the process that touches it, or cannot be read at all."""
    UNKNOWN = "unknown"
    """Nothing we know."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        # A newer worker may name a class that we have never heard of; its message must stay readable.
        del value
        return cls(cls.UNKNOWN)


class Failure(BaseModel):
    """A classified failure.

    Attributes:
        kind: decides the action.
        reason: one sentence that a person can act on.
        detail: the raw words that were classified, cut to a sane length; may be empty.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: FailureKind
    reason: str
    detail: str = ""

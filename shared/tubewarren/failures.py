"""What went wrong with one piece of work: a class that decides what happens next, and a reason for a person."""

import re
from datetime import UTC
from enum import StrEnum, unique
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
)

_LONGEST_SIGNATURE = 100
# Everything that differs from one video to the next, in this order: a quotation may hold all the others.
_PARTICULARS = (
    re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|(?<!\w)'[^']*'(?!\w)"),
    re.compile(r"\S*/\S*"),
    re.compile(r"(?<![\w-])[\w-]{11}(?![\w-])"),
    re.compile(r"[\w-]*\d[\w-]*"),
)


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
    SUSPECT = "suspect"
    """The video may be gone, or this may be only what this egress is shown: believed after a second opinion."""
    BAD_INPUT = "bad-input"
    """What the person wrote cannot be worked on: not a URL, a host that is not allowed, nothing in the list."""
    CANCELLED = "cancelled"
    """A person wants it no more."""
    FILTERED = "filtered"
    """The filter of its source or preset leaves it out: no failure, and nothing is to be done about it."""
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
        rule: the short, stable name of what recognised it; empty when nothing did.
        release_at: when the work can be done, if that is known; may be past by now.
        countries: where the video may be seen, when the site says so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: FailureKind
    reason: str
    detail: str = ""
    rule: str = ""
    release_at: Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))] | None = None
    countries: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The same trouble on different videos has the same: the rule, or the words without ids, numbers and names."""
        return self.rule or f"{self.kind}: {_without_particulars(self.detail or self.reason)}"

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_known(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Nearly all failures have nothing here, and they travel in many messages.
        optional = {"rule", "release_at", "countries"}
        return {name: value for name, value in serialize(self).items() if value or name not in optional}


def _without_particulars(words: str) -> str:
    text = words.replace("\u2019", "'")
    for particular in _PARTICULARS:
        text = particular.sub("#", text)
    return " ".join(text.lower().split())[:_LONGEST_SIGNATURE].strip()

"""Commands: orders that make work happen."""

from functools import partial
from operator import eq, not_
from typing import ClassVar, Final, Literal

from pydantic import AwareDatetime, Field

from tubewarren.messages.base import Command, Later

_FIRST: Final = 1
_is_first = partial(eq, _FIRST)


class AddSource(Command):
    """Put one more source on the person's list."""

    type: ClassVar[str] = "source.add.v1"

    url: str
    columns: dict[str, str] = Field(default_factory=dict)
    priority: int = Field(default=5, ge=1, le=10)

    @property
    def key(self) -> str:  # noqa: D102 - as in Message
        return self.url


RefreshKind = Literal["", "news", "all"]
"""What is asked of a source that was listed before: only what is new in it; or all of it once more, which tells, too,
what is gone. Empty: it is not a refresh."""


class ExpandSource(Command):
    """List the videos of one source and order each of them; `preset` as in `DownloadVideo`.

    Attributes:
        refresh: of a source that was listed before, only what is not known yet is ordered.
        channel_id: the channel that it was found to be; empty while that is unknown, and for what is no channel.
        bumped_at: as in `DownloadVideo`.
    """

    type: ClassVar[str] = "source.expand.v1"

    source_id: str
    url: str
    columns: dict[str, str] = Field(default_factory=dict)
    priority: int = Field(default=5, ge=1, le=10)
    preset: Later = ""
    refresh: RefreshKind = Field(default="", exclude_if=not_)
    channel_id: Later = ""
    bumped_at: AwareDatetime | None = Field(default=None, exclude_if=not_)

    @property
    def key(self) -> str:  # noqa: D102 - as in Message
        return self.source_id


class DownloadVideo(Command):
    """Turn one video into files.

    Attributes:
        video_id: YouTube's id, or one derived from site and address elsewhere; the name of the result folder.
        columns: the source's columns, by their header, as the person wrote them.
        priority: 1 is served first, 10 last.
        preset: the name of settings of the downloader's that are used for it; empty for the usual ones.
        not_before: it starts no earlier: its source has so many a day. None for at once.
        place: which of its source's orders it is; the first of all when nobody counted.
        bumped_at: of a copy that was sent ahead of the order that waits, when that was; None for any other.
    """

    type: ClassVar[str] = "video.download.v1"

    video_id: str
    url: str
    source_id: str
    title: str = ""
    duration_seconds: float | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    priority: int = Field(default=5, ge=1, le=10)
    preset: Later = ""
    not_before: AwareDatetime | None = Field(default=None, exclude_if=not_)
    place: int = Field(default=_FIRST, ge=_FIRST, exclude_if=_is_first)
    bumped_at: AwareDatetime | None = Field(default=None, exclude_if=not_)

    @property
    def key(self) -> str:  # noqa: D102 - as in Message
        return f"{self.source_id}/{self.video_id}"


class SelectResults(Command):
    """Move the finished videos of some sources to `selected`.

    Attributes:
        keep_selected: what was selected before stays; otherwise it is returned first.
    """

    type: ClassVar[str] = "results.select.v1"

    source_ids: tuple[str, ...]
    keep_selected: bool = False
    dry_run: bool = False


class ReturnResults(Command):
    """Move everything in `selected` back to the results."""

    type: ClassVar[str] = "results.return.v1"

    dry_run: bool = False


LedgerTopic = Literal["summary", "sources", "tasks", "results", "workers", "burials", "attempts", "known", "bumped"]


class QueryLedger(Command):
    """Ask the ledger; every results-manager answers for itself.

    Attributes:
        status: only rows in this state, when given.
        limit: at most so many rows.
        video_id: only rows of videos whose id begins so, when given; first those of which it is the whole id. When it
            is not given it stays off the wire, as before there was such a field.
    """

    type: ClassVar[str] = "ledger.query.v1"

    topic: LedgerTopic
    status: str | None = None
    source_id: str | None = None
    limit: int = Field(default=1000, ge=1, le=100_000)
    video_id: str | None = Field(default=None, exclude_if=not_)

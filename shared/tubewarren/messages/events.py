"""Events: history that makes work visible."""

from enum import StrEnum, unique
from operator import not_
from typing import ClassVar, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tubewarren.failures import Failure
from tubewarren.messages.base import Event, Later


@unique
class Verdict(StrEnum):
    """What settlement decided about a failed attempt."""

    RETRY = "retry"
    """It comes back at `next_at`, one attempt poorer."""
    REFUND = "refund"
    """It comes back and the attempt was not charged."""
    PARK = "park"
    """It waits until `next_at`, not charged."""
    BURY = "bury"
    """It lies in the dead queue until a person redrives or purges it."""


class SourceAccepted(Event):
    """The ingestor took a source from the list and ordered its expansion."""

    type: ClassVar[str] = "source.accepted.v1"

    source_id: str
    url: str
    columns: dict[str, str] = Field(default_factory=dict)
    priority: int = 5
    preset: Later = ""
    worker: Later = ""


@unique
class Taken(StrEnum):
    """What a person wrote into a row of the list about a source that was accepted before."""

    RETRY = "retry"
    """All that is dead of it goes back to work."""
    CANCEL = "cancel"
    """Nothing more of it starts."""
    EXPAND_AGAIN = "expand again"
    PENDING = "pending"
    """Status set back: tried again and listed again."""
    PAUSED = "paused"
    RESUMED = "resumed"
    EDITED = "edited"
    """What the row says counts for all that is ordered from then on."""


class SourceTaken(Event):
    """The ingestor has carried out what a person wrote into a row.

    Attributes:
        url: and `columns`, `priority` and `preset`: what the row says now.
    """

    type: ClassVar[str] = "source.taken.v1"

    source_id: str
    worker: str
    what: Taken
    url: str = ""
    columns: dict[str, str] = Field(default_factory=dict)
    priority: int = 5
    preset: str = ""


class SourceNoted(Event):
    """Something in the row of a source cannot be taken as it is written; its work goes on as before.

    Attributes:
        note: what is wrong and what to do; empty when nothing is any more.
    """

    type: ClassVar[str] = "source.noted.v1"

    source_id: str
    note: str


class SourceRefused(Event):
    """A row of the list cannot be worked on; the row is told why."""

    type: ClassVar[str] = "source.refused.v1"

    source_id: str
    url: str
    failure: Failure


class ListedVideo(BaseModel):
    """One entry of a source's listing; `not_before` as in `DownloadVideo`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    video_id: str
    url: str
    title: str = ""
    duration_seconds: float | None = None
    not_before: AwareDatetime | None = Field(default=None, exclude_if=not_)


class VideosQueued(Event):
    """One page of a source's listing is about to be ordered."""

    type: ClassVar[str] = "videos.queued.v1"

    source_id: str
    videos: tuple[ListedVideo, ...]


class SourceExpanded(Event):
    """A source was listed to its end.

    Attributes:
        videos: how many distinct videos it has.
        refused: how many entries were left out, with the reasons in `notes`.
        egress: as in `VideoClaimed`.
        channel_id: the channel that it was found to be; empty for what is no channel.
    """

    type: ClassVar[str] = "source.expanded.v1"

    source_id: str
    videos: int
    refused: int = 0
    notes: tuple[str, ...] = ()
    worker: Later = ""
    egress: Later = ""
    channel_id: Later = ""


class SourceRefreshed(Event):
    """A source that was listed before was looked through for what is new.

    Attributes:
        fresh: how many videos were new, and ordered.
        is_whole: it was listed to its end.
        problem: why it could not be looked through, or not to the end; the next refresh tries again.
        refused: and `notes`: as in `SourceExpanded`.
        channel_id: as in `SourceExpanded`.
    """

    type: ClassVar[str] = "source.refreshed.v1"

    source_id: str
    fresh: int = 0
    is_whole: bool = False
    problem: str = ""
    refused: int = 0
    notes: tuple[str, ...] = ()
    channel_id: str = ""
    worker: str
    egress: str = ""


class VideosUnlisted(Event):
    """Videos are not in the list of their source any more, or are in it again; what was fetched of them is kept."""

    type: ClassVar[str] = "videos.unlisted.v1"

    source_id: str
    gone: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


class SourceFailed(Event):
    """One attempt at listing a source failed; `egress` as in `VideoClaimed`."""

    type: ClassVar[str] = "source.failed.v1"

    source_id: str
    attempt: int
    verdict: Verdict
    failure: Failure
    next_at: AwareDatetime | None = None
    worker: Later = ""
    egress: Later = ""


@unique
class SourceState(StrEnum):
    """How far a source is, as the ledger sees it."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    DONE = "done"
    """Listed, and every video of it has ended, well or badly."""
    ERROR = "error"
    """It could not be listed, or the row could not be read."""


class SourceProgress(Event):
    """The counts of one source changed; they are absolute, so the newest is the truth.

    Attributes:
        filtered: how many ended because the filter leaves them out; in none of the other counts but `videos`.
        finish_at: when it will be done if it goes on as fast as until now; None when there is nothing to go by.
    """

    type: ClassVar[str] = "source.progress.v1"

    source_id: str
    state: SourceState
    videos: int
    done: int
    failed: int
    finish_at: AwareDatetime | None = Field(default=None, exclude_if=not_)
    filtered: int = Field(default=0, exclude_if=not_)


class VideoClaimed(Event):
    """A worker started on a video.

    Attributes:
        egress: by which way out, an address and a cookie jar; empty when it does not say.
    """

    type: ClassVar[str] = "video.claimed.v1"

    video_id: str
    source_id: str
    worker: str
    attempt: int
    egress: Later = ""


class VideoProgress(Event):
    """How far a running download is; throttled, and never needed for the truth."""

    type: ClassVar[str] = "video.progress.v1"

    video_id: str
    source_id: str
    worker: str
    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None
    speed_bytes_per_second: float | None = None
    eta_seconds: float | None = None


class VideoDownloaded(Event):
    """The files of a video are in place.

    Attributes:
        storage: the name of the store that holds them.
        already_present: they were there before; this delivery found them.
    """

    type: ClassVar[str] = "video.downloaded.v1"

    video_id: str
    source_id: str
    worker: str
    attempt: int
    storage: str
    size_bytes: int
    sha256: str
    seconds: float
    already_present: bool = False
    egress: Later = ""


class VideoFailed(Event):
    """One attempt at a video failed; or it was seen that the filter leaves it out.

    The latter has the verdict `bury` and a failure of the kind `filtered`, and nothing of it lies in a dead queue.
    """

    type: ClassVar[str] = "video.failed.v1"

    video_id: str
    source_id: str
    worker: str
    attempt: int
    verdict: Verdict
    failure: Failure
    next_at: AwareDatetime | None = None
    egress: Later = ""


class MessageBuried(Event):
    """A message went to a dead queue: the reason for what lies there.

    Attributes:
        queue: the work queue it came from.
        buried_id: the AMQP message id, or a digest of the body for a stranger's message without one.
        message_type: as the message named itself; may be empty or unknown.
    """

    type: ClassVar[str] = "message.buried.v1"

    queue: str
    buried_id: str
    message_type: str
    attempt: int
    failure: Failure


@unique
class Fate(StrEnum):
    """What a person did with a given-up message."""

    REDRIVEN = "redriven"
    """It went back to work."""
    PURGED = "purged"
    """It was dropped for ever, or is about to be."""


class DeadSettled(Event):
    """A given-up message no longer lies in its dead queue.

    Attributes:
        queue: the work queue it came from.
        buried_id: as in `MessageBuried`.
        message_type: as the message named itself; may be empty or unknown.
        source_id: empty when it does not name one, and so is `video_id`.
    """

    type: ClassVar[str] = "dead.settled.v1"

    queue: str
    buried_id: str
    message_type: str
    fate: Fate
    source_id: str = ""
    video_id: str = ""


class ResultsMoved(Event):
    """What a storage did for a select or a return."""

    type: ClassVar[str] = "results.moved.v1"

    storage: str
    selected: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    dry_run: bool = False


class LedgerAnswered(Event):
    """The rows that a ledger query asked for; values are JSON's own types."""

    type: ClassVar[str] = "ledger.answered.v1"

    storage: str
    rows: tuple[dict[str, str | int | float | bool | None], ...] = ()
    truncated: bool = False


@unique
class WorkerState(StrEnum):
    """What a service says of itself in a beat."""

    STARTING = "starting"
    ACTIVE = "active"
    DRAINING = "draining"
    STOPPED = "stopped"
    UNFIT = "unfit"


DEAD_COOKIE_JARS: Final = "dead_cookie_jars"
"""The fact by which a worker names the cookie jars whose account the site has signed out, with `/` between them."""


class WorkerBeat(Event):
    """A service is alive.

    Attributes:
        worker: its name, the same after a restart, unique in the fleet.
        doing: a few words for a person; empty when idle.
        in_hand: deliveries claimed and not yet settled.
        settled: deliveries settled since start.
        facts: what only this kind of service has to say, such as the version of yt-dlp.
    """

    type: ClassVar[str] = "worker.beat.v1"

    worker: str
    service: str
    host: str
    process_id: int
    state: WorkerState
    doing: str = ""
    in_hand: int = 0
    settled: int = 0
    version: str = ""
    facts: dict[str, str | int | float | bool] = Field(default_factory=dict)


@unique
class WorkerHealth(StrEnum):
    """What the heartbeat-monitor makes of a worker's beats."""

    ACTIVE = "active"
    STALE = "stale"
    """Silent for a few beats."""
    LOST = "lost"
    """Silent for so long that its claims went elsewhere."""
    STOPPED = "stopped"
    """It said goodbye."""
    UNFIT = "unfit"
    """It beats, but cannot work; `doing` says why."""


class WorkerChanged(Event):
    """A worker's health or occupation, as the monitor sees it."""

    type: ClassVar[str] = "worker.changed.v1"

    worker: str
    service: str
    host: str
    health: WorkerHealth
    last_seen: AwareDatetime
    doing: str = ""
    returned: bool = False


class Gate(BaseModel):
    """One thing that holds work back: a pause, an egress that sleeps, a breaker that is open.

    Attributes:
        kind: which of these, in a word.
        name: what is held back, such as the name of an egress.
        advice: what a person could do; empty when waiting is all.
        until: when it opens by itself, if that is known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    name: str
    reason: str
    advice: str = ""
    since: AwareDatetime
    until: AwareDatetime | None = None


class FleetGates(Event):
    """Everything that holds work back now; absolute, so the newest is the truth."""

    type: ClassVar[str] = "fleet.gates.v1"

    gates: tuple[Gate, ...]

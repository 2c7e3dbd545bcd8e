"""What parent and child say to each other: orders and reports over a private socket, one JSON object a line."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tubewarren.failures import Failure
from tubewarren.youtube.addresses import YOUTUBE_HOSTS
from tubewarren.youtube.filters import EVERYTHING, Filter
from tubewarren.youtube.job import LiveStreams
from tubewarren.youtube.processor import DEFAULT_PROCESSOR
from tubewarren.youtube.rules import NO_USER_RULES, UserRules


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchOrder(_Line):
    """Work on one video.

    Attributes:
        folder: where the results go; partial files of an attempt before are taken up.
        columns: of the video's source, by header.
        processor: what to do; downloads with yt-dlp by default.
        options: of yt-dlp, by the names its library knows.
        deadline: the longest the whole job may take.
        no_progress: the longest it may go without a new phase, more bytes, or a growing folder.
        live: what to do with a stream that is still running.
        rules: what a person adds to the rules that say what a failure means.
        media: whether there must be picture or sound.
        wanted: what the video must be like; it fails as filtered otherwise.
    """

    order: Literal["fetch"] = "fetch"
    id: str
    url: str
    folder: Path
    title: str = ""
    source_id: str = ""
    attempt: int = 1
    columns: dict[str, str] = {}
    processor: str = DEFAULT_PROCESSOR
    options: dict[str, Any] = {}
    deadline: timedelta = timedelta(hours=6)
    no_progress: timedelta = timedelta(minutes=3)
    live: LiveStreams = "wait"
    rules: UserRules = NO_USER_RULES
    media: bool = True
    wanted: Filter = EVERYTHING


class ListOrder(_Line):
    """List the videos of a source.

    Attributes:
        allowed_hosts: entries and nested lists elsewhere are left out; see `addresses.check_address`.
        options: of yt-dlp, by the names its library knows.
        page_size: entries a page; the child waits until each is asked for.
        deadline: the longest that listing may take, without the time its reader takes.
        no_progress: the longest that one page may take.
        rules: what a person adds to the rules that say what a failure means.
        is_for_news: only what is new is wanted: see `news`, where `known`, `channel_id` and `wanted` are explained.
    """

    order: Literal["list"] = "list"
    url: str
    allowed_hosts: frozenset[str] = YOUTUBE_HOSTS
    options: dict[str, Any] = {}
    page_size: int = Field(default=100, ge=1)
    deadline: timedelta = timedelta(hours=2)
    no_progress: timedelta = timedelta(minutes=3)
    rules: UserRules = NO_USER_RULES
    is_for_news: bool = False
    known: frozenset[str] = frozenset()
    channel_id: str = ""
    wanted: Filter = EVERYTHING


class CheckOptions(_Line):
    """Look whether yt-dlp takes what a person set for it; see `preset_check`."""

    order: Literal["check-options"] = "check-options"
    options: dict[str, Any] = {}
    presets: dict[str, dict[str, Any]] = {}


class CheckIdentity(_Line):
    """Look whether yt-dlp can pass for whom these options say; see `identity_check`."""

    order: Literal["check-identity"] = "check-identity"
    options: dict[str, Any] = {}


class More(_Line):
    """The page was taken; go on."""

    order: Literal["more"] = "more"


class Stop(_Line):
    """The page was taken, and no more is wanted; nothing is answered."""

    order: Literal["stop"] = "stop"


class Entry(_Line):
    """One video of a list.

    Attributes:
        key: names the video's folder; the same for every way to the video.
        tab: of the channel that was listed, as its address names it: `videos`, `shorts`, `streams`; empty elsewhere.
        channel_id: the channel that was listed, or whose uploads were. Two sources with one id are the same channel
            written in two ways. Empty for a playlist.
    """

    key: str
    url: str
    title: str = ""
    duration_seconds: float | None = None
    tab: str = ""
    channel_id: str = ""


class Reached(_Line):
    """Progress of a fetch; see `job.Progress`."""

    report: Literal["reached"] = "reached"
    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None
    speed_bytes_per_second: float | None = None
    eta_seconds: float | None = None
    part: str = ""


class Page(_Line):
    """A piece of a list.

    Attributes:
        left_out: entries since the page before that cannot be ordered, with the reason of each.
        last: the list ends here.
    """

    report: Literal["page"] = "page"
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()
    last: bool = False


class FetchResult(_Line):
    """A finished job.

    Attributes:
        files: relative to the folder, in order of name.
        title: and `extractor` and `format`: of what was downloaded; empty when the processor left no info.json.
    """

    report: Literal["fetched"] = "fetched"
    files: tuple[Path, ...]
    title: str = ""
    extractor: str = ""
    format: str = ""
    seconds: float = 0.0


class Checked(_Line):
    """What was to be looked at can be used."""

    report: Literal["checked"] = "checked"


class Failed(_Line):
    """The order failed; the child is fit for the next."""

    report: Literal["failed"] = "failed"
    failure: Failure


Job = FetchOrder | ListOrder | CheckOptions | CheckIdentity
"""What a child works on, one at a time."""
Order = Job | More | Stop
Report = Reached | Page | FetchResult | Checked | Failed

ORDERS: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="order")])
REPORTS: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="report")])

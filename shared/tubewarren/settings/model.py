"""What can be set. Names here are the names in the file, in the environment and in error messages."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tubewarren.settings.durations import Duration
from tubewarren.topology import DEFAULT_LADDER

YOUTUBE_HOSTS = (
    "youtube.com",
    "www.youtube.com",
    "m.youtube.com",
    "music.youtube.com",
    "youtu.be",
    "www.youtube-nocookie.com",
)


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(_split)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SheetSettings(_Part):
    """The list that a person keeps.

    Attributes:
        workbook: the folder of CSV files.
        poll: how often the list is looked at.
        flush: how long status changes are gathered before they are written.
    """

    workbook: Path = Path("workbook")
    poll: Duration = timedelta(seconds=2)
    flush: Duration = timedelta(seconds=1)


class StoreSettings(_Part):
    """Where results live.

    Attributes:
        name: machines that share the results folder share this name.
        selected: where `svc results select` moves things; on the same filesystem as the results.
        ledger: a database URL; None is an SQLite file in the data folder.
    """

    name: str = Field(default="main", pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    results: Path = Path("results")
    selected: Path = Path("selected")
    ledger: SecretStr | None = None


class DownloaderSettings(_Part):
    """How videos are turned into files.

    Attributes:
        concurrency: videos at a time in one downloader; each has a process of its own.
        deadline: a download that takes longer is ended and retried.
        no_progress: a download that gains no byte for so long is ended and retried.
        processor: what to do with a video: empty for yt-dlp, else `package.module:function` or the name of an
            entry point in the group `tubewarren.processors`.
        jobs_per_process: a process is replaced after so many, which bounds what it may leak.
    """

    concurrency: int = Field(default=2, ge=1, le=64)
    deadline: Duration = timedelta(hours=6)
    no_progress: Duration = timedelta(minutes=2)
    processor: str = ""
    jobs_per_process: int = Field(default=200, ge=1)


class YoutubeSettings(_Part):
    """What yt-dlp is told.

    Attributes:
        allowed_hosts: hosts that sources and videos may be on; `*` allows every public one. Private addresses must
            be named one by one.
        options: further options of yt-dlp's own, by the names that it uses as a library.
        page: entries that are listed before their downloads are ordered.
    """

    allowed_hosts: Words = YOUTUBE_HOSTS
    options: Mapping[str, object] = Field(default_factory=dict)
    page: int = Field(default=50, ge=1, le=1000)
    listing_deadline: Duration = timedelta(hours=6)
    listing_no_progress: Duration = timedelta(minutes=2)


class HeartbeatSettings(_Part):
    """How the fleet's health is told; each is longer than the one before."""

    every: Duration = timedelta(seconds=10)
    stale_after: Duration = timedelta(seconds=35)
    lost_after: Duration = timedelta(seconds=120)

    @model_validator(mode="after")
    def _must_grow(self) -> Self:
        if not self.every < self.stale_after < self.lost_after:
            raise ValueError("every, stale_after and lost_after must each be longer than the one before")
        return self


class LogSettings(_Part):
    """What is logged, and how; `auto` is for a person on a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"


class RetrySettings(_Part):
    """The delays between the attempts; their number is the number of retries."""

    ladder: Durations = Field(default=DEFAULT_LADDER, min_length=1)

    @model_validator(mode="after")
    def _must_climb(self) -> Self:
        if any(later <= earlier for earlier, later in zip(self.ladder, self.ladder[1:], strict=False)):
            raise ValueError("ladder: each delay must be longer than the one before, such as 30s,5m,30m")
        return self


class Settings(BaseSettings):
    """Everything that can be set, from flags, the environment and a TOML file, in this order.

    Attributes:
        broker_url: `amqp://user:password@host:port/vhost`; None lets `svc up` start a private node.
        data_dir: where services keep what they must remember, and the private broker its data.
        sources_file: a text file of sources that is imported whenever it changes.
        worker_name: how this machine calls itself; None is the host's name.
        grace: how long a stopping service may finish what it has in hand.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="TUBEWARREN_", env_nested_delimiter="__")

    broker_url: SecretStr | None = None
    data_dir: Path = Path(".tubewarren")
    sources_file: Path | None = None
    worker_name: str | None = Field(default=None, min_length=1, max_length=100)
    grace: Duration = timedelta(seconds=20)
    sheet: SheetSettings = SheetSettings()
    store: StoreSettings = StoreSettings()
    downloader: DownloaderSettings = DownloaderSettings()
    youtube: YoutubeSettings = YoutubeSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    retry: RetrySettings = RetrySettings()
    log: LogSettings = LogSettings()

    @property
    def ledger_url(self) -> str:
        """The database of the ledger."""
        if self.store.ledger is not None:
            return self.store.ledger.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / f'ledger-{self.store.name}.sqlite'}"

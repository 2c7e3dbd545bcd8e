"""What can be set. Names here are the names in the file, in the environment and in error messages."""

import re
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tubewarren.settings.alarms import AlarmSettings
from tubewarren.settings.broker import BrokerSettings
from tubewarren.settings.durations import Duration
from tubewarren.settings.health import HealthSettings
from tubewarren.settings.nodes import nodes_in
from tubewarren.settings.telemetry import TelemetrySettings
from tubewarren.sheets.tabs import FILTER as FILTER_COLUMN
from tubewarren.sheets.tabs import TABS, StatusWord
from tubewarren.sheets.vocabulary import renamed
from tubewarren.topology import DEFAULT_LADDER
from tubewarren.youtube.addresses import YOUTUBE_HOSTS
from tubewarren.youtube.errors import FailureRulesError, FilterRefusedError
from tubewarren.youtube.filter_text import read_filter
from tubewarren.youtube.filters import Filter
from tubewarren.youtube.job import LiveStreams, Preset
from tubewarren.youtube.presets import FILTER, LIVE, MEDIA, with_built_in
from tubewarren.youtube.rules import UserRules, read_rules


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _spreadsheet_id(value: str | None) -> str | None:
    """The id, out of the address in a browser too."""
    found = re.search(r"/spreadsheets/d/([^/?#]+)", value or "")
    spreadsheet_id = found[1] if found else value
    if spreadsheet_id is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", spreadsheet_id):
        raise ValueError("no spreadsheet's id; copy the address of the spreadsheet from the browser")
    return spreadsheet_id


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _broker_address(value: SecretStr | None) -> SecretStr | None:
    """Refuse what is no AMQP address, without repeating it: it holds a password."""
    if value is not None:
        nodes = [urlsplit(node) for node in nodes_in(value.get_secret_value())]
        if any(node.scheme not in {"amqp", "amqps"} or not node.hostname for node in nodes):
            raise ValueError("not the address of a broker; write it like amqp://user:password@host:5672/vhost")
    return value


def _usable_substrings(parts: tuple[str, ...]) -> tuple[str, ...]:
    stripped = tuple(part.strip() for part in parts)
    if not all(stripped):
        raise ValueError("one of them is empty, and would be found in every error")
    if any("," in part for part in stripped):
        # A list is handed on with commas between its entries, and would come apart there.
        raise ValueError("write none with a comma in it; the words before the comma, or those after it, will do")
    return stripped


def _usable_presets(presets: Mapping[str, Mapping[str, JsonValue]]) -> Mapping[str, Mapping[str, JsonValue]]:
    names = [name.strip().casefold() for name in presets]
    if not all(names) or any(name != name.strip() for name in presets):
        raise ValueError("a name is empty, or has blanks around it, and could not be written into a row")
    if len(set(names)) < len(names):
        raise ValueError("two names differ by upper and lower case only, which does not count in a row")
    words = get_args(LiveStreams)
    for name, chosen in presets.items():
        if chosen.get(LIVE, words[0]) not in words:
            raise ValueError(f"{name}.live: write one of {', '.join(words)}")
        if not isinstance(chosen.get(MEDIA, True), bool):
            raise ValueError(f"{name}.media: write true or false")  # noqa: TRY004 - pydantic reports this one
        try:
            read_filter(str(chosen.get(FILTER, "")))
        except FilterRefusedError as error:
            raise ValueError(f"{name}.filter: {error}") from error
    return presets


def _proxy_address(value: SecretStr | None) -> SecretStr | None:
    """Refuse what is no proxy's address, without repeating it: it may hold a password."""
    if value is not None:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in _PROXY_SCHEMES or not parts.hostname:
            raise ValueError("not the address of a proxy; write it like http://user:password@host:3128 or socks5://...")
    return value


def _ip_address(value: str | None) -> str | None:
    if value is not None:
        try:
            ip_address(value)
        except ValueError as error:
            raise ValueError("write an address of this machine, such as 192.0.2.7 or 2001:db8::7") from error
    return value


def _not_repeated(value: object) -> object:
    """Hide what was written from the complaints about it, which repeat what they were given."""
    if value in ("", None) or isinstance(value, SecretStr):
        return value or None
    return SecretStr(value if isinstance(value, str) else "")


def _section(value: object) -> object:
    """What is no section at all is hidden likewise: it may be the secret itself."""
    return value if isinstance(value, Mapping | BaseModel) else SecretStr("")


_EMPTY_IS_NONE = BeforeValidator(_none_if_empty)
"""The environment has no other way to say that something is not set."""

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(_split)]


_FINEST_DELAY = timedelta(milliseconds=1)
_LONGEST_DELAY = timedelta(days=49)
"""RabbitMQ counts the time to live of a queue in 32 bits of milliseconds."""


_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SLEEPS = {
    "http-429": timedelta(minutes=10),
    "http-429-in-warning": timedelta(minutes=10),
    "bot-check": timedelta(hours=6),
    "captcha": timedelta(hours=6),
}


def _known_zone(value: str) -> str:
    if value:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin") from error
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SheetSettings(_Part):
    """The list that a person keeps."""

    workbook: Path = Path("workbook")
    """The folder of CSV files, when there is no spreadsheet."""
    spreadsheet_id: Annotated[str | None, _EMPTY_IS_NONE, AfterValidator(_spreadsheet_id)] = None
    """The Google spreadsheet that is the list, by its id or its address; empty for the local workbook."""
    credentials_file: Annotated[Path | None, _EMPTY_IS_NONE] = None
    """The key file of the Google service account that the spreadsheet is shared with."""
    poll: Annotated[Duration | None, _EMPTY_IS_NONE] = None
    """How often the list is looked at; empty for 2s, or 8s with a spreadsheet."""
    flush: Annotated[Duration | None, _EMPTY_IS_NONE] = None
    """How often status changes are written while there are many; empty for 1s, or 6.5s with a spreadsheet."""
    most_videos: int = Field(default=10_000, ge=100, le=500_000)
    """Rows that `Video Tasks`, and `Dead-Letter Tasks`, hold at most. Beyond it the finished leave the sheet first,
    then those that wait; running ones stay. The ledger keeps all."""
    reads_per_minute: int = Field(default=60, ge=6, le=100_000)
    """What the service account may read from Google in a minute. The sheet-ingestor and the status-writer may use half
    of it each."""
    writes_per_minute: int = Field(default=60, ge=6, le=100_000)
    """What it may write; shared likewise."""
    tabs: Mapping[str, str] = Field(default_factory=dict)
    """Tabs that are called otherwise in this sheet, by our names, such as `"Video Tasks" = "Videos"`."""
    words: Mapping[str, str] = Field(default_factory=dict)
    """Status words that are called otherwise in this sheet, by ours, such as `in-progress = "running"`."""

    @property
    def poll_every(self) -> timedelta:
        """How often the list is looked at."""
        return self.poll or timedelta(seconds=8 if self.spreadsheet_id else 2)

    @property
    def flush_every(self) -> timedelta:
        """How often status changes are written."""
        return self.flush or timedelta(seconds=6.5 if self.spreadsheet_id else 1)

    @model_validator(mode="after")
    def _must_fit_together(self) -> Self:
        if self.spreadsheet_id and not self.credentials_file:
            raise ValueError("a spreadsheet_id needs a credentials_file: the key of the account it is shared with")
        titles = renamed(self.tabs, [tab.name for tab in TABS], "tabs")
        renamed(self.words, list(StatusWord), "words")
        if strange := [title for title in titles if set(title) & set("/\\\0") or title in (".", "..")]:
            raise ValueError(f"tabs: {strange[0]!r} cannot be the name of a tab, which is a file in a local workbook")
        return self


class StoreSettings(_Part):
    """Where results live."""

    name: str = Field(default="main", pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    """Machines that share the results folder share this name."""
    results: Path = Path("results")
    """Where finished videos appear, each in a folder named by its id."""
    selected: Path = Path("selected")
    """Where `svc results select` moves things; on the same filesystem as the results."""
    ledger: Annotated[SecretStr | None, _EMPTY_IS_NONE] = None
    """A database URL; empty for an SQLite file in the data folder."""


class DownloaderSettings(_Part):
    """How videos are turned into files."""

    concurrency: int = Field(default=2, ge=1, le=64)
    """Videos at a time in one downloader; each has a process of its own."""
    deadline: Duration = timedelta(hours=6)
    """A download that takes longer is ended and retried."""
    no_progress: Duration = timedelta(minutes=2)
    """A download that gains no byte for so long is ended and retried."""
    processor: str = ""
    """What to do with a video: empty for yt-dlp, else `package.module:function` or the name of an entry point in the
    group `tubewarren.processors`."""
    jobs_per_process: int = Field(default=200, ge=1)
    """A process is replaced after so many, which bounds what it may leak."""


class YoutubeSettings(_Part):
    """What yt-dlp is told."""

    allowed_hosts: Words = tuple(sorted(YOUTUBE_HOSTS))
    """Hosts that sources and videos may be on; `*` allows every public one. Private addresses must be named one by
    one."""
    options: Mapping[str, JsonValue] = Field(default_factory=dict, repr=False)
    """Further options of yt-dlp's own, by the names that it uses as a library."""
    presets: Annotated[Mapping[str, Mapping[str, JsonValue]], AfterValidator(_usable_presets)] = Field(
        default_factory=dict, repr=False
    )
    """What a row of the list can name in its column Preset, beside those built in (`svc presets`): for each name,
    options that are added to `options`, and `live`, which replaces the one here, `media = false` for what needs no
    picture or sound, and `filter`, as in the column Filter."""
    page: int = Field(default=50, ge=1, le=1000)
    """Entries that are listed before their downloads are ordered."""
    listing_deadline: Duration = timedelta(hours=6)
    """A listing that takes longer is ended and retried."""
    listing_no_progress: Duration = timedelta(minutes=2)
    """A listing that yields no entry for so long is ended and retried."""
    live: LiveStreams = "wait"
    """A live stream that is still running: `wait` for its recording, `capture` what comes, or `skip` it."""
    failure_rules: Annotated[Path | None, _EMPTY_IS_NONE] = None
    """A TOML file of further rules that say what a failure means, asked before ours; `svc failures list` shows all."""
    fatal_error_substrings: Annotated[Words, AfterValidator(_usable_substrings)] = ()
    """An error with one of these words in it means that the video is gone."""

    def preset(self, name: str) -> Preset:
        """What holds for videos with this preset; without a name, what holds for all.

        Raises:
            KeyError: there is none of that name.
        """
        chosen = dict(self.all_presets[name]) if name else {}
        wanted, media, wished = chosen.pop(LIVE, self.live), chosen.pop(MEDIA, True), chosen.pop(FILTER, "")
        live = next((word for word in get_args(LiveStreams) if word == wanted), self.live)
        return Preset({**self.options, **chosen}, live, bool(media), read_filter(str(wished)))

    def wanted(self, preset: str, columns: Mapping[str, str]) -> Filter:
        """Which videos of a source are wanted: by its preset, and by its own columns, which overrule it.

        Raises:
            FilterRefusedError: the column cannot be understood.
            KeyError: there is no preset of that name.
        """
        return self.preset(preset).wanted.overruled_by(read_filter(columns.get(FILTER_COLUMN, "")))

    @property
    def all_presets(self) -> Mapping[str, Mapping[str, JsonValue]]:
        """Those that are built in too, unless one of the same name stands here."""
        return with_built_in(self.presets)

    @cached_property
    def rules(self) -> UserRules:
        """The rules that a person adds to ours; read when the settings are, and not again.

        Raises:
            FailureRulesError: their file cannot be used.
        """
        if self.failure_rules is None:
            return UserRules(fatal_error_substrings=self.fatal_error_substrings)
        return UserRules(
            file=str(self.failure_rules),
            rules=read_rules(self.failure_rules),
            fatal_error_substrings=self.fatal_error_substrings,
        )

    @model_validator(mode="after")
    def _rules_must_be_usable(self) -> Self:
        try:
            _ = self.rules
        except FailureRulesError as error:
            raise ValueError(f"failure_rules: {error}") from error
        return self


class IdentitySettings(_Part):
    """Who a worker is to the site."""

    proxy: Annotated[SecretStr | None, AfterValidator(_proxy_address), BeforeValidator(_not_repeated)] = None
    """The proxy that all goes through, `http://user:password@host:3128` or `socks5://...`; empty for none but the
    environment's."""
    source_address: Annotated[str | None, _EMPTY_IS_NONE, AfterValidator(_ip_address)] = None
    """Which of this machine's own addresses to go out by."""
    impersonate: str = Field(default="", pattern=r"^[A-Za-z0-9.:_-]*$")
    """The browser to pass for, such as `chrome` or `chrome-131`; needs `pip install 'tubewarren[impersonate]'`."""
    player_clients: Words = ()
    """The players of YouTube that yt-dlp asks, such as `web,visionos`; empty for its own choice."""
    po_token_provider: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    """The address of a bgutil provider of PO tokens; needs its plugin, `pip install bgutil-ytdlp-pot-provider`."""
    cookies: Annotated[Path | None, _EMPTY_IS_NONE] = None
    """A cookie jar (`.txt`, Netscape format), or a folder of them: each worker takes one for itself."""
    videos_per_day_and_jar: Annotated[int | None, _EMPTY_IS_NONE] = Field(default=None, ge=1)
    """Then the worker takes the next jar, until the day is over (UTC); empty for no limit."""


class HeartbeatSettings(_Part):
    """How the fleet's health is told; each is longer than the one before."""

    every: Duration = timedelta(seconds=10)
    """How often a service says that it is alive."""
    stale_after: Duration = timedelta(seconds=35)
    """A worker that is silent for so long is shown as stale."""
    lost_after: Duration = timedelta(seconds=120)
    """A worker that is silent for so long is shown as lost."""

    @model_validator(mode="after")
    def _must_grow(self) -> Self:
        if not self.every < self.stale_after < self.lost_after:
            raise ValueError("every, stale_after and lost_after must each be longer than the one before")
        return self


class PacingSettings(_Part):
    """How fast one egress may go, by all workers that share it together."""

    videos_per_hour: Annotated[int | None, _EMPTY_IS_NONE] = Field(default=None, ge=1)
    """Starts an hour, evenly spread; empty for no limit."""
    videos_per_day: Annotated[int | None, _EMPTY_IS_NONE] = Field(default=None, ge=1)
    """Starts a day; empty for no limit."""
    pause: Annotated[Duration | None, _EMPTY_IS_NONE] = None
    """From one start to the next, at least."""
    jitter: float = Field(default=0.3, ge=0, le=10)
    """How much longer a pause may become by chance, as a share of itself."""
    window: str = Field(default="", pattern=rf"^({_CLOCK}-{_CLOCK}(\.\.{_CLOCK})?)?$")
    """The hours in which work may start, such as `07:00-22:00`, or `07:00-21:30..22:30` for a random end in between."""
    time_zone: Annotated[str, AfterValidator(_known_zone)] = ""
    """Of the window and the day, such as `Europe/Berlin`; empty for the heartbeat-monitor's own."""

    @property
    def zone(self) -> tzinfo | None:
        """The time zone; None for this machine's own."""
        return ZoneInfo(self.time_zone) if self.time_zone else None


class FitnessSettings(_Part):
    """Without which a downloader claims nothing; it goes on by itself when it is mended."""

    disk_floor: ByteSize = ByteSize(1_000_000_000)
    """What must stay free on the disk of the results, such as `5GB`."""
    programs: Annotated[tuple[Literal["ffmpeg", "javascript"], ...], NoDecode, BeforeValidator(_split)] = (
        "ffmpeg",
        "javascript",
    )
    """What must be installed: `ffmpeg`, `javascript` (deno, or node 22), both with a comma, or nothing."""
    yt_dlp: str = Field(default="", pattern=r"^(\d{4}\.\d{1,2}\.\d{1,2}(\.\d+)?)?$")
    """The oldest yt-dlp that may work, such as `2026.10.26`."""


class ShiftSettings(_Part):
    """How long one downloader works in one go."""

    tasks: Annotated[int | None, _EMPTY_IS_NONE] = Field(default=None, ge=1)
    """So many videos, then a break; empty for no breaks."""
    cooldown: Duration = timedelta(minutes=10)
    """How long the break is."""


class BlockSettings(_Part):
    """How long an egress sleeps that was blocked."""

    first: Duration = timedelta(hours=1)
    """The first sleep."""
    by_rule: Mapping[str, Duration] = Field(default_factory=lambda: dict(_SLEEPS))
    """Another first sleep for some rules of `svc failures list`."""
    growth: float = Field(default=2.0, ge=1, le=10)
    """How many times longer each sleep is than the one before, while the probes fail."""
    longest: Duration = timedelta(hours=72)
    """No sleep is longer."""


class BreakerSettings(_Part):
    """When one and the same failure is everybody's, and a stage rests."""

    videos: int = Field(default=5, ge=2)
    """How many different videos, or sources, it must have met."""
    workers: int = Field(default=2, ge=1)
    """How many workers, or all where there are fewer."""
    within: Duration = timedelta(minutes=10)
    """Within what time, without any success in between."""
    first_canary: Duration = timedelta(minutes=5)
    """After so long one video is tried; each failure doubles it."""
    longest_canary: Duration = timedelta(hours=2)
    """No pause between two tries is longer."""


class LogSettings(_Part):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important messages that are logged."""
    format: Literal["auto", "human", "json"] = "auto"
    """For whom; `auto` is for a person on a terminal and JSON otherwise."""


class RetrySettings(_Part):
    """The delays between the attempts; their number is the number of retries."""

    ladder: Durations = Field(default=DEFAULT_LADDER, min_length=1)
    """Each longer than the one before, such as `30s,5m,30m`."""

    @model_validator(mode="after")
    def _must_climb(self) -> Self:
        if any(later <= earlier for earlier, later in zip(self.ladder, self.ladder[1:], strict=False)):
            raise ValueError("ladder: each delay must be longer than the one before, such as 30s,5m,30m")
        if any(delay % _FINEST_DELAY or delay > _LONGEST_DELAY for delay in self.ladder):
            raise ValueError(f"ladder: a delay is at most {_LONGEST_DELAY.days}d, and no finer than 1ms")
        return self


class Settings(BaseSettings):
    """Everything that can be set, from flags, the environment and a TOML file, in this order."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="TUBEWARREN_",
        env_nested_delimiter="__",
        # Otherwise the text of a validation error, which ends up in tracebacks, repeats what was written: a secret.
        hide_input_in_errors=True,
        # Read with a class that is made of this one for the file that there is: one of the two need not be built.
        defer_build=True,
    )

    broker_url: Annotated[SecretStr | None, _EMPTY_IS_NONE, AfterValidator(_broker_address)] = None
    """`amqp://user:password@host:port/vhost`, or `amqps://` for an encrypted connection; `host1,host2:port,host3` for
    the nodes of a cluster; empty lets `svc up` start a private node."""
    data_dir: Path = Path(".tubewarren")
    """Where services keep what they must remember, and the private broker its data."""
    rabbitmq_dir: Path = Path(".tubewarren")
    """Where `make rabbitmq` unpacks a RabbitMQ for a user who may not install one."""
    sources_file: Annotated[Path | None, _EMPTY_IS_NONE] = None
    """A text file of sources that is imported whenever it changes."""
    egress: Annotated[str | None, _EMPTY_IS_NONE] = Field(default=None, min_length=1, max_length=100)
    """How this machine's way to the internet is called; empty for the host's name. Workers that share an address, or
    cookies, share a name, and with it the pace and the blocks."""
    worker_name: Annotated[str | None, _EMPTY_IS_NONE] = Field(default=None, min_length=1, max_length=100)
    """How this machine calls itself; empty for the host's name."""
    grace: Duration = timedelta(seconds=20)
    """How long a stopping service may finish what it has in hand."""
    sheet: SheetSettings = SheetSettings()
    store: StoreSettings = StoreSettings()
    downloader: DownloaderSettings = DownloaderSettings()
    youtube: YoutubeSettings = YoutubeSettings()
    identity: Annotated[IdentitySettings, BeforeValidator(_section)] = IdentitySettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    retry: RetrySettings = RetrySettings()
    pacing: PacingSettings = PacingSettings()
    egresses: Mapping[str, PacingSettings] = Field(default_factory=dict)
    """An egress that has a pace of its own, by its name."""
    blocks: BlockSettings = BlockSettings()
    shift: ShiftSettings = ShiftSettings()
    fitness: FitnessSettings = FitnessSettings()
    breaker: BreakerSettings = BreakerSettings()
    alarms: Annotated[AlarmSettings, BeforeValidator(_section)] = AlarmSettings()
    log: LogSettings = LogSettings()
    broker: BrokerSettings = BrokerSettings()
    health: HealthSettings = HealthSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @model_validator(mode="after")
    def _who_we_are_must_be_said_once(self) -> Self:
        ours = {
            "proxy": self.identity.proxy,
            "source_address": self.identity.source_address,
            "impersonate": self.identity.impersonate,
            "cookiefile": self.identity.cookies,
            "cookiesfrombrowser": self.identity.cookies,
        }
        for name in ("", *self.youtube.presets):
            options = self.youtube.preset(name).options
            if twice := [option for option, value in ours.items() if value and option in options]:
                place = f"youtube.presets.{name}" if name else "youtube.options"
                raise ValueError(f"{place}.{twice[0]}: [identity] says this for the worker; take it out of one of them")
        return self

    @model_validator(mode="after")
    def _trust_needs_encryption(self) -> Self:
        if self.broker_url and self.broker.is_set and urlsplit(self.broker_url.get_secret_value()).scheme != "amqps":
            raise ValueError("broker: this is for an encrypted connection; let broker_url begin with amqps://")
        return self

    @property
    def ledger_url(self) -> str:
        """The database of the ledger."""
        if self.store.ledger is not None:
            return self.store.ledger.get_secret_value()
        return f"sqlite:///{self.data_dir.absolute() / f'ledger-{self.store.name}.sqlite'}"

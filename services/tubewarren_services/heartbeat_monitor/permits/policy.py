"""The rules of the permits, made once from the settings."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Self

from tubewarren.failures import Failure
from tubewarren.settings import Settings
from tubewarren.settings.model import BreakerSettings, PacingSettings


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which work may start; they may pass midnight.

    Attributes:
        latest_close: when it is later than `close`, each day ends at a random time in between.
    """

    open: time
    close: time
    latest_close: time

    @classmethod
    def read(cls, words: str) -> Self:
        """From `07:00-22:00` or `07:00-21:30..22:30`; settings have checked it."""
        start, _, end = words.partition("-")
        close, _, latest = end.partition("..")
        return cls(time.fromisoformat(start), time.fromisoformat(close), time.fromisoformat(latest or close))

    def next_opening(self, now: datetime, name: str) -> datetime | None:
        """When work may start again; None while it may.

        Args:
            now: in the window's own time zone.
            name: spreads the random ends, which are the same all day for one name.
        """
        for day in (now.date() - timedelta(days=1), now.date()):
            opening = datetime.combine(day, self.open, now.tzinfo)
            if opening <= now < self._closing(day, name, now.tzinfo):
                return None
        opening = datetime.combine(now.date(), self.open, now.tzinfo)
        return opening if opening > now else opening + timedelta(days=1)

    def _closing(self, day: date, name: str, zone: tzinfo | None) -> datetime:
        first = self._after_opening(day, self.close, zone)
        last = self._after_opening(day, self.latest_close, zone)
        # A draw that everybody can repeat: the same end all day, across restarts.
        return first + (last - first) * random.Random(f"{name} {day}").random()  # noqa: S311 - no secret

    def _after_opening(self, day: date, at: time, zone: tzinfo | None) -> datetime:
        return datetime.combine(day if at > self.open else day + timedelta(days=1), at, zone)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one egress may go.

    Attributes:
        between: from one start to the next; zero for no limit.
        jitter: how much longer it may become, as a share of itself.
        per_day: starts a day; None for no limit.
    """

    between: timedelta = timedelta(0)
    jitter: float = 0.0
    per_day: int | None = None
    window: Window | None = None
    zone: tzinfo | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing limits it."""
        return not self.between and self.per_day is None and self.window is None


@dataclass(frozen=True, slots=True)
class Sleep:
    """How long a blocked egress rests.

    Attributes:
        by_rule: the first rest, by the name of the rule that recognised the block.
        otherwise: the first rest for every other rule.
        growth: how many times longer each next one is, while the probes fail.
    """

    by_rule: Mapping[str, timedelta] = field(default_factory=dict)
    otherwise: timedelta = timedelta(hours=1)
    growth: float = 2.0
    longest: timedelta = timedelta(hours=72)

    def after(self, failure: Failure, blocks: int) -> timedelta:
        """The rest after the `blocks`-th block in a row; 1 is the first."""
        first = self.by_rule.get(failure.rule, self.otherwise)
        # Compared as factors: a span of a thousand doublings cannot be written down.
        return first * min(self.growth ** min(blocks - 1, 100), self.longest / first)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that the permits depend on besides what happens."""

    pace: Pace
    paces: Mapping[str, Pace]
    sleep: Sleep
    breaker: BreakerSettings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The policy that the settings describe."""
        sleep = settings.blocks
        return cls(
            pace=_pace(settings.pacing),
            paces={name: _pace(own) for name, own in settings.egresses.items()},
            sleep=Sleep(sleep.by_rule, sleep.first, sleep.growth, sleep.longest),
            breaker=settings.breaker,
        )

    def pace_of(self, egress: str) -> Pace:
        """The pace of one egress: its own, that of its address when it has a cookie jar, or else everybody's."""
        address = egress.partition("+")[0]
        return self.paces.get(egress) or self.paces.get(address, self.pace)


def _pace(settings: PacingSettings) -> Pace:
    hourly = timedelta(hours=1) / settings.videos_per_hour if settings.videos_per_hour else timedelta(0)
    return Pace(
        between=max(hourly, settings.pause or timedelta(0)),
        jitter=settings.jitter,
        per_day=settings.videos_per_day,
        window=Window.read(settings.window) if settings.window else None,
        zone=settings.zone,
    )

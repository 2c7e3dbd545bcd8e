"""The plan of a run: all from its seed. What becomes of each video, what is done to the fleet, and when."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from hashlib import sha256
from typing import Final, Self

from tubewarren.failures import FailureKind
from tubewarren.topology import (
    DOWNLOADER,
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    STATUS_WRITER,
)
from tubewarren_services.demo.catalogue import Catalogue, CataloguedFeed, CataloguedVideo

LADDER: Final = (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4))
MOST_ATTEMPTS: Final = len(LADDER) + 1
EGRESSES: Final = ("home", "abroad")
SLOTS: Final = (
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    STATUS_WRITER,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    f"{DOWNLOADER} home",
    f"{DOWNLOADER} home 2",
    f"{DOWNLOADER} abroad",
)
"""The processes of the fleet: a service, and for a downloader the way out that it takes."""
DOWNLOADERS: Final = tuple(slot for slot in SLOTS if slot.startswith(DOWNLOADER))

_A_SOURCE_HAS: Final = 50
_SHARED_WITH_THE_NEXT: Final = 3
_LARGEST_BYTES: Final = 20_000
_EMPTY_LIST: Final = "/empty.xml"
_NO_LIST: Final = "/gone.xml"


@unique
class Behaviour(StrEnum):
    """How a video treats those who work on it."""

    PLAIN = "plain"
    SLOW = "slow"
    FLAKY = "flaky"
    """The first attempts fail as a bad network does."""
    CRASHING = "crashing"
    """The first attempts kill their process."""
    KILLER = "killer"
    """Every attempt does."""
    STRANGE = "strange"
    """Nothing that anybody knows, each time."""
    GONE = "gone"
    GATED = "gated"
    MISSPELT = "misspelt"
    HIDDEN = "hidden"
    """One egress calls it unavailable."""
    REMOVED = "removed"
    """All do."""


_WEIGHTS: Final = {
    Behaviour.PLAIN: 44,
    Behaviour.SLOW: 6,
    Behaviour.FLAKY: 12,
    Behaviour.CRASHING: 5,
    Behaviour.KILLER: 4,
    Behaviour.STRANGE: 5,
    Behaviour.GONE: 6,
    Behaviour.GATED: 5,
    Behaviour.MISSPELT: 3,
    Behaviour.HIDDEN: 5,
    Behaviour.REMOVED: 5,
}
_LAST: Final = {
    Behaviour.KILLER: FailureKind.POISON,
    Behaviour.STRANGE: FailureKind.UNKNOWN,
    Behaviour.GONE: FailureKind.GONE,
    Behaviour.GATED: FailureKind.GATED,
    Behaviour.MISSPELT: FailureKind.BAD_INPUT,
    Behaviour.REMOVED: FailureKind.GONE,
}
_TO_THE_LAST_RUNG: Final = frozenset({Behaviour.KILLER, Behaviour.STRANGE})


@dataclass(frozen=True, slots=True)
class Ending:
    """How a video may end: in this state, for this class of reason."""

    state: str
    kind: str = ""


DONE: Final = Ending("done")


@dataclass(frozen=True, slots=True)
class PlannedVideo:
    """A video; its name says all, and travels in its address.

    Attributes:
        times: of a flaky or a crashing one, the failures before it works; of a hidden one, the number of the egress
            from which it is hidden.
    """

    number: int
    behaviour: Behaviour
    times: int = 0

    @property
    def slug(self) -> str:
        """Its name."""
        return f"{self.behaviour}{self.times}-{self.number:05d}"

    @classmethod
    def read(cls, slug: str) -> Self:
        """The video of that name."""
        words, _, number = slug.rpartition("-")
        return cls(int(number), Behaviour(words[:-1]), int(words[-1]))

    @property
    def endings(self) -> frozenset[Ending]:
        """The right ones; one, but for a video that is hidden from one egress while the other is away."""
        if self.behaviour is Behaviour.HIDDEN:
            return frozenset({DONE, Ending("dead", FailureKind.GONE)})
        kind = _LAST.get(self.behaviour)
        return frozenset({Ending("dead", kind) if kind else DONE})

    @property
    def charged(self) -> int:
        """The last attempt's number, when nothing else is charged to it."""
        if self.behaviour in _TO_THE_LAST_RUNG:
            return MOST_ATTEMPTS
        return self.times + 1 if self.behaviour in (Behaviour.FLAKY, Behaviour.CRASHING) else 1


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """A list on the stand-in site.

    Attributes:
        at: when its address is written into sources.txt, in seconds.
        state: how it must end.
        letter: whether it ends in the dead queue.
        failures: requests that are answered with 500 first.
    """

    path: str
    at: float
    slugs: tuple[str, ...] = ()
    state: str = "done"
    letter: bool = False
    failures: int = 0


@unique
class Deed(StrEnum):
    """What is done to the fleet."""

    KILL = "kill -9"
    FREEZE = "freeze"
    CUT = "cut all connections"
    BROKER = "kill -9 of the broker"
    DUPLICATE = "order again"
    BLOCK = "block an egress"
    OUTAGE = "break every download"
    FULL = "fill the disk"
    """Of the workers that share an egress: each write finds no room."""
    DELAY = "freeze the broker"
    """All messages are late."""


_OFTEN: Final = {
    Deed.KILL: 8,
    Deed.FREEZE: 3,
    Deed.CUT: 2,
    Deed.BROKER: 1,
    Deed.DUPLICATE: 5,
    Deed.BLOCK: 2,
    Deed.OUTAGE: 1,
    Deed.FULL: 1,
    Deed.DELAY: 2,
}
_NEED_A_BROKER_OF_OUR_OWN: Final = frozenset({Deed.BROKER, Deed.DELAY})


@dataclass(frozen=True, slots=True)
class Blow:
    """One deed at its time.

    Attributes:
        at: seconds after the beginning.
        target: a slot, an egress, or how many orders; by the deed.
        lasts: seconds.
    """

    at: float
    deed: Deed
    target: str = ""
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run."""

    seed: int
    videos: tuple[PlannedVideo, ...]
    sources: tuple[PlannedSource, ...]
    blows: tuple[Blow, ...]

    @property
    def tasks(self) -> int:
        """Videos by source: one that two sources list is two tasks and one file."""
        return sum(len(source.slugs) for source in self.sources)

    @property
    def catalogue(self) -> Catalogue:
        """For the stand-in site, which serves the lists and is not asked for the videos."""
        videos = (CataloguedVideo(each.slug, each.slug, timedelta(milliseconds=10)) for each in self.videos)
        feeds = (
            CataloguedFeed(each.path, each.path, each.slugs, each.failures)
            for each in self.sources
            if each.path != _NO_LIST
        )
        return Catalogue(tuple(videos), tuple(feeds))


def plan(seed: int, tasks: int, seconds: float, *, with_broker: bool = True, longest_freeze: float = 5) -> Plan:
    """Everything that follows from a seed.

    Args:
        seed: the same one always makes the same plan.
        tasks: how many videos of sources; at least so many.
        seconds: how long the fleet is disturbed.
        with_broker: whether the broker may be killed and frozen.
        longest_freeze: of a process, in seconds.
    """
    chance = random.Random(seed)
    videos = tuple(_videos(chance, tasks))
    sources = tuple(_sources(chance, videos, seconds))
    blows = sorted(_blows(chance, seconds, longest_freeze, with_broker=with_broker), key=lambda blow: blow.at)
    return Plan(seed, videos, sources, tuple(blows))


def content_of(video_id: str) -> bytes:
    """The whole file of a video."""
    digest = sha256(video_id.encode()).digest()
    size = 1 + int.from_bytes(digest[:4], "big") % _LARGEST_BYTES
    return (digest * (size // len(digest) + 1))[:size]


def checksum_of(video_id: str) -> str:
    """The SHA-256 of a video's file."""
    return sha256(content_of(video_id)).hexdigest()


def _videos(chance: random.Random, tasks: int) -> Iterator[PlannedVideo]:
    first = tuple(Behaviour)
    for number in range(tasks):
        # Each kind at least once, then by weight.
        behaviour = first[number] if number < len(first) else chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        match behaviour:
            case Behaviour.FLAKY | Behaviour.CRASHING:
                times = chance.randint(1, len(LADDER) - 1)
            case Behaviour.HIDDEN:
                times = chance.randrange(len(EGRESSES))
            case _:
                times = 0
        yield PlannedVideo(number, behaviour, times)


def _sources(chance: random.Random, videos: tuple[PlannedVideo, ...], seconds: float) -> Iterator[PlannedSource]:
    slugs = [video.slug for video in videos]
    chance.shuffle(slugs)
    starts = range(0, len(slugs), _A_SOURCE_HAS)
    for position, start in enumerate(starts):
        listed = (*slugs[start : start + _A_SOURCE_HAS], *slugs[:start][-_SHARED_WITH_THE_NEXT:])
        at = 0.0 if position == 0 else chance.uniform(0, 0.7 * seconds)
        yield PlannedSource(f"/list-{position}.xml", at, listed, failures=chance.choice((0, 0, 1)))
    yield PlannedSource(_EMPTY_LIST, chance.uniform(0, 0.7 * seconds), state="error", letter=True)
    yield PlannedSource(_NO_LIST, chance.uniform(0, 0.7 * seconds), state="error", letter=True)


def _blows(chance: random.Random, seconds: float, longest_freeze: float, *, with_broker: bool) -> Iterator[Blow]:
    def at() -> float:
        return round(chance.uniform(1, seconds), 2)

    def blow(deed: Deed, target: str = "") -> Blow:
        targets, shortest, longest = wide[deed]
        return Blow(at(), deed, target or chance.choice(targets), round(chance.uniform(shortest, longest), 2))

    wide: dict[Deed, tuple[tuple[str, ...], float, float]] = {
        Deed.KILL: (SLOTS, 0.1, 2),
        Deed.FREEZE: (DOWNLOADERS, 1, longest_freeze),
        Deed.CUT: (("",), 0, 0),
        Deed.BROKER: (("",), 0.1, 2),
        Deed.DUPLICATE: (("5", "10", "20"), 0, 0),
        Deed.BLOCK: (EGRESSES, 1, 3),
        Deed.OUTAGE: (("",), 0.5, 2),
        Deed.FULL: (EGRESSES, 1, 3),
        Deed.DELAY: (("",), 0.5, 3),
    }
    deeds = {deed: weight for deed, weight in _OFTEN.items() if with_broker or deed not in _NEED_A_BROKER_OF_OUR_OWN}
    certain = [blow(Deed.KILL, slot) for slot in SLOTS] + [blow(deed) for deed in deeds if deed is not Deed.KILL]
    yield from certain
    for _ in range(max(0, round(seconds / 1.5) - len(certain))):
        yield blow(chance.choices(list(deeds), list(deeds.values()))[0])

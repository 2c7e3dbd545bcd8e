"""What the demo site offers: videos, how each of them behaves, and the feeds that list them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Literal, assert_never

Expected = Literal["done", "dead"]
"""How a video ends in a system that works."""


@unique
class Behaviour(StrEnum):
    """How the site treats those who ask for a video."""

    PLAIN = "plain"
    """It is simply there."""
    CUT = "cut"
    """The first download breaks off midway; going on from there works."""
    FLAKY = "flaky"
    """The first two attempts are refused with 503; the third works."""
    GONE = "gone"
    """410 for good."""
    SLOW = "slow"
    """It trickles."""

    @property
    def expected(self) -> Expected:
        """How a video that behaves like this ends in a system that works."""
        match self:
            case Behaviour.PLAIN | Behaviour.CUT | Behaviour.FLAKY | Behaviour.SLOW:
                return "done"
            case Behaviour.GONE:
                return "dead"
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class CataloguedVideo:
    """A video as planned, before a running site gives it an address.

    Attributes:
        slug: its name in the address; yt-dlp takes it for the video's id. Also the seed of its sound.
        title: for people.
        duration: how long it plays; a second is 44,100 bytes.
        behaviour: how the site treats those who ask for it.
        bytes_per_second: how fast a slow one trickles; of no meaning for others.
    """

    slug: str
    title: str
    duration: timedelta
    behaviour: Behaviour = Behaviour.PLAIN
    bytes_per_second: int = 350_000


@dataclass(frozen=True, slots=True)
class CataloguedFeed:
    """A feed as planned.

    Attributes:
        path: where it is, with a leading slash.
        title: for people.
        slugs: the videos that it lists, in order.
        failures: how many requests are answered with 500 before the first good answer.
    """

    path: str
    title: str
    slugs: tuple[str, ...] = ()
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that a site offers."""

    videos: tuple[CataloguedVideo, ...]
    feeds: tuple[CataloguedFeed, ...]


MAIN_FEED = "/feed.xml"
FLAKY_FEED = "/flaky.xml"
EMPTY_FEED = "/empty.xml"
GONE_FEED = "/gone.xml"
"""On no site: whatever is not catalogued answers 404."""


def demo_catalogue() -> Catalogue:
    """Nine videos of 0.2 to 3 MB in two overlapping feeds, and an empty feed: about 10 MB, 10 s at the least."""
    main = (
        _video("harbour", "Harbour at dawn", seconds=20),
        _video("orchard", "An orchard in the rain", seconds=5),
        _video("ferry", "The ferry, cut off midway", seconds=40, behaviour=Behaviour.CUT),
        _video("kiln", "The kiln, which fails twice", seconds=12, behaviour=Behaviour.FLAKY),
        _video("lantern", "The lantern, which is gone", seconds=5, behaviour=Behaviour.GONE),
        _video("glacier", "A glacier, which is slow", seconds=48, behaviour=Behaviour.SLOW),
        _video("meadow", "Meadow at noon", seconds=65),
        _video("quarry", "The quarry road", seconds=9),
    )
    own = _video("tramway", "Tramway, in the second feed only", seconds=15)
    return Catalogue(
        videos=(*main, own),
        feeds=(
            CataloguedFeed(MAIN_FEED, "The demo channel", tuple(video.slug for video in main)),
            CataloguedFeed(
                FLAKY_FEED, "The second channel, which fails twice", ("harbour", "orchard", own.slug), failures=2
            ),
            CataloguedFeed(EMPTY_FEED, "The empty channel"),
        ),
    )


def _video(slug: str, title: str, *, seconds: int, behaviour: Behaviour = Behaviour.PLAIN) -> CataloguedVideo:
    return CataloguedVideo(slug, title, timedelta(seconds=seconds), behaviour)

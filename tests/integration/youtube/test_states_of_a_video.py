"""What becomes of a video in each state that YouTube knows: the real yt-dlp in a real child process."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from standins.youtube import YoutubeStandin, youtube_standin
from standins.youtube_videos import MEDIA, Video
from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import YoutubeFailedError
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.rules import UserRules
from tubewarren.youtube.wire import FetchOrder

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

K = FailureKind
RELEASE = datetime(2031, 5, 1, 18, tzinfo=UTC)
ID = "dQw4w9WgXcQ"
ONE_PLAYER = {"youtube": {"player_client": ["visionos"]}}
"""Which players yt-dlp asks otherwise depends on what is installed."""
COOKIES = """# Netscape HTTP Cookie File
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\tx
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\tx
"""


@pytest.fixture(scope="module")
def youtube() -> Iterator[YoutubeStandin]:
    with youtube_standin() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ChildPool]:
    async with ChildPool(1) as pool:
        yield pool


class Desk:
    """Orders videos from the stand-in."""

    def __init__(self, pool: ChildPool, youtube: YoutubeStandin, folder: Path) -> None:
        self.pool = pool
        self.youtube = youtube
        self.folder = folder

    async def fetch(self, video: Video, *, options: dict[str, Any] | None = None, **more: Any) -> tuple[Path, ...]:
        chosen = {"extractor_args": ONE_PLAYER} if options is None else options
        order = FetchOrder(
            id=video.video_id,
            url=self.youtube.add_video(video),
            folder=self.folder,
            options={**self.youtube.options, **chosen},
            **more,
        )
        return (await self.pool.fetch(order)).files

    async def failure(self, video: Video, **more: Any) -> Failure:
        with pytest.raises(YoutubeFailedError) as raised:
            await self.fetch(video, **more)
        return raised.value.failure


@pytest.fixture
def desk(pool: ChildPool, youtube: YoutubeStandin, tmp_path: Path) -> Desk:
    return Desk(pool, youtube, tmp_path)


def upcoming(reason: str, **more: Any) -> Video:
    return Video(ID, status="LIVE_STREAM_OFFLINE", reason=reason, live="upcoming", **more)


async def test_a_plain_video_is_downloaded(desk: Desk) -> None:
    files = await desk.fetch(Video(ID))

    assert files == (Path(f"{ID}.18.mp4"), Path("info.json"))
    assert (desk.folder / files[0]).read_bytes() == MEDIA


@pytest.mark.parametrize("reason", ["Premieres in 3 hours", "This live event will begin in 20 minutes."])
async def test_what_is_announced_with_a_time_is_not_yet_until_then(desk: Desk, reason: str) -> None:
    failure = await desk.failure(upcoming(reason, starts_at=RELEASE))

    assert (failure.kind, failure.release_at) == (K.NOT_YET, RELEASE)


async def test_what_is_announced_in_words_alone_has_its_time_from_them(desk: Desk) -> None:
    before = datetime.now(UTC)

    failure = await desk.failure(upcoming("Premieres in 2 days"))

    assert (failure.kind, failure.rule) == (K.NOT_YET, "premiere")
    assert failure.release_at is not None
    assert before <= failure.release_at - timedelta(days=2) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("live", "kind", "rule"),
    [("wait", K.NOT_YET, "live-running"), ("skip", K.GATED, "live-skipped")],
)
async def test_a_running_stream_is_waited_for_or_skipped(desk: Desk, live: str, kind: FailureKind, rule: str) -> None:
    failure = await desk.failure(Video(ID, live="live", starts_at=datetime.now(UTC)), live=live)

    assert (failure.kind, failure.rule) == (kind, rule)
    assert not list(desk.folder.rglob("*.mp4*"))


async def test_a_running_stream_is_captured_as_it_is_where_that_is_wanted(desk: Desk) -> None:
    files = await desk.fetch(Video(ID, live="live", starts_at=datetime.now(UTC)), live="capture")

    assert (desk.folder / files[0]).read_bytes() == MEDIA


async def test_the_recording_of_a_stream_is_a_video_like_any_other(desk: Desk) -> None:
    assert await desk.fetch(Video(ID, live="recorded", starts_at=datetime.now(UTC)), live="skip")


@pytest.mark.parametrize("live", ["wait", "skip", "capture"])
async def test_a_stream_that_has_ended_and_is_still_processed_is_not_yet(desk: Desk, live: str) -> None:
    failure = await desk.failure(Video(ID, live="post-live"), live=live)

    assert (failure.kind, failure.rule) == (K.NOT_YET, "live-processing")


async def test_an_upload_that_is_still_processed_is_not_yet(desk: Desk) -> None:
    words = "We\u2019re processing this video. Check back later."

    failure = await desk.failure(Video(ID, status="UNPLAYABLE", reason=words))

    assert (failure.kind, failure.rule, failure.release_at) == (K.NOT_YET, "processing", None)


@pytest.mark.parametrize(
    ("kind", "rule", "video"),
    [
        (
            K.GATED,
            "members-only",
            Video(ID, status="UNPLAYABLE", reason="Join this channel to get access to members-only content"),
        ),
        (
            K.GATED,
            "age-check",
            Video(
                ID,
                status="LOGIN_REQUIRED",
                reason="Sign in to confirm your age",
                subreason="This video may be inappropriate for some users.",
            ),
        ),
        (
            K.GATED,
            "payment",
            Video(ID, status="UNPLAYABLE", reason="This video requires payment to watch."),
        ),
        (
            K.GONE,
            "private",
            Video(
                ID,
                status="LOGIN_REQUIRED",
                reason="Private video",
                subreason="Sign in if you've been granted access to this video",
            ),
        ),
        (
            K.GONE,
            "removed",
            Video(
                ID,
                status="ERROR",
                reason="Video unavailable",
                subreason="This video has been removed by the uploader",
            ),
        ),
        (
            K.BLOCKED,
            "rate-limited",
            Video(
                ID,
                status="UNPLAYABLE",
                reason="Video unavailable",
                subreason="This content isn\u2019t available, try again later.",
            ),
        ),
        (
            K.BLOCKED,
            "bot-check",
            Video(
                ID,
                status="LOGIN_REQUIRED",
                reason="Sign in to confirm you\u2019re not a bot",
                subreason="This helps protect our community. Learn more",
            ),
        ),
        (K.SUSPECT, "unavailable", Video(ID, status="ERROR", reason="Video unavailable")),
        (K.UNKNOWN, "no-formats", Video(ID, has_media=False)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_refusal_is_of_its_class(desk: Desk, kind: FailureKind, rule: str, video: Video) -> None:
    failure = await desk.failure(video)

    assert (failure.kind, failure.rule) == (kind, rule)
    assert "cookies for the authentication" not in failure.detail


async def test_a_country_gate_names_the_countries(desk: Desk) -> None:
    failure = await desk.failure(
        Video(
            ID,
            status="UNPLAYABLE",
            reason="Video unavailable",
            subreason="The uploader has not made this video available in your country",
            countries=("AT", "CH"),
        )
    )

    assert (failure.kind, failure.rule, failure.countries) == (K.GATED, "country", ("AT", "CH"))


async def test_a_429_that_hides_behind_a_broken_extractor_blames_the_worker(desk: Desk) -> None:
    busy = Video("busybusy_01")
    desk.youtube.refuse_player(busy.video_id, HTTPStatus.TOO_MANY_REQUESTS)

    failure = await desk.failure(busy)

    assert (failure.kind, failure.rule) == (K.BLOCKED, "http-429-in-warning")
    assert failure.detail.startswith("Failed to extract any player response")


async def test_a_player_that_answers_nonsense_is_a_broken_extractor(desk: Desk) -> None:
    broken = Video("broken_0001")
    desk.youtube.refuse_player(broken.video_id, HTTPStatus.BAD_REQUEST)

    failure = await desk.failure(broken)

    assert (failure.kind, failure.rule) == (K.EXTRACTOR, "site-changed")


async def test_a_missing_javascript_runtime_blames_the_machine(desk: Desk) -> None:
    failure = await desk.failure(Video(ID, has_media=False), options={"js_runtimes": {}})

    assert (failure.kind, failure.rule) == (K.UNFIT, "no-js-runtime")


async def test_dead_cookies_blame_the_worker_and_not_the_video(desk: Desk) -> None:
    cookies = desk.folder.with_name("cookies.txt")
    cookies.write_text(COOKIES)
    gated = Video(ID, status="LOGIN_REQUIRED", reason="Private video", ends_session=True)

    failure = await desk.failure(gated, options={"extractor_args": ONE_PLAYER, "cookiefile": str(cookies)})

    assert (failure.kind, failure.rule) == (K.UNFIT, "cookies-dead")


async def test_a_fatal_substring_of_the_older_coordinator_buries_what_would_be_asked_again(desk: Desk) -> None:
    added = UserRules(fatal_error_substrings=("Video unavailable",))

    gone = await desk.failure(Video(ID, status="ERROR", reason="Video unavailable"), rules=added)

    assert gone.kind is K.GONE
    assert "'Video unavailable'" in gone.reason

"""What becomes of a video beyond the words in the sheet: times, files, and what is set otherwise."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from standins.youtube_media import TINY
from standins.youtube_videos import Video
from tubewarren.failures import FailureKind
from tubewarren.youtube.rules import UserRules

pytestmark = [pytest.mark.fleet, pytest.mark.asyncio(loop_scope="module")]

K = FailureKind
RELEASE = datetime(2031, 5, 1, 18, tzinfo=UTC)
ID = "dQw4w9WgXcQ"
COOKIES = """# Netscape HTTP Cookie File
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\tx
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\tx
"""


def upcoming(reason: str, **more: Any) -> Video:
    return Video(ID, status="LIVE_STREAM_OFFLINE", reason=reason, live="upcoming", **more)


async def test_a_plain_video_is_downloaded(desk: Any) -> None:
    files = await desk.fetch(Video(ID))

    assert files == (Path(f"{ID}.18.mp4"), Path("info.json"))
    assert (desk.folder / files[0]).read_bytes() == TINY.body


@pytest.mark.parametrize("reason", ["Premieres in 3 hours", "This live event will begin in 20 minutes."])
async def test_what_is_announced_with_a_time_is_not_yet_until_then(desk: Any, reason: str) -> None:
    failure = await desk.failure(upcoming(reason, starts_at=RELEASE))

    assert (failure.kind, failure.release_at) == (K.NOT_YET, RELEASE)


async def test_what_is_announced_in_words_alone_has_its_time_from_them(desk: Any) -> None:
    before = datetime.now(UTC)

    failure = await desk.failure(upcoming("Premieres in 2 days"))

    assert (failure.kind, failure.rule) == (K.NOT_YET, "premiere")
    assert failure.release_at is not None
    assert before <= failure.release_at - timedelta(days=2) <= datetime.now(UTC)


async def test_a_running_stream_is_skipped_where_that_is_wanted(desk: Any) -> None:
    failure = await desk.failure(Video(ID, live="live", starts_at=datetime.now(UTC)), live="skip")

    assert (failure.kind, failure.rule) == (K.GATED, "live-skipped")
    assert not list(desk.folder.rglob("*.mp4*"))


async def test_a_running_stream_is_captured_as_it_is_where_that_is_wanted(desk: Any) -> None:
    files = await desk.fetch(Video(ID, live="live", starts_at=datetime.now(UTC)), live="capture")

    assert (desk.folder / files[0]).read_bytes() == TINY.body


async def test_the_recording_of_a_stream_is_a_video_like_any_other(desk: Any) -> None:
    assert await desk.fetch(Video(ID, live="recorded", starts_at=datetime.now(UTC)), live="skip")


@pytest.mark.parametrize("live", ["skip", "capture"])
async def test_a_stream_that_has_ended_and_is_still_processed_is_not_yet(desk: Any, live: str) -> None:
    failure = await desk.failure(Video(ID, live="post-live"), live=live)

    assert (failure.kind, failure.rule) == (K.NOT_YET, "live-processing")


async def test_a_missing_javascript_runtime_blames_the_machine(desk: Any) -> None:
    failure = await desk.failure(Video(ID, has_media=False), options={"js_runtimes": {}, "extractor_args": {}})

    assert (failure.kind, failure.rule) == (K.UNFIT, "no-js-runtime")


async def test_dead_cookies_blame_the_worker_and_not_the_video(desk: Any) -> None:
    cookies = desk.folder.with_name("cookies.txt")
    cookies.write_text(COOKIES)
    gated = Video(ID, status="LOGIN_REQUIRED", reason="Private video", ends_session=True)

    failure = await desk.failure(gated, options={"cookiefile": str(cookies)})

    assert (failure.kind, failure.rule) == (K.UNFIT, "cookies-dead")


async def test_a_fatal_substring_of_the_older_coordinator_buries_what_would_be_asked_again(desk: Any) -> None:
    added = UserRules(fatal_error_substrings=("Video unavailable",))

    gone = await desk.failure(Video(ID, status="ERROR", reason="Video unavailable"), rules=added)

    assert gone.kind is K.GONE
    assert "'Video unavailable'" in gone.reason

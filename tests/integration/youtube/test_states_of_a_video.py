"""What becomes of a video in each state that YouTube knows: the real yt-dlp in a real child process."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
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


@pytest.mark.parametrize(
    ("live", "kind", "rule"),
    [("wait", K.NOT_YET, "live-running"), ("skip", K.GATED, "live-skipped")],
)
async def test_a_running_stream_is_waited_for_or_skipped(desk: Any, live: str, kind: FailureKind, rule: str) -> None:
    failure = await desk.failure(Video(ID, live="live", starts_at=datetime.now(UTC)), live=live)

    assert (failure.kind, failure.rule) == (kind, rule)
    assert not list(desk.folder.rglob("*.mp4*"))


async def test_a_running_stream_is_captured_as_it_is_where_that_is_wanted(desk: Any) -> None:
    files = await desk.fetch(Video(ID, live="live", starts_at=datetime.now(UTC)), live="capture")

    assert (desk.folder / files[0]).read_bytes() == TINY.body


async def test_the_recording_of_a_stream_is_a_video_like_any_other(desk: Any) -> None:
    assert await desk.fetch(Video(ID, live="recorded", starts_at=datetime.now(UTC)), live="skip")


@pytest.mark.parametrize("live", ["wait", "skip", "capture"])
async def test_a_stream_that_has_ended_and_is_still_processed_is_not_yet(desk: Any, live: str) -> None:
    failure = await desk.failure(Video(ID, live="post-live"), live=live)

    assert (failure.kind, failure.rule) == (K.NOT_YET, "live-processing")


async def test_an_upload_that_is_still_processed_is_not_yet(desk: Any) -> None:
    words = "We\u2019re processing this video. Check back later."

    failure = await desk.failure(Video(ID, status="UNPLAYABLE", reason=words))

    assert (failure.kind, failure.rule, failure.release_at) == (K.NOT_YET, "processing", None)


REFUSALS = [
    (
        K.GATED,
        "members-only",
        "Only members of the channel",
        Video(ID, status="UNPLAYABLE", reason="Join this channel to get access to members-only content"),
    ),
    (
        K.GATED,
        "members-only",
        "Only members of the channel",
        Video(
            ID,
            status="UNPLAYABLE",
            reason="This video is available to this channel's members on level: Gold (or any higher level).",
        ),
    ),
    (
        K.GATED,
        "age-check",
        "Only adults who are signed in",
        Video(
            ID,
            status="LOGIN_REQUIRED",
            reason="Sign in to confirm your age",
            subreason="This video may be inappropriate for some users.",
        ),
    ),
    (
        K.GATED,
        "age-check",
        "Only adults who are signed in",
        Video(
            ID, status="AGE_VERIFICATION_REQUIRED", reason="This video is age-restricted and only available on YouTube."
        ),
    ),
    (
        K.GATED,
        "payment",
        "must be paid for",
        Video(ID, status="UNPLAYABLE", reason="This video requires payment to watch."),
    ),
    (
        K.GATED,
        "payment",
        "must be paid for",
        Video(ID, status="UNPLAYABLE", reason="This video is only available to Music Premium members"),
    ),
    (K.GATED, "trailer-only", "only a trailer", Video(ID, status="UNPLAYABLE", trailer_id="trailer_001")),
    (
        K.GATED,
        "country-in-words",
        "in this worker",
        Video(
            ID,
            status="UNPLAYABLE",
            reason="Video unavailable",
            subreason="This video contains content from X, who has blocked it in your country on copyright grounds",
        ),
    ),
    (
        K.GONE,
        "private",
        "is private",
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
        "was removed, or its channel closed",
        Video(ID, status="ERROR", reason="Video unavailable", subreason="This video has been removed by the uploader"),
    ),
    (
        K.GONE,
        "removed",
        "was removed, or its channel closed",
        Video(
            ID,
            status="ERROR",
            reason="Video unavailable",
            subreason=(
                "This video is no longer available because the YouTube account associated with this video has been "
                "terminated."
            ),
        ),
    ),
    (
        K.GONE,
        "removed",
        "was removed, or its channel closed",
        Video(
            ID,
            status="ERROR",
            reason="This video is no longer available because the uploader has closed their YouTube account.",
        ),
    ),
    (
        K.GONE,
        "against-rules",
        "breaking rules or for copyright",
        Video(ID, status="ERROR", reason="This video has been removed for violating YouTube\u2019s Terms of Service"),
    ),
    (
        K.GONE,
        "against-rules",
        "breaking rules or for copyright",
        Video(
            ID,
            status="UNPLAYABLE",
            reason="Video unavailable",
            subreason="This video is no longer available due to a copyright claim by X",
        ),
    ),
    (
        K.GONE,
        "live-not-recorded",
        "there is no recording",
        Video(ID, status="ERROR", reason="This live stream recording is not available."),
    ),
    (
        K.GONE,
        "live-not-recorded",
        "there is no recording",
        Video(ID, status="LIVE_STREAM_OFFLINE", reason="This live event has ended."),
    ),
    (
        K.BLOCKED,
        "rate-limited",
        "limits the rate",
        Video(
            ID,
            status="UNPLAYABLE",
            reason="Video unavailable",
            subreason="This content isn\u2019t available, try again later.",
        ),
    ),
    (
        K.BLOCKED,
        "rate-limited",
        "limits the rate",
        Video(
            ID,
            status="UNPLAYABLE",
            reason="Video unavailable",
            subreason="This content isn't available, try again later.",
        ),
    ),
    (
        K.BLOCKED,
        "bot-check",
        "takes this worker for a bot",
        Video(
            ID,
            status="LOGIN_REQUIRED",
            reason="Sign in to confirm you\u2019re not a bot",
            subreason="This helps protect our community. Learn more",
        ),
    ),
    (
        K.BLOCKED,
        "proxy-refused",
        "refuses the proxy",
        Video(ID, status="UNPLAYABLE", reason="Video unavailable", subreason="VPN/Proxy Detected"),
    ),
    (
        K.SUSPECT,
        "unavailable",
        "only says that the video is unavailable",
        Video(ID, status="ERROR", reason="Video unavailable"),
    ),
    (K.UNKNOWN, "no-formats", "None of the wanted formats", Video(ID, has_media=False)),
]
"""Class, rule and words of what is said, and what YouTube says."""


@pytest.mark.parametrize(("kind", "rule", "words", "video"), REFUSALS)
async def test_a_refusal_is_of_its_class_by_its_rule_and_in_words_for_a_person(
    desk: Any, kind: FailureKind, rule: str, words: str, video: Video
) -> None:
    desk.youtube.add_video(Video("trailer_001"))

    failure = await desk.failure(video)

    assert (failure.kind, failure.rule) == (kind, rule)
    assert words in failure.reason
    assert "cookies for the authentication" not in failure.detail
    assert not [name for name in desk.names if name.endswith(".mp4")]


async def test_a_country_gate_names_the_countries(desk: Any) -> None:
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


async def test_a_429_that_hides_behind_a_broken_extractor_blames_the_worker(desk: Any) -> None:
    busy = Video("busybusy_01")
    desk.youtube.refuse_player(busy.video_id, HTTPStatus.TOO_MANY_REQUESTS)

    failure = await desk.failure(busy)

    assert (failure.kind, failure.rule) == (K.BLOCKED, "http-429-in-warning")
    assert failure.detail.startswith("Failed to extract any player response")


async def test_a_player_that_answers_nonsense_is_a_broken_extractor(desk: Any) -> None:
    broken = Video("broken_0001")
    desk.youtube.refuse_player(broken.video_id, HTTPStatus.BAD_REQUEST)

    failure = await desk.failure(broken)

    assert (failure.kind, failure.rule) == (K.EXTRACTOR, "site-changed")


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

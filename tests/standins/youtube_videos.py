"""What YouTube's player says about a video, as far as yt-dlp reads it: playable, awaited, live or refused. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]

MEDIA_PATH = "/videoplayback"
MEDIA = bytes(range(256)) * 64
"""No film, but as many bytes as were announced, which is all that a download looks at."""

SIGN_OUT = "LOGIN_INFO=; Domain=.youtube.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure"
"""A cookie that takes away the one by which an account is known."""

EMBED_PAGE = (
    '<!DOCTYPE html><html><head><script>ytcfg.set({"INNERTUBE_CONTEXT": {"client": '
    '{"clientName": "WEB_EMBEDDED_PLAYER", "clientVersion": "1.0"}}});</script></head></html>'
)
"""Where yt-dlp goes to see what is for adults."""

LiveStatus = Literal["", "upcoming", "live", "post-live", "recorded"]


@dataclass(frozen=True, slots=True)
class Video:
    """One video.

    Attributes:
        status: YouTube's word for whether it can be played.
        reason: the words that a person is shown instead of it.
        subreason: the small print below them.
        live: where a live event stands; empty for a plain video.
        starts_at: of a live event or premiere, when YouTube tells it.
        countries: where alone it can be seen; empty for everywhere.
        has_media: whether there is anything to download.
        ends_session: whether who is signed in is signed out by looking at it.
    """

    video_id: str
    title: str = "A video"
    status: str = "OK"
    reason: str = ""
    subreason: str = ""
    live: LiveStatus = ""
    starts_at: datetime | None = None
    countries: tuple[str, ...] = ()
    has_media: bool = True
    ends_session: bool = False


def player_response(video: Video) -> Json:
    answer: Json = {
        "playabilityStatus": _playability(video),
        "videoDetails": {
            "videoId": video.video_id,
            "title": video.title,
            "lengthSeconds": "10",
            "channelId": "UCstandin-channel-012345",
            "isUpcoming": video.live == "upcoming",
            "isLive": video.live == "live",
            "isPostLiveDvr": video.live == "post-live",
            "isLiveContent": bool(video.live),
        },
        "microformat": {"playerMicroformatRenderer": _microformat(video)},
    }
    if video.has_media and video.status == "OK":
        answer["streamingData"] = {"formats": [_format(video)]}
    return answer


def video_page(video: Video | None) -> str:
    """The HTML page of a video: it says who it is for, and nothing else that could be read instead of the answers."""
    title = video.title if video else "YouTube"
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title>"
        '<script>ytcfg.set({"INNERTUBE_CONTEXT_CLIENT_NAME": 1, "VISITOR_DATA": "standin"});</script></head>'
        '<body><script>var ytInitialData = {"contents": {"twoColumnWatchNextResults": {}}};</script></body></html>'
    )


def _playability(video: Video) -> Json:
    playability: Json = {"status": video.status}
    if video.reason:
        playability["reason"] = video.reason
    if video.reason or video.subreason:
        renderer = {"reason": {"simpleText": video.reason}, "subreason": {"simpleText": video.subreason}}
        playability["errorScreen"] = {"playerErrorMessageRenderer": renderer}
    return playability


def _microformat(video: Video) -> Json:
    microformat: Json = {"title": {"simpleText": video.title}, "lengthSeconds": "10"}
    if video.countries:
        microformat["availableCountries"] = list(video.countries)
    if video.live:
        details: Json = {"isLiveNow": video.live == "live"}
        if video.starts_at is not None:
            details["startTimestamp"] = video.starts_at.isoformat()
        microformat["liveBroadcastDetails"] = details
    return microformat


def _format(video: Video) -> Json:
    return {
        "itag": 18,
        "url": f"https://www.youtube.com{MEDIA_PATH}?v={video.video_id}",
        "mimeType": 'video/mp4; codecs="avc1.42001E, mp4a.40.2"',
        "width": 640,
        "height": 360,
        "contentLength": str(len(MEDIA)),
        "quality": "medium",
        "qualityLabel": "360p",
        "approxDurationMs": "10000",
    }

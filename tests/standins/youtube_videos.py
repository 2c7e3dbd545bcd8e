"""What YouTube's player says about a video, as far as yt-dlp reads it: playable, awaited, live or refused. Pure."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from standins.youtube_media import (
    CAPTIONS_PATH,
    MANIFEST_PATHS,
    MEDIA_PATH,
    PICTURE_HOST,
    SECONDS,
    TINY_FILM,
    Captions,
    Film,
    Format,
)

Json = dict[str, Any]

SIGN_OUT = "LOGIN_INFO=; Domain=.youtube.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure"
"""A cookie that takes away the one by which an account is known."""

EMBED_PAGE = (
    '<!DOCTYPE html><html><head><script>ytcfg.set({"INNERTUBE_CONTEXT": {"client": '
    '{"clientName": "WEB_EMBEDDED_PLAYER", "clientVersion": "1.0"}}});</script></head></html>'
)
"""Where yt-dlp goes to see what is for adults."""

INITIAL_DATA: Json = {"contents": {"twoColumnWatchNextResults": {}}}
"""What stands beside the player: nothing that could be read instead of its answers."""

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
        trailer_id: of the video that those are shown who may not see this one.
        description: in which YouTube finds chapters.
        film: what there is to fetch, if it can be played.
        has_media: whether there is anything to download.
        ends_session: whether who is signed in is signed out by looking at it.
        uploaded: the day, when its page tells it.
    """

    video_id: str
    title: str = "A video"
    status: str = "OK"
    reason: str = ""
    subreason: str = ""
    live: LiveStatus = ""
    starts_at: datetime | None = None
    countries: tuple[str, ...] = ()
    trailer_id: str = ""
    description: str = ""
    film: Film = TINY_FILM
    has_media: bool = True
    ends_session: bool = False
    uploaded: date | None = None


def player_response(video: Video) -> Json:
    answer: Json = {
        "playabilityStatus": _playability(video),
        "videoDetails": {
            "videoId": video.video_id,
            "title": video.title,
            "shortDescription": video.description,
            "lengthSeconds": str(SECONDS),
            "channelId": "UCstandin-channel-012345",
            "thumbnail": {"thumbnails": [{"url": f"https://{PICTURE_HOST}/vi/{video.video_id}/hqdefault.jpg"}]},
            "isUpcoming": video.live == "upcoming",
            "isLive": video.live == "live",
            "isPostLiveDvr": video.live == "post-live",
            "isLiveContent": bool(video.live),
        },
        "microformat": {"playerMicroformatRenderer": _microformat(video)},
    }
    if video.has_media and video.status == "OK":
        answer["streamingData"] = _streaming(video)
        tracks = [_track(video, each) for each in video.film.captions]
        answer["captions"] = {"playerCaptionsTracklistRenderer": {"captionTracks": tracks}}
    return answer


def video_page(video: Video | None) -> str:
    """The HTML page of a video: it says who it is for, and nothing else that could be read instead of the answers."""
    title = video.title if video else "YouTube"
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title>"
        '<script>ytcfg.set({"INNERTUBE_CONTEXT_CLIENT_NAME": 1, "VISITOR_DATA": "standin"});</script></head>'
        f"<body><script>var ytInitialData = {json.dumps(INITIAL_DATA)};</script></body></html>"
    )


def _playability(video: Video) -> Json:
    playability: Json = {"status": video.status}
    if video.reason:
        playability["reason"] = video.reason
    if video.reason or video.subreason:
        renderer = {"reason": {"simpleText": video.reason}, "subreason": {"simpleText": video.subreason}}
        playability["errorScreen"] = {"playerErrorMessageRenderer": renderer}
    if video.trailer_id:
        playability["errorScreen"] = {"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": video.trailer_id}}
    return playability


def _microformat(video: Video) -> Json:
    microformat: Json = {"title": {"simpleText": video.title}, "lengthSeconds": str(SECONDS)}
    if video.uploaded:
        microformat["uploadDate"] = video.uploaded.isoformat()
    if video.countries:
        microformat["availableCountries"] = list(video.countries)
    if video.live:
        details: Json = {"isLiveNow": video.live == "live"}
        if video.starts_at is not None:
            details["startTimestamp"] = video.starts_at.isoformat()
        microformat["liveBroadcastDetails"] = details
    return microformat


def _streaming(video: Video) -> Json:
    formats = [_format(video, each) for each in video.film.formats]
    if video.film.stream is None:
        return {"formats": formats}
    kind = video.film.stream.kind
    return {
        "formats": formats,
        f"{kind}ManifestUrl": f"https://www.youtube.com{MANIFEST_PATHS[kind]}/{video.video_id}/master.m3u8",
    }


def _format(video: Video, offered: Format) -> Json:
    described: Json = {
        "itag": offered.itag,
        "url": f"https://www.youtube.com{MEDIA_PATH}?v={video.video_id}&itag={offered.itag}",
        "mimeType": offered.mime_type,
        "bitrate": offered.size * 8 // SECONDS,
        "contentLength": str(offered.size),
        "approxDurationMs": str(SECONDS * 1000),
    }
    if offered.height is None:
        return {**described, "quality": "tiny", "audioQuality": "AUDIO_QUALITY_MEDIUM", "audioSampleRate": "48000"}
    size: Json = {"width": offered.height * 16 // 9, "height": offered.height}
    return {**described, **size, "quality": "medium", "qualityLabel": f"{offered.height}p"}


def _track(video: Video, captions: Captions) -> Json:
    address = f"https://www.youtube.com{CAPTIONS_PATH}?v={video.video_id}&lang={captions.language}"
    described: Json = {
        "baseUrl": address,
        "languageCode": captions.language,
        "vssId": f".{captions.language}",
        "name": {"simpleText": captions.language},
    }
    if captions.is_automatic:
        return {**described, "baseUrl": f"{address}&kind=asr", "vssId": f"a.{captions.language}", "kind": "asr"}
    return described

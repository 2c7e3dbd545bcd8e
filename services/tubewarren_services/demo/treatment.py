"""How a video's behaviour becomes replies: pure, from what was asked before."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

from tubewarren_services.demo.catalogue import Behaviour, CataloguedVideo
from tubewarren_services.demo.exchange import Reply, Request, UnsatisfiableRangeError, parse_range

MEDIA_TYPE = "audio/wav"

_LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"
_REFUSED_ATTEMPTS = 2
# yt-dlp asks for a video's address twice: first to see what it is, without reading on, then to download it.
_WHOLE_REQUESTS_THAT_ARE_CUT = 2


@dataclass(frozen=True, slots=True)
class Visit:
    """One request that was answered."""

    method: str
    path: str
    range_header: str | None
    status: HTTPStatus


@dataclass(frozen=True, slots=True)
class Offer:
    """A video ready to be served.

    Attributes:
        plan: what the catalogue says about it.
        sound: the whole file.
        sha256: of the sound, in hexadecimal.
    """

    plan: CataloguedVideo
    sound: bytes
    sha256: str

    @classmethod
    def of(cls, plan: CataloguedVideo, sound: bytes) -> "Offer":
        """Take the checksum once, as every reply names it."""
        return cls(plan, sound, hashlib.sha256(sound).hexdigest())


def media_reply(offer: Offer, request: Request, earlier: Sequence[Visit]) -> Reply:
    """What a visitor of a video gets, given the earlier GET requests for it."""
    match offer.plan.behaviour:
        case Behaviour.GONE:
            return refusal(HTTPStatus.GONE)
        case Behaviour.FLAKY if len(earlier) < _REFUSED_ATTEMPTS:
            # Each of yt-dlp's attempts ends at its first refused request, so this makes two failed attempts.
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE)
        case Behaviour.CUT if _is_cut(request, earlier):
            return _part(offer, request, sent_bytes=len(offer.sound) // 2)
        case Behaviour.SLOW:
            return _part(offer, request, bytes_per_second=offer.plan.bytes_per_second)
        case Behaviour.PLAIN | Behaviour.CUT | Behaviour.FLAKY:
            return _part(offer, request)
        case _:
            assert_never(offer.plan.behaviour)


def refusal(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply without media."""
    return Reply(status, {"Content-Type": "text/plain"} | dict(headers or {}), f"{status.phrase}\n".encode())


def _is_cut(request: Request, earlier: Sequence[Visit]) -> bool:
    whole = sum(visit.range_header is None for visit in earlier)
    return request.range_header is None and whole < _WHOLE_REQUESTS_THAT_ARE_CUT


def _part(
    offer: Offer, request: Request, *, sent_bytes: int | None = None, bytes_per_second: int | None = None
) -> Reply:
    """The whole sound, or the range of it that was asked for."""
    size_bytes = len(offer.sound)
    try:
        part = parse_range(request.range_header, size_bytes)
    except UnsatisfiableRangeError:
        return refusal(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size_bytes}"})
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Accept-Ranges": "bytes",
        "ETag": f'"{offer.sha256}"',
        "Last-Modified": _LAST_MODIFIED,
    }
    if part is None:
        return Reply(HTTPStatus.OK, headers, offer.sound, sent_bytes, bytes_per_second)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size_bytes}"
    return Reply(HTTPStatus.PARTIAL_CONTENT, headers, offer.sound[part], sent_bytes, bytes_per_second)

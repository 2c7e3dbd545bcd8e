"""Media as YouTube serves it: formats, captions and pictures, and every way in which sending a film goes wrong."""

import base64
import json
import subprocess
import threading
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from standins.tls_site import Answer, Visit

MEDIA_PATH = "/videoplayback"
CAPTIONS_PATH = "/api/timedtext"
MANIFEST_PATHS = {"hls": "/api/manifest/hls_variant", "dash": "/api/manifest/dash"}
"""Where lists of pieces are, each followed by the video's id."""
PICTURE_HOST = "i.ytimg.com"
SECONDS = 10
"""How long every film here lasts."""

_SECONDS_BETWEEN_SLICES = 0.03
_SLICES = 8

# Ten seconds of grey and of silence; and one grey dot.
_TINY = (
    "c-o~@O=uHA6n?Y$Yf39iNimjyQR@%Zf-SZ6P_d;@A`}$FDpJr*X48i5X4jo<&>qT)2P-1pJ@n$W1wAR=1idLJNN<7_gkBUpS;RKJ*_}0;G)+?+"
    "^6i^>^UZrRZ@vitr1SP2v%m};Kmu+N{Yoj<r<((P0MV3g7$pGE^wJE4suo%YI4%PL{;M=n&8i)bK*JWoeSEboWfuEW_N<#Tv^^T;g~oa6=1n6y"
    "++nv$ZH6|bYRs;z;Bg(XR=Td!g2GqnwD#;6O>*GM8+Xt<Lp95vDHW(1WKQDP$S6gsshlH4^g=O@okU4@g9f+RO})7kwbXpz7;STwmiGGOEwi&4"
    "_Fprb(E#T;zqB1n!4KX68MGOn(Kdnnv{uO8?jIbecM-{Q8NWlw8Y2{1%WKdzjds}zUsyOoWPU5|C;jvAwQ&N`nf0;9ryg!@Z1BahsW4M)gd>r)"
    "Ex*dQ1d_~lZ@}MhtGJ^C9xUkRIGd|*Bc9Lk<|Sc?uO7FBMXVDTD<^!Ch*fJjhLJZPID9MLA7US(eHRQcJ7<V>aeOfo2z)Wor-%=TO@P=*#8m`t"
    "HnxJPA2d+7R7c^2?EPgmP<Yr^IN4d@2S<PmJM|RKjJaZvc^SvFqHwY-6fQHpDrht6HifzuYSdlCzawSau_chjR(Ts#8FfVxavbL<PKMF$AL)dD"
    "oIertL^>BIzd;mxM5>mi$KmA&NRx9ex+U{6bG=OjWEBa>$d^@%=*I+z@cI6@kQWhhpRdRkF4d6~mNj}0@eJ`9L!vxmLkO%;>=EJ>^19fxNqIoa"
    "&@^A(?i)_A>@<Ij{tOXWxIH&VZC=+ix@!CNJrulb6o{pmrWU;LmV&3Kmb|6ne;rxXslvwzb@47p<*i?zUc6iR(R1@<?)UjM{+dRg#CsQe%3G^n"
    "NHWa}5+7ZX@5?vJogcZQ5jdGFC6D3q)afS4<DA^rBssqq@=9h8<oCOh1@U{P`NJJ(Z;JfC_zR|c{dN"
)
PICTURE = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")


@unique
class Trouble(StrEnum):
    """What happens to whoever fetches a film."""

    NONE = "none"
    FORBIDDEN = "403"
    MISSING = "404"
    MISSING_ONCE = "404 once, then fine"
    BUSY = "429"
    BROKEN_TWICE = "503 twice, then fine"
    CUT_ONCE = "cut midway, once"
    CUT_ALWAYS = "cut at the same byte for ever"
    NO_MORE = "no byte more from the middle on, for ever, and each time politely"
    SLOW = "slow"
    STALLED = "half of it, and then silence"
    SHORTER = "a hundred bytes fewer than were announced, and no word of it"
    EMPTY = "nothing, and politely"


_REFUSALS = {
    Trouble.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Trouble.MISSING: HTTPStatus.NOT_FOUND,
    Trouble.MISSING_ONCE: HTTPStatus.NOT_FOUND,
    Trouble.BUSY: HTTPStatus.TOO_MANY_REQUESTS,
    Trouble.BROKEN_TWICE: HTTPStatus.SERVICE_UNAVAILABLE,
}
_PASSING = {Trouble.MISSING_ONCE: 1, Trouble.BROKEN_TWICE: 2}
"""How often what passes is met."""


@dataclass(frozen=True, slots=True)
class Format:
    """One of the files in which a film is offered.

    Attributes:
        body: what is sent, of which `announced_bytes` are announced, or as many as it has.
        height: of the picture that is announced; None for sound alone.
    """

    itag: int
    mime_type: str
    body: bytes = field(repr=False)
    height: int | None = None
    announced_bytes: int | None = None

    @property
    def size(self) -> int:
        return len(self.body) if self.announced_bytes is None else self.announced_bytes


@dataclass(frozen=True, slots=True)
class Captions:
    """What is said, in one language."""

    language: str
    words: str
    is_automatic: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A film in pieces, of which a list tells; its trouble is met at the piece in the middle.

    Attributes:
        pieces: the first holds what is said of all others.
    """

    kind: Literal["hls", "dash"]
    pieces: tuple[bytes, ...] = field(repr=False)


TINY = Format(18, 'video/mp4; codecs="avc1.42001E, mp4a.40.2"', zlib.decompress(base64.b85decode(_TINY)), height=360)


@dataclass(frozen=True, slots=True)
class Film:
    """What there is to fetch of a video."""

    formats: tuple[Format, ...] = (TINY,)
    captions: tuple[Captions, ...] = ()
    trouble: Trouble = Trouble.NONE
    stream: Stream | None = None

    def but(self, itag: int, body: bytes) -> "Film":
        """The same, with something else for one of its files, and not a word of it but the size."""
        return replace(
            self, formats=tuple(replace(each, body=body) if each.itag == itag else each for each in self.formats)
        )


TINY_FILM = Film()
"""For whom any film will do; what others are made of is made by `make_formats`."""


def make_formats(
    folder: Path, seconds: int = SECONDS, itags: Sequence[int] = (18, 134, 137, 140, 251)
) -> Mapping[int, Format]:
    """Film and sound in the formats that YouTube has: 18 is both, 134 and 137 are pictures, 140 and 251 sound."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size=128x72:rate=5:duration={seconds}"]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}"]
    picture = ["-map", "0", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10"]
    sound = ["-map", "1", "-c:a", "aac", "-b:a", "24k"]
    dash = ["-movflags", "+dash+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"]
    outputs = {
        18: ('video/mp4; codecs="avc1.42001E, mp4a.40.2"', 360, [*picture, *sound, "-movflags", "+faststart"], "mp4"),
        134: ('video/mp4; codecs="avc1.4d401e"', 360, [*picture, *dash], "mp4"),
        137: ('video/mp4; codecs="avc1.640028"', 1080, [*picture, "-s", "192x108", *dash], "mp4"),
        140: ('audio/mp4; codecs="mp4a.40.2"', None, [*sound, *dash], "m4a"),
        251: ('audio/webm; codecs="opus"', None, ["-map", "1", "-c:a", "libopus", "-b:a", "24k"], "webm"),
    }
    outputs = {itag: outputs[itag] for itag in itags}
    for itag, (_, _, arguments, suffix) in outputs.items():
        command += [*arguments, str(folder / f"{itag}.{suffix}")]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return {
        itag: Format(itag, mime_type, (folder / f"{itag}.{suffix}").read_bytes(), height)
        for itag, (mime_type, height, _, suffix) in outputs.items()
    }


def make_pieces(folder: Path) -> tuple[bytes, ...]:
    """Five pieces of two seconds each, in the form that both kinds of streams have, after one that tells of them."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size=128x72:rate=5:duration={SECONDS}"]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={SECONDS}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10", "-c:a", "aac"]
    command += ["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"]
    command += ["-hls_fmp4_init_filename", "0.mp4", "-start_number", "1", "-hls_segment_filename", "%d.mp4", "x.m3u8"]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, cwd=folder)
    return tuple((folder / f"{number}.mp4").read_bytes() for number in range(SECONDS // 2 + 1))


def owner(host: str, path: str, query: Mapping[str, Sequence[str]]) -> str | None:
    """The video of which an address is media."""
    if host == PICTURE_HOST:
        return path.split("/")[2]
    if listed := next((path.split("/")[-2] for start in MANIFEST_PATHS.values() if path.startswith(start)), None):
        return listed
    return query["v"][0] if path in {MEDIA_PATH, CAPTIONS_PATH} else None


class MediaDesk:
    """Hands out what there is to fetch, and makes the trouble."""

    def __init__(self) -> None:
        self._closing = threading.Event()
        self._asked: Counter[str] = Counter()

    def close(self) -> None:
        """Let go of whoever waits."""
        self._closing.set()

    def answer(self, film: Film, visit: Visit) -> Answer | None:
        """What is sent for one request."""
        target = urlsplit(visit.target)
        query = parse_qs(target.query)
        if visit.host == PICTURE_HOST:
            return Answer(HTTPStatus.OK, "image/webp", PICTURE)
        if target.path == CAPTIONS_PATH:
            return _captions(film, query)
        if target.path != MEDIA_PATH:
            return _manifest(film.stream, target.path)
        self._asked[target.query] += 1
        time = self._asked[target.query]
        if film.stream and "piece" in query:
            number, pieces = int(query["piece"][0]), film.stream.pieces
            trouble = film.trouble if number == len(pieces) // 2 else Trouble.NONE
            return self._media(trouble, pieces[number], visit, time)
        (itag,) = query["itag"]
        body = next(each.body for each in film.formats if str(each.itag) == itag)
        return self._media(film.trouble, body, visit, time)

    def _media(self, trouble: Trouble, body: bytes, visit: Visit, time: int) -> Answer | None:
        start = _start(visit)
        if trouble in _REFUSALS and time <= _PASSING.get(trouble, time):
            return _refusal(_REFUSALS[trouble])
        if trouble is Trouble.EMPTY:
            return Answer(HTTPStatus.OK, "video/mp4", b"")
        if trouble is Trouble.STALLED and start > 0:
            self._closing.wait()
            return None
        if trouble is Trouble.SLOW:
            self._closing.wait(_SECONDS_BETWEEN_SLICES)
        if "range" not in visit.headers:
            # Nothing of it is asked for but all.
            return replace(_sent(trouble, body, start, time), status=HTTPStatus.OK, headers={})
        return _sent(trouble, body, start, time)


def _sent(trouble: Trouble, body: bytes, start: int, time: int) -> Answer:
    middle = len(body) // 2
    match trouble:
        case Trouble.CUT_ALWAYS:
            return replace(_piece(body, start), cut_after=max(middle - start, 0))
        case Trouble.CUT_ONCE if time == 1:
            return replace(_piece(body, start), cut_after=middle)
        case Trouble.NO_MORE | Trouble.STALLED:
            return _piece(body, start, max(start, middle))
        case Trouble.SLOW:
            return _piece(body, start, start + len(body) // _SLICES + 1)
        case Trouble.SHORTER:
            return _piece(body[:-100], start)
        case _:
            return _piece(body, start)


def _piece(body: bytes, start: int, end: int | None = None) -> Answer:
    """What is asked for, in full or up to some byte: then the rest is promised and not sent."""
    if start >= len(body):
        return _refusal(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", "Accept-Ranges": "bytes"}
    return Answer(HTTPStatus.PARTIAL_CONTENT, "video/mp4", body[start:end], headers)


def _manifest(stream: Stream | None, path: str) -> Answer:
    if stream is None:
        return _refusal(HTTPStatus.NOT_FOUND)
    video_id = path.split("/")[-2]
    addresses = [f"https://www.youtube.com{MEDIA_PATH}?v={video_id}&piece={at}" for at in range(len(stream.pieces))]
    if stream.kind == "dash":
        return Answer(HTTPStatus.OK, "application/dash+xml", _dash(addresses))
    if path.endswith("/master.m3u8"):
        head = '#EXT-X-STREAM-INF:BANDWIDTH=90000,CODECS="avc1.42001E,mp4a.40.2",RESOLUTION=128x72'
        return Answer(HTTPStatus.OK, "application/vnd.apple.mpegurl", f"#EXTM3U\n{head}\npieces.m3u8\n")
    return Answer(HTTPStatus.OK, "application/vnd.apple.mpegurl", _hls(addresses))


def _hls(addresses: Sequence[str]) -> str:
    first, *others = addresses
    pieces = "".join(f"#EXTINF:2.0,\n{each}\n" for each in others)
    head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    return f'{head}#EXT-X-MAP:URI="{first}"\n{pieces}#EXT-X-ENDLIST\n'


def _dash(addresses: Sequence[str]) -> str:
    first, *others = (escape(each) for each in addresses)
    pieces = "".join(f'<SegmentURL media="{each}"/>' for each in others)
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        f'mediaPresentationDuration="PT{SECONDS}S"><Period><AdaptationSet mimeType="video/mp4"><Representation '
        'id="160" codecs="avc1.42001E" width="128" height="72" bandwidth="90000"><SegmentList duration="2">'
        f'<Initialization sourceURL="{first}"/>{pieces}</SegmentList></Representation></AdaptationSet></Period></MPD>'
    )


def _start(visit: Visit) -> int:
    return int(visit.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])


def _captions(film: Film, query: Mapping[str, Sequence[str]]) -> Answer:
    wanted = query["lang"][0], "kind" in query
    words = next((each.words for each in film.captions if (each.language, each.is_automatic) == wanted), None)
    match query["fmt"][0]:
        case "json3" if words is not None:
            said = {"events": [{"tStartMs": 0, "dDurationMs": 2000, "segs": [{"utf8": words}]}]}
            return Answer(HTTPStatus.OK, "application/json", json.dumps(said))
        case "vtt" if words is not None:
            return Answer(HTTPStatus.OK, "text/vtt", f"WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n{words}\n")
        case _:
            return _refusal(HTTPStatus.NOT_FOUND)


def _refusal(status: HTTPStatus) -> Answer:
    return Answer(status, "text/plain", status.phrase)

"""Addresses: which may be worked on, when two of them mean the same, and the name of a video's folder."""

import hashlib
import ipaddress
import re
import socket
from collections.abc import Collection
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import AddressRefusedError
from tubewarren.youtube.places import SHORT_HOST, Place, place_at

YOUTUBE_HOSTS = frozenset(
    {
        "youtube.com",
        "www.youtube.com",
        "m.youtube.com",
        "music.youtube.com",
        SHORT_HOST,
        "youtube-nocookie.com",
        "www.youtube-nocookie.com",
    }
)
"""The hosts that are allowed when nothing else is said."""

ANY_PUBLIC_HOST = "*"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_END = re.compile(r"[/\s]+$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_VIDEO_ID = re.compile(r"[0-9A-Za-z_-]{11}")
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}\.?")
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|si|feature|pp|app|ab_channel")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST_KEY = 100
_DIGEST_LENGTH = 8
_LONGEST_ADDRESS = 4096

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(url: str, allowed_hosts: Collection[str] = YOUTUBE_HOSTS) -> str:
    """Clean an address and make sure that it may be worked on.

    Mixes, searches and what only its owner sees on YouTube are refused, too: they would be listed without end.

    Args:
        url: as a person wrote it.
        allowed_hosts: `host` or `host:port`; `.example.org` allows every host below it, `*` every public host.
            A private, loopback or link-local address is allowed only where it is named itself.

    Raises:
        AddressRefusedError: with the reason, and what to do about it.
    """
    text = url.strip()
    parts = _split(text)
    host = _host_of(parts, text)
    port = _port_of(parts, text)
    literal = _as_ip(host)
    shown = str(literal) if literal else host
    allowed = {entry.strip().lower() for entry in allowed_hosts}
    if not _is_named(shown, port or _DEFAULT_PORTS[parts.scheme.lower()], allowed):
        if _is_private(shown, literal):
            _refuse(
                f"{shown} is this machine or a private network; if that is meant, allow it with --allow-host {shown}",
                text,
            )
        if ANY_PUBLIC_HOST not in allowed:
            _refuse(f"the host {shown} is not allowed; if you trust it, allow it with --allow-host {shown}", text)
    cleaned = urlunsplit((parts.scheme.lower(), _netloc(parts, shown, port), parts.path, parts.query, parts.fragment))
    if (place := place_of(cleaned)) and place.refusal:
        _refuse(place.refusal, text)
    return cleaned


def place_of(url: str) -> Place | None:
    """What an address leads to, when it is one of YouTube's and tells; raises nothing."""
    parts, port = _lenient(url)
    is_youtube = (parts.hostname or "").lower() in YOUTUBE_HOSTS and port is None
    return place_at(parts) if is_youtube else None


def canonical_url(url: str) -> str:
    """One spelling for the ways of writing the same video, playlist or channel; raises nothing.

    What does not look like an address comes back as it is, without the blanks around it.
    """
    parts, port = _lenient(url)
    host = (parts.hostname or "").lower()
    if not host:
        return url.strip()
    if host in YOUTUBE_HOSTS and port is None:
        return _canonical_youtube(parts)
    return urlunsplit((parts.scheme, _netloc(parts, host, port), _END.sub("", parts.path), _kept(parts), ""))


def video_key(extractor: str, video_id: str, url: str) -> str:
    """The name of a video's folder, the same for every way to the video.

    YouTube's id stays as it is. Elsewhere the address alone decides: a feed and a direct link know different ids for
    one and the same file.
    """
    if extractor.lower().startswith("youtube") and _VIDEO_ID.fullmatch(video_id):
        return video_id
    canonical = canonical_url(url)
    parts, _ = _lenient(canonical)
    host = parts.hostname or ""
    if host in YOUTUBE_HOSTS and (found := _VIDEO_ID.fullmatch(dict(parse_qsl(parts.query)).get("v", ""))):
        return found.group()
    site = _slug(host.removeprefix("www."))[:40] or "site"
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_LENGTH]
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]).rpartition(".")
    slug = _slug(name[0] or name[2])[: _LONGEST_KEY - len(site) - len(digest) - 2].strip("-_.")
    return "-".join(part for part in (site, slug, digest) if part)


def _lenient(url: str) -> tuple[SplitResult, int | None]:
    """The parts of an address and its port; of what does not look like an address, no host."""
    text = url.strip()
    has_scheme = _SCHEME.match(text) is not None
    try:
        parts = urlsplit(text if has_scheme else f"https://{text}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return SplitResult("", "", text, "", ""), None
    if not has_scheme and "." not in host:
        return SplitResult("", "", text, "", ""), None
    return parts, None if port == _DEFAULT_PORTS.get(parts.scheme) else port


def _split(text: str) -> SplitResult:
    if not text or len(text) > _LONGEST_ADDRESS or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        _refuse("this is not an address; write one such as https://www.youtube.com/@name", text)
    if "://" not in text and re.match(r"(?i)[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/|$)", text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        _refuse("this is not an address; write one such as https://www.youtube.com/@name", text)
    if not parts.scheme:
        _refuse("this is not an address; write one such as https://www.youtube.com/@name", text)
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        _refuse(f"only http and https are worked on, not {parts.scheme.lower()}:", text)
    return parts


def _host_of(parts: SplitResult, text: str) -> str:
    if parts.username is not None or parts.password is not None:
        _refuse("an address with a user name in it would end up in logs and lists; give credentials as an option", text)
    host = unquote(parts.hostname or "").rstrip(".").lower()
    try:
        # Full-width digits and the like become what a resolver would make of them.
        host = host if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        host = ""
    if not host or re.search(r"[^0-9a-z._:%-]", host):
        _refuse("this address has no usable host; write one such as https://www.youtube.com/@name", text)
    return host


def _port_of(parts: SplitResult, text: str) -> int | None:
    try:
        port = parts.port
    except ValueError:
        _refuse("the port of this address is no number between 0 and 65535", text)
    return None if port == _DEFAULT_PORTS[parts.scheme.lower()] else port


def _as_ip(host: str) -> _Address | None:
    """The address behind a literal, also in the odd spellings that resolvers take: 2130706433, 0177.1, 0x7f.1."""
    if _NUMERIC_HOST.fullmatch(host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(literal, ipaddress.IPv6Address):
        if literal in _NAT64:
            return ipaddress.IPv4Address(literal.packed[-4:])
        return literal.ipv4_mapped or literal.sixtofour or literal
    return literal


def _is_private(host: str, literal: _Address | None) -> bool:
    if literal is not None:
        return not literal.is_global or literal.is_multicast
    return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host


def _is_named(host: str, port: int, allowed: set[str]) -> bool:
    shown = f"[{host}]" if ":" in host else host
    if not allowed.isdisjoint({host, shown, f"{shown}:{port}"}):
        return True
    return any(entry.startswith(".") and host.endswith(entry) for entry in allowed)


def _netloc(parts: SplitResult, host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port is None or port == _DEFAULT_PORTS.get(parts.scheme.lower()) else f"{host}:{port}"


def _canonical_youtube(parts: SplitResult) -> str:
    place = place_at(parts)
    if place and place.url:
        return place.url
    host = parts.hostname if parts.hostname == SHORT_HOST else "www.youtube.com"
    return urlunsplit(("https", host, _END.sub("", parts.path), _kept(parts), ""))


def _kept(parts: SplitResult) -> str:
    """The query without what only tells where somebody came from."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return urlencode([pair for pair in pairs if not _TRACKING.fullmatch(pair[0])])


def _slug(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]+", "-", text).strip("-_.")


def _refuse(reason: str, text: str) -> NoReturn:
    raise AddressRefusedError(
        Failure(kind=FailureKind.BAD_INPUT, reason=reason, detail=text[:200], rule="address-refused")
    )

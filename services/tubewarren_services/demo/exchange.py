"""One request and one reply of HTTP/1.1: as much of it as a media site needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")


class ExchangeError(Exception):
    """A visitor asked for something that can't be answered as asked."""


class UnreadableRequestError(ExchangeError):
    """What came in is not HTTP."""


class UnsatisfiableRangeError(ExchangeError):
    """A range begins after the end."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a visitor asked for.

    Attributes:
        method: in capitals.
        path: without the query.
        headers: by lower-case name.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def range_header(self) -> str | None:
        """The `Range` header as it came."""
        return self.headers.get("range")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back.

    Attributes:
        status: of HTTP.
        headers: all but `Content-Length` and `Connection`, which follow from the rest.
        body: what `Content-Length` announces.
        sent_bytes: how much of the body is sent before the connection closes; None is all of it.
        bytes_per_second: how fast; None is as fast as it goes.
    """

    status: HTTPStatus
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent_bytes: int | None = None
    bytes_per_second: int | None = None

    @property
    def head(self) -> bytes:
        """The status line and the headers, with the empty line that ends them."""
        headers = {**self.headers, "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n{''.join(lines)}\r\n".encode("latin-1")


def parse_request(head: bytes) -> Request:
    """Read a request line and headers.

    Raises:
        UnreadableRequestError: the bytes are no HTTP request; answer 400.
    """
    first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    match first.split(" "):
        case [method, target, "HTTP/1.0" | "HTTP/1.1"]:
            fields = (line.partition(":") for line in rest)
            headers = {name.strip().lower(): value.strip() for name, _, value in fields}
            return Request(method, target.partition("?")[0], headers)
        case _:
            raise UnreadableRequestError(f"{first[:80]!r} is no HTTP request line; answer 400")


def parse_range(header: str | None, size_bytes: int) -> slice | None:
    """Which bytes of a file a `Range` header asks for; None is the whole file.

    It is None too for kinds of range that we do not know: the standard says to ignore them.

    Raises:
        UnsatisfiableRangeError: the range holds no byte of the file; answer 416.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or not (found["first"] or found["last"]):
        return None
    if found["first"]:
        start = int(found["first"])
        stop = min(size_bytes, int(found["last"]) + 1) if found["last"] else size_bytes
    else:
        start, stop = max(0, size_bytes - int(found["last"])), size_bytes
    if start >= stop:
        raise UnsatisfiableRangeError(f"{header} holds no byte of a file of {size_bytes} bytes; answer 416")
    return slice(start, stop)

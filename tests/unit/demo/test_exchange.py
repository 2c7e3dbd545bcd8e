from http import HTTPStatus

import pytest

from tubewarren_services.demo.exchange import (
    Reply,
    UnreadableRequestError,
    UnsatisfiableRangeError,
    parse_range,
    parse_request,
)


def test_a_request_is_its_method_its_path_and_its_headers() -> None:
    request = parse_request(b"GET /a.wav?x=1 HTTP/1.1\r\nHost: here\r\nRANGE: bytes=5-\r\n\r\n")

    assert (request.method, request.path, request.range_header) == ("GET", "/a.wav", "bytes=5-")


@pytest.mark.parametrize("head", [b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/3\r\n\r\n"])
def test_what_is_not_http_is_refused(head: bytes) -> None:
    with pytest.raises(UnreadableRequestError, match="answer 400"):
        parse_request(head)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", slice(0, 100)),
        ("bytes=40-", slice(40, 100)),
        ("bytes=40-49", slice(40, 50)),
        ("bytes=40-4000", slice(40, 100)),
        ("bytes=-10", slice(90, 100)),
        ("bytes=-1000", slice(0, 100)),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("pages=1-2", None),
    ],
)
def test_a_range_is_the_part_that_it_names(header: str | None, part: slice | None) -> None:
    assert parse_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=60-50", "bytes=-0"])
def test_a_range_without_a_byte_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError, match="answer 416"):
        parse_range(header, 100)


def test_a_reply_announces_its_whole_body_even_when_less_is_sent() -> None:
    reply = Reply(HTTPStatus.OK, {"ETag": '"x"'}, b"0123456789", sent_bytes=5)

    assert reply.head == (b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 10\r\nConnection: close\r\n\r\n')

"""Asking a service how it is. Loads next to nothing: a container's health check runs it all day long."""

import socket
from typing import Final, NamedTuple

from tubewarren.health.address import Address

_PATIENCE_SECONDS: Final = 10
_MOST_BYTES: Final = 1_000_000


class Told(NamedTuple):
    """What was answered.

    Attributes:
        is_good: the service is as it should be.
        words: a line each.
        body: the JSON as it came; empty without an answer.
    """

    is_good: bool
    words: tuple[str, ...]
    body: str = ""


def ask(address: Address, question: str) -> Told:
    """Ask; silence is an answer, and no good one.

    Args:
        address: where the service tells its health.
        question: `live` or `ready`.
    """
    try:
        status, body = _get(address.near, f"/{question}")
        findings = _findings(body)
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        silence = f"No service tells its health at {address.near} ({problem})."
        return Told(is_good=False, words=(f"{silence} Does it run, with TUBEWARREN_HEALTH__LISTEN set to this?",))
    is_good = status == 200  # noqa: PLR2004 - http.HTTPStatus would take longer to load than all the rest
    return Told(is_good, (question if is_good else f"not {question}", *findings), body)


def _get(address: Address, path: str) -> tuple[int, str]:
    with socket.create_connection(address, timeout=_PATIENCE_SECONDS) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        with line.makefile("rb") as stream:
            head, _, body = stream.read(_MOST_BYTES).decode().partition("\r\n\r\n")
    return int(head.split(" ", 2)[1]), body


def _findings(body: str) -> tuple[str, ...]:
    """What is wrong first."""
    import json  # noqa: PLC0415 - not needed when nobody answers

    findings = sorted(json.loads(body)["findings"], key=lambda each: each["ok"])
    return tuple(f"{'ok ' if each['ok'] else 'BAD'} {each['what']}: {each['words']}" for each in findings)

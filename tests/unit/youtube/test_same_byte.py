"""Asking for the rest of a file from one byte on has an end."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import ProcessingFailedError
from tubewarren.youtube.same_byte import ENDLESS, bounded


@dataclass
class Request:
    url: str
    headers: dict[str, str] = field(default_factory=dict)


def ask(url: str, first: int, last: int) -> Request:
    return Request(url, {"Range": f"bytes={first}-{last}"})


def test_a_server_is_not_asked_for_ever_for_what_follows_one_byte() -> None:
    sent: list[Any] = []
    send = bounded(sent.append)
    for number in range(20):
        send(ask("x", 500, 1000 + number))

    with pytest.raises(ProcessingFailedError, match="never sends more of the file than 500 bytes") as raised:
        send(ask("x", 500, 2000))

    assert (raised.value.failure.kind, raised.value.failure.rule) == (FailureKind.TRANSIENT, ENDLESS)
    assert len(sent) == 20


def test_what_gets_on_is_not_bounded_and_neither_is_what_names_no_byte() -> None:
    sent: list[Any] = []
    send = bounded(sent.append)

    for number in range(100):
        send(ask("x", number, 1000))
        send(ask(f"y/{number}", 0, 1000))
        send(Request("a page"))
        send("an address")

    assert len(sent) == 400

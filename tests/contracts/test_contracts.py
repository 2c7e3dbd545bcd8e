"""The wire format never changes: each body and its envelope were written down once, by type and version.

A test that fails here is no reason to change a frozen file: a changed meaning is a new version beside the old one.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
from aio_pika.abc import AbstractIncomingMessage

from contracts.examples import EXAMPLES
from tubewarren.bus.codec import decode, encode
from tubewarren.messages import TYPES, Message

BODIES = Path(__file__).parent / "bodies"
ENVELOPES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "envelopes.json").read_text())
LATER: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "later.json").read_text())
"""Fields that a version got after its body was frozen; such a field says nothing where it is missing."""
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

of_each_type = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)


@dataclass(frozen=True)
class Incoming:
    """As much of a delivery as the codec reads, made from what is frozen."""

    type: str
    body: bytes
    message_id: str
    headers: dict[str, Any] = field(default_factory=dict)
    redelivered: bool = False
    reply_to: str | None = None
    correlation_id: str | None = None
    timestamp: datetime | None = None


def frozen_body(kind: str) -> bytes:
    return (BODIES / f"{kind}.json").read_bytes().rstrip(b"\n")


def received(kind: str, body: bytes) -> AbstractIncomingMessage:
    envelope = ENVELOPES[kind]
    incoming = Incoming(envelope["type"], body, envelope["message_id"], envelope["headers"])
    return cast("AbstractIncomingMessage", incoming)


def test_every_type_has_one_example_and_one_frozen_body_and_envelope() -> None:
    assert sorted(example.type for example in EXAMPLES) == sorted(TYPES)
    assert sorted(path.stem for path in BODIES.iterdir()) == sorted(TYPES)
    assert sorted(ENVELOPES) == sorted(TYPES)


@of_each_type
def test_the_frozen_body_is_read_as_what_it_always_meant(example: Message) -> None:
    delivery = decode(received(example.type, frozen_body(example.type)))

    assert delivery.message == example
    assert type(delivery.message) is type(example)
    assert delivery.attempt == 1
    assert dict(delivery.trace) == TRACE


@of_each_type
def test_a_field_that_only_a_newer_sender_knows_is_passed_over(example: Message) -> None:
    extended = json.loads(frozen_body(example.type)) | {"mood": "cheerful", "nested": {"list": [1, None]}}

    delivery = decode(received(example.type, json.dumps(extended).encode()))

    assert delivery.message == example


@of_each_type
def test_what_is_written_today_is_what_was_frozen(example: Message) -> None:
    amqp = encode(example, trace=TRACE)

    assert amqp.body == frozen_body(example.type)
    assert {
        "type": amqp.type,
        "message_id": amqp.message_id,
        "content_type": amqp.content_type,
        "delivery_mode": int(amqp.delivery_mode),
        "headers": dict(amqp.headers),
    } == ENVELOPES[example.type]


@pytest.mark.parametrize("kind", sorted(LATER))
def test_fields_that_came_later_are_read_and_written_beside_the_frozen_ones(kind: str) -> None:
    extended = json.loads(frozen_body(kind)) | LATER[kind]

    message = decode(received(kind, json.dumps(extended).encode())).message

    assert json.loads(message.model_dump_json()) == extended


@of_each_type
def test_every_field_of_a_type_stands_in_its_frozen_body_or_came_later(example: Message) -> None:
    frozen = set(json.loads(frozen_body(example.type)))

    assert frozen | set(LATER.get(example.type, ())) == set(type(example).model_fields)

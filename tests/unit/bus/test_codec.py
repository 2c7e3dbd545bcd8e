"""Between messages and bytes; what strangers send is never taken for ours, and never a crash."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from aio_pika import DeliveryMode
from aio_pika import Message as AmqpMessage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tubewarren.bus.codec import (
    ATTEMPT,
    DIED_IN,
    DIED_OF,
    NOT_BEFORE,
    ORDERED_AT,
    REDRIVEN,
    death_elsewhere,
    decode,
    encode,
    name_of,
)
from tubewarren.bus.errors import UnreadableMessageError
from tubewarren.delivery import Death, Delivery
from tubewarren.messages.commands import DownloadVideo
from tubewarren.messages.events import VideoProgress

if TYPE_CHECKING:
    from aio_pika.abc import AbstractIncomingMessage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
VIDEO = DownloadVideo(video_id="v1", url="https://x.invalid/v1", source_id="7", columns={"Name": "Zoë"})
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}


@dataclass(frozen=True)
class Incoming:
    """As much of a delivery as the codec reads."""

    type: str | None = "video.download.v1"
    body: bytes = VIDEO.model_dump_json().encode()
    message_id: str | None = "id-1"
    headers: dict[str, Any] = field(default_factory=dict)
    redelivered: bool | None = False
    reply_to: str | None = None
    correlation_id: str | None = None
    timestamp: datetime | None = None


def read(incoming: Incoming) -> Delivery:
    return decode(cast("AbstractIncomingMessage", incoming))


def with_header(name: str, value: object) -> Delivery:
    return read(Incoming(headers={name: value}))


def carried(amqp: AmqpMessage) -> Incoming:
    return Incoming(
        type=amqp.type,
        body=amqp.body,
        message_id=amqp.message_id,
        headers=dict(amqp.headers),
        reply_to=amqp.reply_to,
        correlation_id=amqp.correlation_id,
        timestamp=amqp.timestamp,
    )


def test_what_is_written_is_read_again() -> None:
    later = NOON + timedelta(days=2, microseconds=3)
    amqp = encode(VIDEO, attempt=3, not_before=later, trace=TRACE, reply_to="reply.x", correlation_id="c")

    delivery = read(replace(carried(amqp), redelivered=True))

    assert delivery == Delivery(
        VIDEO,
        message_id=str(VIDEO.message_id),
        attempt=3,
        is_redelivered=True,
        not_before=later,
        reply_to="reply.x",
        correlation_id="c",
        trace=TRACE,
        due_since=amqp.timestamp,
        ordered_at=amqp.timestamp,
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (None, NOON),
        ([{"queue": "downloader.retry.30s", "reason": "expired", "time": LATER}], LATER),
        ([{"queue": "downloader", "reason": "delivery_limit", "time": LATER}], NOON),
        ([{"reason": "expired", "time": "soon"}], None),
        ("garbage", NOON),
    ],
)
def test_work_is_due_from_its_publication_on_or_from_its_return_from_a_rung(
    record: object, expected: datetime | None
) -> None:
    assert read(Incoming(headers={"x-death": record}, timestamp=NOON)).due_since == expected


def test_a_copy_that_was_published_anew_is_as_old_as_its_first() -> None:
    assert read(Incoming(timestamp=LATER)).ordered_at == LATER
    assert read(Incoming(headers={ORDERED_AT: int(NOON.timestamp())}, timestamp=LATER)).ordered_at == NOON
    assert read(Incoming()).ordered_at is None


def test_what_came_back_from_the_dead_is_known_as_such() -> None:
    assert read(Incoming(headers={REDRIVEN: True})).is_redriven
    assert not read(Incoming()).is_redriven


def test_all_but_progress_outlives_a_restart_of_the_broker() -> None:
    progress = VideoProgress(at=NOON, video_id="v", source_id="s", worker="w", phase="download")

    assert encode(VIDEO).delivery_mode == DeliveryMode.PERSISTENT
    assert encode(progress).delivery_mode == DeliveryMode.NOT_PERSISTENT


@pytest.mark.parametrize("header", [None, 0, -1, "3", 3.0, True, b"\x03", [3], {"n": 3}])
def test_an_attempt_that_is_no_count_is_the_first(header: object) -> None:
    attempt = with_header(ATTEMPT, header).attempt

    assert attempt == 1
    assert type(attempt) is int


@pytest.mark.parametrize("header", [None, "", "soon", "2026-03-01T12:00:00", "2026-13-01T00:00:00Z", 5, b"2026", NOON])
def test_a_time_that_is_none_or_has_no_zone_is_no_reason_to_wait(header: object) -> None:
    assert with_header(NOT_BEFORE, header).not_before is None


def test_a_time_in_any_zone_is_understood() -> None:
    assert with_header(NOT_BEFORE, "2026-03-01T14:00:00+02:00").not_before == NOON


def test_of_the_headers_only_the_trace_is_taken_for_one() -> None:
    delivery = read(Incoming(headers={**TRACE, "traceparent": 5, "baggage": "x", "x-death": []}))

    assert dict(delivery.trace) == {"tracestate": "a=b"}


@pytest.mark.parametrize("type_", ["video.upload.v1", "", None, "VIDEO.DOWNLOAD.V1"])
def test_an_unknown_type_is_named_with_what_to_do(type_: str | None) -> None:
    with pytest.raises(UnreadableMessageError, match=r"is not known to this version.* purge") as caught:
        read(Incoming(type=type_))

    assert repr(type_ or "(none)") in str(caught.value)


def test_of_a_newer_version_it_says_that_an_update_helps() -> None:
    with pytest.raises(UnreadableMessageError, match=r"'video\.download\.v2'.*update this worker and redrive"):
        read(Incoming(type="video.download.v2"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body"),
        (b"not json", "the body"),
        (b"\xff\xfe\x00", "the body"),
        (b"[]", "the body"),
        (b"null", "the body"),
        (b"{}", "video_id"),
        (b"[" * 100_000, "the body"),
        (json.dumps({"video_id": 5, "url": "u", "source_id": "7"}).encode(), "video_id"),
        (json.dumps({"video_id": "v", "url": "u", "source_id": "7", "priority": 11}).encode(), "priority"),
        (json.dumps({"video_id": "v", "url": "u", "source_id": "7", "columns": {"Name": 5}}).encode(), "columns.Name"),
        (b'{"video_id": "\\ud800", "url": "u", "source_id": "7"}', "the body"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_place_and_what_to_do(body: bytes, words: str) -> None:
    with pytest.raises(UnreadableMessageError) as caught:
        read(Incoming(body=body))

    text = str(caught.value)
    assert text.startswith(f"The body is not a video.download.v1: {words}: ")
    assert text.endswith("Correct its sender, then purge it.")


def test_what_a_broken_body_contains_is_not_repeated() -> None:
    with pytest.raises(UnreadableMessageError) as caught:
        read(Incoming(body=b'{"video_id": ["geheim"], "url": "geheim"}'))

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "death"),
    [
        (None, None),
        ([], None),
        ({}, None),
        ("rejected", None),
        (["rejected"], None),
        ([None], None),
        ([{}], Death("", "")),
        ([{"queue": "downloader", "reason": "delivery_limit", "count": 1}], Death("downloader", "delivery_limit")),
        (
            [{"queue": "downloader", "reason": "rejected"}, {"queue": "downloader.retry.30s", "reason": "expired"}],
            Death("downloader", "rejected"),
        ),
    ],
)
def test_a_death_is_read_from_the_newest_entry_of_the_brokers_record(header: object, death: Death | None) -> None:
    assert with_header("x-death", header).death == death


TOLD = {DIED_IN: "downloader", DIED_OF: "delivery_limit"}
UNDIGESTED = {"queue": "writer.events", "reason": "rejected"}
BURIED = {"queue": "downloader", "reason": "rejected"}
WAITED = {"queue": "downloader.retry.30s", "reason": "expired"}


@pytest.mark.parametrize(
    ("headers", "death"),
    [
        (TOLD, Death("downloader", "delivery_limit")),
        (TOLD | {"x-death": [BURIED]}, Death("downloader", "rejected")),
        ({DIED_IN: "downloader"}, None),
        ({DIED_IN: 5, DIED_OF: "rejected"}, None),
    ],
)
def test_a_copy_tells_of_the_death_that_was_written_into_it_unless_it_died_again(
    headers: dict[str, Any], death: Death | None
) -> None:
    assert read(Incoming(headers=headers)).death == death


@pytest.mark.parametrize(
    ("headers", "death"),
    [
        ({}, None),
        ({"x-death": [UNDIGESTED]}, None),
        ({"x-death": [UNDIGESTED, WAITED]}, None),
        ({"x-death": [UNDIGESTED, BURIED, WAITED]}, Death("downloader", "rejected")),
        ({"x-death": [UNDIGESTED], **TOLD}, Death("downloader", "delivery_limit")),
    ],
)
def test_what_died_with_a_listener_has_the_death_that_it_told_of(headers: dict[str, Any], death: Death | None) -> None:
    incoming = cast("AbstractIncomingMessage", Incoming(headers=headers))

    assert death_elsewhere(incoming, "writer.events") == death


def test_a_strangers_message_without_an_id_is_known_by_its_body() -> None:
    one, same, other = (
        name_of(cast("AbstractIncomingMessage", Incoming(message_id=None, body=body))) for body in (b"a", b"a", b"b")
    )

    assert one == same
    assert one != other
    assert one == "sha256:ca978112ca1bbdcafac231b39a23dc4d"
    assert read(Incoming(message_id="")).message_id.startswith("sha256:")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=60),
    type_=st.sampled_from(["video.download.v1", "worker.beat.v1", "x", None]),
    headers=st.dictionaries(
        st.sampled_from([ATTEMPT, NOT_BEFORE, DIED_IN, DIED_OF, "x-death", "traceparent"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.lists(st.text() | st.integers()),
    ),
)
def test_nothing_that_a_stranger_sends_raises_anything_else(
    body: bytes, type_: str | None, headers: dict[str, object]
) -> None:
    try:
        read(Incoming(body=body, type=type_, headers=headers))
    except UnreadableMessageError as error:
        assert str(error)  # noqa: PT017 - both ends are right here

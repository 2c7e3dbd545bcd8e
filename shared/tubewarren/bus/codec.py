"""Between messages and bytes: what stands in the body, in the AMQP properties and in our own headers."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256

from aio_pika import DeliveryMode
from aio_pika import Message as AmqpMessage
from aio_pika.abc import AbstractIncomingMessage, HeadersType
from pydantic import ValidationError

from tubewarren.bus.errors import UnreadableMessageError
from tubewarren.delivery import Death, Delivery
from tubewarren.messages import TYPES, Message
from tubewarren.topology import is_worth_waiting_for, work_queue_of

ATTEMPT = "tubewarren-attempt"
NOT_BEFORE = "tubewarren-not-before"
OPINIONS = "tubewarren-unavailable-at"
DIED_IN = "tubewarren-died-in"
DIED_OF = "tubewarren-died-of"
ORDERED_AT = "tubewarren-ordered-at"
"""Of a copy that was published anew: when the first was, in seconds since 1970."""
REDRIVEN = "tubewarren-redriven"
TRACE_HEADERS = ("traceparent", "tracestate")
_WAITED = "expired"


def encode(
    message: Message,
    *,
    attempt: int = 1,
    not_before: datetime | None = None,
    trace: Mapping[str, str] | None = None,
    reply_to: str | None = None,
    correlation_id: str | None = None,
) -> AmqpMessage:
    """Our message as AMQP knows it."""
    headers: HeadersType = {**(trace or {}), ATTEMPT: attempt}
    if not_before is not None:
        headers[NOT_BEFORE] = not_before.isoformat()
    mode = DeliveryMode.PERSISTENT if is_worth_waiting_for(message) else DeliveryMode.NOT_PERSISTENT
    return AmqpMessage(
        message.model_dump_json().encode(),
        type=message.type,
        content_type="application/json",
        message_id=str(message.message_id),
        timestamp=datetime.now(UTC),
        delivery_mode=mode,
        headers=headers,
        reply_to=reply_to,
        correlation_id=correlation_id,
    )


def decode(incoming: AbstractIncomingMessage) -> Delivery:
    """The delivery that AMQP brought.

    Raises:
        UnreadableMessageError: the type is unknown or newer than this version, or the body does not fit it.
    """
    kind = TYPES.get(incoming.type or "")
    if kind is None:
        raise UnreadableMessageError(
            f"The message type {incoming.type or '(none)'!r} is not known to this version. If a newer Tubewarren "
            "sent it, update this worker and redrive the message; otherwise purge it."
        )
    try:
        message = kind.model_validate_json(incoming.body)
    except ValidationError as error:
        raise UnreadableMessageError(_complaint(kind, error)) from error
    return Delivery(
        message,
        message_id=name_of(incoming),
        attempt=attempt_of(incoming.headers),
        opinions=opinions_of(incoming.headers),
        is_redelivered=bool(incoming.redelivered),
        not_before=not_before_of(incoming.headers),
        reply_to=incoming.reply_to,
        correlation_id=incoming.correlation_id,
        trace=trace_of(incoming.headers),
        death=death_of(incoming),
        due_since=_due_since(incoming),
        ordered_at=ordered_at_of(incoming),
        is_redriven=bool(incoming.headers.get(REDRIVEN)),
    )


def name_of(incoming: AbstractIncomingMessage) -> str:
    """The message's id, or a digest of its body when a stranger sent it without one."""
    return incoming.message_id or f"sha256:{sha256(incoming.body).hexdigest()[:32]}"


def attempt_of(headers: Mapping[str, object]) -> int:
    """Which charged try a message is; 1 when nobody counted."""
    header = headers.get(ATTEMPT)
    return header if isinstance(header, int) and not isinstance(header, bool) and header > 0 else 1


def not_before_of(headers: Mapping[str, object]) -> datetime | None:
    """The time before which a message does not start; None when it may at once."""
    return _moment(headers.get(NOT_BEFORE))


def deliveries_of(headers: Mapping[str, object]) -> int:
    """How often the broker has delivered a message before, as far as it counts that."""
    header = headers.get("x-delivery-count")
    return header if isinstance(header, int) else 0


def opinions_of(headers: Mapping[str, object]) -> tuple[str, ...]:
    """The egresses that found this video unavailable, oldest first."""
    header = headers.get(OPINIONS)
    return tuple(str(each) for each in header) if isinstance(header, list) else ()


def ordered_at_of(incoming: AbstractIncomingMessage) -> datetime | None:
    """When it was first published, to a whole second, however often it was sent on since; None of a stranger's."""
    header = incoming.headers.get(ORDERED_AT)
    if isinstance(header, int):
        return datetime.fromtimestamp(header, UTC)
    return incoming.timestamp.astimezone(UTC) if isinstance(incoming.timestamp, datetime) else None


def trace_of(headers: Mapping[str, object]) -> dict[str, str]:
    """The W3C headers of the story that a message belongs to."""
    return {name: value for name in TRACE_HEADERS if isinstance(value := headers.get(name), str)}


def death_of(incoming: AbstractIncomingMessage) -> Death | None:
    """The newest entry of the broker's own record, whose other numbers differ between versions.

    A copy that was published anew has no such record: then the death that we wrote into our own headers. None for
    what only waited on a rung, though the broker calls that a death as well.
    """
    newest = next(_recorded(incoming.headers), None) or _told(incoming.headers)
    return None if newest is None or newest.reason == _WAITED else newest


def death_elsewhere(incoming: AbstractIncomingMessage, queue: str) -> Death | None:
    """The newest death in any other queue: what the message told to the one in which it died at last."""
    elsewhere = (death for death in _recorded(incoming.headers) if death.queue != queue and death.reason != _WAITED)
    return next(elsewhere, None) or _told(incoming.headers)


def _recorded(headers: Mapping[str, object]) -> Iterator[Death]:
    """By the broker, newest first."""
    record = headers.get("x-death")
    for entry in record if isinstance(record, list) else ():
        if isinstance(entry, dict):
            yield Death(work_queue_of(str(entry.get("queue", ""))), str(entry.get("reason", "")))


def _told(headers: Mapping[str, object]) -> Death | None:
    queue, reason = headers.get(DIED_IN), headers.get(DIED_OF)
    return Death(queue, reason) if isinstance(queue, str) and isinstance(reason, str) else None


def _due_since(incoming: AbstractIncomingMessage) -> datetime | None:
    """When it was published, to a whole second, or came back from a rung."""
    record = incoming.headers.get("x-death")
    newest = record[0] if isinstance(record, list) and record else None
    came_back = newest.get("time") if isinstance(newest, dict) and newest.get("reason") == _WAITED else None
    moment = came_back or incoming.timestamp
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


def _complaint(kind: type[Message], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    return f"The body is not a {kind.type}: {where}: {first['msg']}. Correct its sender, then purge it."


def _moment(header: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(header) if isinstance(header, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None

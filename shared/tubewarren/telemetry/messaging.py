"""What is told of messages, by the messaging conventions of OpenTelemetry.

Each source's expansion is one trace and each video's life is another, linked to it; the W3C context rides in the
message headers. Every attempt is a child of the first publication, however often the message goes round: what sends it
round, or gives it up, is a span of the same trace. Payloads never become attributes.

A producer's destination is its exchange with the routing key, as the conventions have it. A consumer's is the queue
alone: by the way on which a message came, one queue would have several names.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Final

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure
from tubewarren.messages import Command, Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import Verdict
from tubewarren.outcomes import Outcome
from tubewarren.settlement import Forward, Settlement
from tubewarren.telemetry.instruments import CONSUMED, PROCESSING, QUEUE_WAIT, SENT, TASKS
from tubewarren.telemetry.stories import Trace, new_story, within_story
from tubewarren.telemetry.telemetry import Attributes, Span, Telemetry

_STORIES: Final = (ExpandSource, DownloadVideo)
"""Commands that begin a trace of their own."""
_PUBLISH: Final = {"messaging.operation.name": "publish", "messaging.operation.type": "send"}
_PROCESS: Final = {"messaging.operation.name": "process", "messaging.operation.type": "process"}
_BY_US: Final = "rejected"
"""The broker's word for what was handed to the dead-letter exchange."""
_REJECT: Final = {"messaging.operation.name": "reject", "messaging.operation.type": "settle"}


def publishing(
    telemetry: Telemetry, message: Message, exchange: str, correlation_id: str | None = None
) -> AbstractContextManager[Trace]:
    """The headers to send along; a command's publication is a span, an event only carries the context."""
    if telemetry.is_on:
        return _publishing(telemetry, message, exchange, correlation_id)
    return nullcontext(new_story() if isinstance(message, _STORIES) else telemetry.headers())


@contextmanager
def _publishing(telemetry: Telemetry, message: Message, exchange: str, correlation_id: str | None) -> Iterator[Trace]:
    destination = f"{exchange}:{message.type}"
    about = _about(destination, _PUBLISH)
    if isinstance(message, Command):
        described = {**about, **_identity(message.type, str(message.message_id), correlation_id)}
        begins_story = isinstance(message, _STORIES)
        with telemetry.span(f"publish {destination}", "producer", described, begins_story=begins_story):
            yield telemetry.headers()
    else:
        yield telemetry.headers()
    telemetry.count(SENT, 1, about)


@contextmanager
def forwarding(
    telemetry: Telemetry, message_type: str, message_id: str, trace: Trace, forward: Forward
) -> Iterator[Trace]:
    """The headers to send along with a copy that goes to a queue, on a rung, back or aside.

    The copy stays a child of the first publication. A story in which something failed is kept from there on.
    """
    if not telemetry.is_on:
        yield trace or telemetry.headers()
        return
    about = _about(forward.queue, _PUBLISH)
    described = {
        **about,
        **_identity(forward.queue, message_id),
        "tubewarren.message.type": message_type,
        "tubewarren.attempt": forward.attempt,
    }
    if forward.not_before is not None:
        described["tubewarren.not_before"] = forward.not_before.isoformat()
    onward = telemetry.onward(trace)
    with telemetry.span(f"publish {forward.queue}", "producer", described, within=onward):
        yield onward
    telemetry.count(SENT, 1, about)


class Handling:
    """One attempt at a command, while it is under way."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.error: Attributes = {}

    def becomes(self, outcome: Outcome, settlement: Settlement) -> None:
        """Tell what the handler asked for, and what that means."""
        described = {"tubewarren.outcome": _word(outcome, settlement)}
        if settlement.failure is not None:
            described["tubewarren.failure.kind"] = settlement.failure.kind.value
            described["tubewarren.failure.rule"] = settlement.failure.rule
        self._span.describe(described)
        if settlement.failure is not None and settlement.verdict is not Verdict.PARK:
            self.error = {"error.type": settlement.failure.kind.value}
            self._span.fail(settlement.failure.kind.value, settlement.failure.reason)


def processing(telemetry: Telemetry, delivery: Delivery, queue: str) -> AbstractContextManager[Handling | None]:
    """The span of one attempt, and its figures; None when there is nobody to tell."""
    return _processing(telemetry, delivery, queue) if telemetry.is_on else within_story(delivery.trace)


@contextmanager
def _processing(telemetry: Telemetry, delivery: Delivery, queue: str) -> Iterator[Handling]:
    about = _about(queue, _PROCESS)
    telemetry.count(CONSUMED, 1, about)
    if delivery.due_since is not None:
        waited = max(0.0, (datetime.now(UTC) - delivery.due_since).total_seconds())
        telemetry.record(QUEUE_WAIT, waited, {"messaging.destination.name": queue})
    described = {
        **about,
        **_identity(delivery.message.type, delivery.message_id, delivery.correlation_id),
        "tubewarren.attempt": delivery.attempt,
    }
    begun = time.monotonic()
    with telemetry.span(f"process {queue}", "consumer", described, within=delivery.trace) as span:
        handling = Handling(span)
        yield handling
    telemetry.record(PROCESSING, time.monotonic() - begun, {**about, **handling.error})


def count_task(telemetry: Telemetry, queue: str, outcome: Outcome, settlement: Settlement) -> None:
    """What became of a piece of work; a question is none."""
    if telemetry.is_on:
        failed = {"error.type": settlement.failure.kind.value} if settlement.failure else {}
        telemetry.count(
            TASKS, 1, {"tubewarren.stage": queue, "tubewarren.outcome": _word(outcome, settlement), **failed}
        )


@contextmanager
def rejecting(
    telemetry: Telemetry, queue: str, message_type: str, message_id: str, trace: Trace, failure: Failure
) -> Iterator[None]:
    """While the broker is told to take a message to its queue's dead-letter exchange."""
    if not telemetry.is_on:
        yield
        return
    described = {**_about(queue, _REJECT), **_identity(message_type, message_id)}
    with telemetry.span(f"reject {queue}", "client", described, within=telemetry.onward(trace)) as span:
        span.fail(failure.kind.value, failure.reason)
        yield


@contextmanager
def hearing(telemetry: Telemetry, deliveries: Sequence[Delivery], queue: str) -> Iterator[None]:
    """A batch of events, and its figures. What was given up is heard of in a span of its own story."""
    if not telemetry.is_on:
        yield
        return
    about = _about(queue, _PROCESS)
    telemetry.count(CONSUMED, len(deliveries), about)
    begun = time.monotonic()
    with ExitStack() as stack:
        for delivery in deliveries:
            if delivery.death is not None:
                described = {
                    **about,
                    **_identity(delivery.message.type, delivery.message_id),
                    "tubewarren.attempt": delivery.attempt,
                    "tubewarren.died_in": delivery.death.queue,
                    "tubewarren.died_of": delivery.death.reason,
                }
                span = telemetry.span(f"process {queue}", "consumer", described, within=delivery.trace)
                heard = stack.enter_context(span)
                if delivery.death.reason != _BY_US:
                    # Whoever had it in hand died, and could tell nobody.
                    heard.fail(delivery.death.reason, "The broker gave it up.")
        yield
    telemetry.record(PROCESSING, time.monotonic() - begun, about)


def _word(outcome: Outcome, settlement: Settlement) -> str:
    """One for all that were given back, tried again or given up alike, whatever they asked for."""
    return settlement.verdict.value if settlement.verdict else type(outcome).__name__.lower()


def _about(destination: str, operation: Mapping[str, str]) -> dict[str, str]:
    """What the conventions want of spans and metrics alike."""
    return {"messaging.system": "rabbitmq", "messaging.destination.name": destination, **operation}


def _identity(
    routing_key: str, message_id: str, correlation_id: str | None = None
) -> dict[str, str | int | float | bool]:
    """What only spans have, because there is no end of it."""
    identity: dict[str, str | int | float | bool] = {
        "messaging.rabbitmq.destination.routing_key": routing_key,
        "messaging.message.id": message_id,
    }
    if correlation_id:
        identity["messaging.message.conversation_id"] = correlation_id
    return identity

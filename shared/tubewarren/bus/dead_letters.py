"""What was given up: read it, send it back to work, or drop it.

A dead queue is read by taking its messages without acknowledging them; closing the channel gives every one back. So
whatever interrupts us, a message is either still there, or was published anew with a confirm first.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity

from tubewarren.bus.codec import ATTEMPT, death_elsewhere, name_of
from tubewarren.bus.connection import Bus
from tubewarren.bus.errors import BrokerUnavailableError
from tubewarren.messages.events import DeadSettled, Fate
from tubewarren.settlement import Forward
from tubewarren.topology import Topology

_GET_PATIENCE = timedelta(seconds=10)
_FIRST_ATTEMPT = 1
_TOLD_AT_ONCE = 500
BY_ITSELF: Final = "delivery_limit"
"""The broker's word for what it gave up by itself."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message in a dead queue.

    Attributes:
        queue: where it was given up, and where a redrive sends it.
        buried_id: the name under which its `MessageBuried` event tells the reason.
        message_type: as the message named itself; may be empty or unknown.
        attempt: how many charged tries it had.
        body: as it came, readable or not.
        broker_reason: why the broker moved it, in the broker's own word; empty when it does not say.
        died_at: when the broker moved it.
    """

    queue: str
    buried_id: str
    message_type: str
    attempt: int
    body: bytes
    broker_reason: str = ""
    died_at: datetime | None = None

    @property
    def fields(self) -> Mapping[str, Any]:
        """What its body says; nothing when it cannot be read."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


Choice = Callable[[DeadLetter], bool]
_Settle = Callable[[AbstractIncomingMessage, DeadLetter], Awaitable[None]]


def mortal_queues(topology: Topology) -> tuple[str, ...]:
    """The queues in which messages can be given up."""
    return (*(work.name for work in topology.work), *(heard.name for heard in topology.events))


async def read_dead(bus: Bus, topology: Topology) -> tuple[DeadLetter, ...]:
    """Everything that lies in the dead queues, in the order in which the broker hands it out; it stays there.

    Raises:
        BrokerUnavailableError: the connection broke.
    """

    async def look(_incoming: AbstractIncomingMessage, _letter: DeadLetter) -> None:
        """Settle nothing, so that closing the channel puts it back."""

    return await _go_through(bus, topology, lambda _: True, look)


async def redrive_dead(bus: Bus, topology: Topology, choice: Choice) -> tuple[DeadLetter, ...]:
    """Send the chosen ones back to where they died, as first attempts; returns those that went.

    A message may go twice when the connection breaks between its copy's confirm and its own ack; every message may
    come twice, so that is harmless.

    Raises:
        BrokerUnavailableError: the connection broke; what was not sent yet still lies there.
        UnroutableError: the queue to send it to is missing.
    """

    async def send_back(incoming: AbstractIncomingMessage, letter: DeadLetter) -> None:
        # A listener that could not digest the news of a death must be told of that death again, and of no other.
        death = death_elsewhere(incoming, letter.queue)
        await bus.publisher.forward(incoming, Forward(letter.queue, _FIRST_ATTEMPT, begins_anew=True), death)
        await incoming.ack()

    return await _go_through(bus, topology, choice, send_back)


async def purge_dead(bus: Bus, topology: Topology, choice: Choice) -> tuple[DeadLetter, ...]:
    """Drop the chosen ones for ever; returns those that were dropped.

    Raises:
        BrokerUnavailableError: the connection broke; what was not dropped yet still lies there.
    """

    async def drop(incoming: AbstractIncomingMessage, _letter: DeadLetter) -> None:
        await incoming.ack()

    return await _go_through(bus, topology, choice, drop)


def settled(letter: DeadLetter, fate: Fate, now: datetime, buried_at: datetime | None = None) -> DeadSettled:
    """What everybody shall know of a dead letter that somebody has dealt with.

    It comes after the burial, whatever the clocks say. A claim tells how it goes on after a redrive, perhaps at once
    and by another clock than ours, so a redrive comes right after the burial; nothing follows a purge.

    Args:
        letter: which.
        fate: what was done.
        now: for a redrive, the time before anybody can claim it.
        buried_at: by the clock of whoever gave it up; None when nobody tells.
    """
    # The ledger may remember an earlier burial of what the broker gave up.
    told_at = None if letter.broker_reason == BY_ITSELF else buried_at
    after_burial = told_at + datetime.resolution if told_at else now
    return DeadSettled(
        at=after_burial if fate is Fate.REDRIVEN else max(now, after_burial),
        queue=letter.queue,
        buried_id=letter.buried_id,
        message_type=letter.message_type,
        fate=fate,
        source_id=str(letter.fields.get("source_id") or ""),
        video_id=str(letter.fields.get("video_id") or ""),
    )


def burial_times(rows: Iterable[Mapping[str, object]]) -> dict[tuple[str, str], datetime]:
    """When messages were buried, by queue and id, as the ledger's rows of burials tell it."""
    times = {}
    for row in rows:
        try:
            moment = datetime.fromisoformat(str(row.get("buried_at")))
        except ValueError:
            continue
        times[str(row.get("queue")), str(row.get("buried_id"))] = moment
    return times


async def tell_settled(bus: Bus, events: Sequence[DeadSettled]) -> None:
    """Let everybody know; when it returns, the broker has confirmed all."""
    for start in range(0, len(events), _TOLD_AT_ONCE):
        await bus.publisher.publish(*events[start : start + _TOLD_AT_ONCE])


async def _go_through(bus: Bus, topology: Topology, choice: Choice, settle: _Settle) -> tuple[DeadLetter, ...]:
    settled: list[DeadLetter] = []
    try:
        for queue in mortal_queues(topology):
            # All are taken before the first is sent: one that dies again meanwhile is not met again.
            async with _taken(bus, f"{queue}.dead") as taken:
                for incoming in taken:
                    letter = _letter(queue, incoming)
                    if choice(letter):
                        await settle(incoming, letter)
                        settled.append(letter)
    except (TimeoutError, *CONNECTION_EXCEPTIONS) as error:
        raise BrokerUnavailableError(
            f"The connection broke after {len(settled)} dead messages ({error!r}). "
            "Nothing is lost: run the same command again."
        ) from error
    return tuple(settled)


@asynccontextmanager
async def _taken(bus: Bus, name: str) -> AsyncIterator[list[AbstractIncomingMessage]]:
    """What lies in a dead queue now, unacknowledged; what is not settled in between is there again afterwards."""
    async with bus.channel() as channel:
        taken: list[AbstractIncomingMessage] = []
        try:
            dead = await channel.get_queue(name)
        except ChannelNotFoundEntity:
            yield taken
            return
        # Until it is empty: the broker's count lags behind what it was given back a moment ago.
        while (incoming := await dead.get(no_ack=False, fail=False, timeout=_GET_PATIENCE.total_seconds())) is not None:
            taken.append(incoming)
        try:
            yield taken
        finally:
            await _give_back(taken)


async def _give_back(taken: list[AbstractIncomingMessage]) -> None:
    """In so many words: after a mere end of the channel, who reads next may find only some of them, or none."""
    left = [incoming for incoming in taken if not incoming.processed]
    try:
        if left:
            await left[-1].nack(multiple=True, requeue=True)
    except CONNECTION_EXCEPTIONS as error:
        log.debug("the broker gives the dead back by itself", error=repr(error))


def _letter(queue: str, incoming: AbstractIncomingMessage) -> DeadLetter:
    attempt = incoming.headers.get(ATTEMPT)
    death = _newest_death(incoming.headers)
    died_at = death.get("time")
    return DeadLetter(
        queue=queue,
        buried_id=name_of(incoming),
        message_type=incoming.type or "",
        attempt=attempt if isinstance(attempt, int) and attempt > 0 else _FIRST_ATTEMPT,
        body=incoming.body,
        broker_reason=str(death.get("reason", "")),
        died_at=died_at.astimezone(UTC) if isinstance(died_at, datetime) else None,
    )


def _newest_death(headers: Mapping[str, object]) -> Mapping[str, object]:
    deaths = headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else None
    return newest if isinstance(newest, dict) else {}

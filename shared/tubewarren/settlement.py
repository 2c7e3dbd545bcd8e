"""What becomes of a delivery: outcome and attempt in, publications and ack or reject out. All retry policy is here.

Nothing here talks to a broker. `bus.command_consumption` carries out what is decided, always in one order: publish,
wait for the broker's confirm, then ack or reject.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, assert_never

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event, Message
from tubewarren.messages.commands import DownloadVideo, ExpandSource
from tubewarren.messages.events import MessageBuried, SourceFailed, Verdict, VideoFailed
from tubewarren.outcomes import Bury, Done, Outcome, Overtaken, Park, PassOn, Refund, Retry, SecondOpinion
from tubewarren.topology import WorkQueue

_TOO_EARLY: Final = Failure(kind=FailureKind.NOT_YET, reason="It is not time yet.")
_JITTER: Final = 0.2
"""A retry comes up to a fifth later than its rung says."""


@dataclass(frozen=True, slots=True)
class Forward:
    """A copy of the delivered command, to be published to a queue.

    Attributes:
        attempt: the number that the copy's next handling will have; 1 is the first.
        not_before: a consumer that gets it earlier sends it on waiting.
        opinion: an egress that found the video unavailable; those before it stay,
        begins_anew: unless a person sends it back to work, whose message has no past.
    """

    queue: str
    attempt: int
    not_before: datetime | None = None
    opinion: str = ""
    begins_anew: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to do with one delivery.

    Attributes:
        forward: the copy to publish before anything else; then the delivery is acked.
        reject: hand the delivery to its queue's dead-letter exchange; otherwise it is acked.
        verdict: what a person is told; None when the work is done.
        next_at: when the copy comes back, for what waits.
    """

    forward: Forward | None = None
    reject: bool = False
    verdict: Verdict | None = None
    failure: Failure | None = None
    next_at: datetime | None = None


_DONE: Final = Settlement()


def settle(  # noqa: PLR0911 - one for each outcome
    outcome: Outcome, attempt: int, queue: WorkQueue, now: datetime, spread: float = 0.0
) -> Settlement:
    """Decide what becomes of a delivery that was handled as its `attempt`-th charged try.

    Args:
        outcome: what its handler asked for.
        attempt: its number; 1 is the first.
        queue: which it came from.
        now: the present.
        spread: from 0 to 1, by chance: how much of the jitter a retry gets.
    """
    match outcome:
        case Done() | Overtaken():
            return _DONE
        case Retry(failure) if attempt > len(queue.rungs):
            return _give_up(_after_all(failure, attempt))
        case Retry(failure):
            return _spread(_wait(queue, attempt - 1, attempt + 1, Verdict.RETRY, failure, now), spread, now)
        case Bury(failure):
            return _give_up(failure)
        case Refund(failure, at_once=True):
            return Settlement(Forward(queue.name, attempt), verdict=Verdict.REFUND, failure=failure, next_at=now)
        case Refund(failure):
            return _wait(queue, 0, attempt, Verdict.REFUND, failure, now)
        case Park(failure, until):
            return park(failure, until, attempt, queue, now)
        case SecondOpinion(failure, egress):
            waiting = _wait(queue, 0, attempt, Verdict.REFUND, failure, now)
            forward = waiting.forward and replace(waiting.forward, opinion=egress)
            return replace(waiting, forward=forward)
        case PassOn(to):
            return Settlement(Forward(_next_place(queue, to), attempt))
        case _:
            assert_never(outcome)


def park(failure: Failure, until: datetime, attempt: int, queue: WorkQueue, now: datetime) -> Settlement:
    """Wait until a time of any distance by hops over the rungs: always the longest that does not overshoot."""
    if not queue.rungs:
        return _give_up(failure)
    fitting = [rung for rung in queue.rungs if rung.delay <= until - now]
    rung = fitting[-1] if fitting else queue.rungs[0]
    forward = Forward(rung.queue, attempt, not_before=until)
    return Settlement(forward, verdict=Verdict.PARK, failure=failure, next_at=until)


def is_too_early(not_before: datetime | None, queue: WorkQueue, now: datetime) -> bool:
    """Whether a parked delivery came back at a hop and not at its time; what another hop would overshoot is due."""
    if not_before is None or now >= not_before:
        return False
    return not queue.rungs or not_before - now > queue.rungs[0].delay / 2


def next_hop(not_before: datetime | None, attempt: int, queue: WorkQueue, now: datetime) -> Forward | None:
    """Where a parked delivery that came back too early goes on waiting; None when its time has come."""
    if not_before is None or not is_too_early(not_before, queue, now):
        return None
    return park(_TOO_EARLY, not_before, attempt, queue, now).forward


def announcements(
    message: Message, attempt: int, settlement: Settlement, worker: str, egress: str, now: datetime
) -> tuple[Event, ...]:
    """The events by which everybody else learns of a failed attempt."""
    if settlement.verdict is None or settlement.failure is None:
        return ()
    told: list[Event] = []
    match message:
        case DownloadVideo():
            told.append(
                VideoFailed(
                    at=now,
                    video_id=message.video_id,
                    source_id=message.source_id,
                    worker=worker,
                    egress=egress,
                    attempt=attempt,
                    verdict=settlement.verdict,
                    failure=settlement.failure,
                    next_at=settlement.next_at,
                )
            )
        case ExpandSource():
            told.append(
                SourceFailed(
                    at=now,
                    source_id=message.source_id,
                    worker=worker,
                    egress=egress,
                    attempt=attempt,
                    verdict=settlement.verdict,
                    failure=settlement.failure,
                    next_at=settlement.next_at,
                )
            )
        case _:
            pass
    return tuple(told)


def obituary(
    queue: str, buried_id: str, message_type: str, attempt: int, failure: Failure, now: datetime
) -> MessageBuried:
    """The reason for what will lie in a dead queue; a reject itself cannot carry one."""
    return MessageBuried(
        at=now,
        queue=queue,
        buried_id=buried_id,
        message_type=message_type,
        attempt=attempt,
        failure=failure,
    )


def _spread(waiting: Settlement, spread: float, now: datetime) -> Settlement:
    """A retry that comes a little later than its rung lets it: what failed together does not come back together.

    The rung's own delay cannot vary, because a queue expires from its head; the rest is waited for in shorter hops.
    """
    if waiting.forward is None or waiting.next_at is None or not spread:
        return waiting
    until = waiting.next_at + (waiting.next_at - now) * _JITTER * spread
    return replace(waiting, forward=replace(waiting.forward, not_before=until), next_at=until)


def _next_place(queue: WorkQueue, to: Literal["queue", "rung", "held"]) -> str:
    match to:
        case "rung" if queue.rungs:
            return queue.rungs[0].queue
        case "held" if queue.held:
            return queue.held
        case _:
            return queue.name


def _give_up(failure: Failure) -> Settlement:
    return Settlement(reject=True, verdict=Verdict.BURY, failure=failure)


def _after_all(failure: Failure, attempts: int) -> Failure:
    """What it is when no attempt is left, so that nobody waits for another."""
    if attempts == 1:
        return failure
    return failure.model_copy(update={"reason": f"Given up after {attempts} attempts: {failure.reason}"})


def _wait(
    queue: WorkQueue, position: int, attempt: int, verdict: Verdict, failure: Failure, now: datetime
) -> Settlement:
    if position >= len(queue.rungs):
        return _give_up(failure)
    rung = queue.rungs[position]
    return Settlement(Forward(rung.queue, attempt), verdict=verdict, failure=failure, next_at=now + rung.delay)

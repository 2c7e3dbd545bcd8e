"""What the results-manager does with events, orders and questions; ledger and store come as ports."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Event
from tubewarren.messages.commands import DownloadVideo, ExpandSource, QueryLedger, ReturnResults, SelectResults
from tubewarren.messages.events import LedgerAnswered, ResultsMoved, SourceProgress, VideosQueued
from tubewarren.outcomes import Bury, Done, Outcome, Retry
from tubewarren.store.errors import StoreError
from tubewarren.store.moves import Moves
from tubewarren_services.results_manager.ledger.errors import LedgerError

GIVEN_UP_BY_BROKER: Final = "delivery_limit"
"""The broker's own reason; what a handler gave up carries another, and was told of in an event."""
_LOST_EACH_TIME: Final = Failure(
    kind=FailureKind.POISON,
    reason="Given up by the broker: every worker that took it died before it answered. Look at its memory and logs.",
)


@dataclass(frozen=True, slots=True)
class Ports:
    """What the results-manager needs of the world.

    Attributes:
        apply: takes events and broker-buried orders into the ledger; the ids of the sources that changed.
        progress: the counts of some sources.
        answer: the rows of a query.
        finished_videos: the finished videos of some sources.
        selected_videos: what the ledger takes for selected here.
        select: moves videos to the selected ones; the flag is for a dry run.
        return_all: moves everything back.
        publish: publishes messages; all are confirmed when it returns.
    """

    storage: str
    apply: Callable[[Sequence[Event], Sequence[str | None], Sequence["Burial"]], Awaitable[frozenset[str]]]
    progress: Callable[[Iterable[str]], Awaitable[Sequence[SourceProgress]]]
    answer: Callable[[QueryLedger], Awaitable[LedgerAnswered]]
    finished_videos: Callable[[Iterable[str]], Awaitable[Sequence[str]]]
    selected_videos: Callable[[], Awaitable[Sequence[str]]]
    select: Callable[[Sequence[str], bool], Awaitable[Moves]]
    return_all: Callable[[bool], Awaitable[Moves]]
    publish: Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Burial:
    """An order that the broker itself gave up, of which no worker could tell."""

    command: DownloadVideo | ExpandSource
    failure: Failure
    at: datetime


async def record(deliveries: Sequence[Delivery], *, ports: Ports) -> frozenset[str]:
    """Take a batch of history into the ledger; the sources of which there may be something to tell."""
    events = [each.message for each in deliveries if isinstance(each.message, Event)]
    burials = [burial for each in deliveries if (burial := _burial(each))]
    traces = [_trace_id(each) for each in deliveries if isinstance(each.message, Event)]
    changed = await ports.apply(events, traces, burials)
    # Who was killed after the first time may have told nothing, and the second time changes nothing.
    again = (getattr(each.message, "source_id", "") for each in deliveries if each.is_redelivered)
    return changed.union(filter(None, again))


async def tell(source_ids: Collection[str], *, ports: Ports) -> None:
    """Tell how far these sources are."""
    # Our own words come back to us; they change nothing, or this would never end.
    if source_ids:
        await ports.publish(*await ports.progress(source_ids))


async def carry_out(delivery: Delivery, *, ports: Ports) -> Outcome:
    """Select or return; done twice, it is done once."""
    try:
        match delivery.message:
            case SelectResults() as order:
                moved = await _select(order, ports)
            case ReturnResults(dry_run=dry_run):
                moved = _told(ports, dry_run=dry_run, returned=await _return_all(ports, dry_run=dry_run))
            case other:
                raise TypeError(f"the results-manager cannot handle a {other.type}")
    except (StoreError, LedgerError) as error:
        return Retry(Failure(kind=FailureKind.UNFIT, reason=str(error)))
    return Done(publish=() if moved.dry_run else (moved,), reply=moved)


async def answer(delivery: Delivery, *, ports: Ports) -> Outcome:
    """Answer a question about the ledger."""
    if not isinstance(delivery.message, QueryLedger):
        raise TypeError(f"the ledger cannot answer a {delivery.message.type}")
    try:
        return Done(reply=await ports.answer(delivery.message))
    except LedgerError as error:
        # Nobody waits for a later answer.
        return Bury(Failure(kind=FailureKind.UNFIT, reason=str(error)))


async def _select(order: SelectResults, ports: Ports) -> ResultsMoved:
    wanted = await ports.finished_videos(order.source_ids)
    returned: tuple[str, ...] = ()
    if not order.keep_selected:
        back = await _return_all(ports, dry_run=order.dry_run)
        returned = tuple(video_id for video_id in back if video_id not in set(wanted))
    moves = await ports.select(wanted, order.dry_run)
    there = (*moves.moved, *moves.already)
    missing = (*moves.missing, *moves.conflicting)
    return _told(ports, dry_run=order.dry_run, selected=there, returned=returned, missing=missing)


async def _return_all(ports: Ports, *, dry_run: bool) -> tuple[str, ...]:
    """Move all back; what an interrupted run before us moved is told too, for it did not live to tell."""
    believed = () if dry_run else await ports.selected_videos()
    back = await ports.return_all(dry_run)
    return (*back.moved, *(each for each in believed if each not in {*back.moved, *back.conflicting}))


def _told(
    ports: Ports,
    *,
    dry_run: bool,
    selected: tuple[str, ...] = (),
    returned: tuple[str, ...] = (),
    missing: tuple[str, ...] = (),
) -> ResultsMoved:
    return ResultsMoved(
        at=datetime.now(UTC),
        storage=ports.storage,
        selected=selected,
        returned=returned,
        missing=missing,
        dry_run=dry_run,
    )


def _trace_id(delivery: Delivery) -> str | None:
    """The trace that tells a video's life; a page of a listing is told in its source's."""
    if isinstance(delivery.message, VideosQueued):
        return None
    _, trace_id, *_ = (*delivery.trace.get("traceparent", "").split("-"), "")
    return trace_id or None


def _burial(delivery: Delivery) -> Burial | None:
    death, command = delivery.death, delivery.message
    if death is None or death.reason != GIVEN_UP_BY_BROKER:
        return None
    if isinstance(command, DownloadVideo | ExpandSource):
        return Burial(command, _LOST_EACH_TIME, datetime.now(UTC))
    return None

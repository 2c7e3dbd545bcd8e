"""From a decision to messages: what is asked of the heartbeat-monitor, what is ordered, and what is told then."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from tubewarren.messages import Command, Event, Message
from tubewarren.messages.bumps import BumpOrders
from tubewarren.messages.commands import ExpandSource, RefreshKind
from tubewarren.messages.events import SourceAccepted, SourceNoted, SourceRefused, SourceTaken, Taken
from tubewarren.messages.permits import PAUSED_IN_THE_LIST, CancelSource, RedriveDead, Scope, SetPause
from tubewarren_services.sheet_ingestor.decisions import Accept, Decision, Find, Note, Refuse, Take
from tubewarren_services.sheet_ingestor.entries import Entry


@dataclass(frozen=True, slots=True)
class Steps:
    """In this order; each may be repeated.

    Attributes:
        asked: of the heartbeat-monitor, one after the other; without its answers nothing else is done.
        ordered: what makes work happen, with what others must know of it.
        told: that it was done.
        bumped: the order for what waits of a source whose priority is another now; whoever carries the steps out finds
            out which storage does it, and whether anything waits.
    """

    asked: tuple[Command, ...] = ()
    ordered: tuple[Message, ...] = ()
    told: tuple[Event, ...] = ()
    bumped: BumpOrders | None = None


def steps_of(decision: Decision, cancelled: Collection[str], worker: str, now: datetime) -> Steps:
    """How a decision is carried out.

    Args:
        decision: what was decided.
        cancelled: the sources of which nothing starts now.
        worker: who carries it out.
        now: the present.
    """
    source_id = decision.row.source_id
    taken_up = (CancelSource(source_id=source_id, cancelled=False),) if source_id in cancelled else ()
    match decision:
        case Accept(_, entry, is_another):
            # What a person cancelled under this ID was the other one.
            return Steps(taken_up if is_another else (), _expansion(source_id, entry, worker, now))
        case Refuse(row, failure):
            refused = SourceRefused(at=now, source_id=source_id, url=row.wording.url, failure=failure)
            return Steps(told=(refused,))
        case Find():
            return Steps()
        case Note(_, note):
            return Steps(told=(SourceNoted(at=now, source_id=source_id, note=note),))
        case Take():
            return _taken(decision, taken_up, worker, now)
        case _:
            assert_never(decision)


def refresh_of(source_id: str, entry: Entry, kind: RefreshKind, channel_id: str) -> ExpandSource:
    """The order to look through a source that was listed before."""
    return ExpandSource(
        source_id=source_id,
        url=entry.url,
        columns=dict(entry.columns),
        priority=entry.priority,
        preset=entry.preset,
        refresh=kind,
        channel_id=channel_id,
    )


def _taken(taken: Take, taken_up: tuple[Command, ...], worker: str, now: datetime) -> Steps:
    source_id = taken.row.source_id
    told = (_told(taken, worker, now),)
    expansion = _expansion(source_id, taken.entry, worker, now) if taken.entry else ()
    redrive = RedriveDead(source_id=source_id)
    match taken.what:
        case Taken.RETRY:
            return Steps((*taken_up, redrive), told=told)
        case Taken.CANCEL:
            return Steps((CancelSource(source_id=source_id),), told=told)
        case Taken.EXPAND_AGAIN:
            # What was cancelled comes back with its source; what died otherwise is ordered by the new listing.
            return Steps((*taken_up, *((redrive,) if taken_up else ())), expansion, told)
        case Taken.PENDING:
            return Steps((*taken_up, redrive), expansion, told)
        case Taken.PAUSED | Taken.RESUMED:
            is_paused = taken.what is Taken.PAUSED
            reason = PAUSED_IN_THE_LIST if is_paused else ""
            return Steps((SetPause(scope=Scope.SOURCE, name=source_id, paused=is_paused, reason=reason),), told=told)
        case Taken.EDITED:
            return Steps(told=told, bumped=_bump(taken))
        case _:
            assert_never(taken.what)


def _expansion(source_id: str, entry: Entry, worker: str, now: datetime) -> tuple[Message, ...]:
    columns = dict(entry.columns)
    accepted = SourceAccepted(
        at=now,
        source_id=source_id,
        url=entry.url,
        columns=columns,
        priority=entry.priority,
        preset=entry.preset,
        worker=worker,
    )
    order = ExpandSource(
        source_id=source_id, url=entry.url, columns=columns, priority=entry.priority, preset=entry.preset
    )
    return (accepted, order)


def _bump(taken: Take) -> BumpOrders | None:
    if taken.entry is None or not taken.is_moved:
        return None
    # As if it had been listed with this priority: the later videos of a long list yield as they did before.
    return BumpOrders(storage="", source_id=taken.row.source_id, priority=taken.entry.priority, keeps_places=True)


def _told(taken: Take, worker: str, now: datetime) -> SourceTaken:
    told = SourceTaken(at=now, source_id=taken.row.source_id, worker=worker, what=taken.what)
    if taken.entry is None:
        return told
    entry = taken.entry
    said = {"url": entry.url, "columns": dict(entry.columns), "priority": entry.priority, "preset": entry.preset}
    return told.model_copy(update=said)

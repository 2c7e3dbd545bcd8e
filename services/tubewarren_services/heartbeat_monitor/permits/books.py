"""All that permits are decided by, and the decisions: pure, with the present and chance given."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tubewarren.failures import FailureKind
from tubewarren.messages import Message
from tubewarren.messages.bumps import AnnounceBump
from tubewarren.messages.events import (
    SourceExpanded,
    SourceFailed,
    SourceRefreshed,
    Verdict,
    VideoDownloaded,
    VideoFailed,
)
from tubewarren.messages.permits import (
    CancelSource,
    Decision,
    PermitAnswered,
    RedriveDead,
    RequestPermit,
    Scope,
    SetPause,
    Stage,
)
from tubewarren.topology import DOWNLOADER, SOURCE_EXPANDER
from tubewarren_services.heartbeat_monitor.permits import breaker as breakers
from tubewarren_services.heartbeat_monitor.permits import egress as egresses
from tubewarren_services.heartbeat_monitor.permits.breaker import Breaker, Strike
from tubewarren_services.heartbeat_monitor.permits.egress import Chance, Egress
from tubewarren_services.heartbeat_monitor.permits.policy import Policy
from tubewarren_services.heartbeat_monitor.permits.returning import Returning

_Ending = VideoDownloaded | VideoFailed | SourceExpanded | SourceRefreshed | SourceFailed

LEASE: Final = timedelta(seconds=5)
"""While nothing is limited, a worker asks only so often; a pause or a breaker reaches it as late as that."""
_FORGOTTEN_AFTER: Final = timedelta(days=7)
"""An egress that nobody asked for in so long is not listed any more."""
_CURRENT: Final = timedelta(minutes=2)
"""A worker that asked or beat within this time is at work."""
_TOLD_WITHIN: Final = timedelta(seconds=15)
"""What a work came to is heard of, and what a worker has in hand is said, by then."""
_BUMPED_FOR: Final = timedelta(days=90)
_MOST_BUMPED: Final = 5_000
"""By then what was overtaken has had its turn; the oldest are forgotten first."""
_EVERYBODYS: Final = frozenset({FailureKind.EXTRACTOR, FailureKind.UNKNOWN})
_UNTOUCHED: Final = frozenset(
    {
        FailureKind.TRANSIENT,
        FailureKind.UNFIT,
        FailureKind.POISON,
        FailureKind.BAD_INPUT,
        FailureKind.CANCELLED,
    }
)
"""Kinds of failure that say nothing about the far server's mind."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What a person holds back."""

    scope: Scope
    name: str
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asker:
    """A worker as its requests show it; `at_work` as in `RequestPermit`."""

    egress: str
    stage: Stage
    asked_at: datetime
    at_work: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The state of all gates.

    Attributes:
        cancelled: the sources of which nothing more shall start, and since when.
        returning: what a person wants back from the dead.
        bumped: the sources of which overtaken orders may still come, and since when; the newest since
        bumped_until.
    """

    egresses: Mapping[str, Egress] = field(default_factory=dict)
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    askers: Mapping[str, Asker] = field(default_factory=dict)
    cancelled: Mapping[str, datetime] = field(default_factory=dict)
    returning: Returning = field(default_factory=Returning)
    bumped: Mapping[str, datetime] = field(default_factory=dict)
    bumped_until: datetime | None = None


def decide(
    books: Books, request: RequestPermit, policy: Policy, now: datetime, chance: Chance
) -> tuple[Books, PermitAnswered]:
    """Answer a request; a granted start is written down."""
    books = _without_lost(_with_asker(books, request, now), now)
    egress = books.egresses.get(request.egress, Egress(request.egress))
    breaker = books.breakers.get(request.stage, Breaker())
    pace = policy.pace_of(request.egress)
    has_others = _has_others(books, request, now)
    if against := _against(books, egress, breaker, request, policy, now, has_others=has_others):
        return books, against
    refunded = breakers.refund_of(breaker, request.work, request.attempt)
    granted = PermitAnswered(at=now, decision=Decision.GRANTED, refunded=refunded, has_others=has_others)
    if not request.work:
        return books, granted
    is_unlimited = pace.is_free and not egress.is_asleep and not breaker.is_open and not breaker.refunds
    if is_unlimited and not request.opinions and not _depends_on_the_source(books):
        return books, granted.model_copy(update={"valid_until": now + LEASE})
    if request.stage == SOURCE_EXPANDER and not egress.is_asleep:
        # A listing keeps the hours, but it is no video and uses up no budget.
        started = egress
    else:
        started = egresses.start(egress, pace, request.work, now, chance)
    return (
        replace(
            books,
            egresses={**books.egresses, egress.name: started},
            breakers={**books.breakers, request.stage: breakers.start(breaker, request.work, now)},
        ),
        granted,
    )


def hear(books: Books, event: Message, policy: Policy, now: datetime) -> Books:
    """Learn from how a piece of work ended."""
    match event:
        case VideoDownloaded():
            return _succeeded(books, event, DOWNLOADER, f"{event.source_id}/{event.video_id}")
        case VideoFailed():
            return _failed(books, event, DOWNLOADER, f"{event.source_id}/{event.video_id}", policy, now)
        case SourceExpanded() | SourceRefreshed(problem=""):
            return _succeeded(books, event, SOURCE_EXPANDER, event.source_id)
        case SourceRefreshed():
            return _undecided(books, event, SOURCE_EXPANDER, event.source_id)
        case SourceFailed():
            return _failed(books, event, SOURCE_EXPANDER, event.source_id, policy, now)
        case _:
            return books


def set_pause(books: Books, order: SetPause, now: datetime) -> Books:
    """Hold back, or let go; letting everything go ends the single pauses too."""
    if not order.paused and order.scope is Scope.ALL:
        return replace(books, pauses=())
    others = tuple(each for each in books.pauses if (each.scope, each.name) != (order.scope, order.name))
    if not order.paused:
        return replace(books, pauses=others)
    return replace(books, pauses=(*others, Pause(order.scope, order.name, now, order.reason)))


def set_cancelled(books: Books, order: CancelSource, now: datetime) -> Books:
    """Start nothing more of a source, or take it up again."""
    others = {name: since for name, since in books.cancelled.items() if name != order.source_id}
    if not order.cancelled:
        return replace(books, cancelled=others)
    return replace(books, cancelled=others | {order.source_id: books.cancelled.get(order.source_id, now)})


def announce_bump(books: Books, order: AnnounceBump, now: datetime) -> Books:
    """Note that orders of a source are being overtaken."""
    others = [(name, at) for name, at in books.bumped.items() if name != order.source_id and now - at < _BUMPED_FOR]
    # Later than the last, whatever our clock says: by that a worker tells whether it has seen them all.
    until = max(now, books.bumped_until + datetime.resolution) if books.bumped_until else now
    return replace(books, bumped=dict([*others, (order.source_id, now)][-_MOST_BUMPED:]), bumped_until=until)


def with_bumps(books: Books, request: RequestPermit, permit: PermitAnswered) -> PermitAnswered:
    """The answer, with the sources that are being bumped, unless the worker has seen them."""
    until = books.bumped_until
    if until is None or (request.bumps_seen is not None and request.bumps_seen >= until):
        return permit
    return permit.model_copy(update={"bumped": tuple(books.bumped), "bumps_until": until})


def bring_back(books: Books, order: RedriveDead) -> Books:
    """Note what a person wants back from the dead."""
    if order.video_ids:
        asked = Returning(works=frozenset(f"{order.source_id}/{video_id}" for video_id in order.video_ids))
    else:
        asked = Returning(sources=frozenset({order.source_id}))
    return replace(books, returning=books.returning | asked)


def to_send_back(books: Books) -> Returning:
    """What a person wants back, and what was given up for a trouble that is over."""
    healed = (work for breaker in books.breakers.values() if not breaker.is_open for work in breaker.buried)
    return books.returning | Returning(works=frozenset(healed))


def sent_back(books: Books, sent: Returning) -> Books:
    """Forget those that are back at work."""
    told = {
        stage: replace(each, buried=tuple(work for work in each.buried if work not in sent.works))
        for stage, each in books.breakers.items()
    }
    return replace(books, breakers=told, returning=books.returning - sent)


def forget(books: Books, now: datetime) -> Books:
    """Drop workers and egresses that nobody has heard of for long."""
    askers = {name: each for name, each in books.askers.items() if abs(now - each.asked_at) < _FORGOTTEN_AFTER}
    wanted = {each.egress for each in askers.values()}
    kept = {name: each for name, each in books.egresses.items() if each.is_asleep or name in wanted}
    return replace(books, askers=askers, egresses=kept)


def _depends_on_the_source(books: Books) -> bool:
    """Whether some sources may start and others may not, so that no permit holds for the next piece of work."""
    return bool(books.cancelled) or any(each.scope is Scope.SOURCE for each in books.pauses)


def _with_asker(books: Books, request: RequestPermit, now: datetime) -> Books:
    at_work = None if request.at_work is None else (*request.at_work, request.work)
    asker = Asker(request.egress, request.stage, now, at_work)
    return replace(books, askers={**books.askers, request.worker: asker})


def _without_lost(books: Books, now: datetime) -> Books:
    """A probe or a canary that no worker has in hand any more will not tell: its worker was killed, or cut off.

    Its order may wait for a worker that claims again, so nobody must wait for it.
    """

    def is_lost(work: str, since: datetime | None) -> bool:
        if not work or since is None or abs(now - since) < _TOLD_WITHIN:
            return False
        current = (each for each in books.askers.values() if abs(now - each.asked_at) < _CURRENT)
        return not any(each.at_work is None or work in each.at_work for each in current)

    probes = {
        name: egresses.undecided(each, each.probe)
        for name, each in books.egresses.items()
        if is_lost(each.probe, each.probed_at)
    }
    canaries = {
        stage: breakers.undecided(each, each.canary)
        for stage, each in books.breakers.items()
        if is_lost(each.canary, each.canary_at)
    }
    if not probes and not canaries:
        return books
    return replace(books, egresses={**books.egresses, **probes}, breakers={**books.breakers, **canaries})


def _against(
    books: Books,
    egress: Egress,
    breaker: Breaker,
    request: RequestPermit,
    policy: Policy,
    now: datetime,
    *,
    has_others: bool,
) -> PermitAnswered | None:
    if held := _held(books, request.source_id, now):
        return held
    for each in books.pauses:
        if each.scope is Scope.ALL or (each.scope is not Scope.SOURCE and each.name in (request.stage, request.worker)):
            return _wait(now, None, f"Paused: {each.reason or each.name or 'everything'}")
    if has_others and request.egress in request.opinions:
        return PermitAnswered(at=now, decision=Decision.ELSEWHERE, reason="Another egress gives the second opinion.")
    if until := breakers.next_turn(breaker, request.work, now):
        return _wait(now, until, f"The same failure everywhere: {breaker.signature}")
    if wait := egresses.next_turn(egress, policy.pace_of(egress.name), request.work, now):
        return _wait(now, wait.until, wait.reason)
    return None


def _held(books: Books, source_id: str, now: datetime) -> PermitAnswered | None:
    if source_id in books.cancelled:
        reason = f"A person cancelled source {source_id}. To have this again, write retry into its Action."
        return PermitAnswered(at=now, decision=Decision.HELD, reason=reason, cancelled=True)
    if any(each.scope is Scope.SOURCE and each.name == source_id for each in books.pauses):
        return PermitAnswered(at=now, decision=Decision.HELD, reason=f"Source {source_id} is paused.")
    return None


def _wait(now: datetime, until: datetime | None, reason: str) -> PermitAnswered:
    return PermitAnswered(at=now, decision=Decision.WAIT, until=until, reason=reason)


def _has_others(books: Books, request: RequestPermit, now: datetime) -> bool:
    """Whether a worker of this stage goes out by another egress, one that is awake."""
    return any(
        each.stage == request.stage
        and each.egress != request.egress
        and abs(now - each.asked_at) < _CURRENT
        and not books.egresses.get(each.egress, Egress(each.egress)).is_asleep
        for each in books.askers.values()
    )


def _succeeded(
    books: Books, event: VideoDownloaded | SourceExpanded | SourceRefreshed, stage: Stage, work: str
) -> Books:
    if isinstance(event, VideoDownloaded) and event.already_present:
        return _undecided(books, event, stage, work)
    return _answered(books, event, stage, work)


def _failed(
    books: Books, event: VideoFailed | SourceFailed, stage: Stage, work: str, policy: Policy, now: datetime
) -> Books:
    kind = event.failure.kind
    if kind is FailureKind.BLOCKED:
        if not (name := _egress_of(books, event)):
            return books
        egress = books.egresses.get(name, Egress(name))
        slept = egresses.blocked(egress, work, event.failure, policy.sleep, now)
        books = replace(books, egresses={**books.egresses, slept.name: slept})
        return _with_breaker(books, stage, breakers.undecided(books.breakers.get(stage, Breaker()), work))
    if kind in _EVERYBODYS and event.verdict in (Verdict.RETRY, Verdict.BURY):
        is_buried = event.verdict is Verdict.BURY
        strike = Strike(now, event.worker, work, event.attempt, event.failure.signature, is_buried)
        workers = sum(each.stage == stage and abs(now - each.asked_at) < _CURRENT for each in books.askers.values())
        struck = breakers.struck(books.breakers.get(stage, Breaker()), strike, workers, policy.breaker)
        return _with_breaker(_probe_undecided(books, event, work), stage, struck)
    if kind in _UNTOUCHED or event.verdict is Verdict.REFUND:
        books = _undecided(books, event, stage, work)
        if event.verdict is Verdict.REFUND:
            return books
        # Otherwise it would be given back each time that it comes, and never come to its last attempt.
        return _with_breaker(books, stage, breakers.charged(books.breakers.get(stage, Breaker()), work))
    return _answered(books, event, stage, work)


def _answered(books: Books, event: _Ending, stage: Stage, work: str) -> Books:
    egress = books.egresses.get(_egress_of(books, event))
    if egress is not None and (awake := egresses.answered(egress, work)) is not egress:
        books = replace(books, egresses={**books.egresses, egress.name: awake})
    return _with_breaker(books, stage, breakers.answered(books.breakers.get(stage, Breaker()), work))


def _undecided(books: Books, event: _Ending, stage: Stage, work: str) -> Books:
    books = _probe_undecided(books, event, work)
    return _with_breaker(books, stage, breakers.undecided(books.breakers.get(stage, Breaker()), work))


def _probe_undecided(books: Books, event: _Ending, work: str) -> Books:
    if not (egress := books.egresses.get(_egress_of(books, event))):
        return books
    return replace(books, egresses={**books.egresses, egress.name: egresses.undecided(egress, work)})


def _egress_of(books: Books, event: _Ending) -> str:
    """The way out that the work took: a worker that was started anew may have another one by now."""
    if event.egress:
        return event.egress
    asker = books.askers.get(event.worker)
    return asker.egress if asker else ""


def _with_breaker(books: Books, stage: Stage, breaker: Breaker) -> Books:
    if breaker == books.breakers.get(stage, Breaker()):
        return books
    return replace(books, breakers={**books.breakers, stage: breaker})

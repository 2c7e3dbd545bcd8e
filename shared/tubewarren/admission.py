"""Admission: whether this worker claims at all, and whether it may start what it has claimed.

The heartbeat-monitor decides over everything that workers share, the worker over its own machine. Work that may not
start here now goes back as it is, uncharged, for others.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from tubewarren.bumping import Known, LookUp, Order, Turn, too_young, turn_of
from tubewarren.bus import BrokerUnavailableError, Bus
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo, ExpandSource, QueryLedger
from tubewarren.messages.events import LedgerAnswered
from tubewarren.messages.permits import Decision, PermitAnswered, RequestPermit, Stage
from tubewarren.outcomes import Bury, Done, Outcome, Overtaken, PassOn, Refund, Retry

Ask = Callable[[RequestPermit], Awaitable[PermitAnswered | None]]
"""Asks for a permit; None when nobody answers."""
Unfit = Callable[[], Awaitable[str]]
"""Why this machine cannot work now; empty when it can."""

_WORTH_WAITING: Final = timedelta(seconds=30)
"""A pace is kept with the work in hand; for anything longer it goes back."""
_LOOK_AGAIN: Final = timedelta(seconds=10)
_AFTER_A_BLOCK: Final = timedelta(seconds=2)
"""By then the monitor has heard of it."""
_REST_ALONE: Final = timedelta(minutes=1)
_REST_SICK: Final = timedelta(seconds=10)
_LONGEST_REST: Final = timedelta(hours=1)
_ANSWER_PATIENCE: Final = timedelta(seconds=5)
_INSIST: Final = timedelta(seconds=30)
"""A monitor that has answered before is being restarted; after so long the fleet goes on without its limits."""
_ASK_AGAIN: Final = timedelta(seconds=1)
_HALF: Final = 0.5
_LEAST_WAIT: Final = timedelta(milliseconds=50)
_TICK: Final = timedelta(seconds=1)

log = structlog.stdlib.get_logger(__name__)


async def _nothing_known(order: Order) -> Known | None:
    del order
    return None


class Claiming(Protocol):
    """What is paused while this worker may not work."""

    async def pause(self) -> None: ...  # noqa: D102
    async def resume(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nothing may start here.

    Attributes:
        until: by what is known now; None when nobody can tell.
        ends_at: the same by the timer.
        look_at: when to ask again, by the timer: a clock that jumps must not hold anything up.
    """

    reason: str
    until: datetime | None
    ends_at: float | None
    look_at: float

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.reason} Until {self.until:%Y-%m-%d %H:%M %Z}." if self.until else self.reason


@dataclass(frozen=True, slots=True)
class Shift:
    """How long one worker works in one go.

    Attributes:
        tasks: so many starts, then a break; None for no breaks.
    """

    tasks: int | None = None
    cooldown: timedelta = timedelta(minutes=10)


@dataclass(slots=True)
class Admission:
    """One worker's permits.

    Attributes:
        worker: its name.
        egress: its way to the internet.
        stage: what it does.
        ask: the way to the monitor.
        clock: the present, for people.
        timer: seconds that pass evenly, whatever happens to the clock.
        pause: waits for so many seconds.
        chance: a number from 0 up to 1.
        unfit: asked every second.
        has_others: whether another egress could give a second opinion, by the newest permit.
        look_up: what the ledger knows of an order's work; asked only where a copy may have overtaken it.
        looked: set after every look, with which what the worker says of itself may be another.
    """

    worker: str
    egress: str
    stage: Stage
    ask: Ask
    unfit: Unfit
    clock: Callable[[], datetime]
    timer: Callable[[], float] = time.monotonic
    shift: Shift = field(default_factory=Shift)
    look_up: LookUp = _nothing_known
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    has_others: bool = False
    why_unfit: str = ""
    closed: Closed | None = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    _lease_ends: float = 0.0
    _was_answered: bool = False
    _silent_since: float | None = None
    _starts: int = 0
    _blocked: "_Rests" = field(default_factory=lambda: _Rests(_REST_ALONE))
    _sick: "_Rests" = field(default_factory=lambda: _Rests(_REST_SICK))
    _sickness: str = ""
    _at_work: list[str] = field(default_factory=list)
    _bumped: frozenset[str] = frozenset()
    _bumps_seen: datetime | None = None

    @property
    def words(self) -> str:
        """Why nothing starts here, for the heartbeat; empty when it does."""
        return self.closed.words if self.closed else ""

    @contextmanager
    def at_work(self, delivery: Delivery) -> Iterator[None]:
        """While a work is under way; the monitor is told which are."""
        key = delivery.message.key
        self._at_work.append(key)
        try:
            yield
        finally:
            self._at_work.remove(key)

    async def admit(self, delivery: Delivery) -> Delivery | Outcome:
        """The delivery as it may start, or what becomes of it instead."""
        # First: what is over uses up no budget.
        return await self._overtaken(delivery) or await self._permitted(delivery)

    def note(self, outcome: Outcome) -> Outcome:
        """See at once what concerns more than one piece of work: a block, an unfit machine, trouble of everybody's."""
        match outcome:
            case Done():
                self._blocked.times = self._sick.times = 0
            case Refund(failure) if failure.kind is FailureKind.BLOCKED:
                self._close(failure.reason, self._blocked.begin(self.timer()), _AFTER_A_BLOCK)
            case Refund(failure, at_once=True) if failure.kind is FailureKind.UNFIT:
                # Otherwise a broken machine, which is quick to fail, takes most of the work from the others.
                self._sick.begin(self.timer())
                self._sickness = self.why_unfit = failure.reason
            case Retry(failure) if failure.kind in (FailureKind.EXTRACTOR, FailureKind.UNKNOWN):
                # It may be everybody's trouble: the next start is asked for.
                self._lease_ends = 0.0
            case _:
                pass
        return outcome

    async def keep(self, claiming: Sequence[Claiming]) -> None:
        """Claim while it makes sense, for ever."""
        is_claiming = True
        while True:
            await self._look()
            self.looked.set()
            may_claim = not self.why_unfit and self.closed is None
            if may_claim != is_claiming:
                log.info("claiming goes on" if may_claim else "claiming stops", reason=self.why_unfit or self.words)
                for each in claiming:
                    await (each.resume() if may_claim else each.pause())
                is_claiming = may_claim
            await self.pause(_TICK.total_seconds())

    async def _permitted(self, delivery: Delivery) -> Delivery | Outcome:
        while True:
            if self.why_unfit or self.closed:
                return PassOn()
            seen = self._bumps_seen
            answer = await self._permit(self._request(delivery))
            if seen != self._bumps_seen and (instead := await self._overtaken(delivery)):
                return instead
            match answer.decision:
                case Decision.GRANTED:
                    self._count()
                    return replace(delivery, attempt=max(1, delivery.attempt - answer.refunded))
                case Decision.HELD if answer.cancelled:
                    return Bury(Failure(kind=FailureKind.CANCELLED, reason=answer.reason))
                case Decision.HELD:
                    return PassOn("held")
                case Decision.ELSEWHERE:
                    # The broker serves first who was free first: two works that always wait equally long come back
                    # to the same two workers for ever.
                    return PassOn("rung" if self.chance() < _HALF else "queue")
                case Decision.WAIT if (rest := self._rest(answer)) is not None and rest <= _WORTH_WAITING:
                    await self.pause(max(rest, _LEAST_WAIT).total_seconds())
                case Decision.WAIT:
                    self._close(answer.reason, self._rest(answer))

    async def _overtaken(self, delivery: Delivery) -> Outcome | None:
        """What becomes of an order that a copy of its own has overtaken, or of a copy that has to wait; else None."""
        order = delivery.message
        if not isinstance(order, Order) or (order.bumped_at is None and order.source_id not in self._bumped):
            return None
        if wait := too_young(order, self.clock()):
            await self.pause(wait.total_seconds())
        match turn_of(delivery, await self.look_up(order), self.clock()):
            case Turn.GOES_ON:
                return None
            case Turn.WAITS:
                return PassOn("rung")
            case Turn.IS_OVER:
                log.debug("overtaken by its own copy", work=order.key)
                return Overtaken()

    async def _look(self) -> None:
        is_sick = self.timer() < self._sick.until
        self.why_unfit = await self.unfit() or (self._sickness if is_sick else "")
        closed = self.closed
        if closed is None or self.timer() < closed.look_at:
            return
        if (answer := await self.ask(self._look_request())) is not None:
            self._hear_of_bumps(answer)
        if answer is None and closed.ends_at is not None and self.timer() < closed.ends_at:
            self.closed = replace(closed, look_at=self.timer() + _LOOK_AGAIN.total_seconds())
        elif answer is not None and answer.decision is Decision.WAIT and not self._is_short(answer):
            self._close(answer.reason, self._rest(answer))
        else:
            self.closed = None

    async def _permit(self, request: RequestPermit) -> PermitAnswered:
        """A permit that holds still, or a new one; without a monitor, one without limits."""
        if not request.opinions and self.timer() < self._lease_ends:
            return PermitAnswered(at=self.clock(), decision=Decision.GRANTED, has_others=self.has_others)
        while (answer := await self.ask(request)) is None:
            now = self.timer()
            self._silent_since = now if self._silent_since is None else self._silent_since
            if not self._was_answered or now - self._silent_since >= _INSIST.total_seconds():
                return PermitAnswered(at=self.clock(), decision=Decision.GRANTED)
            await self.pause(_ASK_AGAIN.total_seconds())
        self._was_answered, self._silent_since, self.has_others = True, None, answer.has_others
        self._hear_of_bumps(answer)
        lease = answer.valid_until - answer.at if answer.valid_until else timedelta(0)
        self._lease_ends = self.timer() + lease.total_seconds()
        return answer

    def _hear_of_bumps(self, answer: PermitAnswered) -> None:
        if answer.bumps_until is not None:
            self._bumped, self._bumps_seen = frozenset(answer.bumped), answer.bumps_until

    def _look_request(self) -> RequestPermit:
        return RequestPermit(
            worker=self.worker,
            egress=self.egress,
            stage=self.stage,
            at_work=tuple(self._at_work),
            bumps_seen=self._bumps_seen,
        )

    def _request(self, delivery: Delivery) -> RequestPermit:
        match delivery.message:
            case DownloadVideo() | ExpandSource() as order:
                return RequestPermit(
                    worker=self.worker,
                    egress=self.egress,
                    stage=self.stage,
                    work=order.key,
                    source_id=order.source_id,
                    attempt=delivery.attempt,
                    opinions=delivery.opinions,
                    at_work=tuple(self._at_work),
                    bumps_seen=self._bumps_seen,
                )
            case other:
                raise TypeError(f"there are no permits for a {other.type}")

    def _count(self) -> None:
        self._starts += 1
        if self.shift.tasks is not None and self._starts >= self.shift.tasks:
            self._starts = 0
            self._close(f"It rests after {self.shift.tasks} tasks.", self.shift.cooldown, self.shift.cooldown)

    def _close(self, reason: str, rest: timedelta | None, look_after: timedelta = _LOOK_AGAIN) -> None:
        """Start nothing more.

        Args:
            reason: for people.
            rest: for how long, if that is known.
            look_after: ask again then, or when the rest is over.
        """
        self._lease_ends = 0.0
        now = self.timer()
        ends_at = None if rest is None else now + rest.total_seconds()
        look_at = now + look_after.total_seconds()
        until = None if rest is None else self.clock() + rest
        self.closed = Closed(reason, until, ends_at, look_at if ends_at is None else min(look_at, ends_at))

    def _is_short(self, answer: PermitAnswered) -> bool:
        rest = self._rest(answer)
        return rest is not None and rest <= _WORTH_WAITING

    def _rest(self, answer: PermitAnswered) -> timedelta | None:
        """By the monitor's clock, which need not agree with ours."""
        return answer.until - answer.at if answer.until else None


@dataclass(slots=True)
class _Rests:
    """Rests that grow from one to the next, until a work that is done sets `times` back."""

    first: timedelta
    times: int = 0
    until: float = 0.0

    def begin(self, now: float) -> timedelta:
        """How long to rest. Those in hand meet the same trouble: whoever comes during a rest adds nothing to it."""
        if now >= self.until:
            rest = min(self.first * 2.0 ** min(self.times, 16), _LONGEST_REST)
            self.times += 1
            self.until = now + rest.total_seconds()
        return timedelta(seconds=self.until - now)


async def ask_for_permit(bus: Bus, request: RequestPermit) -> PermitAnswered | None:
    """Ask over the bus; None when nobody answers in time, or nobody is there."""
    try:
        return await bus.ask_one(request, PermitAnswered, _ANSWER_PATIENCE)
    except BrokerUnavailableError as error:
        log.debug("no broker to ask for a permit", problem=str(error))
        return None


async def ask_what_is_known(bus: Bus, order: Order) -> Known | None:
    """Ask over the bus what the ledger knows of an order's work; None when it does not answer in time."""
    video_id = order.video_id if isinstance(order, DownloadVideo) else None
    question = QueryLedger(topic="bumped", source_id=order.source_id, video_id=video_id, limit=1)
    try:
        answer = await bus.ask_one(question, LedgerAnswered, _ANSWER_PATIENCE)
    except BrokerUnavailableError as error:
        log.debug("no broker to ask what is known", problem=str(error))
        return None
    if answer is None:
        return None
    row = next(iter(answer.rows), {})
    return Known(_moment(row.get("bumped_at")), bool(row.get("has_ended")), _moment(row.get("begun_at")))


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None

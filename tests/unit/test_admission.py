"""Admission: what a worker does with permits, with silence, with its own machine's state, and with a block."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.admission import Admission, Shift
from tubewarren.bumping import Known, Order
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages.commands import DownloadVideo, ExpandSource, ReturnResults
from tubewarren.messages.permits import Decision, PermitAnswered, RequestPermit
from tubewarren.outcomes import Bury, Done, Overtaken, PassOn, Refund, Retry

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDER = DownloadVideo(video_id="x", url="https://example.org/x", source_id="1")
BLOCKED = Refund(Failure(kind=FailureKind.BLOCKED, reason="Rate limit."), at_once=True)

UNFIT = Refund(Failure(kind=FailureKind.UNFIT, reason="The folder cannot be written."), at_once=True)


class EnoughError(Exception):
    """The time that a test gives has passed."""


@dataclass
class World:
    """A monitor that answers as it is told to, a machine, and a time that passes only in pauses."""

    answers: deque[PermitAnswered | None] = field(default_factory=deque)
    always: PermitAnswered | None = None
    asked: list[RequestPermit] = field(default_factory=list)
    unfit: str = ""
    chance: float = 0.4
    seconds: float = 0.0
    ends_at: float = 1e9
    claims: list[tuple[str, float]] = field(default_factory=list)
    known: Known | None = None
    looked_up: list[str] = field(default_factory=list)

    async def look_up(self, order: Order) -> Known | None:
        self.looked_up.append(order.key)
        return self.known

    async def ask(self, request: RequestPermit) -> PermitAnswered | None:
        self.asked.append(request)
        return self.answers.popleft() if self.answers else self.always

    async def is_unfit(self) -> str:
        return self.unfit

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= self.ends_at:
            raise EnoughError

    async def pause(self) -> None:
        self.claims.append(("pause", self.seconds))

    async def resume(self) -> None:
        self.claims.append(("resume", self.seconds))

    def worker(self, shift: Shift | None = None) -> Admission:
        return Admission(
            worker="box/downloader",
            egress="home",
            stage="downloader",
            ask=self.ask,
            unfit=self.is_unfit,
            clock=lambda: NOON + timedelta(seconds=self.seconds),
            timer=lambda: self.seconds,
            shift=shift or Shift(),
            look_up=self.look_up,
            pause=self.sleep,
            chance=lambda: self.chance,
        )

    async def keep_for(self, admission: Admission, seconds: float) -> list[tuple[str, float]]:
        """What became of claiming within so many seconds."""
        self.ends_at = self.seconds + seconds
        self.claims.clear()
        with pytest.raises(EnoughError):
            await admission.keep([self])
        self.ends_at = 1e9
        return list(self.claims)


@pytest.fixture
def world() -> World:
    return World()


def delivery(attempt: int = 1, opinions: tuple[str, ...] = ()) -> Delivery:
    return Delivery(ORDER, "id", attempt=attempt, opinions=opinions)


def granted(lease: float = 0, refunded: int = 0) -> PermitAnswered:
    valid_until = NOON + timedelta(seconds=lease) if lease else None
    return PermitAnswered(at=NOON, decision=Decision.GRANTED, valid_until=valid_until, refunded=refunded)


def wait(seconds: float | None) -> PermitAnswered:
    until = None if seconds is None else NOON + timedelta(seconds=seconds)
    return PermitAnswered(at=NOON, decision=Decision.WAIT, until=until, reason="It rests.")


def decided(decision: Decision, reason: str = "", *, cancelled: bool = False) -> PermitAnswered:
    return PermitAnswered(at=NOON, decision=decision, reason=reason, cancelled=cancelled)


async def test_work_starts_with_a_permit_that_was_asked_for_in_its_name(world: World) -> None:
    world.always = granted()

    assert await world.worker().admit(delivery(attempt=3, opinions=("abroad",))) == delivery(3, ("abroad",))
    (request,) = world.asked
    assert (request.work, request.source_id, request.attempt, request.opinions) == ("1/x", "1", 3, ("abroad",))
    assert (request.worker, request.egress, request.stage) == ("box/downloader", "home", "downloader")


async def test_a_listing_asks_too(world: World) -> None:
    world.always = granted()
    order = Delivery(ExpandSource(source_id="7", url="https://example.org/"), "id")

    assert await world.worker().admit(order) == order
    assert (world.asked[0].work, world.asked[0].source_id) == ("7", "7")


async def test_what_needs_no_permit_is_a_defect(world: World) -> None:
    with pytest.raises(TypeError, match="results"):
        await world.worker().admit(Delivery(ReturnResults(), "id"))


async def test_attempts_that_were_charged_in_error_are_given_back(world: World) -> None:
    world.always = granted(refunded=2)
    worker = world.worker()

    assert await worker.admit(delivery(attempt=3)) == delivery(attempt=1)
    assert await worker.admit(delivery(attempt=1)) == delivery(attempt=1), "there is no attempt before the first"


async def test_a_lasting_permit_is_not_asked_for_again_until_it_ends(world: World) -> None:
    world.always = granted(lease=5)
    worker = world.worker()
    for _ in range(3):
        await worker.admit(delivery())
    assert len(world.asked) == 1

    await worker.admit(delivery(opinions=("abroad",)))
    assert len(world.asked) == 2, "a second opinion is always asked for"
    world.seconds += 6
    await worker.admit(delivery())
    assert len(world.asked) == 3


@pytest.mark.parametrize(
    ("decision", "to"), [(Decision.HELD, PassOn("held")), (Decision.ELSEWHERE, PassOn("rung"))], ids=str
)
async def test_what_belongs_elsewhere_is_passed_on(world: World, decision: Decision, to: PassOn) -> None:
    world.always = decided(decision)

    worker = world.worker()
    assert await worker.admit(delivery()) == to
    assert worker.closed is None


async def test_what_nobody_wants_any_more_is_given_up_with_the_reason(world: World) -> None:
    world.always = decided(Decision.HELD, reason="A person cancelled source 1.", cancelled=True)

    outcome = await world.worker().admit(delivery())

    assert outcome == Bury(Failure(kind=FailureKind.CANCELLED, reason="A person cancelled source 1."))


async def test_one_video_that_this_machine_cannot_do_does_not_keep_it_from_the_others(world: World) -> None:
    worker = world.worker()

    worker.note(Refund(UNFIT.failure))

    assert worker.why_unfit == ""


async def test_what_another_shall_look_at_waits_or_not_by_chance_so_that_it_does_not_return_in_step(
    world: World,
) -> None:
    world.always = decided(Decision.ELSEWHERE)
    world.chance = 0.6

    assert await world.worker().admit(delivery()) == PassOn("queue")


async def test_a_pace_is_kept_with_the_work_in_hand(world: World) -> None:
    world.answers.extend([wait(12), wait(0), granted()])

    assert await world.worker().admit(delivery()) == delivery()
    assert 12 < world.seconds < 13


async def test_for_a_longer_wait_the_work_goes_back_and_nothing_is_claimed_until_it_is_over(world: World) -> None:
    world.always = wait(100)
    worker = world.worker()

    assert await worker.admit(delivery()) == PassOn()
    assert "It rests. Until 2026-03-10 12:01" in worker.words
    assert await worker.admit(delivery()) == PassOn()
    assert len(world.asked) == 1

    assert await world.keep_for(worker, 25) == [("pause", 0)]
    assert len(world.asked) == 3, "it asks again now and then: somebody may have ended the wait"
    world.always = granted()
    assert [what for what, _ in await world.keep_for(worker, 20)] == ["pause", "resume"]
    assert worker.words == ""


async def test_a_wait_without_end_is_asked_after_for_ever(world: World) -> None:
    world.always = wait(None)
    worker = world.worker()
    await worker.admit(delivery())

    await world.keep_for(worker, 3600)

    assert worker.words == "It rests."
    assert len(world.asked) > 300


async def test_an_unfit_machine_claims_nothing_and_goes_on_by_itself_when_mended(world: World) -> None:
    world.always = granted()
    world.unfit = "The disk is full."
    worker = world.worker()

    assert await world.keep_for(worker, 5) == [("pause", 0)]
    assert await worker.admit(delivery()) == PassOn()
    world.unfit = ""
    worker.looked.clear()
    assert [what for what, _ in await world.keep_for(worker, 5)] == []
    assert worker.looked.is_set()
    assert await worker.admit(delivery()) == delivery()


async def test_a_block_stops_claiming_at_once_and_the_monitor_decides_when_it_ends(world: World) -> None:
    world.answers.append(granted(lease=5))
    world.always = wait(3600)
    worker = world.worker()
    await worker.admit(delivery())

    assert worker.note(BLOCKED) is BLOCKED
    assert await worker.admit(delivery()) == PassOn(), "the lease is over"
    assert await world.keep_for(worker, 5) == [("pause", 0)]
    assert "13:00" in worker.words


async def test_without_a_monitor_a_blocked_worker_rests_longer_each_time_until_it_succeeds(world: World) -> None:
    worker = world.worker()
    rests = []
    for _ in range(9):
        worker.note(BLOCKED)
        begin = world.seconds
        while worker.closed is not None:
            await world.keep_for(worker, 5)
        rests.append(world.seconds - begin)

    assert rests[0] == pytest.approx(60, abs=15)
    assert rests[1] == pytest.approx(120, abs=15)
    assert rests[-1] == pytest.approx(3600, abs=15)
    worker.note(Done())
    worker.note(BLOCKED)
    assert worker.closed is not None
    assert worker.closed.ends_at == pytest.approx(world.seconds + 60)


async def test_a_machine_that_turned_out_to_be_unfit_rests_though_the_monitor_knows_nothing_of_it(world: World) -> None:
    world.always = granted(lease=5)
    worker = world.worker()
    worker.note(UNFIT)

    assert await worker.admit(delivery()) == PassOn()
    assert await world.keep_for(worker, 9) == [("pause", 0)]
    assert worker.why_unfit == "The folder cannot be written."
    await world.keep_for(worker, 3)
    assert await worker.admit(delivery()) == delivery()
    worker.note(UNFIT)
    await world.keep_for(worker, 15)
    assert await worker.admit(delivery()) == PassOn(), "the second rest is longer"


async def test_what_was_in_hand_when_the_machine_turned_out_to_be_unfit_makes_the_rest_no_longer(world: World) -> None:
    world.always = granted(lease=5)
    worker = world.worker()
    for _ in range(5):
        worker.note(UNFIT)
        worker.note(BLOCKED)

    assert worker.closed is not None
    assert worker.closed.ends_at == pytest.approx(world.seconds + 60)
    await world.keep_for(worker, 12)
    assert worker.why_unfit == ""


async def test_the_monitor_is_told_what_is_under_way(world: World) -> None:
    world.always = granted()
    worker = world.worker()

    with worker.at_work(delivery()):
        await worker.admit(delivery())
        worker.note(BLOCKED)
        await world.keep_for(worker, 12)
    await worker.admit(delivery())

    assert [asked.at_work for asked in world.asked[:2]] == [(delivery().message.key,)] * 2
    assert world.asked[-1].at_work == ()


async def test_a_fleet_without_a_monitor_has_no_limits(world: World) -> None:
    assert await world.worker().admit(delivery()) == delivery()
    assert world.seconds == 0


async def test_a_monitor_that_is_being_restarted_is_waited_for_but_not_for_ever(world: World) -> None:
    worker = world.worker()
    world.answers.append(granted())
    await worker.admit(delivery())
    world.answers.extend([None, None, granted()])
    await worker.admit(delivery())
    assert world.seconds == pytest.approx(2)

    assert await worker.admit(delivery()) == delivery()
    assert world.seconds == pytest.approx(32)


async def test_after_a_shift_the_worker_rests(world: World) -> None:
    world.always = granted(lease=5)
    worker = world.worker(Shift(tasks=2, cooldown=timedelta(minutes=5)))

    assert await worker.admit(delivery()) == delivery()
    assert await worker.admit(delivery()) == delivery(), "the last of the shift still starts"
    assert await worker.admit(delivery()) == PassOn()
    assert "rests after 2 tasks" in worker.words
    assert [what for what, _ in await world.keep_for(worker, 299)] == ["pause"]
    await world.keep_for(worker, 5)
    assert await worker.admit(delivery()) == delivery()


async def test_a_monitor_whose_clock_is_a_day_ahead_delays_nothing(world: World) -> None:
    tomorrow = NOON + timedelta(days=1)
    world.always = PermitAnswered(
        at=tomorrow, decision=Decision.WAIT, until=tomorrow + timedelta(minutes=1), reason="It rests."
    )
    worker = world.worker()
    await worker.admit(delivery())
    assert worker.closed is not None
    assert worker.closed.until == NOON + timedelta(minutes=1)


async def test_after_trouble_that_may_be_everybodys_the_next_start_is_asked_for(world: World) -> None:
    world.always = granted(lease=5)
    worker = world.worker()
    await worker.admit(delivery())
    worker.note(Retry(Failure(kind=FailureKind.TRANSIENT, reason="Cut.")))
    await worker.admit(delivery())
    assert len(world.asked) == 1

    worker.note(Retry(Failure(kind=FailureKind.EXTRACTOR, reason="Out of date.")))
    await worker.admit(delivery())
    assert len(world.asked) == 2


def told_of_bumps(*source_ids: str) -> PermitAnswered:
    return granted().model_copy(update={"bumped": source_ids, "bumps_until": NOON})


async def test_an_order_that_its_copy_has_overtaken_is_over_and_uses_up_no_permit(world: World) -> None:
    worker, world.answers, world.always = world.worker(), deque([told_of_bumps("1")]), granted()
    world.known = Known(bumped_at=NOON)
    copy = ORDER.model_copy(update={"bumped_at": NOON})
    original = Delivery(ORDER, "id", ordered_at=NOON - timedelta(minutes=1))

    # Of the first, the answer tells that its source was bumped.
    assert await worker.admit(original) == Overtaken()
    assert await worker.admit(original) == Overtaken()
    assert len(world.asked) == 1
    assert await worker.admit(Delivery(copy, "id")) == Delivery(copy, "id")
    assert [request.bumps_seen for request in world.asked] == [None, NOON]


async def test_orders_of_sources_that_were_not_bumped_are_not_looked_up(world: World) -> None:
    worker, world.always = world.worker(), told_of_bumps("2")

    assert await worker.admit(delivery()) == delivery()

    assert world.looked_up == []


async def test_a_copy_waits_for_the_ledger_to_hear_and_then_on_a_rung_for_whoever_began_before(world: World) -> None:
    world.always = granted()
    world.known = Known(bumped_at=NOON, begun_at=NOON - timedelta(minutes=1))
    copy = Delivery(ORDER.model_copy(update={"bumped_at": NOON}), "id")

    assert await world.worker().admit(copy) == PassOn("rung")

    assert world.seconds == 2
    assert world.asked == []

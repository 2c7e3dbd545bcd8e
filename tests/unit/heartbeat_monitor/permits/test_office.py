"""The office: what it remembers over restarts, whom it tells, and what it sends back to work."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tubewarren.bus import BrokerUnavailableError
from tubewarren.delivery import Delivery
from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.bumps import AnnounceBump
from tubewarren.messages.commands import ReturnResults
from tubewarren.messages.events import FleetGates, Gate, Verdict, VideoDownloaded, VideoFailed
from tubewarren.messages.permits import (
    CancelSource,
    Decision,
    PermitAnswered,
    QueryGates,
    RedriveDead,
    RequestPermit,
    Scope,
    SetPause,
)
from tubewarren.outcomes import Done
from tubewarren.settings import Settings
from tubewarren_services.heartbeat_monitor.permits.office import PermitOffice
from tubewarren_services.heartbeat_monitor.permits.policy import Policy
from tubewarren_services.heartbeat_monitor.permits.returning import Returning

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PAUSE = SetPause(scope=Scope.SOURCE, name="1")
RESUME = SetPause(scope=Scope.SOURCE, name="1", paused=False)
ASK = RequestPermit(worker="a", egress="home", stage="downloader", work="1/x", source_id="1")


@dataclass
class World:
    """A folder, a clock that is set by hand, and a broker that can be away."""

    path: Path
    now: datetime = NOON
    told: list[FleetGates] = field(default_factory=list)
    releases: int = 0
    redriven: list[Returning] = field(default_factory=list)
    broker_is_away: bool = False

    async def publish(self, *messages: Message) -> None:
        self.told += [each for each in messages if isinstance(each, FleetGates)]

    async def release(self) -> int:
        self._reach_the_broker()
        self.releases += 1
        return 1

    async def redrive(self, wanted: Returning) -> int:
        self._reach_the_broker()
        self.redriven.append(wanted)
        return 1

    def _reach_the_broker(self) -> None:
        if self.broker_is_away:
            raise BrokerUnavailableError("away")

    def office(self) -> PermitOffice:
        policy = Policy.of(Settings.model_validate({"breaker": {"videos": 2, "workers": 1}}))
        return PermitOffice.open(self.path, policy, self.publish, self.release, self.redrive, lambda: self.now)

    async def pass_time(self, office: PermitOffice, seconds: int) -> None:
        for _ in range(seconds):
            self.now += timedelta(seconds=1)
            await office.review()

    def gates(self) -> list[list[str]]:
        return [[gate.kind for gate in each.gates] for each in self.told]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "permits.json")


async def answer(office: PermitOffice, message: Message) -> Message:
    outcome = await office.answer(Delivery(message, "id"))
    assert isinstance(outcome, Done)
    assert outcome.reply is not None
    return outcome.reply


def failed(work: str, kind: FailureKind, verdict: Verdict) -> Delivery:
    source, _, video = work.partition("/")
    failure = Failure(kind=kind, reason="So it is.", rule="some-rule")
    return Delivery(
        VideoFailed(at=NOON, video_id=video, source_id=source, worker="a", attempt=1, verdict=verdict, failure=failure),
        work,
    )


async def test_a_pause_is_told_answered_and_outlives_a_kill(world: World) -> None:
    office = world.office()
    reply = await answer(office, PAUSE)

    assert isinstance(reply, FleetGates)
    assert [gate.name for gate in reply.gates] == ["1"]
    assert world.gates() == [["pause"]]
    after = world.office()
    permit = await answer(after, ASK)
    assert isinstance(permit, PermitAnswered)
    assert permit.decision is Decision.HELD


async def test_a_sleeping_egress_outlives_a_kill(world: World) -> None:
    office = world.office()
    await office.review()
    await answer(office, ASK)
    await office.hear([failed("1/x", FailureKind.BLOCKED, Verdict.REFUND)])

    assert world.gates() == [[], ["egress"]]
    permit = await answer(world.office(), ASK)
    assert isinstance(permit, PermitAnswered)
    assert (permit.decision, permit.until) == (Decision.WAIT, NOON + timedelta(hours=1))


async def test_gates_are_told_when_they_change_and_once_a_minute_for_who_came_late(world: World) -> None:
    office = world.office()
    await world.pass_time(office, 59)
    assert world.gates() == [[]]
    await world.pass_time(office, 60)
    assert world.gates() == [[], []]
    await answer(office, PAUSE)
    await answer(office, PAUSE)
    assert world.gates() == [[], [], ["pause"]]


async def test_who_asks_is_told_what_holds_work_back(world: World) -> None:
    office = world.office()
    await answer(office, PAUSE)

    reply = await answer(office, QueryGates())

    assert isinstance(reply, FleetGates)
    assert reply.gates == (
        Gate(kind="pause", name="1", reason="A person paused it.", advice="svc resume source 1", since=NOON),
    )


async def test_what_is_held_is_released_for_a_while_after_a_start_and_after_a_resume(world: World) -> None:
    office = world.office()
    await world.pass_time(office, 120)
    at_start = world.releases
    assert 1 <= at_start <= 8

    await answer(office, PAUSE)
    await world.pass_time(office, 120)
    assert world.releases == at_start
    await answer(office, RESUME)
    await world.pass_time(office, 120)
    assert at_start + 1 <= world.releases <= at_start + 8


async def test_a_broker_that_is_away_delays_a_release_and_loses_none(world: World) -> None:
    world.broker_is_away = True
    office = world.office()
    await world.pass_time(office, 5)
    world.broker_is_away = False
    await world.pass_time(office, 10)

    assert world.releases >= 1


async def test_what_was_given_up_for_everybodys_trouble_is_redriven_once_the_broker_takes_it(world: World) -> None:
    office = world.office()
    await answer(office, ASK)
    await office.hear([failed(f"1/{name}", FailureKind.EXTRACTOR, Verdict.BURY) for name in "abc"])
    assert world.gates()[-1] == ["breaker"]
    world.now += timedelta(minutes=5)
    await answer(office, ASK)
    done = VideoDownloaded(
        at=NOON, video_id="x", source_id="1", worker="a", attempt=1, storage="main", size_bytes=1, sha256="0", seconds=1
    )
    await office.hear([Delivery(done, "x")])
    world.broker_is_away = True
    await office.review()
    assert world.redriven == []
    world.broker_is_away = False
    await world.pass_time(office, 10)

    assert world.redriven == [Returning(works=frozenset({"1/a", "1/b", "1/c"}))]


async def test_a_cancel_is_told_and_outlives_a_kill_and_what_is_held_is_released_to_be_given_up(world: World) -> None:
    office = world.office()
    await world.pass_time(office, 120)
    at_start = world.releases

    reply = await answer(office, CancelSource(source_id="1"))
    await world.pass_time(office, 10)

    assert isinstance(reply, FleetGates)
    assert [(gate.kind, gate.name) for gate in reply.gates] == [("cancelled", "1")]
    assert world.releases > at_start
    permit = await answer(world.office(), ASK)
    assert isinstance(permit, PermitAnswered)
    assert permit.cancelled
    await answer(office, CancelSource(source_id="1", cancelled=False))
    permit = await answer(office, ASK)
    assert isinstance(permit, PermitAnswered)
    assert permit.decision is Decision.GRANTED


async def test_what_a_person_wants_back_is_sent_back_once_also_after_a_kill(world: World) -> None:
    office = world.office()
    reply = await answer(office, RedriveDead(source_id="1"))
    assert isinstance(reply, FleetGates)

    after = world.office()
    world.broker_is_away = True
    await after.review()
    world.broker_is_away = False
    await world.pass_time(after, 3)

    assert world.redriven == [Returning(sources=frozenset({"1"}))]


async def test_what_is_bumped_is_told_with_permits_to_each_worker_that_has_not_seen_it_also_after_a_kill(
    world: World,
) -> None:
    await answer(world.office(), AnnounceBump(source_id="1"))
    office = world.office()
    await answer(office, AnnounceBump(source_id="2"))

    first = await answer(office, ASK)
    assert isinstance(first, PermitAnswered)
    again = await answer(office, ASK.model_copy(update={"bumps_seen": first.bumps_until}))
    assert isinstance(again, PermitAnswered)
    assert (first.decision, first.bumped) == (Decision.GRANTED, ("1", "2"))
    assert (again.decision, again.bumped, again.bumps_until) == (Decision.GRANTED, (), None)

    await answer(office, AnnounceBump(source_id="1"))
    later = await answer(office, ASK.model_copy(update={"bumps_seen": first.bumps_until}))
    assert isinstance(later, PermitAnswered)
    assert later.bumped == ("2", "1"), "though the clock has not moved"
    world.now += timedelta(days=91)
    await answer(office, AnnounceBump(source_id="3"))
    forgotten = await answer(office, ASK)
    assert isinstance(forgotten, PermitAnswered)
    assert forgotten.bumped == ("3",)


@pytest.mark.parametrize(
    ("order", "is_wanted"),
    [
        (RESUME, True),
        (CancelSource(source_id="1"), True),
        (RedriveDead(source_id="1"), True),
        (PAUSE, False),
        (ASK, False),
        (QueryGates(), False),
    ],
    ids=["resume", "cancel", "redrive", "pause", "permit", "question"],
)
async def test_what_shall_go_back_to_work_does_not_wait_for_the_next_review(
    world: World, order: Message, *, is_wanted: bool
) -> None:
    office = world.office()

    await answer(office, order)

    assert office.wanted.is_set() is is_wanted


async def test_books_that_cannot_be_written_are_told_and_kept_in_mind(world: World) -> None:
    office = world.office()
    (world.path.parent / f".{world.path.name}.new").mkdir()
    await office.review()
    await answer(office, PAUSE)

    assert "cannot be written down" in office.trouble
    permit = await answer(office, ASK)
    assert isinstance(permit, PermitAnswered)
    assert permit.decision is Decision.HELD


async def test_damaged_books_are_begun_anew(world: World) -> None:
    world.path.write_text("{")

    assert await answer(world.office(), ASK)


async def test_what_is_no_question_is_a_defect(world: World) -> None:
    with pytest.raises(TypeError, match="results"):
        await world.office().answer(Delivery(ReturnResults(), "id"))

"""Permits as workers get them: pauses, blocks, second opinions, the breaker and its refunds, all together."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tubewarren.failures import Failure, FailureKind
from tubewarren.messages import Message
from tubewarren.messages.commands import AddSource, DownloadVideo, ExpandSource
from tubewarren.messages.events import SourceFailed, Verdict, VideoDownloaded, VideoFailed
from tubewarren.messages.permits import (
    PAUSED_IN_THE_LIST,
    CancelSource,
    Decision,
    PermitAnswered,
    RedriveDead,
    RequestPermit,
    Scope,
    SetPause,
)
from tubewarren.settings import Settings
from tubewarren_services.heartbeat_monitor.permits.books import (
    LEASE,
    Books,
    bring_back,
    decide,
    forget,
    hear,
    sent_back,
    set_cancelled,
    set_pause,
    to_send_back,
)
from tubewarren_services.heartbeat_monitor.permits.gates import gates
from tubewarren_services.heartbeat_monitor.permits.policy import Policy
from tubewarren_services.heartbeat_monitor.permits.returning import Returning

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BLOCK = Failure(kind=FailureKind.BLOCKED, reason="Rate limit.", rule="rate-limited")
BROKEN = Failure(kind=FailureKind.EXTRACTOR, reason="yt-dlp is out of date.", rule="no-player-response")
GONE = Failure(kind=FailureKind.GONE, reason="It is private.")
CUT = Failure(kind=FailureKind.TRANSIENT, reason="Cut.")


@dataclass
class Fleet:
    """Workers that ask, work and fail, at a time that is set by hand."""

    settings: Settings = field(default_factory=Settings)
    now: datetime = NOON
    books: Books = field(default_factory=Books)

    def ask(self, worker: str = "a", work: str = "1/x", egress: str = "", **more: object) -> PermitAnswered:
        request = RequestPermit.model_validate(
            {
                "worker": worker,
                "egress": egress or f"egress of {worker}",
                "stage": "downloader",
                "work": work,
                "source_id": work.partition("/")[0],
                **more,
            }
        )
        self.books, answer = decide(self.books, request, Policy.of(self.settings), self.now, lambda: 0.0)
        return answer

    def fail(
        self,
        failure: Failure,
        worker: str = "a",
        work: str = "1/x",
        verdict: Verdict = Verdict.RETRY,
        attempt: int = 1,
        egress: str = "",
    ) -> None:
        source, _, video = work.partition("/")
        event = VideoFailed(
            at=self.now, video_id=video, source_id=source, worker=worker, attempt=attempt, verdict=verdict,
            failure=failure, egress=egress,
        )  # fmt: skip
        self.books = hear(self.books, event, Policy.of(self.settings), self.now)

    def succeed(self, worker: str = "a", work: str = "1/x", *, already: bool = False) -> None:
        source, _, video = work.partition("/")
        event = VideoDownloaded(
            at=self.now, video_id=video, source_id=source, worker=worker, attempt=1, storage="main", size_bytes=1,
            sha256="00", seconds=1.0, already_present=already,
        )  # fmt: skip
        self.books = hear(self.books, event, Policy.of(self.settings), self.now)

    def pause(self, scope: Scope, name: str = "", *, paused: bool = True) -> None:
        self.books = set_pause(self.books, SetPause(scope=scope, name=name, paused=paused), self.now)

    def cancel(self, source_id: str, *, cancelled: bool = True) -> None:
        self.books = set_cancelled(self.books, CancelSource(source_id=source_id, cancelled=cancelled), self.now)

    def closed(self) -> list[tuple[str, str]]:
        return [(gate.kind, gate.name) for gate in gates(self.books)]

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def test_where_nothing_is_limited_a_permit_is_good_for_a_while(fleet: Fleet) -> None:
    answer = fleet.ask()

    assert (answer.decision, answer.valid_until) == (Decision.GRANTED, NOON + LEASE)
    assert fleet.closed() == []


def test_workers_on_one_egress_share_its_block_and_others_go_on(fleet: Fleet) -> None:
    for worker, egress in (("a", "home"), ("b", "home"), ("c", "abroad")):
        fleet.ask(worker, egress=egress)
    fleet.fail(BLOCK, "a", verdict=Verdict.REFUND)

    answer = fleet.ask("b", "1/y", egress="home")
    assert (answer.decision, answer.until, answer.reason) == (Decision.WAIT, NOON + timedelta(hours=1), "Rate limit.")
    assert fleet.ask("c", "1/x", egress="abroad").decision is Decision.GRANTED
    assert fleet.closed() == [("egress", "home")]


def test_a_block_puts_that_egress_to_sleep_by_which_the_work_went_out(fleet: Fleet) -> None:
    fleet.ask("a", egress="abroad")
    fleet.fail(BLOCK, "a", verdict=Verdict.REFUND, egress="home")

    assert fleet.closed() == [("egress", "home")], "the worker was started anew with another egress"


def test_a_blocked_egress_is_probed_with_one_video_and_then_goes_on(fleet: Fleet) -> None:
    fleet.ask()
    fleet.fail(BLOCK, verdict=Verdict.REFUND)
    fleet.pass_time(hours=1)

    assert fleet.ask(work="").decision is Decision.GRANTED, "who only looks is told that a probe is due"
    probe = fleet.ask(work="1/y")
    assert (probe.decision, probe.valid_until) == (Decision.GRANTED, None)
    assert fleet.ask(work="1/z").decision is Decision.WAIT
    fleet.succeed(work="1/y")
    assert fleet.ask(work="1/z").decision is Decision.GRANTED
    assert fleet.closed() == []


@pytest.mark.parametrize(
    ("failure", "wakes"), [(GONE, True), (CUT, False)], ids=["the site answered", "the line was cut"]
)
def test_a_probe_counts_as_answered_only_by_the_site(fleet: Fleet, failure: Failure, wakes: bool) -> None:  # noqa: FBT001
    fleet.ask()
    fleet.fail(BLOCK, verdict=Verdict.REFUND)
    fleet.pass_time(hours=1)
    fleet.ask(work="1/y")
    fleet.fail(failure, work="1/y")

    assert (fleet.closed() == []) is wakes
    assert fleet.ask(work="1/z").decision is Decision.GRANTED


def test_a_video_that_was_there_already_proves_nothing_about_the_egress(fleet: Fleet) -> None:
    fleet.ask()
    fleet.fail(BLOCK, verdict=Verdict.REFUND)
    fleet.pass_time(hours=1)
    fleet.ask(work="1/y")
    fleet.succeed(work="1/y", already=True)

    assert fleet.closed() == [("egress", "egress of a")]


def test_the_listing_of_a_source_shares_the_block(fleet: Fleet) -> None:
    fleet.ask("lister", "1", egress="home", stage="source-expander")
    failed = SourceFailed(at=NOON, source_id="1", worker="lister", attempt=1, verdict=Verdict.REFUND, failure=BLOCK)
    fleet.books = hear(fleet.books, failed, Policy.of(fleet.settings), NOON)

    assert fleet.ask("a", egress="home").decision is Decision.WAIT


def test_a_probe_that_no_worker_has_in_hand_any_more_is_sent_anew(fleet: Fleet) -> None:
    fleet.ask(egress="home", at_work=())
    fleet.fail(BLOCK, verdict=Verdict.REFUND, egress="home")
    fleet.pass_time(hours=1)
    assert fleet.ask(work="1/probe", egress="home", at_work=()).decision is Decision.GRANTED

    fleet.pass_time(seconds=20)
    assert fleet.ask(work="", egress="home", at_work=("1/probe",)).decision is Decision.WAIT
    assert fleet.ask("b", "1/y", egress="home", at_work=()).decision is Decision.WAIT, "the other still has it"
    assert fleet.ask(work="", egress="home", at_work=()).decision is Decision.GRANTED, "its line was cut"
    assert fleet.ask("b", "1/y", egress="home", at_work=()).decision is Decision.GRANTED


def test_a_probe_whose_worker_is_not_heard_of_any_more_is_sent_anew(fleet: Fleet) -> None:
    fleet.ask(egress="home", at_work=())
    fleet.fail(BLOCK, verdict=Verdict.REFUND, egress="home")
    fleet.pass_time(hours=1)
    fleet.ask(work="1/probe", egress="home", at_work=())

    fleet.pass_time(minutes=1)
    assert fleet.ask("b", "1/y", egress="home", at_work=()).decision is Decision.WAIT
    fleet.pass_time(minutes=2)
    assert fleet.ask("b", "1/y", egress="home", at_work=()).decision is Decision.GRANTED


def test_a_canary_that_no_worker_has_in_hand_any_more_is_sent_anew(fleet: Fleet) -> None:
    for number in range(5):
        worker = "ab"[number % 2]
        fleet.ask(worker, f"1/{number}", at_work=())
        fleet.fail(BROKEN, worker, f"1/{number}")
    fleet.pass_time(minutes=5)
    assert fleet.ask(work="1/canary", at_work=()).decision is Decision.GRANTED
    fleet.pass_time(seconds=20)
    assert fleet.ask("b", "1/y", at_work=()).decision is Decision.WAIT

    fleet.ask(work="", at_work=())

    assert fleet.ask("b", "1/y", at_work=()).decision is Decision.GRANTED


def test_a_budget_is_shared_by_the_workers_of_an_egress() -> None:
    fleet = Fleet(Settings.model_validate({"pacing": {"videos_per_hour": 60, "jitter": 0}}))

    assert fleet.ask("a", egress="home").valid_until is None
    answer = fleet.ask("b", "1/y", egress="home")

    assert (answer.decision, answer.until) == (Decision.WAIT, NOON + timedelta(minutes=1))
    assert fleet.ask("c", "1/y", egress="abroad").decision is Decision.GRANTED
    listing = fleet.ask("d", "1", egress="abroad", stage="source-expander")
    assert listing.decision is Decision.WAIT, "a listing keeps the pace"


@pytest.mark.parametrize(("scope", "name"), [(Scope.ALL, ""), (Scope.STAGE, "downloader"), (Scope.WORKER, "a")])
def test_what_a_person_pauses_waits_until_the_person_says_otherwise(fleet: Fleet, scope: Scope, name: str) -> None:
    fleet.ask()
    fleet.pause(scope, name)
    answer = fleet.ask()
    assert (answer.decision, answer.until) == (Decision.WAIT, None)
    assert [kind for kind, _ in fleet.closed()] == ["pause"]

    fleet.pause(scope, name, paused=False)
    assert fleet.ask().decision is Decision.GRANTED


def test_a_pause_of_a_worker_or_stage_leaves_the_others_alone(fleet: Fleet) -> None:
    fleet.pause(Scope.WORKER, "b")
    fleet.pause(Scope.STAGE, "source-expander")

    assert fleet.ask("a").decision is Decision.GRANTED
    assert fleet.ask("a", stage="source-expander").decision is Decision.WAIT


def test_the_work_of_a_paused_source_is_held_and_permits_are_good_for_one_start(fleet: Fleet) -> None:
    fleet.pause(Scope.SOURCE, "1")

    assert fleet.ask(work="1/x").decision is Decision.HELD
    other = fleet.ask(work="2/x")
    assert (other.decision, other.valid_until) == (Decision.GRANTED, None)


def test_resuming_all_ends_every_pause(fleet: Fleet) -> None:
    fleet.pause(Scope.SOURCE, "1")
    fleet.pause(Scope.WORKER, "a")
    fleet.pause(Scope.ALL, paused=False)

    assert fleet.closed() == []


def test_a_second_opinion_goes_to_another_egress_where_there_is_one_that_is_awake(fleet: Fleet) -> None:
    assert not fleet.ask("a", egress="home").has_others
    fleet.ask("b", egress="abroad")

    assert fleet.ask("a", egress="home", opinions=("home",)).decision is Decision.ELSEWHERE
    theirs = fleet.ask("b", egress="abroad", opinions=("home",))
    assert (theirs.decision, theirs.has_others) == (Decision.GRANTED, True)

    fleet.fail(BLOCK, "b", verdict=Verdict.REFUND)
    alone = fleet.ask("a", egress="home", opinions=("home",))
    assert (alone.decision, alone.has_others) == (Decision.GRANTED, False)


def test_an_egress_whose_workers_left_gives_no_second_opinion(fleet: Fleet) -> None:
    fleet.ask("b", egress="abroad")
    fleet.pass_time(minutes=3)

    assert not fleet.ask("a", egress="home").has_others


def open_the_breaker(fleet: Fleet) -> None:
    for number in range(fleet.settings.breaker.videos):
        worker = "ab"[number % 2]
        fleet.ask(worker, f"1/{number}")
        fleet.fail(BROKEN, worker, f"1/{number}")


def test_trouble_that_is_everybodys_rests_the_stage_and_says_what_to_do(fleet: Fleet) -> None:
    open_the_breaker(fleet)

    assert fleet.ask("c", "1/new").decision is Decision.WAIT
    assert fleet.ask("c", "1", stage="source-expander").decision is Decision.GRANTED
    (gate,) = gates(fleet.books)
    assert (gate.kind, gate.name, gate.until) == ("breaker", "downloader", NOON + fleet.settings.breaker.first_canary)
    assert "yt-dlp" in gate.advice


def test_after_the_canary_the_fleet_goes_on_and_what_was_charged_is_given_back(fleet: Fleet) -> None:
    open_the_breaker(fleet)
    fleet.pass_time(minutes=5)
    assert fleet.ask("c", "1/canary").decision is Decision.GRANTED
    fleet.succeed("c", "1/canary")

    back = fleet.ask("a", "1/0", attempt=2)
    assert (back.decision, back.refunded, back.valid_until) == (Decision.GRANTED, 1, None)
    for number in range(fleet.settings.breaker.videos):
        fleet.succeed("a", f"1/{number}")
    assert fleet.ask("a", "1/0", attempt=2).valid_until is not None, "nothing is left to give back"


def test_an_attempt_is_given_back_once_and_what_fails_again_in_its_own_way_comes_to_its_end(fleet: Fleet) -> None:
    for number in range(fleet.settings.breaker.videos):
        fleet.ask("ab"[number % 2])
        fleet.fail(BROKEN, "ab"[number % 2], f"1/{number}")
    fleet.pass_time(minutes=5)
    fleet.ask("a", "1/0", attempt=2)
    fleet.succeed("a", "1/0")

    assert fleet.ask("a", "1/1", attempt=2).refunded == 1
    fleet.fail(CUT, "a", "1/1", verdict=Verdict.REFUND)
    assert fleet.ask("a", "1/1", attempt=1).refunded == 0
    fleet.fail(CUT, "a", "1/1")
    assert fleet.ask("a", "1/1", attempt=2).refunded == 0


def test_a_failure_that_was_not_charged_opens_nothing(fleet: Fleet) -> None:
    for number in range(20):
        fleet.ask("ab"[number % 2])
        fleet.fail(BROKEN, "ab"[number % 2], f"1/{number}", verdict=Verdict.REFUND)

    assert fleet.closed() == []


def test_workers_and_egresses_are_forgotten_but_no_block(fleet: Fleet) -> None:
    fleet.ask("a", egress="home")
    fleet.ask("b", egress="abroad")
    fleet.fail(BLOCK, "b", verdict=Verdict.REFUND)
    fleet.pass_time(days=8)
    fleet.books = forget(fleet.books, fleet.now)

    assert not fleet.books.askers
    assert list(fleet.books.egresses) == ["abroad"]


def test_what_was_given_up_for_everybodys_trouble_is_sent_back_when_it_is_over(fleet: Fleet) -> None:
    open_the_breaker(fleet)
    fleet.fail(BROKEN, "a", "1/late", verdict=Verdict.BURY, attempt=6)
    assert not to_send_back(fleet.books), "not while it lasts"
    fleet.pass_time(minutes=5)
    fleet.ask("c", "1/canary")
    fleet.succeed("c", "1/canary")

    late = Returning(works=frozenset({"1/late"}))
    assert to_send_back(fleet.books) == late
    assert not to_send_back(sent_back(fleet.books, late))


def test_nothing_of_a_cancelled_source_starts_and_it_need_not_wait(fleet: Fleet) -> None:
    fleet.ask("a", "2/y")
    fleet.cancel("1")

    answer = fleet.ask(work="1/x")

    assert (answer.decision, answer.cancelled) == (Decision.HELD, True), "who does not know the field holds it"
    assert "A person cancelled source 1." in answer.reason
    assert fleet.ask(work="1", stage="source-expander", source_id="1").cancelled
    other = fleet.ask(work="2/x")
    assert (other.decision, other.cancelled) == (Decision.GRANTED, False)
    assert other.valid_until is None, "a permit for one source says nothing of the next"


def test_a_cancelled_source_is_given_up_even_while_it_is_paused(fleet: Fleet) -> None:
    fleet.pause(Scope.SOURCE, "1")
    fleet.pause(Scope.ALL)
    fleet.cancel("1")

    assert fleet.ask(work="1/x").cancelled


def test_a_source_that_is_taken_up_again_starts_again(fleet: Fleet) -> None:
    fleet.cancel("1")
    fleet.cancel("2")
    fleet.cancel("1", cancelled=False)

    assert fleet.ask(work="1/x").decision is Decision.GRANTED
    assert fleet.closed() == [("cancelled", "2")]


def test_a_source_that_is_cancelled_again_is_so_since_the_first_time(fleet: Fleet) -> None:
    fleet.cancel("1")
    fleet.pass_time(hours=1)
    fleet.cancel("1")

    (gate,) = gates(fleet.books)
    assert (gate.since, gate.advice) == (NOON, "Write retry into its Action to take it up again.")


def test_to_let_everything_go_on_does_not_take_up_what_was_cancelled(fleet: Fleet) -> None:
    fleet.cancel("1")
    fleet.pause(Scope.ALL, paused=False)

    assert fleet.closed() == [("cancelled", "1")]


def test_a_pause_of_the_list_is_ended_there(fleet: Fleet) -> None:
    order = SetPause(scope=Scope.SOURCE, name="1", reason=PAUSED_IN_THE_LIST)
    fleet.books = set_pause(fleet.books, order, NOON)
    fleet.pause(Scope.SOURCE, "2")
    fleet.pause(Scope.ALL)

    assert [gate.advice for gate in gates(fleet.books)] == [
        "Empty its Pause in the list.",
        "svc resume source 2",
        "svc resume all",
    ]


def test_what_was_cancelled_says_nothing_of_a_probe(fleet: Fleet) -> None:
    fleet.ask()
    fleet.fail(BLOCK, verdict=Verdict.REFUND)
    fleet.pass_time(hours=1)
    fleet.ask(work="1/y")
    fleet.fail(Failure(kind=FailureKind.CANCELLED, reason="No more."), work="1/y", verdict=Verdict.BURY)

    assert fleet.closed() == [("egress", "egress of a")]


def test_what_a_person_wants_back_is_noted_until_it_is_back(fleet: Fleet) -> None:
    fleet.books = bring_back(fleet.books, RedriveDead(source_id="1", video_ids=("x", "y")))
    fleet.books = bring_back(fleet.books, RedriveDead(source_id="2"))
    wanted = to_send_back(fleet.books)
    fleet.books = bring_back(fleet.books, RedriveDead(source_id="3"))

    assert wanted == Returning(works=frozenset({"1/x", "1/y"}), sources=frozenset({"2"}))
    assert to_send_back(sent_back(fleet.books, wanted)) == Returning(sources=frozenset({"3"}))


@pytest.mark.parametrize(
    ("order", "is_meant"),
    [
        (DownloadVideo(video_id="x", url="u", source_id="1"), True),
        (DownloadVideo(video_id="z", url="u", source_id="1"), False),
        (ExpandSource(source_id="1", url="u"), False),
        (DownloadVideo(video_id="z", url="u", source_id="2"), True),
        (ExpandSource(source_id="2", url="u"), True),
        (AddSource(url="2"), False),
    ],
)
def test_of_the_dead_those_return_that_are_wanted(order: Message, is_meant: bool) -> None:  # noqa: FBT001
    wanted = Returning(works=frozenset({"1/x"}), sources=frozenset({"2"}))

    assert wanted.means(order) is is_meant

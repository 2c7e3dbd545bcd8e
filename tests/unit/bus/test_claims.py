"""What is claimed next from lanes: the best first, no more than there are hands, and nothing in vain."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tubewarren.bus.claims import LINGER, Claims, Close, Look, Open, Step, Tap, Wait

LANES = ("p1", "p2", "p3")
SECOND = 1.0
A_MOMENT = LINGER * 1.1


@dataclass
class Floor:
    """Lanes with orders in them, and a worker who does what its claims say.

    Attributes:
        waiting: how many orders wait in each lane.
        stuck: lanes that say that something waits in them, and give nothing.
        in_hand: the taps of the claims in hand, in their order.
        kept: those for which there was no hand.
    """

    most: int = 1
    waiting: Counter[str] = field(default_factory=Counter)
    stuck: set[str] = field(default_factory=set)
    now: float = 100.0
    in_hand: list[Tap] = field(default_factory=list)
    kept: list[Tap] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.claims = Claims(LANES, self.most)

    @property
    def lanes(self) -> list[str]:
        return [tap.lane for tap in self.in_hand]

    @property
    def taken_from(self) -> set[str]:
        return {tap.lane for tap in self.claims.taps if tap.is_open}

    def work(self) -> Wait:
        """Do what is to be done until there is nothing to do for now."""
        for _ in range(100):
            step = self.claims.next_step(self.now)
            self.done.append(step)
            match step:
                case Wait():
                    return step
                case Look():
                    found = (lane for lane in LANES if self.waiting[lane] or lane in self.stuck)
                    self.claims.aim_at(next(found, None), self.now)
                case Open(lane, size):
                    self.claims.taps.append(Tap(lane, size))
                case Close(tap):
                    tap.is_open = False
                    self.claims.forget_closed()
            self.deliver()
        raise AssertionError(f"it never comes to rest: {self.done[-6:]}")

    def deliver(self) -> None:
        """What the broker does: give all that may be given."""
        for tap in tuple(self.claims.taps):
            while tap.gives > 0 and self.waiting[tap.lane]:
                self.waiting[tap.lane] -= 1
                (self.in_hand if self.claims.take(tap, self.now) else self.kept).append(tap)

    def put(self, lane: str, number: int = 1) -> None:
        self.waiting[lane] += number
        self.deliver()

    def finish(self, number: int = 0) -> None:
        """Settle one that is in hand; what was kept for want of a hand takes its place."""
        tap = self.in_hand.pop(number)
        self.claims.settle(tap, self.now, passes_on=bool(self.kept))
        if self.kept:
            self.in_hand.append(self.kept.pop(0))
        self.deliver()

    def later(self, seconds: float) -> Wait:
        self.now += seconds
        return self.work()

    def steps(self, kind: type[Step]) -> int:
        return sum(isinstance(step, kind) for step in self.done)


def test_the_best_lane_is_emptied_first_and_by_no_more_than_there_are_hands() -> None:
    floor = Floor(most=2, waiting=Counter(p2=3, p3=5))

    floor.work()
    first = list(floor.lanes)
    for _ in range(3):
        floor.finish()
        floor.later(0.3)

    assert (first, floor.lanes, floor.kept) == (["p2", "p2"], ["p3", "p3"], [])


@pytest.mark.parametrize("most", [1, 4])
def test_with_nothing_to_do_every_lane_is_taken_from_and_nobody_looks(most: int) -> None:
    floor = Floor(most=most)

    rest = floor.work()

    assert (rest, floor.taken_from, floor.steps(Look)) == (Wait(), set(LANES), 1)
    assert floor.later(3600 * SECOND) == Wait()
    assert floor.steps(Look) == 1


def test_what_comes_while_nothing_waited_is_there_at_once_whatever_its_lane() -> None:
    floor = Floor(most=2)
    floor.work()

    floor.put("p3")
    floor.put("p1")

    assert floor.lanes == ["p3", "p1"]


def test_full_hands_take_no_more_after_a_moment() -> None:
    floor = Floor()
    floor.work()
    floor.put("p3")

    rest = floor.work()
    floor.later(A_MOMENT)

    assert rest.seconds == pytest.approx(LINGER)
    assert floor.taken_from == {"p3"}
    floor.put("p1")
    assert (floor.lanes, floor.waiting["p1"]) == (["p3"], 1)


def test_hands_that_are_free_again_in_no_time_keep_their_taps() -> None:
    floor = Floor()
    floor.work()

    for _ in range(20):
        floor.put("p2")
        floor.work()
        floor.finish()
        floor.later(LINGER / 2)

    assert (floor.steps(Close), floor.steps(Look)) == (0, 1)


def test_a_better_lane_that_filled_while_hands_were_full_is_next() -> None:
    floor = Floor(waiting=Counter(p3=10))
    floor.work()

    floor.put("p1")
    floor.later(6 * SECOND)
    floor.finish()
    floor.later(0)

    assert floor.lanes == ["p1"]


def test_a_better_lane_is_found_within_a_second_of_quick_work() -> None:
    floor = Floor(waiting=Counter(p3=1_000))
    floor.work()
    floor.put("p1")

    for _ in range(22):
        floor.finish()
        floor.later(0.05)

    assert floor.lanes == ["p1"]
    assert floor.steps(Look) == 2


def test_quick_work_in_one_lane_is_looked_at_once_a_second_and_else_left_alone() -> None:
    floor = Floor(most=2, waiting=Counter(p2=10_000))

    for _ in range(500):
        floor.work()
        floor.finish()
        floor.now += 0.01

    assert (floor.steps(Look), floor.steps(Open), floor.steps(Close)) == (5, 1, 0)


def test_who_is_busy_for_long_looks_now_and_then_and_keeps_open_what_its_claims_came_through() -> None:
    floor = Floor(most=2, waiting=Counter(p2=10))
    floor.work()

    floor.later(SECOND)
    assert floor.steps(Look) == 1
    for _ in range(10):
        floor.later(6 * SECOND)

    assert (floor.steps(Look), floor.steps(Close), floor.taken_from) == (11, 0, {"p2"})
    floor.finish()
    assert floor.lanes == ["p2", "p2"]


def test_a_lane_that_others_emptied_is_left_for_the_next_in_a_moment() -> None:
    floor = Floor(most=2, waiting=Counter(p1=1, p2=5))
    floor.work()

    floor.later(0.02)

    assert floor.lanes == ["p1", "p2"]


def test_a_lane_that_gives_nothing_though_it_is_not_empty_shuts_out_no_other() -> None:
    floor = Floor(stuck={"p1"}, waiting=Counter(p3=2))

    for _ in range(5):
        floor.later(0.02)

    assert floor.lanes == ["p3"]


def test_one_free_hand_of_many_takes_one() -> None:
    floor = Floor(most=3, waiting=Counter(p3=100))
    floor.work()
    floor.later(2 * SECOND)

    floor.finish()
    floor.work()
    floor.finish()
    floor.work()

    assert (len(floor.in_hand), floor.kept) == (3, [])


def test_what_came_beside_full_hands_waits_for_one_and_never_takes_a_second() -> None:
    floor = Floor()
    floor.work()

    floor.put("p2")
    floor.put("p1")
    (kept,) = floor.kept
    floor.finish()

    assert (kept.lane, floor.lanes, floor.claims.free) == ("p1", ["p1"], 0)


def test_what_came_in_excess_and_was_given_back_is_not_taken_again_by_the_same() -> None:
    floor = Floor()
    floor.work()
    floor.put("p2")
    floor.put("p1")

    floor.later(A_MOMENT)
    floor.claims.give_back(floor.kept.pop())
    floor.put("p1")

    assert (floor.kept, floor.lanes) == ([], ["p2"])
    assert floor.claims.next_step(floor.now) == Wait()


@pytest.mark.parametrize("seed", range(20))
def test_a_backlog_never_gives_more_than_there_are_hands_and_none_is_idle_beside_it(seed: int) -> None:
    chance = random.Random(seed)
    floor = Floor(most=chance.randint(1, 5))
    floor.put("p3", 50)
    floor.work()
    for _ in range(300):
        floor.put(chance.choice(LANES), chance.choice((0, 0, 1)))
        if floor.in_hand and chance.random() < 0.4:
            floor.finish(chance.randrange(len(floor.in_hand)))
        floor.later(chance.choice((0.0, 0.001, 0.03, 0.4, 1.5)))

        assert len(floor.in_hand) <= floor.most
        assert floor.kept == []
        if floor.claims.free:
            # Whatever waits is there after another look.
            floor.later(0.02)
            floor.later(0.02)
            assert not floor.claims.free or not floor.waiting.total()


def test_who_goes_over_to_one_lane_lets_no_more_through_than_hands_are_free() -> None:
    floor = Floor(most=2)
    floor.work()
    floor.put("p1")
    floor.put("p2")
    floor.finish(1)
    floor.stuck = {"p3"}

    floor.later(2 * SECOND)
    floor.stuck = set()
    floor.put("p3", 2)

    assert (floor.lanes, floor.kept) == (["p1", "p3"], [])

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise, permutations

from tubewarren_services.status_writer.facts import NEVER, Fact, Kind, Order, Part, Statement, Subject, join

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VIDEO = Subject(Kind.VIDEO, ("vid", "7"))


def _fact(text: str, order: Order, part: Part = Part.STANDING) -> Fact:
    return Fact(VIDEO, part, Statement(order, {"Status": text}))


def test_contradictions_of_one_moment_end_the_same_in_any_order() -> None:
    facts = [_fact(text, Order.by_time(NOON)) for text in ("a", "b", "c")]

    ends = [join({}, order) for order in permutations(facts)]

    assert all(end == ends[0] for end in ends)


def test_precedence_counts_before_time_and_time_before_the_tie() -> None:
    later = NOON + timedelta(microseconds=1)
    climbing = [
        NEVER,
        Order.by_time(NOON),
        Order.by_time(NOON, tie=1),
        Order.by_time(later),
        Order.by_time(NOON, precedence=1),
    ]

    assert all(lower < higher for lower, higher in pairwise(climbing))


def test_times_of_all_zones_are_compared_as_moments() -> None:
    elsewhere = timezone(timedelta(hours=5))

    assert Order.by_time(NOON.astimezone(elsewhere)) == Order.by_time(NOON)


def test_parts_do_not_change_one_another() -> None:
    record = join({}, [_fact("a", Order.by_time(NOON)), _fact("b", Order.by_time(NOON), Part.CLAIM)])

    assert {part: statement.values["Status"] for part, statement in record.items()} == {"standing": "a", "claim": "b"}

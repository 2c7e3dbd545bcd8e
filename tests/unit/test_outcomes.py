"""The action that follows from a failure's class."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.failures import Failure, FailureKind
from tubewarren.outcomes import Bury, Outcome, Park, Refund, Retry, outcome_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def failure(kind: FailureKind) -> Failure:
    return Failure(kind=kind, reason="So it is.")


ACTIONS: dict[FailureKind, Outcome] = {
    FailureKind.TRANSIENT: Retry(failure(FailureKind.TRANSIENT)),
    FailureKind.EXTRACTOR: Retry(failure(FailureKind.EXTRACTOR)),
    FailureKind.POISON: Retry(failure(FailureKind.POISON)),
    FailureKind.UNKNOWN: Retry(failure(FailureKind.UNKNOWN)),
    FailureKind.SUSPECT: Retry(failure(FailureKind.SUSPECT)),
    FailureKind.BLOCKED: Refund(failure(FailureKind.BLOCKED), at_once=True),
    FailureKind.UNFIT: Refund(failure(FailureKind.UNFIT), at_once=True),
    FailureKind.NOT_YET: Park(failure(FailureKind.NOT_YET), NOON + timedelta(minutes=15)),
    FailureKind.GATED: Bury(failure(FailureKind.GATED)),
    FailureKind.GONE: Bury(failure(FailureKind.GONE)),
    FailureKind.BAD_INPUT: Bury(failure(FailureKind.BAD_INPUT)),
    FailureKind.CANCELLED: Bury(failure(FailureKind.CANCELLED)),
    FailureKind.FILTERED: Bury(failure(FailureKind.FILTERED)),
}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_class_of_failure_has_its_action(kind: FailureKind) -> None:
    assert outcome_of(failure(kind), NOON) == ACTIONS[kind]


@pytest.mark.parametrize(
    ("release_at", "until"),
    [
        (None, NOON + timedelta(minutes=15)),
        (NOON + timedelta(hours=3), NOON + timedelta(hours=3, minutes=2)),
        (NOON + timedelta(seconds=1), NOON + timedelta(minutes=2, seconds=1)),
        (NOON + timedelta(days=365), NOON + timedelta(days=7)),
        (NOON + timedelta(days=7), NOON + timedelta(days=7)),
        (datetime.max.replace(tzinfo=UTC), NOON + timedelta(days=7)),
        (NOON, NOON + timedelta(minutes=15)),
        (NOON - timedelta(minutes=1), NOON + timedelta(minutes=15)),
        (NOON - timedelta(minutes=40), NOON + timedelta(minutes=40)),
        (NOON - timedelta(days=3), NOON + timedelta(hours=1)),
        (datetime.min.replace(tzinfo=UTC), NOON + timedelta(hours=1)),
    ],
)
def test_what_is_awaited_is_looked_at_after_its_release_and_within_a_bounded_while(
    release_at: datetime | None, until: datetime
) -> None:
    awaited = Failure(kind=FailureKind.NOT_YET, reason="So it is.", release_at=release_at)

    assert outcome_of(awaited, NOON) == Park(awaited, until)


@given(st.datetimes(timezones=st.just(UTC)))
def test_whatever_a_site_says_the_wait_is_longer_than_nothing_and_no_longer_than_a_week(release_at: datetime) -> None:
    outcome = outcome_of(Failure(kind=FailureKind.NOT_YET, reason="So it is.", release_at=release_at), NOON)

    assert isinstance(outcome, Park)
    assert timedelta(minutes=2) <= outcome.until - NOON <= timedelta(days=7, minutes=2)

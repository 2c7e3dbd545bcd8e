"""The action that follows from a failure's class."""

import json
from datetime import UTC, datetime, timedelta

import pytest

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
    FailureKind.BLOCKED: Refund(failure(FailureKind.BLOCKED)),
    FailureKind.UNFIT: Refund(failure(FailureKind.UNFIT)),
    FailureKind.NOT_YET: Park(failure(FailureKind.NOT_YET), NOON + timedelta(hours=1)),
    FailureKind.GATED: Bury(failure(FailureKind.GATED)),
    FailureKind.GONE: Bury(failure(FailureKind.GONE)),
    FailureKind.BAD_INPUT: Bury(failure(FailureKind.BAD_INPUT)),
}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_class_of_failure_has_its_action(kind: FailureKind) -> None:
    assert outcome_of(failure(kind), NOON) == ACTIONS[kind]


@pytest.mark.parametrize("word", ["cursed", "", "TRANSIENT"])
def test_a_class_that_only_a_newer_worker_knows_is_read_as_unknown(word: str) -> None:
    read = Failure.model_validate_json(json.dumps({"kind": word, "reason": "So it is.", "since": "v2"}))

    assert read == Failure(kind=FailureKind.UNKNOWN, reason="So it is.")

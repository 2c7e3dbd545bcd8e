"""Google's quotas, minute by minute."""

from datetime import UTC, datetime, timedelta

import pytest

from standins.google_errors import RefusedError
from standins.google_quota import Kind, Limits, Quota

START = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)


def a_quota(per_user: int = 60, per_project: int = 300) -> Quota:
    return Quota("42", Limits(per_user, per_project))


def test_the_61st_read_of_a_minute_is_refused_in_googles_words() -> None:
    quota = a_quota()
    for _ in range(60):
        quota.charge(Kind.READ, "me", START)

    with pytest.raises(RefusedError) as refusal:
        quota.charge(Kind.READ, "me", START + timedelta(seconds=59))

    error = refusal.value.body["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["message"] == (
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
        "'sheets.googleapis.com' for consumer 'project_number:42'."
    )
    info = error["details"][0]
    assert (info["@type"], info["reason"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "RATE_LIMIT_EXCEEDED")
    assert info["metadata"] == {
        "service": "sheets.googleapis.com",
        "consumer": "projects/42",
        "quota_metric": "sheets.googleapis.com/read_requests",
        "quota_limit": "ReadRequestsPerMinutePerUser",
        "quota_limit_value": "60",
        "quota_unit": "1/min/{project}/{user}",
        "quota_location": "global",
    }


def test_reads_and_writes_are_counted_apart() -> None:
    quota = a_quota(per_user=1)
    quota.charge(Kind.READ, "me", START)

    quota.charge(Kind.WRITE, "me", START)

    with pytest.raises(RefusedError, match="Write requests per minute per user"):
        quota.charge(Kind.WRITE, "me", START)


def test_a_minute_after_the_first_request_all_is_there_again() -> None:
    quota = a_quota(per_user=1)
    quota.charge(Kind.READ, "me", START)

    quota.charge(Kind.READ, "me", START + timedelta(seconds=60))

    with pytest.raises(RefusedError):
        quota.charge(Kind.READ, "me", START + timedelta(seconds=119))


def test_all_users_together_have_the_projects_quota() -> None:
    quota = a_quota(per_user=2, per_project=3)
    for user in ("a", "a", "b"):
        quota.charge(Kind.WRITE, user, START)

    with pytest.raises(RefusedError) as refusal:
        quota.charge(Kind.WRITE, "b", START)

    metadata = refusal.value.details[0]["metadata"]
    assert (metadata["quota_limit"], metadata["quota_unit"]) == ("WriteRequestsPerMinutePerProject", "1/min/{project}")

"""A failure: readable by workers of other versions, and recognisable on many videos."""

import json
import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tubewarren.failures import Failure, FailureKind

ID = st.text(string.ascii_letters + string.digits + "_-", min_size=11, max_size=11)
NUMBER = st.integers(0, 10**12).map(str)
URL = st.builds("https://{}/{}?v={}".format, st.sampled_from(["a.example", "b.test:8080"]), ID, NUMBER)
QUOTED = st.builds(
    "{0}{1}{0}".format,
    st.sampled_from(["'", '"']),
    st.text(string.ascii_letters + string.digits + " _./-", max_size=40),
)
PARTICULARS = st.tuples(ID, NUMBER, URL, QUOTED)


def unknown(words: str) -> Failure:
    return Failure(kind=FailureKind.UNKNOWN, reason=f"nothing we know: {words}", detail=words)


def complaint(parts: tuple[str, str, str, str]) -> str:
    video_id, number, url, quoted = parts
    return f"[youtube] {video_id}: Unable to parse field {quoted} at offset {number} of {url} (caused by KeyError)"


@given(PARTICULARS, PARTICULARS)
def test_the_same_trouble_on_two_videos_has_one_signature(
    first: tuple[str, str, str, str], second: tuple[str, str, str, str]
) -> None:
    assert unknown(complaint(first)).signature == unknown(complaint(second)).signature


@given(st.text(max_size=1000))
def test_a_signature_is_one_short_line(words: str) -> None:
    signature = unknown(words).signature

    assert len(signature) <= 120
    assert len(signature.splitlines()) == 1


def test_different_troubles_have_different_signatures() -> None:
    troubles = ("Unable to parse the page", "Unable to parse the player", "KeyError: 'x'", "ValueError: 'x'")

    assert len({unknown(words).signature for words in troubles}) == len(troubles)


def test_the_rule_is_the_signature_where_one_recognised_the_failure() -> None:
    failure = Failure(
        kind=FailureKind.EXTRACTOR, reason="So it is.", detail="field 3 of dQw4w9WgXcQ", rule="site-changed"
    )

    assert failure.signature == "site-changed"


def test_curly_and_straight_apostrophes_are_one() -> None:
    assert unknown("it isn\u2019t there").signature == unknown("it isn't there").signature


def test_what_is_not_known_is_not_written_down() -> None:
    bare = Failure(kind=FailureKind.GONE, reason="So it is.")

    assert json.loads(bare.model_dump_json()) == {"kind": "gone", "reason": "So it is.", "detail": ""}


def test_what_is_known_travels() -> None:
    failure = Failure(
        kind=FailureKind.NOT_YET,
        reason="So it is.",
        rule="premiere",
        release_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        countries=("AT", "CH"),
    )

    assert Failure.model_validate_json(failure.model_dump_json()) == failure


def test_a_release_is_a_time_in_utc() -> None:
    east = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    failure = Failure(kind=FailureKind.NOT_YET, reason="So it is.", release_at=east)

    assert failure.release_at == east
    assert failure.release_at is not None
    assert failure.release_at.tzinfo is UTC
    with pytest.raises(ValidationError):
        Failure(kind=FailureKind.NOT_YET, reason="So it is.", release_at=east.replace(tzinfo=None))


@pytest.mark.parametrize("word", ["cursed", "", "TRANSIENT"])
def test_a_class_that_only_a_newer_worker_knows_is_read_as_unknown(word: str) -> None:
    read = Failure.model_validate_json(json.dumps({"kind": word, "reason": "So it is.", "since": "v2"}))

    assert read == Failure(kind=FailureKind.UNKNOWN, reason="So it is.")

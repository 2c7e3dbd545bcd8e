"""What cannot be had from the stand-in, or only slowly."""

from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError, TransportError

from tubewarren.sheets.errors import Cause
from tubewarren.sheets.google.troubles import Access, failure, refusal

ACCESS = Access("writer@project.example", "the-id", "key.json")


def test_a_token_that_google_cannot_give_now_is_no_fault_of_the_key() -> None:
    error = failure(RefreshError("<html>502</html>", retryable=True), ACCESS)

    assert error.cause is Cause.GOOGLE_DOWN
    assert "gave no access. Nothing is lost" in str(error)


def test_an_account_that_is_gone_is_a_fault_of_the_key() -> None:
    error = failure(RefreshError("invalid_grant: Invalid grant: account not found", {}), ACCESS)

    assert error.cause is Cause.KEY_REFUSED
    assert 'the key of writer@project.example ("invalid_grant: Invalid grant: account not found")' in str(error)


def test_what_google_auth_wraps_is_told_as_what_it_is() -> None:
    wrapped = TransportError("wrapped")
    wrapped.__cause__ = requests.exceptions.ReadTimeout("read timeout=60")

    assert str(failure(wrapped, ACCESS)).startswith("Google did not answer in time (read timeout=60).")


def test_a_page_of_somebody_in_between_is_not_taken_for_google() -> None:
    error = failure(requests.exceptions.JSONDecodeError("Expecting value", "<html>Log in</html>", 0), ACCESS)

    assert error.cause is Cause.NETWORK
    assert "a network that asks people to log in" in str(error)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("This operation is not supported for this document. The document must not be an Office file.", "Save as"),
        ("You are trying to edit a protected cell or object.", "Let the service account edit that range"),
        (
            "This action would increase the number of cells above the limit of 10000000 cells.",
            "begin a new spreadsheet",
        ),
    ],
)
def test_a_refusal_that_a_person_can_mend_says_how(words: str, advice: str) -> None:
    error = refusal(400, {"message": words}, ACCESS)

    assert words.rstrip(".") in str(error)
    assert advice in str(error)
    assert error.cause is Cause.REFUSED


@pytest.mark.parametrize("error", [{}, {"message": None, "details": "?"}, {"details": [None, {"links": [5]}]}])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_an_answer_without_the_usual_parts_is_told_as_well(status: int, error: dict[str, Any]) -> None:
    assert "None" not in str(refusal(status, error, ACCESS))

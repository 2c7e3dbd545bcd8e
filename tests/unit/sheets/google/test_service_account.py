import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from standins.google_accounts import ServiceAccount
from tubewarren.sheets.errors import Cause, GoogleUnavailableError
from tubewarren.sheets.google.service_account import read_key


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    return dict(ServiceAccount("project", lambda: datetime.now(UTC)).key_file)


def _written(folder: Path, content: object) -> Path:
    path = folder / "key.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_key_is_read_for_spreadsheets_only(tmp_path: Path, key: dict[str, str]) -> None:
    credentials = read_key(_written(tmp_path, key))

    assert credentials.service_account_email == key["client_email"]
    assert credentials.scopes == ("https://www.googleapis.com/auth/spreadsheets",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is not JSON"),
        ("-----BEGIN PRIVATE KEY-----", "it is not JSON"),
        ("[]", "it is no service account's key"),
        ({}, "it is no service account's key"),
        ({"installed": {"client_id": "x"}}, "it is an OAuth client"),
        ({"web": {"client_id": "x"}}, "it is an OAuth client"),
        ({"type": "authorized_user", "refresh_token": "x"}, "of the type 'authorized_user'"),
        ({"type": "service_account", "client_email": "a@b"}, "it lacks private_key, token_uri"),
        ({"type": "service_account", "client_email": "a@b", "private_key": 5, "token_uri": "x"}, "lacks private_key"),
        (
            {"type": "service_account", "client_email": "a@b", "private_key": "secret", "token_uri": "https://x"},
            "its private key is none",
        ),
    ],
)
def test_a_file_that_is_no_key_is_told_in_words(tmp_path: Path, content: object, words: str) -> None:
    path = _written(tmp_path, content)

    with pytest.raises(GoogleUnavailableError) as caught:
        read_key(path)

    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.cause is Cause.KEY_FILE


def test_a_missing_file_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(GoogleUnavailableError, match=r"there is no such file: in the Google Cloud console"):
        read_key(tmp_path / "key.json")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(GoogleUnavailableError, match="Is a directory"):
        read_key(tmp_path)


def test_a_key_cut_short_is_none(tmp_path: Path, key: dict[str, str]) -> None:
    with pytest.raises(GoogleUnavailableError, match="its private key is none"):
        read_key(_written(tmp_path, key | {"private_key": key["private_key"][:300]}))

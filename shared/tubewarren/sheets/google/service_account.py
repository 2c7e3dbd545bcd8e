"""The service account: the key file that a person downloaded from Google, read with words for all that it may be."""

import json
from pathlib import Path
from typing import Any

from google.auth.exceptions import GoogleAuthError
from google.oauth2.service_account import Credentials

from tubewarren.sheets.errors import Cause, GoogleUnavailableError

# Spreadsheets that were shared with the account, and nothing else of anybody's.
_SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)
_HOW_TO_GET_ONE = (
    "in the Google Cloud console, under IAM & Admin, Service Accounts, open the account, choose Keys, "
    "Add key, JSON, and use the file that is downloaded"
)
_NEEDED = ("client_email", "private_key", "token_uri")


def read_key(path: Path) -> Credentials:
    """Return the credentials in this file; `service_account_email` is whom to share a spreadsheet with.

    Raises:
        GoogleUnavailableError: the file cannot be read, or holds no service account's key.
    """
    info = _content(path)
    if problem := _problem(info):
        raise _unusable(path, problem)
    try:
        return _credentials(info)
    except (ValueError, TypeError, GoogleAuthError) as error:
        problem = f"its private key is none ({_brief(error)}): download it again and change nothing in it"
        raise _unusable(path, problem) from error


def _content(path: Path) -> Any:  # noqa: ANN401 - whatever JSON a person put there
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _unusable(path, f"there is no such file: {_HOW_TO_GET_ONE}") from error
    except OSError as error:
        raise _unusable(path, f"{error.strerror}: let this user read it") from error
    except ValueError as error:  # not JSON, or not even text
        raise _unusable(path, f"it is not JSON ({_brief(error)}): {_HOW_TO_GET_ONE}") from error


def _problem(info: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(info, dict):
        return f"it is no service account's key: {_HOW_TO_GET_ONE}"
    if "installed" in info or "web" in info:
        return f"it is an OAuth client, which asks a person to log in, not a service account's key: {_HOW_TO_GET_ONE}"
    if info.get("type") != "service_account":
        kind = f" but one of the type {info['type']!r}" if info.get("type") else ""
        return f"it is no service account's key{kind}: {_HOW_TO_GET_ONE}"
    missing = [name for name in _NEEDED if not (isinstance(info.get(name), str) and info[name].strip())]
    if missing:
        return f"it lacks {', '.join(missing)}: download it again and change nothing in it"
    return ""


def _credentials(info: dict[str, str]) -> Credentials:
    made: Credentials = Credentials.from_service_account_info(info, scopes=_SCOPES)  # type: ignore[no-untyped-call] # google-auth has types for part of itself only
    return made


def _unusable(path: Path, problem: str) -> GoogleUnavailableError:
    return GoogleUnavailableError(Cause.KEY_FILE, f"The key file {path} cannot be used: {problem}.")


def _brief(error: Exception) -> str:
    first = str(error).strip().splitlines()[:1] or [type(error).__name__]
    return first[0].rstrip(".")[:200]

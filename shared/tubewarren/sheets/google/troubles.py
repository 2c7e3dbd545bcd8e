"""What goes wrong between us and Google, in words that name the cause and what to do next. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from requests import exceptions

from tubewarren.sheets.errors import Cause, GoogleUnavailableError

_NOTHING_LOST = "Nothing is lost; it is tried again."
_LONGEST_QUOTE = 500


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks for what.

    Attributes:
        account: the service account's e-mail address.
        spreadsheet_id: as it stands in the spreadsheet's address.
        key_file: where the account's key is, as text.
    """

    account: str
    spreadsheet_id: str
    key_file: str


def refusal(status: int, error: Mapping[str, Any], access: Access) -> GoogleUnavailableError:
    """What Google's answer means.

    Args:
        status: the HTTP status, none of the 2xx.
        error: the object `error` of Google's answer; its `message` is whatever was answered if it is no such object.
        access: who asked for what.
    """
    words = _quoted(error.get("message"))
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            found = _over_quota(error)
        case HTTPStatus.UNAUTHORIZED:
            found = _key_refused(words, access)
        case HTTPStatus.FORBIDDEN:
            found = _forbidden(error, words, access)
        case HTTPStatus.NOT_FOUND:
            found = _unknown(access)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            found = _down(f"answered {status}{_after(words)}")
        case _:
            found = GoogleUnavailableError(
                Cause.REFUSED, f"Google refused the request ({status}){_after(words)}{_advice(words)}"
            )
    return found


def failure(error: Exception, access: Access) -> GoogleUnavailableError:
    """What an exception out of requests or google-auth means."""
    root = _root(error)
    # Where a proxy is in use, urllib3 says that it is the proxy's fault, whoever hung up.
    if isinstance(root, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return GoogleUnavailableError(Cause.NETWORK, f"{_BROKEN.format(_words(root))} {_NOTHING_LOST}")
    for each in _chain(error):
        if isinstance(each, RefreshError):
            return _no_token(each, access)
        for kind, message in _FAILURES:
            if isinstance(each, kind):
                return GoogleUnavailableError(Cause.NETWORK, f"{message.format(_words(each))} {_NOTHING_LOST}")
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return _key_refused(_quoted(str(error)), access)
    return senseless(error)


def senseless(error: Exception) -> GoogleUnavailableError:
    """What it means when the answer is there, and is none of Google's."""
    return GoogleUnavailableError(
        Cause.NETWORK,
        f"An answer came that is not Google's ({type(error).__name__}: {_words(error)}): see whether a proxy, or a "
        f"network that asks people to log in, stands in between. {_NOTHING_LOST}",
    )


_BROKEN = "There is no connection to Google, or it broke ({}): see this machine's network."
# The first that fits counts, so the narrow ones come first.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (
        exceptions.ProxyError,
        (
            "The proxy on the way to Google does not let us through ({}): see HTTPS_PROXY, and whether that proxy "
            "allows sheets.googleapis.com and oauth2.googleapis.com."
        ),
    ),
    (
        exceptions.SSLError,
        (
            "Google's certificate cannot be trusted ({}): set this machine's clock, and where a proxy looks into "
            "connections, name its authority's file in REQUESTS_CA_BUNDLE."
        ),
    ),
    (exceptions.ConnectTimeout, "Google could not be reached in time ({}): see this machine's network."),
    (exceptions.Timeout, "Google did not answer in time ({})."),
    (exceptions.ChunkedEncodingError, "Google's answer was cut off ({})."),
    (exceptions.ContentDecodingError, "Google's answer came damaged ({})."),
    (exceptions.ConnectionError, _BROKEN),
    (exceptions.InvalidURL, "No request can be made ({}): write HTTPS_PROXY as http://host:port."),
    (exceptions.InvalidSchema, "No request can be made ({}): write HTTPS_PROXY as http://host:port."),
)


def unusable_authorities(error: OSError) -> GoogleUnavailableError:
    """What it means when the file of trusted authorities is not there."""
    return GoogleUnavailableError(
        Cause.NETWORK,
        f"No connection can be checked ({_quoted(str(error))}): name an existing file in REQUESTS_CA_BUNDLE, or take "
        "it out of the environment.",
    )


def _over_quota(error: Mapping[str, Any]) -> GoogleUnavailableError:
    facts = next((found for detail in _details(error) if isinstance(found := detail.get("metadata"), Mapping)), {})
    limit = str(facts.get("quota_limit", ""))
    value = str(facts.get("quota_limit_value", ""))
    name = f" {limit}" if limit else ""
    size = f" of {value}" if value else ""
    return GoogleUnavailableError(
        Cause.OVER_QUOTA,
        f"Google's quota{name}{size} is used up: what else uses this service account or its project takes from it too; "
        f"make the budgets of Tubewarren smaller, or ask Google for more. {_NOTHING_LOST}",
    )


def _unknown(access: Access) -> GoogleUnavailableError:
    return GoogleUnavailableError(
        Cause.NO_SUCH_SPREADSHEET,
        f'Google knows no spreadsheet with the id "{access.spreadsheet_id}": copy what stands in its address '
        "between /d/ and /edit into TUBEWARREN_SHEET__SPREADSHEET_ID.",
    )


def _forbidden(error: Mapping[str, Any], words: str, access: Access) -> GoogleUnavailableError:
    if any(detail.get("reason") == "SERVICE_DISABLED" for detail in _details(error)):
        link = next(_links(error), "https://console.cloud.google.com/apis/library/sheets.googleapis.com")
        return GoogleUnavailableError(
            Cause.API_NOT_ENABLED,
            f"The Google Sheets API is not enabled in the project of {access.account}: open {link} , press Enable and "
            "wait a few minutes.",
        )
    return GoogleUnavailableError(
        Cause.NOT_SHARED,
        f"The spreadsheet {access.spreadsheet_id} may not be used by {access.account}"
        f'{_after(words)}: press Share in the spreadsheet, add {access.account} and choose "Editor".',
    )


def _key_refused(words: str, access: Access) -> GoogleUnavailableError:
    return GoogleUnavailableError(
        Cause.KEY_REFUSED,
        f"Google does not accept the key of {access.account}{_after(words)}: it may have been revoked or replaced, so "
        f"put a new one into {access.key_file} (it is read again by itself); or this machine's clock is wrong.",
    )


def _no_token(error: RefreshError, access: Access) -> GoogleUnavailableError:
    words = _quoted(str(error.args[0]) if error.args else "")
    return _down(f"gave no access{_after(words)}") if error.retryable else _key_refused(words, access)


def _down(what: str) -> GoogleUnavailableError:
    return GoogleUnavailableError(Cause.GOOGLE_DOWN, f"Google is out of order just now: it {what}. {_NOTHING_LOST}")


def _advice(words: str) -> str:
    if "Office file" in words:
        return ". Open it in Google Sheets, choose File, Save as Google Sheets, and use the id of the new one."
    if "protected" in words:
        return ". Let the service account edit that range, or only show a warning to who does."
    if "above the limit" in words:
        return ". Delete what is not needed any more, or begin a new spreadsheet."
    return "."


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    return (detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, Mapping))


def _links(error: Mapping[str, Any]) -> Iterator[str]:
    for detail in _details(error):
        facts, links = detail.get("metadata"), detail.get("links")
        if isinstance(facts, Mapping) and facts.get("activationUrl"):
            yield str(facts["activationUrl"])
        for link in links if isinstance(links, list) else ():
            if isinstance(link, Mapping) and link.get("url"):
                yield str(link["url"])


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it: google-auth wraps what requests raises."""
    while error is not None:
        yield error
        error = error.__cause__


def _root(error: BaseException) -> BaseException:
    """The innermost error; the outer ones of urllib3 are full of object addresses."""
    while True:
        held = (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args, error.__cause__)
        inner = next((each for each in held if isinstance(each, BaseException)), None)
        if inner is None:
            return error
        error = inner


def _words(error: BaseException) -> str:
    root = _root(error)
    return _quoted(str(root)) or type(root).__name__


def _after(words: str) -> str:
    return f' ("{words}")' if words else ""


def _quoted(words: object) -> str:
    text = " ".join(str(words or "").split()).rstrip(".")
    if text.startswith("<"):  # a page for people, from something in between
        return ""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"

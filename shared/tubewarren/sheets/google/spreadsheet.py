"""One Google spreadsheet over HTTPS: read values, look at the tabs, write. All that knows gspread is here.

Nothing is repeated in here: whoever calls knows what may be done twice.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient, ParamsType
from gspread.urls import SPREADSHEET_BATCH_UPDATE_URL, SPREADSHEET_URL, SPREADSHEET_VALUES_BATCH_URL
from requests.exceptions import RequestException

from tubewarren.sheets.errors import Cause, GoogleUnavailableError
from tubewarren.sheets.google import troubles
from tubewarren.sheets.google.budget import Budget, Kind, Told, untold
from tubewarren.sheets.google.grid import Request
from tubewarren.sheets.google.landing import RETURNED_FIELDS
from tubewarren.sheets.google.service_account import read_key

Json = Mapping[str, Any]

_TAB_FIELDS = "sheets(properties(sheetId,title,gridProperties))"
_CONNECT = timedelta(seconds=5)
_READ = timedelta(seconds=60)


class Spreadsheet:
    """A spreadsheet and the service account that uses it; for one thread at a time.

    The key is read at the first call, and again after Google has refused it, so that a new one works by itself.
    """

    def __init__(
        self,
        spreadsheet_id: str,
        key_file: Path,
        budget: Budget,
        *,
        connect: timedelta = _CONNECT,
        read: timedelta = _READ,
        told: Told = untold,
    ) -> None:
        """Name the spreadsheet; nothing is asked of Google yet.

        Args:
            spreadsheet_id: what stands in its address between /d/ and /edit.
            key_file: the service account's, as downloaded from Google.
            budget: waits for the next request's turn.
            connect: how long connecting may take.
            read: how long Google may be silent.
            told: of each request, how it ended.
        """
        self._id = spreadsheet_id.strip()
        self._key_file = key_file
        self._budget = budget
        self._timeout = (connect.total_seconds(), read.total_seconds())
        self._told = told
        self._client: HTTPClient | None = None
        self._account = ""

    def account(self) -> str:
        """The e-mail address of the service account, with which the spreadsheet must be shared.

        Raises:
            GoogleUnavailableError: the key file cannot be used.
        """
        self._opened()
        return self._account

    def values(self, ranges: Sequence[str]) -> list[list[list[str]]]:
        """Return the texts of these ranges as people see them, in one read: ragged rows, without empty ones at the end.

        Raises:
            GoogleUnavailableError: with the cause REFUSED if a tab is not there.
        """
        params: ParamsType = {
            "ranges": list(ranges),
            "majorDimension": "ROWS",
            "valueRenderOption": "FORMATTED_VALUE",
            "fields": "valueRanges(range,values)",
        }
        answer = self._asked(Kind.READ, "get", SPREADSHEET_VALUES_BATCH_URL, params)
        found = [each.get("values", []) for each in answer.get("valueRanges", ())]
        if len(found) != len(ranges):
            raise troubles.senseless(ValueError(f"{len(found)} ranges for {len(ranges)}"))
        return found

    def metadata(self, fields: str = _TAB_FIELDS) -> Json:
        """Return what is known of the spreadsheet besides its cells, in one read; `fields` is a mask of Google's.

        Raises:
            GoogleUnavailableError: not now.
        """
        return self._asked(Kind.READ, "get", SPREADSHEET_URL, {"fields": fields})

    def update(self, requests: Sequence[Request], returning: Sequence[str] = ()) -> Json:
        """Do all of these requests or none of them, in one write; return the cells of these ranges right afterwards.

        Raises:
            GoogleUnavailableError: with the causes NETWORK and GOOGLE_DOWN, it may have been done all the same.
        """
        body: dict[str, Any] = {"requests": list(requests)}
        if returning:
            body |= {
                "includeSpreadsheetInResponse": True,
                "responseRanges": list(returning),
                "responseIncludeGridData": True,
            }
        fields = f"replies,{RETURNED_FIELDS}" if returning else "replies"
        return self._asked(Kind.WRITE, "post", SPREADSHEET_BATCH_UPDATE_URL, {"fields": fields}, body)

    def _asked(
        self, kind: Kind, method: Literal["get", "post"], url: str, params: ParamsType, body: Json | None = None
    ) -> Json:
        client = self._opened()
        self._budget.take(kind)
        try:
            answer = self._answer(client, method, url % quote(self._id, safe=""), params, body)
        except GoogleUnavailableError as error:
            self._told(kind, error.cause)
            if error.cause is Cause.KEY_REFUSED:
                self._forget()
            raise
        self._told(kind, None)
        return answer

    def _answer(self, client: HTTPClient, method: str, url: str, params: ParamsType, body: Json | None) -> Json:
        access = troubles.Access(self._account, self._id, str(self._key_file))
        try:
            answer = client.request(method, url, params=params, json=body).json()
        except APIError as error:
            raise troubles.refusal(error.response.status_code, error.error, access) from error
        except (RequestException, GoogleAuthError) as error:
            raise troubles.failure(error, access) from error
        except OSError as error:  # requests has no exception of its own for this
            raise troubles.unusable_authorities(error) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # Both libraries stumble in many ways over JSON that has not the shape they expect.
            raise troubles.senseless(error) from error
        if not isinstance(answer, dict):
            raise troubles.senseless(TypeError(f"{type(answer).__name__} instead of an object"))
        return answer

    def _opened(self) -> HTTPClient:
        if self._client is None:
            credentials = read_key(self._key_file)
            self._account = str(credentials.service_account_email)
            client = HTTPClient(credentials, AuthorizedSession(credentials))  # type: ignore[no-untyped-call] # google-auth has types for part of itself only
            client.set_timeout(self._timeout)
            self._client = client
        return self._client

    def _forget(self) -> None:
        if self._client is not None:
            self._client.session.close()
        self._client = None

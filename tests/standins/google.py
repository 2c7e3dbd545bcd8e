"""A stand-in for Google's Sheets API, good for the real, unmodified gspread and google-auth.

It is a `tls_site` that plays Google's hosts. A process reaches it with `GoogleStandin.environment` alone, and signs in
with the key file that `GoogleStandin.write_key` writes; its spreadsheets are changed by people through
`GoogleStandin.person`. What it plays: `google_calls`; what goes wrong on request: `google_troubles`.
"""

import contextlib
import gzip
import json
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from secrets import token_urlsafe
from typing import Literal
from urllib.parse import parse_qs, unquote

from standins.google_accounts import GrantRefusedError, ServiceAccount
from standins.google_calls import Call, parse_call, perform
from standins.google_errors import (
    Json,
    RefusedError,
    api_disabled,
    bad_credentials,
    no_permission,
    not_found,
    quota_exceeded,
    server_error,
)
from standins.google_person import Person
from standins.google_quota import Kind, Limits, Quota
from standins.google_spreadsheet import MOST_CELLS, Sheet, Spreadsheet
from standins.google_troubles import BAD_GATEWAY_PAGE, Mishap, Troubles
from standins.tls_site import Answer, TlsSite, Visit, tls_site

_SHEETS = "sheets.googleapis.com"
_OAUTH = "oauth2.googleapis.com"
HOSTS = frozenset({_SHEETS, _OAUTH, "www.googleapis.com", "iamcredentials.googleapis.com"})
_PATIENCE_SECONDS = 60
PROJECT, PROJECT_NUMBER = "standin-project", "603366585132"

Access = Literal["writer", "reader"]


@dataclass(frozen=True, slots=True)
class GoogleRequest:
    """One request. `status` is None when no answer was given; bytes are those of the bodies as sent.

    `path` is decoded, and has no query.
    """

    host: str
    method: str
    path: str
    kind: Kind
    status: HTTPStatus | None
    at: datetime
    bytes_in: int
    bytes_out: int


def nobody() -> None:
    """Does nothing."""


class GoogleStandin:
    """What a test sets up and looks at. Made by `google_standin`.

    Attributes:
        account: the service account; `forget_tokens`, `token_lifetime`.
        troubles: what goes wrong with the coming requests.
        api_enabled: whether the project may use the Sheets API at all.
        requests: every request, in the order in which they were answered.
        connections: the host of each connection that was made.
        refused_hosts: where else a caller wanted to go.
        before_write: called right before a write is applied, after all that its sender can have read: the moment in
            which a person is quicker.
    """

    def __init__(self, site: TlsSite, clock: Callable[[], datetime], limits: Limits | None) -> None:
        self.proxy_url = site.proxy_url
        self.ca_file = site.ca_file
        self.connections = site.connections
        self.refused_hosts = site.refused_hosts
        self.account = ServiceAccount(PROJECT, clock)
        self.troubles = Troubles()
        self.quota = Quota(PROJECT_NUMBER, limits)
        self.api_enabled = True
        self.requests: list[GoogleRequest] = []
        self.before_write: Callable[[], object] = nobody
        self._clock = clock
        # Held while a request is applied and while a person edits, never while anything waits.
        self._lock = threading.RLock()
        self._files: dict[str, Spreadsheet] = {}
        self._access: dict[str, Access] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What a process's environment must hold to come here."""
        # Both spellings: the lower-case one wins where a machine has it set.
        return {
            "HTTPS_PROXY": self.proxy_url,
            "https_proxy": self.proxy_url,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
        }

    def write_key(self, path: Path) -> Path:
        """Write the account's present key as the JSON file that a person downloads."""
        path.write_text(json.dumps(self.account.key_file, indent=2), encoding="utf-8")
        return path

    def rotate_key(self) -> None:
        """Replace the account's key: key files written before, and all tokens, are refused from now on."""
        self.account.rotate_key()
        self.account.forget_tokens()

    def spreadsheet(
        self, title: str = "A spreadsheet", tabs: tuple[str, ...] = ("Sheet1",), most_cells: int = MOST_CELLS
    ) -> Spreadsheet:
        """Make a spreadsheet with empty tabs, shared with the account as one who may write."""
        sheets = [Sheet(number, tab) for number, tab in enumerate(tabs)]
        file = Spreadsheet(token_urlsafe(33), title, sheets, most_cells, self._clock().year)
        with self._lock:
            self._files[file.spreadsheet_id] = file
        self.share(file)
        return file

    def share(self, file: Spreadsheet, access: Access = "writer") -> None:
        """Share it with the account, or change how."""
        self._access[file.spreadsheet_id] = access

    def unshare(self, file: Spreadsheet) -> None:
        """Take the account's access away."""
        self._access.pop(file.spreadsheet_id, None)

    def remove(self, file: Spreadsheet) -> None:
        """Throw it away: its id is unknown from now on."""
        with self._lock:
            del self._files[file.spreadsheet_id]

    def person(self, file: Spreadsheet) -> Person:
        """Sit down before the spreadsheet in a browser: no quota, no troubles."""
        return Person(file, self._lock)

    def count(self, *kinds: Kind, status: HTTPStatus | None = None) -> int:
        """How many requests of these kinds (none: reads and writes) there were, with this status or any."""
        wanted = kinds or (Kind.READ, Kind.WRITE)
        return sum(
            request.kind in wanted and (status is None or request.status == status) for request in list(self.requests)
        )

    def most_within(self, span: timedelta = timedelta(minutes=1), *, since: datetime | None = None) -> int:
        """The most reads and writes that came within any such span; of all, or of those since a time."""
        times = sorted(
            request.at
            for request in list(self.requests)
            if request.kind in {Kind.READ, Kind.WRITE} and (since is None or request.at >= since)
        )
        return max((bisect_left(times, at + span) - number for number, at in enumerate(times)), default=0)

    def answer(self, visit: Visit) -> Answer | None:
        """Play Google."""
        at = self._clock()
        call = parse_call(visit.method, visit.target, visit.body) if visit.host == _SHEETS else None
        kind = call.kind if call else Kind.TOKEN if visit.host == _OAUTH else Kind.OTHER
        answer = self._after_mishaps(visit, call, kind)
        status, sent = (answer.status, len(answer.body)) if answer else (None, 0)
        path = unquote(visit.target.partition("?")[0])
        self.requests.append(GoogleRequest(visit.host, visit.method, path, kind, status, at, len(visit.body), sent))
        return answer

    def close(self) -> None:
        self.troubles.close()

    def _after_mishaps(self, visit: Visit, call: Call | None, kind: Kind) -> Answer | None:
        self.troubles.spend_half_of_latency()
        mishap, status = self.troubles.next(kind)
        if mishap is Mishap.DROPPED or (mishap is Mishap.HELD and not self.troubles.keep_waiting()):
            return None
        answer = self._error(visit, kind, status) if status else self._answer(visit, call)
        self.troubles.spend_half_of_latency()
        if mishap is Mishap.LOST:
            return None
        if mishap is Mishap.TRUNCATED:
            return Answer(answer.status, answer.content_type, answer.body, answer.headers, len(answer.body) // 2)
        return answer

    def _answer(self, visit: Visit, call: Call | None) -> Answer:
        if visit.host == _OAUTH:
            return self._token(visit)
        if call is None:
            return _json(visit, HTTPStatus.NOT_FOUND, not_found().body)
        try:
            with self._lock:
                file = self._admitted(visit, call)
                if call.kind is Kind.WRITE:
                    self.before_write()
                content = perform(call, file)
        except RefusedError as refusal:
            return _json(visit, refusal.status, refusal.body)
        return _json(visit, HTTPStatus.OK, content)

    def _admitted(self, visit: Visit, call: Call) -> Spreadsheet:
        """Find the spreadsheet, after all that is checked before it."""
        writes = call.kind is Kind.WRITE
        self.account.admit(visit.headers.get("authorization"), writes=writes)
        if not self.api_enabled:
            raise api_disabled(PROJECT_NUMBER)
        self.quota.charge(call.kind, self.account.email, self._clock())
        file = self._files.get(call.spreadsheet_id)
        if file is None:
            raise not_found()
        if self._access.get(call.spreadsheet_id) not in ({"writer"} if writes else {"writer", "reader"}):
            raise no_permission()
        return file

    def _token(self, visit: Visit) -> Answer:
        form = parse_qs(visit.body.decode())
        grant_type, assertion = (form.get(name, [""])[0] for name in ("grant_type", "assertion"))
        try:
            return _json(visit, HTTPStatus.OK, self.account.grant(grant_type, assertion))
        except GrantRefusedError as refusal:
            return _json(visit, HTTPStatus.BAD_REQUEST, refusal.body)

    def _error(self, visit: Visit, kind: Kind, status: HTTPStatus) -> Answer:
        match status:
            case HTTPStatus.BAD_GATEWAY:
                return _sent(visit, status, "text/html; charset=UTF-8", BAD_GATEWAY_PAGE.encode())
            case HTTPStatus.TOO_MANY_REQUESTS:
                verb = kind.value.capitalize()
                refusal = quota_exceeded(verb, "user", self.quota.limits.per_user, PROJECT_NUMBER)
            case HTTPStatus.UNAUTHORIZED:
                refusal = bad_credentials()
            case HTTPStatus.FORBIDDEN:
                refusal = no_permission()
            case _:
                refusal = server_error(status)
        return _json(visit, status, refusal.body)


@contextlib.contextmanager
def google_standin(
    clock: Callable[[], datetime] = lambda: datetime.now(UTC), limits: Limits | None = None
) -> Iterator[GoogleStandin]:
    """Run a stand-in on a free loopback port for as long as the context lasts.

    `clock` says what time it is for quotas and tokens; assertions are judged by the real time.
    """
    with tls_site(HOSTS) as site:
        google = GoogleStandin(site, clock, limits)
        site.handler = google.answer
        try:
            yield google
        finally:
            _await_google_auth()
            google.close()


def _await_google_auth() -> None:
    """Let google-auth's background questions end while they still lead here, and not into the world."""
    for thread in threading.enumerate():
        if type(thread).__module__ == "google.auth._regional_access_boundary_utils":
            thread.join(_PATIENCE_SECONDS)


def _json(visit: Visit, status: HTTPStatus, content: Json) -> Answer:
    return _sent(visit, status, "application/json; charset=UTF-8", json.dumps(content, ensure_ascii=False).encode())


def _sent(visit: Visit, status: HTTPStatus, content_type: str, body: bytes) -> Answer:
    headers = {"Vary": "Origin, X-Origin, Referer", "Cache-Control": "private"}
    if "gzip" in visit.headers.get("accept-encoding", ""):
        return Answer(
            status, content_type, gzip.compress(body, compresslevel=1), headers | {"Content-Encoding": "gzip"}
        )
    return Answer(status, content_type, body, headers)

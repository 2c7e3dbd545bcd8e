"""Google's quotas: reads and writes a minute, per user and per project, filled up again each minute."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from standins.google_errors import quota_exceeded

_MINUTE = timedelta(minutes=1)


@unique
class Kind(StrEnum):
    """What a request is to the quota: of the Sheets API only reads and writes, a batch as one."""

    READ = "read"
    WRITE = "write"
    TOKEN = "token"  # a kind, no secret
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a minute, of reads and of writes each."""

    per_user: int = 60
    per_project: int = 300


class Quota:
    """Counts one project's requests in the minute that is running. The first request of all starts the first minute."""

    def __init__(self, project_number: str, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._project_number = project_number
        self._since: datetime | None = None
        self._used: Counter[tuple[Kind, str | None]] = Counter()

    def charge(self, kind: Kind, user: str, at: datetime) -> None:
        """Count one request.

        Raises:
            RefusedError: it is one too many; it is not counted then.
        """
        self._refill(at)
        verb = kind.value.capitalize()
        for payer, per, limit in (
            (user, "user", self.limits.per_user),
            (None, "project", self.limits.per_project),
        ):
            if self._used[kind, payer] >= limit:
                raise quota_exceeded(verb, per, limit, self._project_number)
        self._used.update([(kind, user), (kind, None)])

    def _refill(self, at: datetime) -> None:
        if self._since is None:
            self._since = at
        elif (minutes := (at - self._since) // _MINUTE) > 0:
            self._since += minutes * _MINUTE
            self._used.clear()

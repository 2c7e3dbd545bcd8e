"""Throw-away authorities and certificates, as files."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOT_SO_LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority; its own certificate is in `file`."""

    folder: Path
    name: str
    ca: trustme.CA

    @classmethod
    def in_folder(cls, folder: Path, name: str = "authority") -> "Authority":
        authority = cls(folder, name, trustme.CA())
        authority.ca.cert_pem.write_to_path(str(authority.file))
        return authority

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def issue(self, *names: str, expired: bool = False) -> Path:
        """A certificate with its key, in one file."""
        since, until = (LONG_AGO, NOT_SO_LONG_AGO) if expired else (None, None)
        path = self.folder / f"{self.name} {names[0].replace('@', ' at ')}{' (expired)' if expired else ''}.pem"
        issued = self.ca.issue_cert(*names, not_before=since, not_after=until)
        issued.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

"""Where a probe is answered, as a person writes it."""

import re
from typing import Final, NamedTuple

_SHAPE: Final = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
_HIGHEST_PORT: Final = 65_535


class Address(NamedTuple):
    """A host and a port on it; port 0 lets the system choose one."""

    host: str
    port: int

    @property
    def near(self) -> "Address":
        """How somebody on the same machine reaches it."""
        return self._replace(host=_EVERYWHERE.get(self.host, self.host))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """Understand an address.

    Raises:
        ValueError: it is none; the text says how to write one.
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None or int(found["port"]) > _HIGHEST_PORT:
        raise ValueError("write host and port, such as 127.0.0.1:8080 or [::1]:8080")
    return Address(found["ipv6"] or found["host"], int(found["port"]))

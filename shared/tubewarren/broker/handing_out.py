"""Handing out passwords: a folder for each user of the broker, and the file with which the broker knows them."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from tubewarren.broker.errors import PrivateBrokerError
from tubewarren.broker.identity import new_password
from tubewarren.broker.users import USERS, definitions

ADDRESS_FILE: Final = Path("secrets", "tubewarren_broker_url")
"""In a user's folder; it is called as the folder `TUBEWARREN_SECRETS_DIR` wants it."""
DEFINITIONS_FILE: Final = Path("broker", "definitions.json")
COOKIE_FILE: Final = Path("broker", "erlang.cookie")

_ROOT: Final = 0
_SALT_BYTES: Final = 4


class HandingOutError(PrivateBrokerError):
    """Passwords cannot be handed out."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who gets files and folders when root makes them."""

    uid: int
    gid: int


def hand_out(
    folder: Path,
    others: Path,
    host: str,
    given: Mapping[str, str],
    owner: Owner,
    salt: Callable[[], bytes] = lambda: os.urandom(_SALT_BYTES),
    *,
    with_cookie: bool = False,
) -> None:
    """Give each user an address with its password in it, and write down for the broker who they are.

    A password that is given counts, then the one of last time, then a new one.

    Args:
        folder: where each user has a folder, and the broker too. What root owns directly in it, as it does what a
            container engine has just made, is given to the owner.
        others: the file of definitions beside users and permissions.
        host: where the broker is, as `host` or `host:port`; with commas between those of a cluster.
        given: passwords by user.
        owner: who shall read it.
        salt: makes four random bytes.
        with_cookie: make the secret, too, by which the nodes of a cluster know one another; it stays as it is.

    Raises:
        HandingOutError: a file cannot be read or written.
    """
    try:
        passwords = {user: given.get(user) or _known(folder / user) or _new() for user in USERS}
        text = definitions(json.loads(others.read_bytes()), passwords, salt)
        for user, password in passwords.items():
            address = f"amqp://{quote(user)}:{quote(password, safe='')}@{host}/"
            _write(folder / user / ADDRESS_FILE, address, 0o400, owner)
        # The broker runs as a user of its own, and nobody else is let into its folder.
        _write(folder / DEFINITIONS_FILE, text, 0o444, owner)
        if with_cookie and not (folder / COOKIE_FILE).exists():
            _write(folder / COOKIE_FILE, _new(), 0o444, owner)
        for each in folder.iterdir():
            if each.stat().st_uid == _ROOT:
                _give(each, owner)
    except (OSError, ValueError) as error:
        raise HandingOutError(f"The broker's users cannot be written down: {error}") from error


def _known(folder: Path) -> str | None:
    try:
        password = urlsplit((folder / ADDRESS_FILE).read_text()).password
    except FileNotFoundError:
        return None
    return unquote(password) if password else None


def _new() -> str:
    return new_password().get_secret_value()


def _write(path: Path, text: str, mode: int, owner: Owner) -> None:
    """Whole or not at all: a service may be reading it."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _give(path.parent, owner)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    fresh.chmod(mode)
    _give(fresh, owner)
    fresh.replace(path)


def _give(path: Path, owner: Owner) -> None:
    if os.geteuid() == _ROOT:
        os.chown(path, owner.uid, owner.gid)

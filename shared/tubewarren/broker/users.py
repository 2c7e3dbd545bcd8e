"""Who may do what on a shared broker: one user for each service, with what it needs and no more. Pure.

Publishing to single queues, as retries and replies are, goes over the broker's default exchange, which RabbitMQ allows
for all queues or for none. So permissions keep a service from reading, making and deleting what is not its own; they
do not keep it from writing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tubewarren.broker.config import password_hash
from tubewarren.topology import (
    COMMANDS,
    DOWNLOADER,
    EVENTS,
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    SERVICES,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    STATUS_WRITER,
    permits,
    questions,
    topology,
)

OPERATOR: Final = "operator"
"""A person, at the command line and in the management UI; the only one who makes exchanges and queues that stay."""
USERS: Final = (OPERATOR, *SERVICES)

_ANY_STORAGE: Final = "any-storage"
_REPLIES: Final = r"reply\..*"
_WATCHES: Final = r"watch\..*"
_DIRECTLY: Final = r"amq\.default"


@dataclass(frozen=True, slots=True)
class Permission:
    """Regular expressions over names of queues and exchanges, as RabbitMQ takes them; an empty one matches nothing."""

    configure: str = ""
    write: str = ""
    read: str = ""


def permissions() -> Mapping[str, Permission]:
    """What each user may do."""
    system = topology(storage=_ANY_STORAGE)
    heard = {each.service: _named(each.name) for each in system.events}
    manager, its_questions = _named(f"{RESULTS_MANAGER}.{_ANY_STORAGE}"), _named(questions(_ANY_STORAGE).name)
    monitors_questions = _named(permits().name)
    commands, events = _named(COMMANDS), _named(EVENTS)
    return {
        OPERATOR: Permission(".*", ".*", ".*"),
        HEARTBEAT_MONITOR: Permission(
            configure=_any(_REPLIES, monitors_questions),
            write=_any(commands, events, _DIRECTLY, monitors_questions),
            # It sends back to work what was given up, and what was held.
            read=_any(_REPLIES, heard[HEARTBEAT_MONITOR], monitors_questions, commands, r".*\.held", r".*\.dead"),
        ),
        RESULTS_MANAGER: Permission(
            configure=_any(its_questions),
            write=_any(commands, events, _DIRECTLY, its_questions),
            read=_any(manager, heard[f"{RESULTS_MANAGER}.{_ANY_STORAGE}"], its_questions, commands),
        ),
        STATUS_WRITER: Permission(
            configure=_any(_WATCHES),
            write=_any(events, _WATCHES),
            read=_any(_WATCHES, heard[STATUS_WRITER], events),
        ),
        SHEET_INGESTOR: Permission(
            configure=_any(_REPLIES, _WATCHES),
            write=_any(commands, events, _DIRECTLY, _WATCHES),
            read=_any(_REPLIES, _WATCHES, _named(SHEET_INGESTOR), events),
        ),
        SOURCE_EXPANDER: _worker(SOURCE_EXPANDER),
        DOWNLOADER: _worker(DOWNLOADER),
    }


def definitions(
    others: Mapping[str, Any], passwords: Mapping[str, str], salt: Callable[[], bytes], vhost: str = "/"
) -> str:
    """The file that a broker loads when it starts.

    Args:
        others: what stands in it beside users and permissions, such as policies.
        passwords: of each user; they get in as hashes.
        salt: makes four random bytes for each hash.
        vhost: the virtual host of the permissions.
    """
    allowed = permissions()
    return json.dumps(
        {
            **others,
            "users": [
                {
                    "name": user,
                    "password_hash": password_hash(password, salt()),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": ["administrator"] if user == OPERATOR else [],
                }
                for user, password in passwords.items()
            ],
            "permissions": [
                {
                    "user": user,
                    "vhost": vhost,
                    "configure": allowed[user].configure,
                    "write": allowed[user].write,
                    "read": allowed[user].read,
                }
                for user in passwords
            ],
        },
        indent=2,
    )


def _worker(name: str) -> Permission:
    """Takes its orders, asks, and orders what follows."""
    lanes = [_named(lane) for lane in topology().work_queue(name).lanes]
    return Permission(
        # RabbitMQ 4.2.6 and 4.3.0 take looking at a queue for making it, and a worker looks for its best lane.
        configure=_any(_REPLIES, *lanes),
        write=_any(_named(COMMANDS), _named(EVENTS), _DIRECTLY),
        read=_any(_REPLIES, _named(name), *lanes),
    )


def _any(*patterns: str) -> str:
    return f"^({'|'.join(patterns)})$"


def _named(name: str) -> str:
    return name.replace(".", r"\.").replace(_ANY_STORAGE, "[a-z0-9-]+")

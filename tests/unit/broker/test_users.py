"""What each service may do on the broker, and the file that tells it so."""

import base64
import hashlib
import json
import re

import pytest

from tubewarren.broker.users import OPERATOR, USERS, definitions, permissions
from tubewarren.topology import COMMANDS, DEAD, EVENTS, HEARTBEAT_MONITOR, RESULTS_MANAGER, SERVICES, topology

SYSTEM = topology(storage="attic")
NAMES = [*(queue.name for queue in SYSTEM.queues), *(exchange.name for exchange in SYSTEM.exchanges)]
SALT = b"salt"


def owner_of(queue: str) -> str:
    return next(service for service in SERVICES if queue.startswith(service))


def matches(pattern: str, name: str) -> bool:
    """As RabbitMQ does it: anywhere in the name, and an empty pattern nowhere."""
    return bool(pattern) and re.search(pattern, name) is not None


@pytest.mark.parametrize("queue", SYSTEM.queues, ids=lambda queue: queue.name)
def test_a_queue_is_read_by_whom_it_belongs_to_and_what_waits_in_it_by_the_monitor(queue: object) -> None:
    name, purpose = queue.name, queue.purpose  # type: ignore[attr-defined] - parametrized by queues

    readers = {service for service in SERVICES if matches(permissions()[service].read, name)}

    if purpose in {"work", "lane", "events"}:
        assert readers == {owner_of(name)}
    else:
        assert readers == ({HEARTBEAT_MONITOR} if purpose in {"dead", "held"} else set())


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_makes_or_removes_what_stays_but_the_lanes_of_its_own_orders(service: str) -> None:
    lanes = {lane for work in SYSTEM.work if work.name == service for lane in work.lanes}

    assert {name for name in NAMES if matches(permissions()[service].configure, name)} == lanes


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_writes_to_queues_of_others_but_by_exchange(service: str) -> None:
    written = {name for name in NAMES if matches(permissions()[service].write, name)}

    assert EVENTS in written
    assert written <= {COMMANDS, EVENTS}
    assert DEAD not in written


def test_only_those_hear_events_who_listen_to_them_with_queues_of_their_own_making() -> None:
    listeners = {service for service in SERVICES if matches(permissions()[service].read, EVENTS)}

    assert listeners == {"sheet-ingestor", "status-writer"}


def test_one_results_manager_may_answer_for_any_storage() -> None:
    allowed = permissions()[RESULTS_MANAGER]

    assert matches(allowed.read, "results-manager.attic-2")
    assert not matches(allowed.read, "results-manager.attic.dead")


def test_the_definitions_tell_hashes_and_no_passwords() -> None:
    passwords = {user: f"secret of {user}" for user in USERS}

    text = definitions({"policies": ["kept"]}, passwords, lambda: SALT)
    told = json.loads(text)

    assert told["policies"] == ["kept"]
    assert not any(password in text for password in passwords.values())
    hashes = {user["name"]: base64.b64decode(user["password_hash"]) for user in told["users"]}
    assert hashes == {
        user: SALT + hashlib.sha256(SALT + password.encode()).digest() for user, password in passwords.items()
    }
    assert [user["name"] for user in told["users"] if user["tags"]] == [OPERATOR]
    assert {each["user"] for each in told["permissions"]} == set(USERS)

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tubewarren.broker import config
from tubewarren.broker.identity import NodeIdentity, Ports
from tubewarren.broker.installation import Installation

FOLDER = config.NodeFolder(Path("/data/my broker #1"))
PORTS = Ports.from_block(20_100, management=True)
INSTALLATION = Installation(scripts=Path("/opt/rabbitmq/sbin"), path=(Path("/opt/erlang/bin"), Path("/bin")))


def settings(ports: Ports = PORTS) -> dict[str, str]:
    text = config.conf(ports, machine_memory_bytes=8 * 1024**3)
    return dict(line.split(" = ") for line in text.splitlines())


def test_a_delivery_may_stay_unacked_for_a_day() -> None:
    assert int(settings()["consumer_timeout"]) == timedelta(days=1) / timedelta(milliseconds=1)


def test_the_management_ui_listens_on_loopback_only() -> None:
    assert settings()["management.tcp.ip"] == "127.0.0.1"
    assert settings()["management.tcp.port"] == "20103"


def test_without_the_plugin_nothing_is_said_about_management() -> None:
    without = Ports.from_block(20_100, management=False)
    identity = NodeIdentity(ports=without, password=SecretStr("p"))

    files = config.files(FOLDER, identity, b"salt", "")

    assert not [key for key in settings(without) if key.startswith("management")]
    assert files[FOLDER.plugins] == "[].\n"
    assert identity.management_url is None


@pytest.mark.parametrize(
    ("machine_bytes", "limit_bytes"),
    [(1_000_000_000, 400_000_000), (64 * 1024**3, 2 * 1024**3)],
)
def test_the_broker_takes_two_fifths_of_the_memory_and_two_gibibytes_at_most(
    machine_bytes: int, limit_bytes: int
) -> None:
    assert config.memory_limit_bytes(machine_bytes) == limit_bytes


def test_the_password_is_stored_as_a_salted_hash_only() -> None:
    identity = NodeIdentity(ports=PORTS, password=SecretStr("secret words"))

    files = config.files(FOLDER, identity, b"salt", "settings")

    (user,) = json.loads(files[FOLDER.definitions])["users"]
    raw = base64.b64decode(user["password_hash"])
    assert raw == b"salt" + hashlib.sha256(b"saltsecret words").digest()
    assert not [path for path, text in files.items() if "secret words" in text]


def test_the_definitions_name_one_user_who_may_do_everything_in_one_virtual_host() -> None:
    definitions = json.loads(config.definitions("secret", b"salt"))

    assert [user["name"] for user in definitions["users"]] == ["tubewarren"]
    assert definitions["vhosts"] == [{"name": "/"}]
    assert definitions["permissions"] == [
        {"user": "tubewarren", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    ]


def test_nothing_of_a_system_node_is_read_or_shared() -> None:
    environment = config.environment(FOLDER, PORTS, INSTALLATION)

    inside = {key for key, value in environment.items() if value.startswith(str(FOLDER.root))}
    assert inside >= {
        "HOME",
        "RABBITMQ_MNESIA_BASE",
        "RABBITMQ_LOG_BASE",
        "RABBITMQ_CONFIG_FILE",
        "RABBITMQ_CONFIG_FILES",
        "RABBITMQ_ADVANCED_CONFIG_FILE",
        "RABBITMQ_ENABLED_PLUGINS_FILE",
        "RABBITMQ_GENERATED_CONFIG_DIR",
        "RABBITMQ_PID_FILE",
    }
    assert environment["RABBITMQ_CONF_ENV_FILE"] == "/dev/null"
    assert environment["PATH"] == "/opt/erlang/bin:/bin"
    assert "LD_LIBRARY_PATH" not in environment


def test_every_listener_is_bound_to_loopback() -> None:
    environment = config.environment(FOLDER, PORTS, INSTALLATION)

    assert environment["RABBITMQ_NODE_IP_ADDRESS"] == "127.0.0.1"
    assert environment["ERL_EPMD_ADDRESS"] == "127.0.0.1"
    assert "inet_dist_use_interface {127,0,0,1}" in environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]


def test_a_private_copys_libraries_are_found() -> None:
    private = Installation(INSTALLATION.scripts, INSTALLATION.path, libraries=(Path("/a"), Path("/b")))

    assert config.environment(FOLDER, PORTS, private)["LD_LIBRARY_PATH"] == "/a:/b"


def test_a_folder_of_any_name_reaches_erlang_as_it_is() -> None:
    folder = config.NodeFolder(Path('/da"ta\\x #1'))

    arguments = config.arguments(folder)

    assert arguments[:3] == ("-rabbit", "load_definitions", '"/da\\"ta\\\\x #1/definitions.json"')
    assert arguments[3:] == folder.marker

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from tubewarren.broker.errors import NodeStartError
from tubewarren.broker.identity import (
    NodeIdentity,
    Ports,
    choose_ports,
    new_password,
    port_is_free,
    remembered_identity,
)

IDENTITY = NodeIdentity(ports=Ports.from_block(20_100, management=True), password=SecretStr("secret"))


def test_an_identity_is_remembered_as_it_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "node.json"
    path.write_text(IDENTITY.model_dump_json())

    remembered = remembered_identity(path)

    assert remembered == IDENTITY
    assert remembered.url == "amqp://tubewarren:secret@127.0.0.1:20100/"
    assert remembered.management_url == "http://127.0.0.1:20103/"


@pytest.mark.parametrize("content", ["", "{", '{"ports": {}}', '{"password": "x"}'])
def test_an_unreadable_identity_is_no_identity(tmp_path: Path, content: str) -> None:
    path = tmp_path / "node.json"
    path.write_text(content)

    assert remembered_identity(path) is None
    assert remembered_identity(tmp_path / "absent.json") is None


def test_a_password_does_not_show_when_an_identity_is_printed() -> None:
    assert "secret" not in repr(IDENTITY)


def test_passwords_differ_and_need_no_escaping_in_a_url() -> None:
    first, second = new_password().get_secret_value(), new_password().get_secret_value()

    assert first != second
    assert len(first) >= 32
    assert first.replace("-", "").replace("_", "").isalnum()


def test_a_block_with_one_port_taken_is_passed_over() -> None:
    ports = choose_ports(management=True, blocks=[21_000, 22_000], is_free=lambda port: port != 21_002)

    assert ports == Ports(amqp=22_000, distribution=22_001, epmd=22_002, management=22_003)


def test_no_free_port_says_what_to_do() -> None:
    with pytest.raises(NodeStartError, match="TUBEWARREN_BROKER_URL"):
        choose_ports(management=False, blocks=[21_000], is_free=lambda _: False)


def test_a_port_is_free_until_somebody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        taken = port_is_free(port)

    assert not taken
    assert port_is_free(port)

from pathlib import Path

import pytest

from tubewarren.broker.errors import RabbitMqMissingError
from tubewarren.broker.installation import find_installation

LIBRARY = "usr/lib/rabbitmq/lib"


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def erlang(tmp_path: Path) -> str:
    return str(program(tmp_path / "erlang/erl").parent)


def test_a_private_copy_is_preferred_to_the_systems_package(tmp_path: Path) -> None:
    root = tmp_path / "data/rabbitmq-server/root"
    own = program(root / LIBRARY / "rabbitmq_server-3.10.8/sbin/rabbitmq-server")
    program(root / "usr/bin/erl")
    library = program(root / "usr/lib/x86_64-linux-gnu/libwrap.so.0")
    program(tmp_path / "system" / LIBRARY / "rabbitmq_server-4.0.5/sbin/rabbitmq-server")

    found = find_installation(tmp_path / "data", system_root=tmp_path / "system", search_path="/nowhere")

    assert found.scripts == own.parent
    assert found.path[0] == root / "usr/bin"
    assert found.libraries == (library.parent,)
    assert found.executable("erl") == root / "usr/bin/erl"


def test_of_several_packages_the_newest_is_taken(tmp_path: Path, erlang: str) -> None:
    for version in ("3.9.13", "3.10.8", "3.8.2"):
        program(tmp_path / LIBRARY / f"rabbitmq_server-{version}/sbin/rabbitmq-server")

    found = find_installation(tmp_path / "data", system_root=tmp_path, search_path=erlang)

    assert found.version == "3.10.8"
    assert found.libraries == ()


def test_a_server_on_the_search_path_is_taken_from_where_it_really_lies(tmp_path: Path, erlang: str) -> None:
    real = program(tmp_path / "Cellar/rabbitmq/4.0.5/sbin/rabbitmq-server")
    link = tmp_path / "bin/rabbitmq-server"
    link.parent.mkdir()
    link.symlink_to(real)

    found = find_installation(tmp_path / "data", system_root=tmp_path / "empty", search_path=f"{link.parent}:{erlang}")

    assert found.scripts == real.parent
    assert found.version == "4.0.5"


def test_no_server_at_all_is_one_sentence_about_what_to_do(tmp_path: Path, erlang: str) -> None:
    with pytest.raises(RabbitMqMissingError, match=r"make rabbitmq.*TUBEWARREN_BROKER_URL"):
        find_installation(tmp_path / "data", system_root=tmp_path, search_path=erlang)


def test_a_server_without_erlang_is_said_to_lack_it(tmp_path: Path) -> None:
    program(tmp_path / LIBRARY / "rabbitmq_server-3.10.8/sbin/rabbitmq-server")

    with pytest.raises(RabbitMqMissingError, match="Erlang"):
        find_installation(tmp_path / "data", system_root=tmp_path, search_path="/nowhere")


def test_management_is_there_when_its_plugin_is(tmp_path: Path, erlang: str) -> None:
    server = tmp_path / LIBRARY / "rabbitmq_server-3.10.8"
    program(server / "sbin/rabbitmq-server")
    without = find_installation(tmp_path / "data", system_root=tmp_path, search_path=erlang)
    had_it_before = without.has_management

    (server / "plugins/rabbitmq_management-3.10.8").mkdir(parents=True)

    assert not had_it_before
    assert without.has_management

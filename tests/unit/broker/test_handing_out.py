"""Passwords for the broker's users: made once, kept, given by a person, and told to nobody else."""

import json
import os
from pathlib import Path

import pytest
from yarl import URL

from tubewarren.broker.handing_out import (
    ADDRESS_FILE,
    COOKIE_FILE,
    DEFINITIONS_FILE,
    HandingOutError,
    Owner,
    hand_out,
)
from tubewarren.broker.users import USERS

ME = Owner(os.geteuid(), os.getegid())


@pytest.fixture
def others(tmp_path: Path) -> Path:
    path = tmp_path / "others.json"
    path.write_text('{"vhosts": [{"name": "/"}]}')
    return path


def address(folder: Path, user: str) -> URL:
    return URL((folder / user / ADDRESS_FILE).read_text())


def test_every_user_gets_an_address_that_only_its_owner_reads(tmp_path: Path, others: Path) -> None:
    folder = tmp_path / "fleet"

    hand_out(folder, others, "rabbitmq:5673", {}, ME)

    assert {user: (address(folder, user).user, address(folder, user).port) for user in USERS} == {
        user: (user, 5673) for user in USERS
    }
    assert len({address(folder, user).password for user in USERS}) == len(USERS)
    assert {(folder / user / ADDRESS_FILE).stat().st_mode & 0o777 for user in USERS} == {0o400}
    assert json.loads((folder / DEFINITIONS_FILE).read_bytes())["vhosts"] == [{"name": "/"}]


def test_a_password_stays_until_a_person_gives_another(tmp_path: Path, others: Path) -> None:
    folder, chosen = tmp_path / "fleet", "p@ss: /word%?#é"

    hand_out(folder, others, "rabbitmq", {}, ME)
    first = address(folder, "downloader").password
    hand_out(folder, others, "rabbitmq", {"downloader": ""}, ME)
    second = address(folder, "downloader").password
    hand_out(folder, others, "rabbitmq", {"downloader": chosen}, ME)
    hand_out(folder, others, "rabbitmq", {}, ME)

    assert first == second
    assert address(folder, "downloader").password == chosen


def test_a_cluster_gets_a_secret_that_stays_and_everybody_the_names_of_its_nodes(tmp_path: Path, others: Path) -> None:
    folder = tmp_path / "fleet"

    hand_out(folder, others, "one,two", {}, ME)
    without = (folder / COOKIE_FILE).exists()
    hand_out(folder, others, "one,two", {"downloader": "p,w"}, ME, with_cookie=True)
    cookie = (folder / COOKIE_FILE).read_text()
    hand_out(folder, others, "one,two", {}, ME, with_cookie=True)

    assert not without
    assert len(cookie) > 20
    assert (folder / COOKIE_FILE).read_text() == cookie
    assert (folder / "downloader" / ADDRESS_FILE).read_text() == "amqp://downloader:p%2Cw@one,two/"


def test_what_cannot_be_read_is_said(tmp_path: Path, others: Path) -> None:
    others.write_text("no JSON")

    with pytest.raises(HandingOutError, match="users cannot be written down"):
        hand_out(tmp_path / "fleet", others, "rabbitmq", {}, ME)

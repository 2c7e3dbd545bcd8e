"""A real broker that takes TLS and our certificate only, and a service that works on it and tells its health."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from brokers import RestartableNode, run_apart
from certificates import Authority
from fleets import machine_in, settings_for_tests, wait_until
from tubewarren.bus import BrokerRefusedError, BrokerUnavailableError, BusError, open_bus
from tubewarren.settings.broker import BrokerSettings

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

SHORT = timedelta(seconds=2)
CONFIGURATION = """\
listeners.ssl.default = 127.0.0.1:{port}
ssl_options.cacertfile = {ca_file}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {certificate}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""


@dataclass(frozen=True)
class Encrypted:
    """A node with TLS on, and who is who there."""

    url: str
    node: RestartableNode
    authority: Authority
    stranger: Authority
    certificate: Path

    @property
    def trust(self) -> BrokerSettings:
        return BrokerSettings(ca_file=self.authority.file, certificate_file=self.certificate)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    folder = tmp_path_factory.mktemp("encrypted")
    with socket.socket() as ours:
        # Nobody else comes to listen there before the node does.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("127.0.0.1", 0))
        yield from _encrypted(folder, ours.getsockname()[1])


def _encrypted(folder: Path, port: int) -> Iterator[Encrypted]:
    authority, stranger = Authority.in_folder(folder), Authority.in_folder(folder, "stranger")
    more = folder / "broker" / "conf.d"
    more.mkdir(parents=True)
    certificate = authority.issue("127.0.0.1", "broker.test")
    text = CONFIGURATION.format(port=port, ca_file=authority.file, certificate=certificate)
    (more / "10-tls.conf").write_text(text)
    node = RestartableNode(folder)
    run_apart(node.start())
    parts = urlsplit(node.url)
    url = parts._replace(scheme="amqps", netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    yield Encrypted(url, node, authority, stranger, authority.issue("downloader@fleet.test"))
    node.kill()
    run_apart(node.stop())


async def refusal(url: str, trust: BrokerSettings | None) -> str:
    """Why there is no connection."""
    with pytest.raises(BusError) as refused:
        async with asyncio.timeout(30), open_bus(url, "test", trust=trust, patience=SHORT):
            pass
    assert isinstance(refused.value, BrokerRefusedError | BrokerUnavailableError)
    assert str(urlsplit(url).password) not in str(refused.value)
    return str(refused.value)


async def test_whoever_both_sides_trust_is_connected(encrypted: Encrypted) -> None:
    other_name = encrypted.trust.model_copy(update={"server_name": "broker.test"})

    for trust in (encrypted.trust, other_name):
        async with open_bus(encrypted.url, "test", trust=trust, patience=timedelta(seconds=10)) as bus:
            assert bus.is_connected


async def test_each_reason_why_the_broker_lets_nobody_in_is_told_apart(encrypted: Encrypted) -> None:
    ca_file, url = encrypted.authority.file, encrypted.url
    strange = BrokerSettings(ca_file=ca_file, certificate_file=encrypted.stranger.issue("x.test"))
    expired = BrokerSettings(ca_file=ca_file, certificate_file=encrypted.authority.issue("x.test", expired=True))
    mistaken = encrypted.trust.model_copy(update={"ca_file": encrypted.stranger.file})

    assert "TUBEWARREN_BROKER__CERTIFICATE_FILE" in await refusal(url, BrokerSettings(ca_file=ca_file))
    assert "nobody whom the broker trusts" in await refusal(url, strange)
    assert "our certificate has expired" in await refusal(url, expired)
    assert "nobody whom we trust" in await refusal(url, mistaken)
    assert "write amqps://" in await refusal(url.replace("amqps", "amqp"), None)
    assert "does not speak TLS" in await refusal(encrypted.node.url.replace("amqp", "amqps"), encrypted.trust)


def test_a_service_works_over_tls_and_is_ready_while_its_broker_is_there(encrypted: Encrypted, tmp_path: Path) -> None:
    settings = settings_for_tests(
        BROKER_URL=encrypted.url,
        BROKER__CA_FILE=str(encrypted.authority.file),
        BROKER__CERTIFICATE_FILE=str(encrypted.certificate),
        HEALTH__LISTEN="127.0.0.1:0",
    )
    with machine_in(tmp_path / "box", settings) as machine:
        service = machine.run("downloader").until_ready()
        address = service.until_logged(lambda line: line["event"] == "health is told")["address"]
        ready = machine.svc("health", "--at", address)
        status = machine.svc("topology", "check")
        encrypted.node.kill()
        lost = wait_until(
            lambda: machine.svc("health", "--at", address),
            holds=lambda answer: "BAD broker: The connection is lost" in answer.stdout,
        )
        alive = machine.svc("health", "--live", "--at", address)
        run_apart(encrypted.node.start())
        wait_until(lambda: machine.svc("health", "--at", address), holds=lambda answer: not answer.returncode)

    assert (ready.returncode, ready.stdout.splitlines()[0]) == (0, "ready")
    assert "ok  queue downloader: It is consumed." in ready.stdout
    assert status.returncode == 0, status.stderr
    assert lost.returncode != 0
    assert alive.returncode == 0

"""Encrypted connections that do not come about: each says in plain words what to do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from certificates import Authority
from tubewarren.bus import BrokerRefusedError, BrokerUnavailableError, open_bus
from tubewarren.bus.encryption import TlsFilesError, tls_context
from tubewarren.settings.broker import BrokerSettings

SHORT = timedelta(seconds=1)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.in_folder(tmp_path)


@asynccontextmanager
async def somebody(certificate: Path | None) -> AsyncIterator[int]:
    """Listens like a broker, encrypted if there is a certificate, and hangs up on whoever comes; yields the port."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def refusal(certificate: Path | None, trust: BrokerSettings) -> str:
    """Why no connection comes about."""
    async with somebody(certificate) as port:
        with pytest.raises(BrokerRefusedError) as refused:
            async with open_bus(f"amqps://u:s3cret@127.0.0.1:{port}/", "test", trust=trust, patience=SHORT):
                pass
    assert "s3cret" not in str(refused.value)
    assert f"127.0.0.1:{port}" in str(refused.value)
    return str(refused.value)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(authority: Authority) -> None:
    words = await refusal(authority.issue("127.0.0.1"), BrokerSettings())

    assert "nobody whom we trust vouches" in words
    assert "TUBEWARREN_BROKER__CA_FILE" in words


async def test_a_certificate_for_another_name_is_not_trusted(authority: Authority) -> None:
    words = await refusal(authority.issue("broker.test"), BrokerSettings(ca_file=authority.file))

    assert "is for another name" in words
    assert "TUBEWARREN_BROKER__SERVER_NAME" in words


async def test_the_name_in_the_settings_is_what_the_certificate_must_be_for(authority: Authority) -> None:
    trust = BrokerSettings(ca_file=authority.file, server_name="elsewhere.test")

    assert "is for another name" in await refusal(authority.issue("127.0.0.1"), trust)


async def test_an_expired_certificate_is_not_trusted(authority: Authority) -> None:
    certificate = authority.issue("127.0.0.1", expired=True)

    assert "has expired" in await refusal(certificate, BrokerSettings(ca_file=authority.file))


async def test_the_address_itself_cannot_switch_the_checks_off(authority: Authority) -> None:
    async with somebody(authority.issue("127.0.0.1")) as port:
        with pytest.raises(BrokerRefusedError, match="nobody whom we trust"):
            async with open_bus(f"amqps://u:p@127.0.0.1:{port}/?no_verify_ssl=1", "test", patience=SHORT):
                pass


async def test_whoever_does_not_speak_tls_is_told_from_a_broker_that_is_away(authority: Authority) -> None:
    words = await refusal(None, BrokerSettings(ca_file=authority.file))

    assert "does not speak TLS" in words
    assert "amqp://" in words


async def test_a_port_that_wants_tls_is_guessed_when_it_hangs_up_on_plain_amqp(authority: Authority) -> None:
    async with somebody(authority.issue("127.0.0.1")) as port:
        with pytest.raises(BrokerUnavailableError, match="write amqps://"):
            async with open_bus(f"amqp://u:p@127.0.0.1:{port}/", "test", patience=SHORT):
                pass


@pytest.mark.parametrize("setting", ["ca_file", "certificate_file"])
@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("not PEM", "PEM")])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, setting: str, content: str | None, words: str) -> None:
    path = tmp_path / "given.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(TlsFilesError, match=f"broker.{setting}: .*given.pem.*{words}"):
        tls_context(BrokerSettings.model_validate({setting: path}))


def test_a_key_that_is_locked_is_refused_and_nobody_is_asked_for_its_password(
    authority: Authority, tmp_path: Path
) -> None:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    certificate = authority.issue("us.test")
    key = serialization.load_pem_private_key(certificate.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pw"),
        )
    )

    with pytest.raises(TlsFilesError, match="locked with a password"):
        tls_context(BrokerSettings(certificate_file=certificate, key_file=locked))

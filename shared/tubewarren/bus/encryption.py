"""Encrypted connections to the broker: whom we trust, who we are, and in plain words why it did not come to one."""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tubewarren.bus.errors import BusError
from tubewarren.bus.robust import TlsConnection
from tubewarren.settings.broker import BrokerSettings

AMQPS_PORT: Final = 5671
_HELLO_TO_A_STRANGER: Final = f"Does TLS begin at this port ({AMQPS_PORT} by default)? Otherwise write amqp://."
_NOT_ITS_NAME: Final = (
    "the broker's certificate is for another name. Write in TUBEWARREN_BROKER_URL the name that is in it, or set "
    "TUBEWARREN_BROKER__SERVER_NAME to it."
)
_STRANGER: Final = (
    "nobody whom we trust vouches for the broker's certificate. Set TUBEWARREN_BROKER__CA_FILE to the certificate of "
    "the authority that issued it."
)
_OF_VERIFICATION: Final = {
    9: "the broker's certificate is not valid yet. Look at the clocks of both machines.",
    10: "the broker's certificate has expired. It needs a new one.",
    18: _STRANGER,
    19: _STRANGER,
    20: _STRANGER,
    21: _STRANGER,
    62: _NOT_ITS_NAME,
    64: _NOT_ITS_NAME,
}
"""By OpenSSL's codes, X509_V_ERR_*."""
_OURS: Final = "TUBEWARREN_BROKER__CERTIFICATE_FILE and TUBEWARREN_BROKER__KEY_FILE"
_BROKE_OFF: Final = (
    "the broker broke off. It may want a certificate of ours (TUBEWARREN_BROKER__CERTIFICATE_FILE), or another version "
    "of TLS."
)
_WE_ARE_STRANGERS: Final = (
    "nobody whom the broker trusts vouches for our certificate. Have it issued by an authority in the broker's "
    "ssl_options.cacertfile."
)
_NO_TLS: Final = f"what answers does not speak TLS. {_HELLO_TO_A_STRANGER}"
_OF_REASON: Final = {
    "CERTIFICATE_REQUIRED": f"the broker wants a certificate of ours. Set {_OURS}.",
    "HANDSHAKE_FAILURE": _BROKE_OFF,
    "UNKNOWN_CA": _WE_ARE_STRANGERS,
    "CERTIFICATE_EXPIRED": "our certificate has expired. Put a new one into TUBEWARREN_BROKER__CERTIFICATE_FILE.",
    "CERTIFICATE": "the broker does not accept our certificate. It must be valid, and for clients.",
    "PROTOCOL_VERSION": "the broker speaks neither TLS 1.2 nor 1.3.",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
}
"""By a part of OpenSSL's reason; the first that fits."""


_HUNG_UP: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, asyncio.IncompleteReadError)
_LISTENING_PATIENCE: Final = timedelta(seconds=2)


class TlsFilesError(BusError):
    """A file with a certificate or a key cannot be used."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How connections to a broker are encrypted.

    Attributes:
        server_name: the name that must be in the broker's certificate; None for the one in the address.
    """

    server_name: str | None
    context: ssl.SSLContext

    @property
    def arguments(self) -> dict[str, Any]:
        """What the library's connecting takes for it."""
        return {
            "ssl_context": self.context,
            "server_hostname": self.server_name,
            "connection_class": TlsConnection,
        }

    async def last_word(self, url: str) -> ssl.SSLError | None:
        """Why a broker hangs up after the handshake: TLS 1.3 lets it look at our certificate only then.

        It says so, but what we had to say meanwhile makes the kernel drop its last word. So this says nothing, and
        listens.
        """
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(_LISTENING_PATIENCE.total_seconds()):
                reader, writer = await asyncio.open_connection(
                    parts.hostname, parts.port or AMQPS_PORT, ssl=self.context, server_hostname=self.server_name
                )
                try:
                    await reader.read(1)
                finally:
                    writer.close()
        except ssl.SSLError as error:
            return error
        except OSError:  # a time-out too: nothing is wrong, and it waits for us to speak
            return None
        return None


def encryption_of(url: str, trust: BrokerSettings) -> Encryption | None:
    """How to encrypt what goes to this address; None when it says `amqp://`.

    What the library would read from the address itself does not count: there is one place to say it.

    Raises:
        TlsFilesError: a file cannot be read, or holds something else.
    """
    if urlsplit(url).scheme != "amqps":
        return None
    return Encryption(trust.server_name or None, tls_context(trust))


def tls_context(trust: BrokerSettings) -> ssl.SSLContext:
    """What a connection is encrypted with.

    Raises:
        TlsFilesError: a file cannot be read, or holds something else; the text says which and what it should hold.
    """
    context = _trusting(trust.ca_file)
    if trust.certificate_file is not None:
        key = trust.key_file or trust.certificate_file
        _check_readable(trust.certificate_file, "certificate_file")
        _check_readable(key, "key_file")
        try:
            # Without this an encrypted key would make it ask at the terminal.
            context.load_cert_chain(trust.certificate_file, key, password=_no_password)
        except _PasswordNeededError as error:
            raise TlsFilesError(
                f"broker.key_file: {key} is locked with a password. Write the key to a file without one, "
                "which only the service may read."
            ) from error
        except (ssl.SSLError, OSError) as error:
            raise TlsFilesError(
                f"broker.certificate_file: {trust.certificate_file} and {key} are no certificate (PEM) and its key."
            ) from error
    return context


def plain_words(error: BaseException) -> str | None:
    """What a person has to know about a failed handshake, and do; None when it was something else."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            known = _OF_VERIFICATION.get(each.verify_code)
            return known or f"the broker's certificate cannot be trusted ({each.verify_message})."
        if isinstance(each, ssl.SSLError) and not isinstance(each, _HUNG_UP):
            reason = each.reason or ""
            known = next((words for part, words in _OF_REASON.items() if part in reason), None)
            return known or f"the handshake failed ({reason or each}). {_HELLO_TO_A_STRANGER}"
    return None


def hung_up(error: BaseException) -> bool:
    """Whether the broker hung up without a word."""
    return any(isinstance(each, _HUNG_UP) for each in _causes(error))


class _PasswordNeededError(Exception):
    """Raised out of OpenSSL's question for a password."""


def _no_password() -> str:
    raise _PasswordNeededError


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is not None:
        _check_readable(ca_file, "ca_file")
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, OSError) as error:
        raise TlsFilesError(f"broker.ca_file: {ca_file} holds no certificate (PEM).") from error


def _check_readable(path: Path, setting: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise TlsFilesError(f"broker.{setting}: {path} cannot be read: {error.strerror}.") from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    # A failure that went from task to task may be among its own causes.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__

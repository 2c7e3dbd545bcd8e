"""A service account and the endpoint that gives it access tokens: keys, signed assertions, tokens that expire."""

import base64
import binascii
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from standins.google_errors import Json, bad_credentials, missing_scope, no_credentials

TOKEN_URI = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPES = "https://www.googleapis.com/auth/"
_WRITING = frozenset(_SCOPES + name for name in ("spreadsheets", "drive", "drive.file"))
_READING = _WRITING | {_SCOPES + "spreadsheets.readonly", _SCOPES + "drive.readonly"}
_LONGEST = timedelta(hours=1)
_SKEW = timedelta(minutes=10)


class GrantRefusedError(Exception):
    """No token; said in the words of OAuth."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


@dataclass(frozen=True, slots=True)
class _Token:
    expires: datetime
    scopes: frozenset[str]


class ServiceAccount:
    """One account with one valid key. `clock` tells how old tokens are; assertions are dated by the real time."""

    def __init__(self, project: str, clock: Callable[[], datetime]) -> None:
        self.project = project
        self.email = f"sheet-writer@{project}.iam.gserviceaccount.com"
        self.token_lifetime = _LONGEST
        self._clock = clock
        self._tokens: dict[str, _Token] = {}
        self._key = _first_key()
        self._key_id = secrets.token_hex(20)

    def rotate_key(self) -> None:
        """Make a new key; the old one, and files that hold it, are good for nothing from now on."""
        self._key = _new_key()
        self._key_id = secrets.token_hex(20)

    @property
    def key_file(self) -> Json:
        """What the key's JSON file holds."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": self._key_id,
            "private_key": pem.decode(),
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": TOKEN_URI,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{self.email}",
            "universe_domain": "googleapis.com",
        }

    def grant(self, grant_type: str, assertion: str) -> Json:
        """Exchange a signed assertion for a token.

        Raises:
            GrantRefusedError: the assertion is not this account's, or not signed with its present key, or out of date.
        """
        if grant_type != _GRANT:
            raise GrantRefusedError("unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        claims = self._verified(assertion)
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise GrantRefusedError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = f"ya29.c.{secrets.token_urlsafe(48)}"
        self._tokens[token] = _Token(self._clock() + self.token_lifetime, scopes)
        seconds = max(0, int(self.token_lifetime.total_seconds()) - 1)
        return {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}

    def admit(self, authorization: str | None, *, writes: bool) -> None:
        """Check the header that a request to the API brings.

        Raises:
            RefusedError: there is none, its token is unknown or expired, or not meant for that.
        """
        if not authorization:
            raise no_credentials()
        token = self._tokens.get(authorization.removeprefix("Bearer "))
        if token is None or token.expires <= self._clock():
            raise bad_credentials()
        if not token.scopes & (_WRITING if writes else _READING):
            raise missing_scope()

    def forget_tokens(self) -> None:
        """Make every token that was given out unknown."""
        self._tokens.clear()

    def _verified(self, assertion: str) -> dict[str, Any]:
        signed, _, signature = assertion.rpartition(".")
        try:
            claims = json.loads(_decoded(signed.partition(".")[2]))
            signature_bytes = _decoded(signature)
        except (ValueError, binascii.Error) as error:
            raise GrantRefusedError("invalid_grant", "Bad Request") from error
        if claims.get("iss") != self.email:
            raise GrantRefusedError("invalid_grant", "Invalid grant: account not found")
        try:
            self._key.public_key().verify(signature_bytes, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise GrantRefusedError("invalid_grant", "Invalid JWT Signature.") from error
        if claims.get("aud") != TOKEN_URI:
            raise GrantRefusedError("invalid_grant", "Invalid JWT: Failed audience check.")
        issued, expires = (datetime.fromtimestamp(claims.get(name, 0), UTC) for name in ("iat", "exp"))
        now = datetime.now(UTC)
        if not (issued - _SKEW <= now < expires and expires - issued <= _LONGEST):
            raise GrantRefusedError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
                "iat and exp values in the JWT claim.",
            )
        return dict(claims)


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _first_key() -> rsa.RSAPrivateKey:
    """A key takes up to a second to make; the accounts of one process begin with the same one."""
    return _new_key()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

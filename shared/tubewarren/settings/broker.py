"""What the way to the broker needs beside its address."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


_OptionalPath = Annotated[Path | None, BeforeValidator(_none_if_empty)]


class BrokerSettings(BaseModel):
    """How an `amqps://` address is trusted, and who we are to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: _OptionalPath = None
    """The certificates (PEM) of who may vouch for the broker, instead of the system's; empty for the system's."""
    certificate_file: _OptionalPath = None
    """Our own certificate (PEM) with those between it and its authority, for a broker that asks for one."""
    key_file: _OptionalPath = None
    """Its private key (PEM, without a password); empty when it is in the same file."""
    server_name: str = Field(default="", pattern=r"^[A-Za-z0-9._:-]*$")
    """The name in the broker's certificate, where it is not the one in the address."""

    @property
    def is_set(self) -> bool:
        """Whether anything differs from the defaults."""
        return self != BrokerSettings()

    @model_validator(mode="after")
    def _key_needs_its_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file: set certificate_file as well, which it is the key of")
        return self

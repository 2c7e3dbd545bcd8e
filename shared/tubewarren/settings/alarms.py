"""The settings of the alarms: whom to tell, and how seldom."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic_settings import NoDecode

from tubewarren.settings.durations import Duration

_BETWEEN = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""A comma that is followed by the next address; those inside of an address stay."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def _addresses(value: object) -> object:
    return [part for part in _BETWEEN.split(value.strip(", \n")) if part] if isinstance(value, str) else value


def _usable_addresses(urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for number, url in enumerate(urls, 1):
        if not _ADDRESS.fullmatch(text := url.get_secret_value()):
            raise ValueError(f"number {number} is no address of Apprise's; write it like discord://… or mailto://…")
        if _BETWEEN.search(text):
            # A list is handed on with commas between its entries, and would come apart there.
            raise ValueError(f"number {number} has another address behind a comma: write the comma in it as %2C")
    return urls


class AlarmSettings(BaseModel):
    """Who is told when something needs a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(_addresses), AfterValidator(_usable_addresses)
    ] = ()
    """Addresses of [Apprise](https://appriseit.com/services/) that the heartbeat-monitor sends to, such as
    `discord://…,mailto://…`; empty for no alarms. `svc alarms test` tries them."""
    gather: Duration = timedelta(seconds=30)
    """How long it waits for more to tell in one message; what is over by then is not told."""
    pause: Duration = timedelta(minutes=15)
    """From one message to the next, at least."""
    repeat: Duration = timedelta(days=1)
    """What goes on for so long is told again."""

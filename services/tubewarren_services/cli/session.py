"""What commands share: the settings, the way to the broker, and the ledger's answers."""
# ruff: noqa: PLC0415 - the broker's library is loaded by the commands that talk to a broker, and by no other

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tubewarren_services.cli.flags import RootFlags, merged
from tubewarren_services.cli.plain_errors import CommandError

if TYPE_CHECKING:
    import typer

    from tubewarren.bus import Bus
    from tubewarren.messages.commands import QueryLedger
    from tubewarren.messages.events import LedgerAnswered
    from tubewarren.settings import Settings
    from tubewarren.topology import Topology

NO_BROKER = "no broker: start `svc up`, or set TUBEWARREN_BROKER_URL"
NO_LEDGER = "No results-manager answers, and it keeps the ledger: start `svc up` or `svc run results-manager`."

_CONNECT_PATIENCE = timedelta(seconds=5)
_ANSWER_PATIENCE = timedelta(seconds=5)
_QUIET = "critical"
"""A command's own messages are its output; what the libraries log would only stand between them."""


@dataclass(frozen=True, slots=True)
class Session:
    """A command that is connected."""

    settings: "Settings"
    bus: "Bus"
    topology: "Topology"

    async def ask(self, query: "QueryLedger") -> "LedgerAnswered | None":
        """The ledger's answer; None when no results-manager is there."""
        from tubewarren.messages.events import LedgerAnswered

        return await self.bus.ask_one(query, LedgerAnswered, _ANSWER_PATIENCE)

    async def require(self, query: "QueryLedger") -> "LedgerAnswered":
        """The ledger's answer.

        Raises:
            CommandError: nobody answers.
        """
        answer = await self.ask(query)
        if answer is None:
            raise CommandError(NO_LEDGER)
        return answer


def settings_for(context: "typer.Context", flags: Mapping[str, Any] | None = None) -> "Settings":
    """The effective settings of a command.

    Raises:
        SettingsError: one of them is wrong.
    """
    from tubewarren.settings import read_settings

    root: RootFlags = context.find_object(RootFlags) or RootFlags()
    return read_settings(merged(root.nested(), flags or {}), root.config)


def with_broker(settings: "Settings") -> "Settings":
    """The settings with a broker in them: the one that is set, or the one that `svc up` runs in this data folder.

    Raises:
        CommandError: there is neither.
    """
    from pydantic import SecretStr

    from tubewarren.broker import running_node_url

    if settings.broker_url is not None:
        return settings
    url = running_node_url(settings.data_dir)
    if url is None:
        raise CommandError(NO_BROKER)
    return settings.model_copy(update={"broker_url": SecretStr(url)})


def talk(context: "typer.Context", conversation: Callable[[Session], Awaitable[int | None]]) -> None:
    """Connect, hold the conversation, and end the command with the code that it returns."""
    import asyncio

    import typer

    settings = with_broker(settings_for(context))
    quieten(context, settings)
    code = asyncio.run(_converse(settings, conversation))
    raise typer.Exit(code or 0)


def quieten(context: "typer.Context", settings: "Settings") -> None:
    """Log only what a person asked for."""
    from tubewarren.telemetry.logs import configure

    root: RootFlags = context.find_object(RootFlags) or RootFlags()
    configure("svc", root.log_level or _QUIET, settings.log.format, sys.stderr)


@asynccontextmanager
async def connected(settings: "Settings") -> AsyncIterator[Session]:
    """A session with the broker of these settings.

    Raises:
        BusError: the broker does not answer, or refuses.
    """
    from tubewarren.bus import open_bus
    from tubewarren.topology import topology

    url = settings.broker_url.get_secret_value() if settings.broker_url else ""
    async with open_bus(url, "svc", trust=settings.broker, patience=_CONNECT_PATIENCE) as bus:
        yield Session(settings, bus, topology(settings.retry.ladder, settings.store.name))


async def _converse(settings: "Settings", conversation: Callable[[Session], Awaitable[int | None]]) -> int | None:
    async with connected(settings) as session:
        return await conversation(session)

"""`svc doctor`: looks at everything that work needs."""
# ruff: noqa: PLC0415 - imports what it needs

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import CommandError
from tubewarren_services.cli.session import connected, quieten, settings_for, with_broker

if TYPE_CHECKING:
    from tubewarren.settings import Settings
    from tubewarren.settings.model import IdentitySettings
    from tubewarren_services.cli.checkup import Finding


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("doctor")(doctor)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Look at everything that work needs on this machine and say what to do."""
    from tubewarren_services.cli.checkup import findings_json, findings_table, is_bad

    settings = settings_for(context)
    quieten(context, settings)
    findings = (*_broker(settings), *_machine(settings))
    if as_json:
        output.show_json(findings_json(findings))
    else:
        output.show(findings_table(findings))
    raise typer.Exit(int(is_bad(findings)))


def problem_with_folder(path: Path) -> str | None:
    """Why a folder cannot be written, or cannot be made; None when it can."""
    from tubewarren.fitness import nearest_existing

    nearest = nearest_existing(path)
    if not nearest.is_dir():
        return f"{nearest} is not a folder"
    return None if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} is not writable"


def _broker(settings: "Settings") -> tuple["Finding", ...]:
    import asyncio

    from tubewarren.broker import RabbitMqMissingError, find_installation
    from tubewarren.bus import BusError
    from tubewarren_services.cli.checkup import no_broker, silent_broker

    try:
        reachable = with_broker(settings)
    except CommandError:
        try:
            return (no_broker(str(find_installation(settings.rabbitmq_dir).scripts), ""),)
        except RabbitMqMissingError as error:
            return (no_broker(None, str(error)),)
    try:
        return asyncio.run(_ask_broker(reachable, is_private=settings.broker_url is None))
    except BusError as error:
        return (silent_broker(str(error)),)


async def _ask_broker(settings: "Settings", *, is_private: bool) -> tuple["Finding", ...]:
    from tubewarren_services.cli.checkup import BrokerSeen, broker_findings

    async with connected(settings) as session:
        dialect = session.bus.dialect
        drifts = await session.bus.check(session.topology)
        return broker_findings(
            BrokerSeen(
                dialect.version,
                is_supported=dialect.is_supported,
                is_private=is_private,
                honours_consumer_timeout=dialect.honours_consumer_timeout_of_queue,
                drifts=drifts,
            )
        )


def _machine(settings: "Settings") -> tuple["Finding", ...]:
    from tubewarren.fitness import machine_with
    from tubewarren_services.cli import checkup

    results, data = settings.store.results, settings.data_dir
    seen = machine_with(results)
    return (
        checkup.disk(results, seen.free_bytes),
        checkup.ffmpeg(seen.ffmpeg),
        checkup.javascript(seen.deno, seen.node, is_needed="javascript" in settings.fitness.programs),
        checkup.yt_dlp(seen.yt_dlp, datetime.now(UTC).date(), settings.fitness.yt_dlp),
        *_identity(settings.identity),
        checkup.folder("results", results, problem_with_folder(results), "--results"),
        _sheet(settings),
        checkup.folder("data", data, problem_with_folder(data), "--data-dir"),
    )


def _identity(identity: "IdentitySettings") -> tuple["Finding", ...]:
    from tubewarren.settings.model import IdentitySettings
    from tubewarren.youtube.cookie_jars import CookieJarsError, JarPool
    from tubewarren_services.cli import checkup

    if identity == IdentitySettings():
        return ()
    found = checkup.identity(_problem_with(identity))
    if identity.cookies is None:
        return (found,)
    try:
        return (found, *checkup.cookie_jars(JarPool(identity.cookies).seen()))
    except CookieJarsError as error:
        return (found, checkup.unusable_cookie_jars(str(error)))


def _problem_with(identity: "IdentitySettings") -> str:
    import asyncio

    from tubewarren.youtube.errors import YoutubeFailedError
    from tubewarren.youtube.identity_options import problem_with
    from tubewarren.youtube.nursery import Nursery

    async def asked() -> str:
        async with Nursery(is_for_youtube_alone=True) as nursery:
            return await problem_with(identity, nursery)

    try:
        return asyncio.run(asked())
    except YoutubeFailedError as error:
        return str(error)


def _sheet(settings: "Settings") -> "Finding":
    from tubewarren.sheets.errors import Cause, GoogleUnavailableError, SheetUnavailableError
    from tubewarren_services.cli import checkup

    workbook = settings.sheet.workbook
    if not settings.sheet.spreadsheet_id:
        return checkup.folder("workbook", workbook, problem_with_folder(workbook), "--workbook")
    from tubewarren_services.cli.sheet_look import reach

    try:
        return checkup.spreadsheet(reach(settings.sheet))
    except SheetUnavailableError as error:
        heals = isinstance(error, GoogleUnavailableError) and error.cause in {Cause.OVER_QUOTA, Cause.GOOGLE_DOWN}
        return checkup.silent_spreadsheet(str(error), heals=heals)

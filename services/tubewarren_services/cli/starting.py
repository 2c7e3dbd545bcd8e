"""One service, started: what `svc run` comes to, with nothing loaded that a service does not need."""
# ruff: noqa: PLC0415 - what is loaded when is the point

import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tubewarren_services.cli.plain_errors import USED_WRONGLY, CommandError, complaint_of

if TYPE_CHECKING:
    from tubewarren.settings import Settings
    from tubewarren.telemetry.telemetry import Exports

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def start(service: str, *, stops_at_eof: bool) -> int | None:
    """Run a service with the settings as they are, as `svc run` does without a flag.

    The library that reads command lines would be a seventh of its start.

    Returns:
        The exit code; None when there is no such service.
    """
    try:
        with _loading_for_good():
            _load_structlog_alone()
            from tubewarren.settings import read_settings
            from tubewarren.topology import SERVICES
            from tubewarren_services.cli.session import with_broker

            if service not in SERVICES:
                return None
            settings = with_broker(read_settings({}))
            run = prepared(service, settings, stops_at_eof=stops_at_eof)
        run()
    except Exception as error:
        if (complaint := complaint_of(error)) is None:
            raise
        sys.stderr.write(f"Error: {complaint.message}\n")
        return complaint.exit_code
    return 0


def prepared(service: str, settings: "Settings", *, stops_at_eof: bool) -> Callable[[], None]:
    """A service with all that it needs loaded; called, it runs until it is told to stop.

    Raises:
        CommandError: when it runs: it cannot, and never will with these settings.
    """
    import asyncio

    from tubewarren import runner
    from tubewarren.telemetry.logs import configure

    configure(service, settings.log.level, settings.log.format, sys.stderr)
    module = importlib.import_module(f"tubewarren_services.{service.replace('-', '_')}.service")
    exports = exports_in(os.environ)

    def run() -> None:
        try:
            asyncio.run(runner.run(service, module.open_service, settings, exports=exports, stops_at_eof=stops_at_eof))
        except Exception as error:
            if is_hopeless(error):
                raise CommandError(str(error), USED_WRONGLY) from error
            raise

    return run


def exports_in(environment: Mapping[str, str]) -> "Exports":
    """What goes to a collector, by the variables that OpenTelemetry has for this; nothing unless one names where to."""
    from tubewarren.telemetry.telemetry import Exports

    def is_wanted(signal: str) -> bool:
        has_endpoint = environment.get(_ENDPOINT) or environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        return bool(has_endpoint) and environment.get(f"OTEL_{signal}_EXPORTER", "otlp") != "none"

    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Exports()
    return Exports(traces=is_wanted("TRACES"), metrics=is_wanted("METRICS"))


def is_hopeless(error: Exception) -> bool:
    """Whether a service that ended like this would end so again, however often it is started with these settings."""
    from tubewarren.bus import TopologyDriftError
    from tubewarren.bus.encryption import TlsFilesError
    from tubewarren.health.endpoint import HealthAddressError
    from tubewarren.store import StoreUnfitError
    from tubewarren.workers import WorkerFolderError
    from tubewarren.youtube.errors import PresetRefusedError
    from tubewarren_services.results_manager.ledger import LedgerTooNewError

    hopeless = (
        WorkerFolderError,
        StoreUnfitError,
        TopologyDriftError,
        LedgerTooNewError,
        PresetRefusedError,
        TlsFilesError,
        HealthAddressError,
    )
    return isinstance(error, hopeless)


@contextmanager
def _loading_for_good() -> Iterator[None]:
    """For what a service loads at its start and keeps: looking through it for garbage finds none, now and later."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _load_structlog_alone() -> None:
    """Without rich, which it loads, where there is one, for tracebacks with values: our logs show none of those."""
    rich = sys.modules.get("rich")
    sys.modules["rich"] = None  # type: ignore[assignment] # so an import finds none
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]
        if rich is not None:
            sys.modules["rich"] = rich

"""Structured logs: for a person on a terminal, JSON otherwise, always with the trace they belong to."""

import logging
import sys
from datetime import timedelta
from typing import Final, Literal, TextIO

import structlog

LogFormat = Literal["auto", "human", "json"]

_TOLD_BY_US: Final = ("aio_pika", "aiormq")
"""Libraries whose every warning and traceback is about a lost connection, which we tell in our own words."""
_NOISY: Final = ("opentelemetry", "urllib3")
"""Libraries that log at INFO what we already say."""
_REPEATING: Final = "opentelemetry"
"""It complains every few seconds for as long as nobody takes what it sends."""
_REPEATED_AFTER: Final = timedelta(minutes=10)


def configure(service: str, level: str, log_format: LogFormat, stream: TextIO) -> None:
    """Set up logging for this process, ours and the libraries' alike."""
    is_human = log_format == "human" or (log_format == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[structlog.typing.Processor] = (
        # Plain: a traceback with the values in it is a screenful, and may show what nobody should read.
        [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if is_human
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = _StandardError() if stream is sys.stderr else logging.StreamHandler(stream)
    handler.addFilter(_Seldom())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _TOLD_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error now: a view that redraws itself puts what prints above it in its place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override] # the base class keeps one for ever
        return sys.stderr


class _Seldom(logging.Filter):
    """Lets each part of the library that repeats itself speak from time to time, and all others always."""

    def __init__(self) -> None:
        super().__init__(_REPEATING)
        self._spoke_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """As logging wants it."""
        if not super().filter(record):
            return True
        is_early = record.created - self._spoke_at.get(record.name, 0) < _REPEATED_AFTER.total_seconds()
        if not is_early:
            self._spoke_at[record.name] = record.created
        return not is_early

"""A command sets up logging for its whole process, which in a test is that of every other test too."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog._config import BoundLoggerLazyProxy


@contextmanager
def logging_forgotten() -> Iterator[None]:
    """Puts logging back to what it was, cached loggers included."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    if structlog.get_config() == configured:
        return
    structlog.configure(**configured)
    for module in tuple(sys.modules.values()):
        logger = vars(module).get("log")
        if isinstance(logger, BoundLoggerLazyProxy):
            vars(logger).pop("bind", None)

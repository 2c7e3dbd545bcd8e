"""Processors by name: `package.module:function`, or an entry point of the group `tubewarren.processors`."""

from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from tubewarren.failures import Failure, FailureKind
from tubewarren.youtube.errors import ProcessorNotFoundError
from tubewarren.youtube.job import Processor

DEFAULT_PROCESSOR = "tubewarren.youtube.fetch:fetch"
"""Downloads the video with yt-dlp."""

ENTRY_POINT_GROUP = "tubewarren.processors"


def resolve(name: str) -> Processor:
    """Find a processor.

    Raises:
        ProcessorNotFoundError: nothing has that name, or it cannot be imported or called.
    """
    found = _import(name) if ":" in name else _entry_point(name)
    if not callable(found):
        raise _not_found(name, f"{name} is no function, but {type(found).__name__}")
    processor: Processor = found
    return processor


def _import(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    module, _, attribute = name.partition(":")
    try:
        return attrgetter(attribute)(import_module(module))
    except AttributeError as error:
        raise _not_found(name, f"the module {module} has no {attribute}") from error
    except Exception as error:
        # A module of the user's own runs whatever it likes at import.
        raise _not_found(name, f"importing {module} failed: {type(error).__name__}: {error}") from error


def _entry_point(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    points = entry_points(group=ENTRY_POINT_GROUP)
    if name not in points.names:
        known = ", ".join(sorted(points.names)) or "none is installed"
        raise _not_found(name, f"no entry point of the group {ENTRY_POINT_GROUP} is called {name} ({known})")
    try:
        return points[name].load()
    except Exception as error:
        raise _not_found(name, f"loading the entry point {name} failed: {type(error).__name__}: {error}") from error


def _not_found(name: str, why: str) -> ProcessorNotFoundError:
    advice = "name it as package.module:function, importable where the worker runs"
    return ProcessorNotFoundError(
        Failure(kind=FailureKind.UNFIT, reason=f"{why}; {advice}", detail=name, rule="no-processor")
    )

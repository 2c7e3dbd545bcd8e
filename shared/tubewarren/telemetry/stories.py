"""Stories: what happens to a source, or to a video, goes by one trace id, whether its spans are sent or not.

Headers are those of the W3C's trace context (https://www.w3.org/TR/trace-context/).
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from structlog.contextvars import bind_contextvars, reset_contextvars

Trace = Mapping[str, str]
"""The W3C headers of the story that something belongs to; empty for none."""

_current: Final[ContextVar[Trace | None]] = ContextVar("story", default=None)


def new_story() -> Trace:
    """A story that begins now; its last flag says that nothing of it was sent so far."""
    ids = secrets.token_hex(24)
    return {"traceparent": f"00-{ids[:32]}-{ids[32:]}-00"}


def current_story() -> Trace:
    """The story of what is under way here."""
    return _current.get() or {}


@contextmanager
def within_story(story: Trace) -> Iterator[None]:
    """While the block lasts this is the current story, and what is logged has its id."""
    trace_id = story.get("traceparent", "").split("-")[1:2]
    token = _current.set(story)
    # Not `bound_contextvars`, which first reads every variable that there is.
    bound = bind_contextvars(trace_id=trace_id[0]) if trace_id else {}
    try:
        yield
    finally:
        reset_contextvars(**bound)
        _current.reset(token)

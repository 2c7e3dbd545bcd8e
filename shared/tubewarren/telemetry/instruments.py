"""Every metric there is: its name, its unit and what it says.

Names are those of OpenTelemetry's conventions where there are some. Attributes tell stages, egresses, classes of
failure and the like; never a video, a source or an address, of which there is no end.
"""

from dataclasses import dataclass
from typing import Final

_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds, for what is over in a moment."""
_LONG: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)
"""Seconds, for what may take hours."""


@dataclass(frozen=True, slots=True)
class Counter:
    """What only grows."""

    name: str
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """What is measured each time; `bounds` part the ranges that are counted."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is so at the moment; looked at when it is sent."""

    name: str
    unit: str
    description: str


SENT: Final = Counter("messaging.client.sent.messages", "{message}", "Messages that were published.")
CONSUMED: Final = Counter("messaging.client.consumed.messages", "{message}", "Messages that were delivered to us.")
PROCESSING: Final = Histogram(
    "messaging.process.duration", "s", "How long the handling of a command, or of a batch of events, took.", _LONG
)
QUEUE_WAIT: Final = Histogram(
    "tubewarren.queue.wait", "s", "How long a command was due in its queue before it was handled.", _LONG
)
TASKS: Final = Counter("tubewarren.tasks", "{task}", "Attempts by what became of them, and by class of failure.")

DOWNLOADS: Final = Histogram("tubewarren.download.duration", "s", "How long a download took, all in all.", _LONG)
STEPS: Final = Histogram(
    "tubewarren.download.step.duration", "s", "How long one step of a download took: extract, download, merge.", _LONG
)
DOWNLOADED: Final = Counter("tubewarren.downloaded", "By", "Bytes of finished results.")

EGRESS_AWAKE: Final = Gauge("tubewarren.egress.awake", "{egress}", "1 while an egress may be used, 0 while it sleeps.")
EGRESS_STARTS: Final = Gauge("tubewarren.egress.starts", "{video}", "Videos that an egress has started today.")
EGRESS_LEFT: Final = Gauge("tubewarren.egress.left", "{video}", "What an egress may start today still, if limited.")
BREAKER_OPEN: Final = Gauge("tubewarren.breaker.open", "{breaker}", "1 while a stage rests for a failure everywhere.")
WORKERS: Final = Gauge("tubewarren.workers", "{worker}", "Workers by service and health.")

SHEET_LAG: Final = Gauge("tubewarren.sheet.lag", "s", "How long the oldest news waits to be written into the sheet.")
FLUSHES: Final = Histogram("tubewarren.sheet.flush.duration", "s", "How long writing into the sheet took.", _SHORT)
FLUSHED_ROWS: Final = Counter("tubewarren.sheet.flush.rows", "{row}", "Rows that were written into the sheet.")
SHEET_REQUESTS: Final = Counter("tubewarren.sheet.requests", "{request}", "Requests to Google's API, by their end.")

"""Where the work is told of while it goes on. What stands here tells nobody, but keeps each story's id going."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal

from tubewarren.telemetry.instruments import Counter, Gauge, Histogram
from tubewarren.telemetry.stories import Trace, current_story

Attributes = Mapping[str, str | int | float | bool]
SpanKind = Literal["producer", "consumer", "client", "internal"]
Reading = Callable[[], Iterable[tuple[float, Attributes]]]
"""Looks at a gauge: each value with what it is of. Called in a thread of its own."""

NOTHING: Final[Attributes] = {}


class Span:
    """Something that takes its time; this one is nobody's."""

    __slots__ = ()

    def describe(self, attributes: Attributes) -> None:
        """Add what became known meanwhile."""

    def fail(self, kind: str, reason: str) -> None:
        """It failed: its trace is kept, whatever the share of traces that are.

        Args:
            kind: of failure, one of few.
            reason: for a person, without secrets.
        """


NOBODYS: Final = Span()
_NOBODYS: Final = nullcontext(NOBODYS)


@dataclass(frozen=True, slots=True)
class Exports:
    """What goes to a collector, by the standard OTEL_* variables."""

    traces: bool = False
    metrics: bool = False


NO_EXPORTS: Final = Exports()


class Telemetry:
    """What services tell of themselves; this one passes nothing on."""

    is_on = False
    """Whether there is anybody who listens; for those who would prepare something to say."""

    def span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes = NOTHING,
        *,
        within: Trace | None = None,
        begins_story: bool = False,
    ) -> AbstractContextManager[Span]:
        """Tell of something from its begin to its end. An exception out of it makes it fail.

        Args:
            name: says what is done, and to what; one of few.
            kind: as OpenTelemetry has them.
            attributes: that are known from the begin.
            within: the story that it belongs to; what is under way here, when that belongs to the same, is its parent.
                None for the story of what is under way here.
            begins_story: it begins a trace of its own, linked to what is under way here.
        """
        del name, kind, attributes, within, begins_story
        return _NOBODYS

    def past_span(self, name: str, begun_ns: int, ended_ns: int, attributes: Attributes, *, failed: str = "") -> None:
        """Tell of something that is over, as a part of what is under way; times count from 1970, in nanoseconds.

        Args:
            name: as in `span`.
            begun_ns: when it began.
            ended_ns: when it ended.
            attributes: as in `span`.
            failed: as what; empty when it did not.
        """

    def headers(self) -> Trace:
        """What to send along, so that others go on with the story that is under way here."""
        return current_story()

    def onward(self, told: Trace) -> Trace:
        """What to send along with a message that goes round, whose headers these are.

        A story of which something has failed here is sent to its end, whatever the share of traces that are. What has
        no story yet goes on with the one that is under way here.
        """
        return told

    def count(self, counter: Counter, number: int, attributes: Attributes = NOTHING) -> None:
        """So many more."""

    def record(self, histogram: Histogram, value: float, attributes: Attributes = NOTHING) -> None:
        """One more measurement."""

    def observe(self, gauge: Gauge, reading: Reading) -> None:
        """Look at this from time to time."""


@contextmanager
def open_telemetry(service: str, worker: str, exports: Exports, sample: float) -> Iterator[Telemetry]:
    """What one process tells, for as long as the block lasts; to nobody when nothing is exported.

    Args:
        service: which.
        worker: its name.
        exports: what goes to a collector.
        sample: the share of traces that are sent; failures always are.
    """
    if exports == NO_EXPORTS:
        yield Telemetry()
        return
    from tubewarren.telemetry.otlp import open_otlp  # noqa: PLC0415 - heavy, rarely needed

    with open_otlp(service, worker, exports, sample) as telemetry:
        yield telemetry

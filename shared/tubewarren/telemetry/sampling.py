"""Which traces are sent: a share of all, and every failure.

Its id says whether a trace belongs to the share, so all who go on with it agree, also after one who sends nothing. What
does not belong is recorded all the same and forgotten at its end, unless something in it failed: then what this process
has recorded of it in this attempt is sent. So of such a trace the successful beginning, in other processes, is missing.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

_MOST_SPANS: Final = 256
"""Of one trace at a time; the newest are kept, and the failed one that all others are part of ends last."""


class ShareSampler(Sampler):
    """A share of the traces, by their ids, and those that had a failure before; the others are recorded, not sent."""

    def __init__(self, share: float) -> None:
        self._share = share
        by_id = TraceIdRatioBased(share)
        self._decided = ParentBased(by_id, remote_parent_not_sampled=by_id)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """As the SDK wants it."""
        result = self._decided.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is Decision.DROP:
            return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)
        return result

    def get_description(self) -> str:
        """As the SDK wants it."""
        return f"ShareSampler({self._share})"


@dataclass(slots=True)
class _Recorded:
    """What this process has of one trace that is not in the share."""

    under_way: int = 0
    has_failed: bool = False
    spans: deque[ReadableSpan] = field(default_factory=lambda: deque(maxlen=_MOST_SPANS))


class FailureKeeper(SpanProcessor):
    """Passes on what is in the share at once, and of the rest what failed, with all that it was part of."""

    def __init__(self, exporting: SpanProcessor) -> None:
        self._exporting = exporting
        self._recorded: dict[int, _Recorded] = {}
        self._turn = Lock()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """As the SDK wants it."""
        self._exporting.on_start(span, parent_context)
        if span.context.trace_flags.sampled:
            return
        with self._turn:
            self._recorded.setdefault(span.context.trace_id, _Recorded()).under_way += 1

    def on_end(self, span: ReadableSpan) -> None:
        """As the SDK wants it."""
        if span.context is None or span.context.trace_flags.sampled:
            self._exporting.on_end(span)
            return
        for each in self._kept_at_the_end_of(span, span.context.trace_id):
            self._exporting.on_end(_as_sampled(each))

    def shutdown(self) -> None:
        """As the SDK wants it."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As the SDK wants it."""
        return self._exporting.force_flush(timeout_millis)

    def _kept_at_the_end_of(self, span: ReadableSpan, trace_id: int) -> Sequence[ReadableSpan]:
        """The trace, as far as it is known here, when its last span that is under way has ended and one has failed."""
        with self._turn:
            recorded = self._recorded.setdefault(trace_id, _Recorded(under_way=1))
            recorded.spans.append(span)
            recorded.has_failed |= span.status.status_code is StatusCode.ERROR
            recorded.under_way -= 1
            if recorded.under_way > 0:
                return ()
            del self._recorded[trace_id]
        return tuple(recorded.spans) if recorded.has_failed else ()


def _as_sampled(span: ReadableSpan) -> ReadableSpan:
    """The same with the mark without which exporters pass it over."""
    context = span.context
    assert context is not None  # noqa: S101 - whoever calls has read its trace's id
    marked = SpanContext(
        context.trace_id,
        context.span_id,
        is_remote=False,
        trace_flags=TraceFlags(context.trace_flags | TraceFlags.SAMPLED),
        trace_state=context.trace_state,
    )
    return ReadableSpan(
        name=span.name,
        context=marked,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
